// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/doctor/probe"
)

// doctorTimeout bounds each thing that is asked.
const doctorTimeout = 15 * time.Second

// examining is what "trunkline doctor" is asked for.
type examining struct {
	daemon    remote
	from      string
	config    string
	clusters  []string
	allowExec bool
	sops      unsealing
	timeout   time.Duration
	output    string
}

func newDoctor() *cobra.Command {
	var e examining
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with this machine, the daemon and what is around",
		Long: `Doctor looks at this machine, the repository, the daemon, the clusters and GitHub,
and says of each what is wrong and what to do about it. It changes nothing.

It works with whatever there is: in a bare folder it looks at the machine alone,
and says what it did not look at and why. With --config it checks what a daemon
with that configuration would use; run it as the daemon's user, where the daemon
runs. Everything is asked at once, and nothing is waited for longer than
--timeout, a few times at most. No secret is printed.

docs/doctor.md explains each check by its name.

Exit codes: 0 nothing fails, though there may be warnings; 1 something fails; 2
usage error.`,
		Example: `  trunkline doctor
  trunkline doctor --server https://trunkline.example.com --token-file token
  trunkline doctor --cluster prod=prod.kubeconfig
  trunkline doctor --config trunkline-daemon.yaml
  trunkline doctor -o json | jq '.findings[] | select(.result == "fails")'`,
		Args: cobra.NoArgs,
		RunE: answering(func(cmd *cobra.Command, _ []string) error {
			return e.examine(cmd, "looking at everything", func(options probe.Options) (probe.Options, error) { return options, nil }, doctor.Examine)
		}),
	}
	e.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&e.from, "from", ".", "folder with the platform, in a repository or not")
	f.StringVar(&e.config, "config", "", "`FILE` with the configuration of a daemon, a DaemonConfiguration: what it would use is looked at")
	return cmd
}

// flags declares those that all commands have that examine something.
func (e *examining) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&e.clusters, "cluster", nil, clusterUsage)
	f.BoolVar(&e.allowExec, "allow-exec-credentials", false, "run the programs that a kubeconfig names to get credentials")
	e.daemon.flags(cmd)
	e.sops.flags(cmd)
	f.DurationVar(&e.timeout, "timeout", doctorTimeout, "how long to wait for each that is asked")
	f.StringVarP(&e.output, "output", "o", "table", "output format: table, json or yaml")
}

// examine looks at what narrow leaves of the options, and prints the report that judge makes of it. A failure is an error.
func (e *examining) examine(
	cmd *cobra.Command, doing string, narrow func(probe.Options) (probe.Options, error), judge func(doctor.Facts) doctor.Report,
) error {
	printer, err := formatNamed(e.output, func(w io.Writer, r doctor.Report) error { return printReport(w, r, width(w)) })
	if err != nil {
		return err
	}
	if e.timeout < time.Second {
		return usagef("--timeout is at least 1s")
	}
	options, err := e.options(cmd.Flags())
	if err != nil {
		return err
	}
	if options, err = narrow(options); err != nil {
		return err
	}
	p := showProgress(cmd, doing)
	defer p.end()
	report := judge(probe.Gather(cmd.Context(), options))
	if p.end(); cmd.Context().Err() != nil {
		return cmd.Context().Err()
	}
	if err := printer(cmd.OutOrStdout(), report); err != nil {
		return err
	}
	if report.Fails() {
		return errFindings
	}
	return nil
}
