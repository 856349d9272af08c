package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/reconciler/builders"
)

// workerCommand is how the daemon starts this program to run Kustomize.
const workerCommand = "kustomize-worker"

func newWorker() *cobra.Command {
	return &cobra.Command{
		Use:    workerCommand,
		Short:  "Run Kustomize for a daemon that started this",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return builders.Work(cmd.InOrStdin(), cmd.OutOrStdout(), func() { os.Exit(exitFine) })
		},
	}
}

// newBuilders makes the pool of processes in which Kustomize runs; it is to be closed.
func newBuilders() (*builders.Pool, error) {
	// The file can be replaced while the daemon runs; on Linux there is a name for the program as it was started.
	program := "/proc/self/exe"
	if runtime.GOOS != "linux" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("finding the program to run Kustomize with: %w", err)
		}
	}
	return builders.New(builders.Options{Command: []string{program, workerCommand}}), nil
}
