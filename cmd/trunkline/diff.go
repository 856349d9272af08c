// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/dryrun"
)

// defaultDiffTimeout bounds the time for each cluster.
const defaultDiffTimeout = 2 * time.Minute

// differing is what "trunkline diff" is asked for.
type differing struct {
	previewing
	clusters  []string
	allowExec bool
	timeout   time.Duration
}

func newDiff() *cobra.Command {
	var v differing
	cmd := &cobra.Command{
		Use:   "diff --cluster NAME=KUBECONFIG [PATH] [RELEASE...]",
		Short: "Show how live clusters differ from what is declared",
		Long: `Diff shows what would change in live clusters if the declared state were applied:
objects that would be created, adopted, updated and deleted, those that would be
kept and why, and what others have changed and whether that is reverted. API
servers try every change as a dry run; the client refuses to send any request
that could change anything.

It reads the files on disk, or a revision with --head. PATH is the folder of the
platform, by default the current one. A RELEASE is PROJECT, PROJECT/ENVIRONMENT
or PROJECT/ENVIRONMENT/CLUSTER, where * stands for any part of a name. Only the
clusters that are given are compared. It reads Secrets to compare them and shows
that they change, but never their values. Encrypted Secrets are neither decrypted
nor compared. Objects in a namespace, or of a kind, that the release itself would
create cannot be tried, and are shown as declared.

` + exitCodes,
		Example: `  trunkline diff --cluster dev=dev.kubeconfig
  trunkline diff --cluster dev=dev.kubeconfig \
    --cluster prod=prod.kubeconfig#admin orders 'fx-*/prod'
  trunkline diff --head main --cluster prod=prod.kubeconfig -o json |
    jq '.releases[].steps[]?.drift'`,
		RunE: answering(func(cmd *cobra.Command, args []string) error {
			if err := v.read(args); err != nil {
				return err
			}
			if len(v.clusters) == 0 {
				return usagef("no cluster given: add --cluster NAME=KUBECONFIG")
			}
			configs, named, err := v.configs()
			if err != nil {
				return err
			}
			s, err := v.open(cmd, "", func(id catalog.ReleaseID) bool { return named[id.Cluster] && v.picker.Picks(id) })
			if err != nil {
				return err
			}
			p, err := v.diff(cmd, s, configs, named)
			if err != nil {
				return err
			}
			return v.print(cmd, p)
		}),
	}
	v.flags(cmd)
	cmd.Flags().StringArrayVar(&v.clusters, "cluster", nil, clusterUsage)
	cmd.Flags().BoolVar(&v.allowExec, "allow-exec-credentials", false, "run the programs that a kubeconfig names to get credentials")
	cmd.Flags().DurationVar(&v.timeout, "timeout", defaultDiffTimeout, "how long to wait for each cluster")
	return cmd
}

// configs reads how to reach the clusters.
func (v *differing) configs() (configs []cluster.Config, named map[string]bool, err error) {
	named = map[string]bool{}
	clouds := newClouds()
	for _, flag := range v.clusters {
		cfg, err := parseCluster(flag, clouds)
		if err != nil {
			return nil, nil, &usageError{err}
		}
		if named[cfg.Name] {
			return nil, nil, usagef("--cluster names %q twice", cfg.Name)
		}
		cfg.AllowExec = v.allowExec
		named[cfg.Name] = true
		configs = append(configs, cfg)
	}
	return configs, named, nil
}

// diff compares the declared state with the clusters.
func (v *differing) diff(cmd *cobra.Command, s *session, configs []cluster.Config, named map[string]bool) (preview.Preview, error) {
	declared := s.head.Catalog().Clusters
	for _, cfg := range configs {
		if _, ok := declared[cfg.Name]; !ok {
			return preview.Preview{}, &usageError{unknown("cluster", cfg.Name, slices.Collect(maps.Keys(declared)))}
		}
	}
	quietClients(slog.New(slog.DiscardHandler))
	head, err := s.head.Side()
	if err != nil {
		return preview.Preview{}, err
	}
	s.progress = showProgress(cmd, "asking the clusters")
	defer s.progress.end()
	p := preview.Preview{From: "the live clusters", To: s.name}
	p.Releases, p.Troubles = dryrun.Look(cmd.Context(), dryrun.Input{
		Head: head, Picker: v.picker, Clusters: configs, Now: s.now, Timeout: v.timeout,
	})
	// A release that is not declared any more is known only to the cluster.
	var found []catalog.ReleaseID
	for _, r := range p.Releases {
		found = append(found, r.ID)
	}
	if len(p.Troubles) == 0 {
		if err := v.check(releaseIDs(s.head), found); err != nil {
			return preview.Preview{}, err
		}
	}
	elsewhere, names := 0, map[string]bool{}
	for id := range head.Releases {
		if v.picker.Picks(id) && !named[id.Cluster] {
			elsewhere++
			names[id.Cluster] = true
		}
	}
	if elsewhere > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%d releases are on clusters that no --cluster names: %s", elsewhere, unnamed(slices.Collect(maps.Keys(names)))))
	}
	return p, nil
}
