// SPDX-License-Identifier: Apache-2.0

package bill

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"

	"trunkline.dev/trunkline/release/source"
)

// TestOf writes the bill of a program that is made of some of this module's own dependencies.
func TestOf(t *testing.T) {
	self := filepath.Join(t.TempDir(), "self")
	if err := os.WriteFile(self, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Path: "example.com/self", Main: debug.Module{Path: "example.com/self", Version: "v1.2.3"}}
	for _, path := range []string{"github.com/google/licensecheck", "golang.org/x/mod", "github.com/secure-systems-lab/go-securesystemslib"} {
		version, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		info.Deps = append(info.Deps, &debug.Module{Path: path, Version: strings.TrimSpace(string(version)), Sum: "h1:x"})
	}
	info.Deps[2] = &debug.Module{Path: "example.com/before", Version: "v1.0.0", Replace: info.Deps[2]}
	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	p := source.Program{Name: "self", File: self, Platform: source.Platform{OS: "linux", Arch: "amd64"}, Info: info}
	licences := Licences{Cache: strings.TrimSpace(string(cache))}
	at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.FixedZone("", 7200))
	text, err := Of(p, nil, at, licences)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Of(p, nil, at, licences); err != nil || !bytes.Equal(text, again) {
		t.Errorf("the bill is another one the second time (%v)", err)
	}
	doc, err := json.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("the bill is not SPDX: %v", err)
	}
	if err := spdxlib.ValidateDocument(doc); err != nil {
		t.Errorf("the bill is not valid: %v", err)
	}
	if doc.SPDXVersion != "SPDX-2.3" || doc.CreationInfo.Created != "2026-05-01T08:00:00Z" {
		t.Errorf("it is %s, of %s", doc.SPDXVersion, doc.CreationInfo.Created)
	}
	got, ids, unknown := map[string]string{}, map[string]bool{}, 0
	for _, pkg := range doc.Packages {
		got[pkg.PackageName] = pkg.PackageLicenseDeclared
		if ids[string(pkg.PackageSPDXIdentifier)] {
			t.Errorf("two packages are called %s", pkg.PackageSPDXIdentifier)
		}
		ids[string(pkg.PackageSPDXIdentifier)] = true
		if pkg.PackageLicenseDeclared == noAssertion {
			unknown++
		}
	}
	for name, want := range map[string]string{
		"stdlib": "BSD-3-Clause", "github.com/google/licensecheck": "BSD-3-Clause", "golang.org/x/mod": "BSD-3-Clause", "github.com/secure-systems-lab/go-securesystemslib": "MIT",
	} {
		if got[name] != want {
			t.Errorf("the licence of %s is %q, want %q", name, got[name], want)
		}
	}
	if unknown > 0 {
		t.Errorf("the licences of %d modules are not known: %v", unknown, got)
	}
	if len(got) != len(info.Deps)+2 {
		t.Errorf("it has %d packages, and the program is made of %d modules", len(got), len(info.Deps))
	}
}

func TestLicences(t *testing.T) {
	apache, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if got := inFolder(dir); got != noAssertion {
		t.Errorf("a folder without a licence has %q", got)
	}
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(dir+"/"+name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("LICENSE", []byte("You may look at it on Tuesdays.\n"))
	if got := inFolder(dir); got != noAssertion {
		t.Errorf("words that are no licence are %q", got)
	}
	write("LICENSE.txt", apache)
	write("README.md", []byte("MIT License\n"))
	if got := inFolder(dir); got != "Apache-2.0" {
		t.Errorf("the licence is %q", got)
	}
	l := Licences{Cache: t.TempDir()}
	for _, path := range []string{"../../etc", "github.com/NOT/there", ""} {
		if got := l.of(path, "v1.0.0"); got != noAssertion {
			t.Errorf("%q has the licence %q", path, got)
		}
	}
}
