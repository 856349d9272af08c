// SPDX-License-Identifier: Apache-2.0

package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestFlags: what is asked for stays, and what a program of Linux needs to be alone is added.
func TestFlags(t *testing.T) {
	const id = "-buildid=c0ffee/"
	alone := ` -linkmode external -extldflags "-static -s"`
	for name, tc := range map[string]struct {
		on          Platform
		flags, want []string
	}{
		"both are there":  {Platform{"linux", "amd64"}, []string{"-tags", "a", "-ldflags", "-s -w", "-gcflags", "x=-l"}, []string{"-tags", "a,netgo,osusergo", "-ldflags", "-s -w " + id + "linux/amd64" + alone, "-gcflags", "x=-l"}},
		"none is there":   {Platform{"linux", "arm64"}, nil, []string{"-ldflags", id + "linux/arm64" + alone, "-tags", "netgo,osusergo"}},
		"the last counts": {Platform{"linux", "arm64"}, []string{"-tags", "a", "-tags", "b"}, []string{"-tags", "a", "-tags", "b,netgo,osusergo", "-ldflags", id + "linux/arm64" + alone}},
		"macOS has one C": {Platform{"darwin", "arm64"}, []string{"-tags", "a"}, []string{"-tags", "a", "-ldflags", id + "darwin/arm64"}},
	} {
		given := append([]string{}, tc.flags...)
		if diff := cmp.Diff(tc.want, (*Compiler)(nil).flags(tc.on, "c0ffee", tc.flags)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
		if diff := cmp.Diff(given, append([]string{}, tc.flags...)); diff != "" {
			t.Errorf("%s: what was asked for has changed:\n%s", name, diff)
		}
	}
}

// TestCommand: the compiler is told the platform, and one that nobody knows of is refused.
func TestCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder")
	c := &Compiler{Zig: "/opt/zig", Stubs: dir}
	if got, err := c.command(t.Context(), Platform{"linux", "arm64"}); err != nil || got != "/opt/zig cc -target aarch64-linux-musl" {
		t.Errorf("%q, %v", got, err)
	}
	got, err := c.command(t.Context(), Platform{"darwin", "amd64"})
	if want := `/opt/zig cc -target x86_64-macos "-F` + dir + `" "-L` + dir + `"`; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := c.command(t.Context(), Platform{"plan9", "arm"}); err == nil || !strings.Contains(err.Error(), "plan9/arm") || !strings.Contains(err.Error(), "linux/arm64") {
		t.Errorf("of a platform that nobody knows it is said: %v", err)
	}
}

// TestStubs: what a linker is told of libraries of macOS is what the standard library calls of them.
func TestStubs(t *testing.T) {
	dir := t.TempDir()
	const framework = "/System/Library/Frameworks/Security.framework/Versions/A/Security"
	err := writeStubs(fstest.MapFS{
		"crypto/x509/internal/macos/security.go": {Data: []byte("package macos\n\n//go:cgo_import_dynamic x509_b SecB \"" + framework + "\"\n//go:cgo_import_dynamic x509_a SecA \"" + framework + "\"\n" +
			"// go:cgo_import_dynamic x509_c SecC \"" + framework + "\"\n")},
		"internal/syscall/unix/net_darwin.go": {Data: []byte("//go:cgo_import_dynamic r res_9_ninit \"/usr/lib/libresolv.9.dylib\"\n//go:cgo_import_dynamic s read \"/usr/lib/libSystem.B.dylib\"\n")},
		"net/other.go":                        {Data: []byte("//go:cgo_import_dynamic x y \"/usr/lib/libother.dylib\"\n")},
	}, dir)
	if err != nil {
		t.Fatal(err)
	}
	stub := func(library, symbols string) string {
		return "--- !tapi-tbd\ntbd-version: 4\ntargets: [ x86_64-macos, arm64-macos ]\ninstall-name: '" + library + "'\nexports:\n  - targets: [ x86_64-macos, arm64-macos ]\n    symbols: [ " + symbols + " ]\n...\n"
	}
	want := map[string]string{
		"Security.framework/Security.tbd": stub(framework, "_SecA, _SecB"),
		"libresolv.tbd":                   stub("/usr/lib/libresolv.9.dylib", "_res_9_ninit"),
	}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := writeStubs(fstest.MapFS{}, dir); err == nil {
		t.Error("a standard library that names no library is believed")
	}
}

