// SPDX-License-Identifier: Apache-2.0

// Package command is the commands of the program lot. They are given the environment of a run, and know nothing else of it.
//
// It is wiring only. Of Trunkline it imports api/location, api/lot, api/pull, api/secretref, flow/bucket, flow/data, flow/filter, flow/given, flow/manifest, flow/pull,
// flow/secrets and flow/store.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/given"
)

// The exit codes.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2 // it was called wrongly
	exitAbsent = 3 // of "lot state": a lot is not there
)

// Streams are what is read and written.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run is the program: it returns its exit code. The environment is a list of "NAME=value".
func Run(ctx context.Context, args, environ []string, streams Streams) int {
	env := map[string]string{}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	root := newRoot(env)
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	began := false
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitFine
	}
	text := "lot: " + err.Error() + "\n"
	code := exitFailed
	if ended, ok := errors.AsType[*endedError](err); ok {
		if ended.text != nil {
			_, _ = io.WriteString(streams.Err, text) // there is no other place to say it
		}
		return ended.code
	}
	if _, usage := errors.AsType[*usageError](err); usage || !began {
		text += fmt.Sprintf("Run \"%s --help\" to see how it is used.\n", cmd.CommandPath())
		code = exitUsage
	}
	_, _ = io.WriteString(streams.Err, text) // there is no other place to say it
	return code
}

// usageError says that a command was called wrongly.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func newRoot(env map[string]string) *cobra.Command {
	p := &program{env: env}
	cmd := &cobra.Command{
		Use:   "lot",
		Short: "Read and write the data of a run",
		Long: `lot is for programs that Trunkline starts for a lot. It finds in the environment
what the run reads and writes, and moves data of any size between object stores,
the disk and pipes.

Exit codes: 0 success; 1 something failed; 2 usage error.`,
		Example: `  # All CSV files of what is read, in one
  lot read --include '**/*.csv' | ./clean > clean.csv
  lot write clean.csv

  # Half of it is there: say so
  lot write out/ --partial "the exchange of Tokyo did not answer"`,
		SilenceErrors: true, SilenceUsage: true,
	}
	cmd.PersistentFlags().StringVar(&p.endpoint, "s3-endpoint", cmp.Or(env["AWS_ENDPOINT_URL_S3"], env["AWS_ENDPOINT_URL"]),
		"the address of an S3 that is not AWS'; default: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL")
	cmd.AddCommand(newShow(p), newList(p), newRead(p), newWrite(p), newCopy(p), newPull(p), newState(p), newSecrets(p))
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), "FlagUsages ", "FlagUsagesWrapped 80 "))
	return cmd
}

// program is what all commands have.
type program struct {
	env      map[string]string
	endpoint string
}

// with does something with the stores of the run.
func (p *program) with(do func(run given.Run, stores *data.Stores) error) error {
	run, err := given.Read(p.env)
	if err != nil {
		return err
	}
	stores := data.New(bucket.Options{Endpoint: p.endpoint})
	return errors.Join(do(run, stores), stores.Close())
}
