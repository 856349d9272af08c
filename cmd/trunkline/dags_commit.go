// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/status"
)

// dagsVersion is what a version of DAG files looks like.
var dagsVersion = regexp.MustCompile(`^[0-9a-f]{16}$`)

func newDagsCommit() *cobra.Command {
	var r remote
	env, cluster, output := "", "", ""
	cmd := &cobra.Command{
		Use:   "commit PROJECT VERSION --env ENVIRONMENT",
		Short: "Find the commit that deployed a version of DAG files",
		Long: `Commit finds which commit deployed a version of the DAG files of a project, as Airflow shows it
of a run: the last one that did. A version is named by what is in the files, so that a commit which
changes nothing of them is no new version, and the same files are the same version again.

It looks through the last commits that were applied to the project there, as far as the history of
the daemon goes back.

Exit codes: 0 found; 1 no commit that is known did; 2 usage error, or the daemon does not answer.`,
		Example: "  trunkline dags commit sales 3f2a9c01d4e5b678 -e dev",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("name a project and a version of its DAG files, such as: trunkline dags commit sales 3f2a9c01d4e5b678 -e dev")
			}
			if !dagsVersion.MatchString(args[1]) {
				return usagef("%q is no version of DAG files: it has 16 characters, of 0 to 9 and a to f", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if env == "" {
				return usagef("name the environment with --env")
			}
			print, err := formatNamed(output, appliedShown)
			if err != nil {
				return err
			}
			c, err := r.client("")
			if err != nil {
				return err
			}
			found, err := deployedBy(cmd.Context(), c, args[0], env, cluster, args[1])
			if err != nil {
				return err
			}
			return print(cmd.OutOrStdout(), found)
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVarP(&env, "env", "e", "", "the environment")
	cmd.Flags().StringVar(&cluster, "cluster", "", "the cluster (default the first one in which the project is)")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or yaml")
	return cmd
}

// deployedBy finds the last commit by which a version of DAG files came to a release.
func deployedBy(ctx context.Context, c *client.Client, project, env, cluster, version string) (console.AppliedCommit, error) {
	none := console.AppliedCommit{}
	platform, err := c.Status(ctx)
	if err != nil {
		return none, refused(err)
	}
	at := slices.IndexFunc(platform.Releases, func(r status.Release) bool {
		return r.Project == project && r.Environment == env && (cluster == "" || r.Cluster == cluster)
	})
	if at < 0 {
		return none, &troubleError{fmt.Errorf("%s is not deployed in %q, or it is not yours to see", project, env)}
	}
	id := platform.Releases[at].ReleaseID
	all, err := c.Applied(ctx, id)
	if err != nil {
		return none, refused(err)
	}
	for _, one := range all {
		change, err := c.CommitChange(ctx, id, one.Commit.Hash, one.Before)
		if err != nil {
			return none, refused(err)
		}
		for _, step := range change.Steps {
			if strings.HasPrefix(step.Object, "ConfigMap ") && strings.HasSuffix(step.Object, "/trunkline-dags-"+version) && step.Does == "create" {
				return one, nil
			}
		}
	}
	return none, fmt.Errorf("none of the last %d commits of %s deployed the version %s", len(all), id, version)
}

// appliedShown writes a commit for people.
func appliedShown(w io.Writer, a console.AppliedCommit) error {
	line := cell(a.Commit.Hash)
	if a.Commit.Subject != "" {
		line += " " + cell(a.Commit.Subject)
	}
	return println(w, line)
}