// TestStubsOfThisGo: the toolchain that makes releases says what it calls in the way that is read.
func TestStubsOfThisGo(t *testing.T) {
	dir := t.TempDir()
	if err := writeStubs(os.DirFS(filepath.Join(runtime.GOROOT(), "src")), dir); err != nil { //nolint:staticcheck // it is the toolchain that runs the test
		t.Fatal(err)
	}
	got := files(t, dir)
	for name, symbol := range map[string]string{
		"Security.framework/Security.tbd": "_SecTrustEvaluateWithError", "CoreFoundation.framework/CoreFoundation.tbd": "_CFRelease", "libresolv.tbd": "_res_9_nsearch",
	} {
		if !strings.Contains(got[name], symbol) {
			t.Errorf("%s has no %s:\n%s", name, symbol, got[name])
		}
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, below...) {
		if info, err := os.Stat(name); err != nil || info.IsDir() {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		out[rel] = string(text)
	}
	return out
}

// TestAlone: a program that needs a loader is refused, and one that needs nothing is not.
func TestAlone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs of Linux are looked at on Linux")
	}
	dir := t.TempDir()
	build := func(name, text string, env ...string) Program {
		t.Helper()
		file := filepath.Join(dir, name+".go")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, name), file)
		cmd.Env = append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return Program{File: filepath.Join(dir, name), Platform: Platform{"linux", runtime.GOARCH}}
	}
	if err := build("alone", "package main\nfunc main() {}\n", "CGO_ENABLED=0").alone(); err != nil {
		t.Errorf("a program that needs nothing is refused: %v", err)
	}
	withC := build("withc", "package main\n// int one() { return 1; }\nimport \"C\"\nfunc main() { println(C.one()) }\n", "CGO_ENABLED=1")
	if err := withC.alone(); err == nil || !strings.Contains(err.Error(), "libc") {
		t.Errorf("of one that needs C's library it is said: %v", err)
	}
	withC.Platform.OS = "darwin"
	if err := withC.alone(); err != nil {
		t.Errorf("that of another system is refused: %v", err)
	}
}

// TestZig has a program with a part in C built for every platform, twice in two folders, and runs that of this one.
func TestZig(t *testing.T) {
	zig, err := filepath.Abs("../../.cache/zig/ziglang/zig")
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("it needs Zig, which \"make zig\" installs")
	}
	if _, err := os.Stat(zig); err != nil {
		t.Fatalf("Zig is not there, which \"make zig\" installs: %v", err)
	}
	repo := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/x\n\ngo 1.26.0\n",
		"cmd/x/main.go": "package main\n\nimport (\n\t\"crypto/x509\"\n\t\"fmt\"\n\t\"net\"\n)\n\n// #include <string.h>\nimport \"C\"\n\nfunc main() {\n\t_, err := x509.SystemCertPool()\n" +
			"\t_, other := net.LookupHost(\"localhost\")\n\tfmt.Println(C.strlen(C.CString(\"four\")), err, other != nil && false)\n}\n",
	} {
		file := filepath.Join(repo, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-qm", "x"}} {
		if _, err := git(t.Context(), append([]string{"-C", repo}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	var built [2]map[Platform]string
	for i := range built {
		work := t.TempDir()
		other := filepath.Join(work, "zig") // where it is installed makes nothing else
		if err := os.Symlink(filepath.Dir(zig), other); err != nil {
			t.Fatal(err)
		}
		c, err := Checkout(t.Context(), repo, "HEAD", filepath.Join(work, "source"))
		if err != nil {
			t.Fatal(err)
		}
		built[i] = map[Platform]string{}
		for on := range triples {
			p, err := c.Build(t.Context(), "./cmd/x", on, []string{"-ldflags", "-s -w"}, &Compiler{Zig: filepath.Join(other, "zig"), Stubs: filepath.Join(work, "stubs")}, filepath.Join(work, "bin"))
			if err != nil {
				t.Errorf("%s: %v", on, err)
				continue
			}
			content, err := os.ReadFile(p.File)
			if err != nil {
				t.Fatal(err)
			}
			built[i][on] = string(content)
			if on != (Platform{runtime.GOOS, runtime.GOARCH}) {
				continue
			}
			if out, err := exec.CommandContext(t.Context(), p.File).CombinedOutput(); err != nil || string(out) != "4 <nil> false\n" {
				t.Errorf("%s: %v\n%s", on, err, out)
			}
		}
	}
	for on := range triples {
		if built[0][on] != built[1][on] {
			t.Errorf("%s: another folder makes another program", on)
		}
	}
}
