// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
)

func newApply() *cobra.Command {
	var from source
	var clusters []string
	var timeout time.Duration
	var sops unsealing
	var log logging
	cmd := &cobra.Command{
		Use:   "apply --cluster NAME=KUBECONFIG",
		Short: "Apply the declared state to clusters, once",
		Long: `Apply does once what serve does all the time: it renders every release, applies what differs,
deletes what is no longer declared, and waits until everything is healthy or needs a person.

It is for pipelines. Exit codes: 0 everything is healthy; 1 something is not; 2 usage error.`,
		Example: `  trunkline apply --rev HEAD \
      --cluster dev=dev.kubeconfig --cluster prod=prod.kubeconfig`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(clusters) == 0 {
				return usagef("no cluster given: add --cluster NAME=KUBECONFIG")
			}
			clouds := newClouds()
			var configs []cluster.Config
			for _, c := range clusters {
				cfg, err := parseCluster(c, clouds)
				if err != nil {
					return &usageError{err}
				}
				configs = append(configs, cfg)
			}
			shown := showProgress(cmd, readingDeclarations)
			defer shown.end()
			logger, err := log.logger(shown.beside(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			quietClients(logger)
			decrypter, err := sops.decrypter()
			if err != nil {
				return err
			}
			pool, err := newBuilders()
			if err != nil {
				return err
			}
			defer pool.Close()
			board := status.NewBoard(time.Now)
			rec, err := reconciler.New(reconciler.Options{
				Clusters: configs, Library: blueprints.FS, Renderer: newRenderer(daemonEngines(pool)...), Secrets: decrypter, Board: board,
				Log: logger, Now: time.Now,
			})
			if err != nil {
				return &usageError{err}
			}
			tree, commit, err := from.tree(cmd.Context())
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			err = once(ctx, rec, board, reconciler.Revision{Commit: commit, Tree: tree}, shown)
			if shown.end(); err != nil {
				return err
			}
			p := board.Snapshot()
			if err := printProblems(cmd, p.Source.Problems); err != nil {
				return err
			}
			if err := printTable(cmd.OutOrStdout(), p, width(cmd.OutOrStdout())); err != nil {
				return err
			}
			if !p.Fine() {
				return errFindings
			}
			return nil
		},
	}
	from.flags(cmd)
	cmd.Flags().StringArrayVar(&clusters, "cluster", nil, clusterUsage)
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "how long to wait for everything to be healthy")
	sops.flags(cmd)
	log.flags(cmd, "error") // what went wrong is printed at the end
	return cmd
}

// once reconciles one revision until everything is settled or ctx ends.
func once(ctx context.Context, rec *reconciler.Reconciler, board *status.Board, rev reconciler.Revision, shown *progress) error {
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		rec.Run(running)
		close(done)
	}()
	defer func() {
		stop()
		<-done
	}()
	if err := rec.Accept(ctx, rev); err != nil {
		if board.Snapshot().Source.Refused() {
			return nil // the caller prints why
		}
		return fmt.Errorf("applying: %w", err)
	}
	swept := rec.Swept(ctx)
	for p := board.Snapshot(); ctx.Err() == nil && !settled(p); {
		done := 0
		for _, r := range p.Releases {
			if r.Settled() {
				done++
			}
		}
		shown.at("applying", done, len(p.Releases))
		waiting, cancel := context.WithTimeout(ctx, silence)
		p = board.Wait(waiting, p.Revision)
		cancel()
	}
	if swept != nil && board.Snapshot().Fine() {
		return swept // nothing else says that something may be left that is not declared
	}
	return nil
}

// silence is how long a cluster must not have answered for a pass to go on without it.
const silence = 10 * time.Second

// settled reports whether nothing more will happen by itself on the clusters that answer.
func settled(p status.Platform) bool {
	silent := map[string]bool{}
	for _, c := range p.Clusters {
		silent[c.Name] = !c.Reachable && p.Time.Sub(c.Since) >= silence
	}
	return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return !r.Settled() && !silent[r.Cluster] })
}
