// SPDX-License-Identifier: Apache-2.0

package source

import (
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Compiler compiles what programs have that is written in C, such as SQLite, for any platform: Zig, which comes with the C libraries of Linux
// (musl) and of macOS. What it is given by the machine that it runs on is nothing.
type Compiler struct {
	// Zig is the file of its program.
	Zig string
	// Stubs is a folder for what the linker is told of libraries of macOS.
	Stubs string
}

// triples are the platforms as Zig calls them.
var triples = map[Platform]string{
	{"linux", "amd64"}: "x86_64-linux-musl", {"linux", "arm64"}: "aarch64-linux-musl",
	{"darwin", "amd64"}: "x86_64-macos", {"darwin", "arm64"}: "aarch64-macos",
}

// command is what the toolchain of Go calls as the C compiler for a platform, in the form of the variable CC.
func (c *Compiler) command(ctx context.Context, on Platform) (string, error) {
	triple, ok := triples[on]
	if !ok {
		return "", fmt.Errorf("nothing in C is compiled for %s; that is known of %s", on, strings.Join(platformNames(), ", "))
	}
	zig, err := filepath.Abs(c.Zig)
	if err != nil {
		return "", err
	}
	words := []string{zig, "cc", "-target", triple}
	if on.OS == "darwin" {
		stubs, err := filepath.Abs(c.Stubs)
		if err != nil {
			return "", err
		}
		root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return "", fmt.Errorf("asking the Go toolchain where it is: %w", err)
		}
		if err := writeStubs(os.DirFS(filepath.Join(strings.TrimSpace(string(root)), "src")), stubs); err != nil {
			return "", fmt.Errorf("libraries of macOS: %w", err)
		}
		words = append(words, "-F"+stubs, "-L"+stubs)
	}
	for i, w := range words {
		if strings.ContainsAny(w, " \t'\"") {
			words[i] = strconv.Quote(w)
		}
	}
	return strings.Join(words, " "), nil
}

func platformNames() []string {
	var out []string
	for p := range triples {
		out = append(out, p.String())
	}
	slices.Sort(out)
	return out
}

// flags are those of "go build" with which a program with parts in C needs nothing where it runs: on Linux it is linked with all that it uses,
// and looks up names and users as one without such parts does. The toolchain would identify a program by how the C compiler is called as well, thus
// by where that is; it is identified by its commit and platform.
func (*Compiler) flags(on Platform, commit string, flags []string) []string {
	flags = extend(flags, "-ldflags", " ", "-buildid="+commit+"/"+on.String())
	if on.OS != "linux" {
		return flags
	}
	flags = extend(flags, "-tags", ",", "netgo,osusergo")
	return extend(flags, "-ldflags", " ", `-linkmode external -extldflags "-static -s"`)
}

// extend adds to a flag, or adds the flag.
func extend(flags []string, name, separator, more string) []string {
	out := slices.Clone(flags)
	for i := len(out) - 2; i >= 0; i-- { // the last of several counts
		if out[i] == name {
			out[i+1] += separator + more
			return out
		}
	}
	return append(out, name, more)
}

// dynamicImport is how the standard library of Go says which function of which library of macOS it calls.
var dynamicImport = regexp.MustCompile(`(?m)^//go:cgo_import_dynamic \S+ (\S+) "(/(?:System/Library/Frameworks|usr/lib)/[^"]+)"`)

// importing are the packages of the standard library that have the linker look for libraries by name.
var importing = []string{"crypto/x509/internal/macos", "internal/syscall/unix"}

// writeStubs writes down for the linker which functions libraries of macOS have: those that the standard library of Go calls, as it says itself.
// The format is that of text-based stubs, version 4 (LLVM, TextAPI), which is all that a linker needs of a library that is there when the program runs.
func writeStubs(std fs.FS, into string) error {
	symbols := map[string]map[string]bool{}
	for _, pkg := range importing {
		files, err := fs.Glob(std, pkg+"/*.go")
		if err != nil {
			return err
		}
		for _, file := range files {
			text, err := fs.ReadFile(std, file)
			if err != nil {
				return err
			}
			for _, m := range dynamicImport.FindAllSubmatch(text, -1) {
				library := string(m[2])
				if library == "/usr/lib/libSystem.B.dylib" {
					continue // Zig has it
				}
				if symbols[library] == nil {
					symbols[library] = map[string]bool{}
				}
				symbols[library]["_"+string(m[1])] = true
			}
		}
	}
	if len(symbols) == 0 {
		return errors.New("this version of Go names none: see importing in release/source/compiler.go")
	}
	for library, names := range symbols {
		file := filepath.Join(into, stubName(library))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // nothing in it is secret
			return err
		}
		const targets = "[ x86_64-macos, arm64-macos ]"
		text := fmt.Sprintf("--- !tapi-tbd\ntbd-version: 4\ntargets: %s\ninstall-name: '%s'\nexports:\n  - targets: %s\n    symbols: [ %s ]\n...\n",
			targets, library, targets, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // nothing in it is secret
			return err
		}
	}
	return nil
}

// stubName is where the linker looks for a library that it is told by name: "-framework Security", or "-lresolv" of libresolv.9.dylib.
func stubName(library string) string {
	base := filepath.Base(library)
	if strings.Contains(library, ".framework/") {
		return filepath.Join(base+".framework", base+".tbd")
	}
	name, _, _ := strings.Cut(base, ".")
	return name + ".tbd"
}

// alone is an error if a program of Linux needs a loader or libraries where it runs: an image has none.
func (p Program) alone() (err error) {
	if p.Platform.OS != "linux" {
		return nil
	}
	f, err := elf.Open(p.File)
	if err != nil {
		return fmt.Errorf("reading %s: %w", p.File, err)
	}
	defer func() { err = cmp.Or(err, f.Close()) }()
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("reading %s: %w", p.File, err)
	}
	if len(libraries) > 0 || slices.ContainsFunc(f.Progs, func(s *elf.Prog) bool { return s.Type == elf.PT_INTERP }) {
		return fmt.Errorf("%s needs a loader and %q where it runs, and the image has neither", p.File, libraries)
	}
	return nil
}
