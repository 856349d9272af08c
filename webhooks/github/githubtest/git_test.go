// SPDX-License-Identifier: Apache-2.0

package githubtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// git runs git in the bare repository.
func (b *bench) git(args ...string) string {
	b.t.Helper()
	return run(b.t, b.repo.Dir(), args...)
}

// rev is the commit of a ref.
func (b *bench) rev(ref string) string {
	b.t.Helper()
	return b.git("rev-parse", ref)
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryGit(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
