package main

import (
	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trunkline",
		Short: "Merge to trunk, and it runs",
		Long: `Trunkline keeps Kubernetes clusters in the state that a Git repository declares.

Teams declare projects (datasets, and the workloads that read and write them) as YAML in one
repository. Trunkline renders each project through Helm or Kustomize blueprints into every
cluster of its environments, refuses a commit whose declarations are wrong, applies the rest,
and keeps it so.

Exit codes: 0 all is fine; 1 something was found, or failed; 2 wrong use.`,
		Example: `  # What would the project "orders" be in prod, from the files as they are on disk?
  trunkline render orders --env prod

  # Keep two clusters in the state of the main branch
  trunkline serve --repo https://github.com/acme/data.git --cluster dev=dev.kubeconfig --cluster prod=prod.kubeconfig

  # How is everything doing?
  trunkline status --watch`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	cmd.AddCommand(newServe(), newStatus(), newRender(), newApply(), newVersion())
	return cmd
}
