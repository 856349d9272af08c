// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

func newRender() *cobra.Command {
	var from source
	var env, cluster string
	cmd := &cobra.Command{
		Use:   "render PROJECT --env ENVIRONMENT",
		Short: "Print the Kubernetes objects of a project",
		Long: `Render prints the objects that a project renders to in an environment, as YAML.

It works offline, from the files on disk or a revision of the repository. The
daemon renders in exactly the same way before it applies.`,
		Example: `  trunkline render orders --env dev
  trunkline render orders --env prod --rev main
  diff <(trunkline render orders -e dev --rev main) \
    <(trunkline render orders -e dev)`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one project: trunkline render PROJECT --env ENVIRONMENT")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if env == "" {
				return usagef("no environment given: add --env ENVIRONMENT")
			}
			tree, cat, err := from.load(cmd)
			if err != nil {
				return err
			}
			releases, err := pick(cat, args[0], env, cluster)
			if err != nil {
				return err
			}
			renderer := offlineRenderer()
			var failed error
			for _, rel := range releases {
				result, err := renderer.Render(cmd.Context(), tree, rel)
				if err != nil {
					failed = errors.Join(failed, err)
					continue
				}
				for _, w := range result.Warnings {
					if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s: %s\n", rel.ID, w); err != nil {
						return err
					}
				}
				if err := printRelease(cmd.OutOrStdout(), rel, result); err != nil {
					return err
				}
			}
			return failed
		},
	}
	from.flags(cmd)
	cmd.Flags().StringVarP(&env, "env", "e", "", "environment to render for")
	cmd.Flags().StringVar(&cluster, "cluster", "", "only this cluster of the environment")
	return cmd
}

// pick finds the releases of a project in an environment.
func pick(cat *catalog.Catalog, project, env, cluster string) ([]catalog.Release, error) {
	p, ok := cat.Project(project)
	if !ok {
		return nil, unknown("project", project, cat.ProjectNames())
	}
	if _, ok := cat.Environments[env]; !ok {
		return nil, unknown("environment", env, slices.Collect(maps.Keys(cat.Environments)))
	}
	if _, ok := cat.Clusters[cluster]; !ok && cluster != "" {
		return nil, unknown("cluster", cluster, slices.Collect(maps.Keys(cat.Clusters)))
	}
	var releases []catalog.Release
	for _, id := range cat.ReleasesOf(p) {
		if id.Environment == env && (cluster == "" || id.Cluster == cluster) {
			releases = append(releases, cat.Release(p, id))
		}
	}
	_, there := p.Spec.Environments[env]
	switch {
	case len(releases) > 0:
	case cluster != "" && there:
		return nil, fmt.Errorf("the environment %q is not on cluster %q; it is on: %s", env, cluster,
			strings.Join(cat.Environments[env].Spec.Clusters, ", "))
	default:
		return nil, fmt.Errorf("the project %q is not deployed in environment %q; it is in: %s", project, env,
			strings.Join(slices.Sorted(maps.Keys(p.Spec.Environments)), ", "))
	}
	return releases, nil
}

func unknown(what, name string, known []string) error {
	if hint := v1alpha1.Suggest(name, known); hint != "" {
		return fmt.Errorf("there is no %s %q: %s", what, name, hint)
	}
	return fmt.Errorf("there is no %s %q", what, name)
}

func printRelease(w io.Writer, rel catalog.Release, result render.Result) error {
	if _, err := fmt.Fprintf(w, "# %s\n", rel.ID); err != nil {
		return err
	}
	for _, o := range result.Objects {
		data, err := yaml.Marshal(o.Object)
		if err != nil {
			return fmt.Errorf("printing %s %s: %w", o.GetKind(), o.GetName(), err)
		}
		if _, err := fmt.Fprintf(w, "---\n%s", data); err != nil {
			return err
		}
	}
	return nil
}
