// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/doctor/probe"
	"trunkline.dev/trunkline/reconciler/cluster"
)

func newClusterCheck() *cobra.Command {
	var e examining
	cmd := &cobra.Command{
		Use:   "check NAME",
		Short: "Say what a cluster lacks for what is to run on it",
		Long: `Check holds a cluster against what the declarations of a folder put on it, and
says what it lacks, each with what to do: kinds that nothing serves, storage
classes, nodes with the labels that pods select, metrics, and rights of the
account. These are the checks of "trunkline doctor" on this cluster.

How to reach it is said by --cluster, or by the configuration of a daemon.

Exit codes: 0 nothing fails, though there may be warnings; 1 something fails; 2
usage error.`,
		Example: `  trunkline cluster check prod --cluster prod=prod.kubeconfig
  trunkline cluster check prod --config trunkline-daemon.yaml -o json`,
		Args: cobra.ExactArgs(1),
		RunE: answering(func(cmd *cobra.Command, args []string) error {
			narrow := func(options probe.Options) (probe.Options, error) {
				named := func(c cluster.Config) bool { return c.Name == args[0] }
				if !slices.ContainsFunc(options.Clusters, named) {
					return options, usagef("nothing says how to reach the cluster %q: add --cluster %s=KUBECONFIG, or --config FILE", args[0], args[0])
				}
				options.Clusters = slices.DeleteFunc(options.Clusters, func(c cluster.Config) bool { return !named(c) })
				return options, nil
			}
			return e.examine(cmd, "looking at the cluster", narrow, func(f doctor.Facts) doctor.Report { return doctor.Examine(f).AboutCluster(args[0]) })
		}),
	}
	e.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&e.from, "from", ".", "folder with the platform")
	f.StringVar(&e.config, "config", "", "`FILE` with the configuration of a daemon, a DaemonConfiguration, which says how to reach clusters")
	return cmd
}
