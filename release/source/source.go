// SPDX-License-Identifier: Apache-2.0

// Package source has programs built from a commit, and from nothing else: not from what lies in the work tree, and not by
// what the environment of whoever runs it says.
package source

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Commit is what a release is made of.
type Commit struct {
	// Hash is its full name, and Time when it was made, in UTC.
	Hash string
	Time time.Time
	// Dir is a folder that holds the files of the commit, and no others.
	Dir string
}

// Checkout puts the files of a revision of the repository into a folder that does not exist yet.
func Checkout(ctx context.Context, repo, revision, dir string) (Commit, error) {
	// --shared copies no objects; the copy is for as long as the build takes. A clone also has the tags, by which the
	// toolchain names the version.
	for _, args := range [][]string{
		{"clone", "--quiet", "--shared", "--no-checkout", repo, dir},
		{"-C", dir, "fetch", "--quiet", "--no-tags", "origin", revision},
		{"-C", dir, "-c", "core.autocrlf=false", "-c", "core.fileMode=true", "-c", "advice.detachedHead=false", "checkout", "--quiet", "FETCH_HEAD"},
	} {
		if _, err := git(ctx, args...); err != nil {
			return Commit{}, fmt.Errorf("checking out %s of %s: %w", revision, repo, err)
		}
	}
	out, err := git(ctx, "-C", dir, "log", "-1", "--format=%H %cI")
	if err != nil {
		return Commit{}, err
	}
	hash, when, _ := strings.Cut(strings.TrimSpace(out), " ")
	at, err := time.Parse(time.RFC3339, when)
	if err != nil {
		return Commit{}, fmt.Errorf("the time of commit %s: %w", hash, err)
	}
	return Commit{Hash: hash, Time: at.UTC(), Dir: dir}, nil
}

func git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// Platform is what a program runs on, in the words of Go.
type Platform struct{ OS, Arch string }

func (p Platform) String() string { return p.OS + "/" + p.Arch }

// ParsePlatforms reads a list such as "linux/amd64,darwin/arm64".
func ParsePlatforms(list string) ([]Platform, error) {
	var out []Platform
	for part := range strings.SplitSeq(list, ",") {
		system, arch, ok := strings.Cut(part, "/")
		if !ok || system == "" || arch == "" || strings.Contains(arch, "/") {
			return nil, fmt.Errorf("platform %q: write it as linux/amd64", part)
		}
		out = append(out, Platform{OS: system, Arch: arch})
	}
	return out, nil
}

// Program is one that was built.
type Program struct {
	// Name is what it is called, and File where it is.
	Name, File string
	Platform   Platform
	// Info is what the toolchain wrote down of it.
	Info *buildinfo.BuildInfo
}

// Build builds a package of the commit into a folder. Flags are those of "go build" besides the ones that make its result the same
// everywhere. Without a compiler, nothing that is written in C is part of it.
func (c Commit) Build(ctx context.Context, pkg string, on Platform, flags []string, compiler *Compiler, into string) (Program, error) {
	p := Program{Name: filepath.Base(pkg), Platform: on}
	fixed := []string{"CGO_ENABLED=0", "CC="}
	if compiler != nil {
		cc, err := compiler.command(ctx, on)
		if err != nil {
			return p, err
		}
		fixed = []string{"CGO_ENABLED=1", "CC=" + cc}
		flags = compiler.flags(on, c.Hash, flags)
	}
	p.File = filepath.Join(into, on.OS+"_"+on.Arch, p.Name)
	args := append([]string{"build", "-trimpath", "-buildvcs=true", "-mod=readonly", "-o", p.File}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = c.Dir
	cmd.Env = environment(os.Environ(), on, fixed)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return p, fmt.Errorf("building %s for %s: %w\n%s", pkg, on, err, strings.TrimSpace(stderr.String()))
	}
	var err error
	if p.Info, err = buildinfo.ReadFile(p.File); err != nil {
		return p, fmt.Errorf("what %s was built of: %w", p.File, err)
	}
	return p, errors.Join(p.check(c), p.alone())
}

// environment is that of the toolchain: whatever may change a program is set, and whatever may do so besides is left out.
func environment(of []string, on Platform, more []string) []string {
	fixed := append([]string{
		"CXX=", "AR=", "CGO_CFLAGS=", "CGO_CPPFLAGS=", "CGO_CXXFLAGS=", "CGO_LDFLAGS=", "CPATH=", "C_INCLUDE_PATH=", "LIBRARY_PATH=", "SDKROOT=", "GOOS=" + on.OS, "GOARCH=" + on.Arch, "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFLAGS=", "GOFIPS140=off", "GOWORK=off",
		"GODEBUG=", "GOROOT_FINAL=",
	}, more...)
	var out []string
	for _, kept := range of {
		name, _, _ := strings.Cut(kept, "=")
		found := false
		for _, f := range fixed {
			found = found || strings.HasPrefix(f, name+"=")
		}
		if !found {
			out = append(out, kept)
		}
	}
	return append(out, fixed...)
}

// check holds a program to the commit that it should be of.
func (p Program) check(c Commit) error {
	if got := p.setting("vcs.revision"); got != c.Hash {
		return fmt.Errorf("%s says that it is of commit %q, want %s: build with a git that the toolchain finds", p.File, got, c.Hash)
	}
	if p.setting("vcs.modified") != "false" {
		return fmt.Errorf("%s says that its files are not as they were committed: something writes to %s while it is built", p.File, c.Dir)
	}
	if p.Info.Main.Version == "" || p.Info.Main.Version == "(devel)" {
		return errors.New("the toolchain gave " + p.File + " no version")
	}
	return nil
}

func (p Program) setting(key string) string {
	for _, s := range p.Info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// Version is that of the module, by the tag of its commit, such as v1.2.3.
func (p Program) Version() string { return p.Info.Main.Version }
