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
}

func newDoctor() *cobra.Command {
	var e examining
	var output string
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
			printer, err := formatNamed(output, func(w io.Writer, r doctor.Report) error { return printReport(w, r, width(w)) })
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
			p := showProgress(cmd, "looking at everything")
			defer p.end()
			report := doctor.Examine(probe.Gather(cmd.Context(), options))
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
		}),
	}
	f := cmd.Flags()
	f.StringVar(&e.from, "from", ".", "folder with the platform, in a repository or not")
	f.StringVar(&e.config, "config", "", "`FILE` with the configuration of a daemon, a DaemonConfiguration: what it would use is looked at")
	f.StringArrayVar(&e.clusters, "cluster", nil, clusterUsage)
	f.BoolVar(&e.allowExec, "allow-exec-credentials", false, "run the programs that a kubeconfig names to get credentials")
	e.daemon.flags(cmd)
	e.sops.flags(cmd)
	f.DurationVar(&e.timeout, "timeout", doctorTimeout, "how long to wait for each that is asked")
	f.StringVarP(&output, "output", "o", "table", "output format: table, json or yaml")
	return cmd
}
