// SPDX-License-Identifier: Apache-2.0

// Command lot is for images whose programs work with lots: it lists and reads what a run reads, writes what it writes, and its manifests.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"trunkline.dev/trunkline/cmd/lot/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Run(ctx, os.Args[1:], os.Environ(), command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
