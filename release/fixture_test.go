// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is a small one that does what a release asks of Trunkline's, so that no test has to compile Trunkline. It also says what its
// surroundings are like.
const program = `package main

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"crypto/x509"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Println("usage")
		return
	}
	switch os.Args[1] {
	case "version":
		info, _ := debug.ReadBuildInfo()
		fmt.Println("version", info.Main.Version)
	case "completion":
		fmt.Println("completion of", os.Args[2])
	case "man":
		os.MkdirAll(os.Args[3], 0o755)
		os.WriteFile(filepath.Join(os.Args[3], "trunkline.1"), []byte(".TH TRUNKLINE 1\n"), 0o644)
	case "around":
		fmt.Println("uid", os.Getuid(), "gid", os.Getgid())
		me, err := user.Current()
		fmt.Println("user", me, err)
		dir, _ := os.Getwd()
		fmt.Println("in", dir, "home", os.Getenv("HOME"))
		for _, place := range []string{"/", "/usr/bin", "/etc", "/home/nonroot", "/data"} {
			fmt.Println("write", place, os.WriteFile(filepath.Join(place, "x"), nil, 0o600) == nil)
		}
		_, err = time.LoadLocation("Europe/Brussels")
		fmt.Println("zone", err)
		roots, err := x509.SystemCertPool()
		fmt.Println("roots", len(roots.Subjects()) > 50, err)
		_, err = net.LookupHost("localhost")
		fmt.Println("localhost", err)
	}
}
`

// fixture makes a repository with a commit, which is tagged if there is a tag.
func fixture(t *testing.T, dir, tag string) {
	t.Helper()
	for name, content := range map[string]string{
		"go.mod": "module trunkline.dev/trunkline\n\ngo 1.26.0\n", "cmd/trunkline/main.go": program, "cmd/lot/main.go": "package main\n\nfunc main() {}\n",
		"LICENSE": "Apache\n", "README.md": "# Read me\n", "SECURITY.md": "# Security\n",
		"CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Something.\n\n## [1.2.3] - 2026-05-01\n\n### Upgrading\n\n- Nothing to do.\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git := commit(t, dir)
	if tag != "" {
		git("tag", tag)
	}
}

// commit makes a repository of a folder, with one commit. It returns what runs git in it.
func commit(t *testing.T, dir string) func(...string) {
	t.Helper()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com",
			"GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com", "GIT_AUTHOR_DATE=2026-05-01T10:00:00+02:00", "GIT_COMMITTER_DATE=2026-05-01T10:00:00+02:00")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "--quiet", "--initial-branch", "main")
	git("add", ".")
	git("commit", "--quiet", "--message", "one")
	return git
}
