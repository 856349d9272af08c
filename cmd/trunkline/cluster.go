// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/edit"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/scaffold"
)

func newCluster() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Look at clusters, and at what is declared of them",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("name a subcommand: capabilities, check")
		},
	}
	cmd.AddCommand(newCapabilities(), newClusterCheck())
	return cmd
}

// inquiry is what "trunkline cluster capabilities" is asked for.
type inquiry struct {
	cluster, folder string
	write           bool
	allowExec       bool
	timeout         time.Duration
}

func newCapabilities() *cobra.Command {
	var a inquiry
	var output string
	cmd := &cobra.Command{
		Use:   "capabilities --cluster NAME=KUBECONFIG",
		Short: "Declare what a cluster serves",
		Long: `Capabilities asks a cluster for the version of Kubernetes and the API versions
that it serves, and prints them as they are declared: charts are told of them by
.Capabilities. With --write they are put into the declaration of the cluster, in
the files on disk. Everything else in the file stays as it is, comments and
order included. Commit the change: what charts render to can differ with it.

API groups that do not answer, as one whose server is down, are named, and what
is declared of them stays.

Exit codes: 0 printed, written or nothing to write; 1 declarations are refused;
2 usage error, or the cluster does not answer.`,
		Example: `  trunkline cluster capabilities --cluster prod=prod.kubeconfig
  trunkline cluster capabilities --cluster prod=prod.kubeconfig#admin --write`,
		Args: cobra.NoArgs,
		RunE: answering(func(cmd *cobra.Command, _ []string) error {
			printer, err := formatNamed(output, printCapabilities)
			if err != nil {
				return err
			}
			if a.cluster == "" {
				return usagef("no cluster given: add --cluster NAME=KUBECONFIG")
			}
			c, err := a.ask(cmd)
			if err != nil {
				return err
			}
			return printer(cmd.OutOrStdout(), c)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&a.cluster, "cluster", "", "the cluster and how to reach it: NAME=KUBECONFIG, NAME=KUBECONFIG#CONTEXT, NAME=in-cluster, or NAME=eks://…, gke://… or aks://…, as \"trunkline serve\" has them")
	f.BoolVar(&a.write, "write", false, "write it into the declaration of the cluster")
	f.StringVar(&a.folder, "from", ".", "folder with the platform, for --write")
	f.BoolVar(&a.allowExec, "allow-exec-credentials", false, "run the programs that a kubeconfig names to get credentials")
	f.DurationVar(&a.timeout, "timeout", defaultDiffTimeout, "how long to wait for the cluster")
	f.StringVarP(&output, "output", "o", "table", "output format: table, json or yaml; table is the declaration")
	return cmd
}

// capabilities are what a cluster serves, and what became of its declaration.
type capabilities struct {
	Cluster     string   `json:"cluster"`
	KubeVersion string   `json:"kubeVersion"`
	APIVersions []string `json:"apiVersions"`
	// Silent are the API groups that do not say what they serve.
	Silent []string `json:"silent"`
	// File is where the cluster is declared, with --write; Changed reports whether it says something else now.
	File    string `json:"file,omitempty"`
	Changed bool   `json:"changed,omitempty"`
}

func (a *inquiry) ask(cmd *cobra.Command) (capabilities, error) {
	cfg, err := parseCluster(a.cluster, newClouds())
	if err != nil {
		return capabilities{}, &usageError{err}
	}
	cfg.AllowExec = a.allowExec
	var declared *declaredCluster
	if a.write {
		if declared, err = findCluster(cmd, a.folder, cfg.Name); err != nil { // before anybody is asked
			return capabilities{}, err
		}
	}
	served, err := a.served(cmd.Context(), cfg)
	if err != nil {
		return capabilities{}, err
	}
	for _, group := range served.Silent {
		if err := println(cmd.ErrOrStderr(), fmt.Sprintf("warning: the API group %q does not say what it serves: it is left out, and what is declared of it stays", group)); err != nil {
			return capabilities{}, err
		}
	}
	out := capabilities{Cluster: cfg.Name, KubeVersion: served.KubeVersion, APIVersions: served.APIVersions, Silent: append([]string{}, served.Silent...)}
	if declared == nil {
		return out, nil
	}
	out.File = declared.file
	out.APIVersions = declared.keeping(served)
	out.Changed, err = declared.write(a.folder, out)
	return out, err
}

func (a *inquiry) served(ctx context.Context, cfg cluster.Config) (cluster.Served, error) {
	quietClients(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeoutCause(ctx, a.timeout, fmt.Errorf("cluster %q did not answer within %s", cfg.Name, a.timeout))
	defer cancel()
	c := cluster.New(cfg, func(cluster.Event) {})
	defer c.Close()
	conn, err := c.Connect(ctx, ctx)
	if err != nil {
		return cluster.Served{}, err
	}
	return conn.Served(ctx)
}

// declaredCluster is the declaration of a cluster in the files on disk.
type declaredCluster struct {
	file   string
	number int
	text   []byte
	spec   *v1alpha1.ClusterSpec
}

func findCluster(cmd *cobra.Command, folder, name string) (*declaredCluster, error) {
	tree, err := git.OpenDir(folder)
	if err != nil {
		return nil, err
	}
	c, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil {
		return nil, err
	}
	if err := printProblems(cmd, problems); err != nil {
		return nil, err
	}
	doc, found := c.Document(v1alpha1.KindCluster, name)
	if !found {
		return nil, unknown("cluster", name, slices.Collect(maps.Keys(c.Clusters)))
	}
	text, there := c.Text(doc.File)
	if !there {
		return nil, errors.New("the declaration of the cluster cannot be read again")
	}
	return &declaredCluster{file: doc.File, number: doc.Ordinal(), text: text, spec: &c.Clusters[name].Spec}, nil
}

// keeping returns what is served, with what is declared of the groups that are silent.
func (d *declaredCluster) keeping(served cluster.Served) []string {
	all := slices.Clone(served.APIVersions)
	for _, v := range d.spec.APIVersions {
		if slices.Contains(served.Silent, render.APIGroup(v)) {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// write puts what a cluster serves into its declaration, and reports whether that is another one then.
func (d *declaredCluster) write(folder string, is capabilities) (changed bool, err error) {
	var changes []edit.Change
	if d.spec.KubeVersion != is.KubeVersion {
		changes = append(changes, edit.Change{Path: []any{"spec", "kubeVersion"}, Value: is.KubeVersion})
	}
	was := slices.Clone(d.spec.APIVersions)
	slices.Sort(was)
	if !slices.Equal(slices.Compact(was), is.APIVersions) { // in whatever order people have them
		list := make([]any, len(is.APIVersions))
		for i, v := range is.APIVersions {
			list[i] = v
		}
		changes = append(changes, edit.Change{Path: []any{"spec", "apiVersions"}, Value: list})
	}
	if len(changes) == 0 {
		return false, nil
	}
	next, err := edit.Apply(d.text, d.number, changes...)
	if err != nil {
		return false, fmt.Errorf("%s: %w", d.file, err)
	}
	return true, writeAll(folder, nil, &change{File: scaffold.File{Path: d.file, Data: next}, was: d.text})
}

// printCapabilities prints a declaration, or what became of the one in a file.
func printCapabilities(w io.Writer, c capabilities) error {
	switch {
	case c.Changed:
		return println(w, fmt.Sprintf("changed  %s\ncommit it: what charts render to can differ with it", c.File))
	case c.File != "":
		return println(w, fmt.Sprintf("nothing to write: %s declares cluster %q as it is", c.File, c.Cluster))
	}
	lines := []string{
		"apiVersion: " + v1alpha1.Version, "kind: " + string(v1alpha1.KindCluster), "metadata:", "  name: " + c.Cluster,
		"spec:", "  kubeVersion: " + c.KubeVersion, "  apiVersions:",
	}
	for _, v := range c.APIVersions {
		lines = append(lines, "    - "+v)
	}
	return println(w, strings.Join(lines, "\n"))
}
