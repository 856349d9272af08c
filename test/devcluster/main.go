// SPDX-License-Identifier: Apache-2.0

// Command devcluster runs a real Kubernetes control plane in one binary, for development and tests only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/test/devcluster/component"
	"trunkline.dev/trunkline/test/devcluster/process"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 1 && args[0] == "component" && args[1] != nodeComponent && args[1] != checkComponent {
		// Kubernetes' components install the process's one signal handler themselves.
		process.ExitWithParent(nil)
		if err := component.Run(context.Background(), args[1], args[2:]); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(stdin, stdout, stderr)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(stderr, "devcluster:", err)
		if errors.As(err, new(usageError)) {
			return 2
		}
		return 1
	}
	return 0
}

// usageError marks an error that better arguments would avoid.
type usageError struct{ error }

// Unwrap returns the cause.
func (e usageError) Unwrap() error { return e.error }

const purpose = "It is for development and tests only: pods run as processes of this machine, nothing is limited or isolated for\n" +
	"safety, and all data is thrown away at the end."

func newRoot(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "devcluster",
		Short: "A real Kubernetes control plane in one binary, for development and tests",
		Long: "devcluster runs a real Kubernetes " + component.KubernetesVersion + " control plane (etcd, API server, controller manager, scheduler)\n" +
			"and pretended nodes on the loopback interface, with nothing to install.\n" + purpose,
		Example: "  # Start a cluster; it prints the path of its kubeconfig when it is ready and runs until Ctrl-C.\n" +
			"  devcluster up --name dev --dir /tmp/dev\n\n" +
			"  # Look around, in another shell.\n" +
			"  devcluster kubectl --kubeconfig /tmp/dev/kubeconfig get pods -A",
		Args:              cobra.NoArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	// Kubernetes' libraries put a flag of their own on the process's command line, which cobra shows on every command.
	if flag := pflag.CommandLine.Lookup("version"); flag != nil {
		flag.Hidden = true
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newUp(stdin, stdout, stderr), newVersion(), newComponents(stderr), component.NewKubectl(stdin, stdout, stderr))
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of Kubernetes inside",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "devcluster with Kubernetes", component.KubernetesVersion)
			return err
		},
	}
}
