// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/flow/secrets"
)

// endedError ends the program with an exit code. What there was to say is said, unless there is a text.
type endedError struct {
	code int
	text error
}

func (e *endedError) Error() string {
	if e.text == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.text.Error()
}

func (e *endedError) Unwrap() error { return e.text }

func newSecrets(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "Read the secrets of a pod, and start its program with them",
		Long: `Read the secrets that the workload declares in a store with "resolve: entrypoint",
as the account of the pod. Pods do so by themselves: Trunkline puts these commands
before that of the workload.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newSecretsExec(p), newSecretsInstall())
	return cmd
}

func newSecretsExec(p *program) *cobra.Command {
	note := ""
	cmd := &cobra.Command{
		Use:   "exec -- COMMAND [ARGUMENT...]",
		Short: "Start a program with secrets in its environment",
		Long: fmt.Sprintf(`Read the secrets that %s refers to, and start a program with
their values as variables. What the program writes is passed on without these
values, signals are passed on to it, and its exit code is that of lot.

If a secret cannot be read, the program is not started: the exit code is %d, and
why is said, and left for the kubelet. It is one of: not-found, denied,
no-identity, no-key, unreachable, unusable and refused.`, secretref.Variable, secretref.ExitCode),
		Example: `  lot secrets exec -- ./load --into warehouse`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.execute(cmd, args, note)
		},
	}
	cmd.Flags().StringVar(&note, "termination-log", "/dev/termination-log", "where to leave why a secret cannot be read")
	return cmd
}

// execute reads the secrets, and starts the program.
func (p *program) execute(cmd *cobra.Command, args []string, note string) error {
	plan, err := secretref.Parse(p.env[secretref.Variable])
	if err != nil {
		return &endedError{secretref.ExitCode, err}
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return errors.New("the transport of HTTP is another one than Go's")
	}
	values, err := secrets.Read(cmd.Context(), secrets.Options{
		Transport: transport.Clone(), Env: func(name string) string { return p.env[name] }, Read: os.ReadFile, Token: secretref.TokenFile, Now: time.Now,
		Wait: wait,
	}, plan)
	if failed, ok := errors.AsType[*secrets.Error](err); ok {
		return &endedError{secretref.ExitCode, errors.Join(err, secrets.Leave(note, failed))}
	}
	if err != nil {
		return &endedError{secretref.ExitCode, err}
	}
	environ := make([]string, 0, len(p.env))
	for name, value := range p.env {
		environ = append(environ, name+"="+value)
	}
	code, err := secrets.Start(cmd.Context(), secrets.Program{
		Command: args, Environ: environ, Secrets: values, In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(),
	})
	if err != nil || code != exitFine {
		return &endedError{code, err}
	}
	return nil
}

// wait waits, unless it is asked to end.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newSecretsInstall() *cobra.Command {
	return &cobra.Command{
		Use:   "install FILE",
		Short: "Put this program into a folder that the pod shares",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			own, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding the program: %w", err)
			}
			return secrets.Install(own, args[0])
		},
	}
}
