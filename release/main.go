// SPDX-License-Identifier: Apache-2.0

// Command release makes what people install, of a commit: container images, archives, packages, bills of materials, provenance and signatures.
// It is a Go module of its own so that its dependencies stay out of what Trunkline is made of.
//
// The same commit and the same Go make the same files, but for signatures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"trunkline.dev/trunkline/release/source"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	password := os.Getenv("COSIGN_PASSWORD") //nolint:forbidigo // this is main
	err := run(ctx, os.Args[1:], password, os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

// Options say what to make, and of what.
type Options struct {
	// Repo is a repository on this machine, and Revision the commit in it; Source is where others find it.
	Repo, Revision, Source string
	// Packages are the programs; the first one is the image's.
	Packages []string
	// Flags are those of "go build".
	Flags     []string
	Platforms []source.Platform
	// Zig is the program that compiles what is written in C; without it, nothing may be.
	Zig string
	// Out is the folder of all that is made, which is replaced.
	Out string
	// Only is "image" to make nothing else.
	Only string
	// Image is the repository of the image, and Push whether it is pushed there.
	Image string
	Push  bool
	// Key is the file of the key, if there is one.
	Key, Password string
	// Builder is who makes it, and Run that very run.
	Builder, Run string
}

const usage = `Usage: release [flags] [-- flags of "go build"]

Makes a release of a commit, in a folder. What is in the work tree and not committed is
not in it.

`

func run(ctx context.Context, args []string, password string, stdout, stderr io.Writer) error {
	o := Options{Password: password}
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = io.WriteString(stderr, usage); flags.PrintDefaults() }
	flags.StringVar(&o.Repo, "repo", ".", "`folder` of the repository")
	flags.StringVar(&o.Revision, "revision", "HEAD", "commit, branch or tag")
	flags.StringVar(&o.Source, "source", "https://github.com/trunkline-dev/trunkline", "`URL` where others find the repository")
	flags.StringVar(&o.Out, "out", "dist", "`folder` to write to; what is in it is removed")
	flags.StringVar(&o.Only, "only", "", "\"image\": make the image and nothing else")
	flags.StringVar(&o.Image, "image", "ghcr.io/trunkline-dev/trunkline", "`repository` of the image")
	flags.BoolVar(&o.Push, "push", false, "push the image; credentials are those of \"docker login\"")
	flags.StringVar(&o.Key, "key", "", "`file` of the key to sign with, which COSIGN_PASSWORD opens; without, nothing is signed")
	flags.StringVar(&o.Builder, "builder", "https://trunkline.dev/release/by-hand", "`URL` that says who makes it, for the provenance")
	flags.StringVar(&o.Zig, "zig", "", "`file` of Zig, which compiles what is written in C; without, there is nothing of that in the programs")
	flags.StringVar(&o.Run, "run", "", "`URL` of this run, for the provenance")
	packages := flags.String("packages", "./cmd/trunkline,./cmd/lot", "programs, by their `packages`; the first one is the image's")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "`list` of what to build for")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.Only != "" && o.Only != "image" {
		return fmt.Errorf("-only %s: there is only image", o.Only)
	}
	var err error
	if o.Platforms, err = source.ParsePlatforms(*platforms); err != nil {
		return fmt.Errorf("-platforms: %w", err)
	}
	o.Packages, o.Flags = strings.Split(*packages, ","), flags.Args()
	return Make(ctx, o, stdout)
}
