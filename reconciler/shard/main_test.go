// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/test/clustertest"
)

var pkg clustertest.Package

// replicaEnv has the test binary be a replica: it is the kubeconfig of the home cluster. groupEnv is the group.
const (
	replicaEnv = "TRUNKLINE_TEST_REPLICA"
	groupEnv   = "TRUNKLINE_TEST_GROUP"
)

func TestMain(m *testing.M) {
	if kubeconfig := os.Getenv(replicaEnv); kubeconfig != "" {
		if err := replica(kubeconfig, os.Getenv(groupEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	pkg.Main(m)
}

// quick are durations for tests on a real API server.
func quick(leases Leases, group, identity string, shards bool) Options {
	return Options{
		Leases: leases, Group: group, Identity: identity, Shards: shards, Now: time.Now,
		Duration: 5 * time.Second, RenewDeadline: 2 * time.Second, WriteTimeout: 2 * time.Second,
		Interval: 200 * time.Millisecond, Rebalance: time.Second,
	}
}

// releasesOf returns a number of releases.
func releasesOf(n int) []catalog.ReleaseID {
	var ids []catalog.ReleaseID
	for i := range n {
		ids = append(ids, catalog.ReleaseID{Project: fmt.Sprintf("p%d", i), Environment: "dev", Cluster: "here"})
	}
	return ids
}

// testReleases is how many the replicas of a test share.
const testReleases = 24

// replica is what a process does that the test starts: it works on all releases that are its own, and says so on a
// pipe that all replicas share. What is written to a pipe in one piece stays in one piece and in order.
func replica(kubeconfig, group string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	leases := NewLeases(func() (*rest.Config, error) {
		cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err == nil {
			cfg.QPS = -1
		}
		return cfg, err
	})
	opts := quick(leases, group, fmt.Sprintf("r%d", os.Getpid()), true)
	opts.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	c, err := New(opts)
	if err != nil {
		return err
	}
	board := os.NewFile(3, "board")
	say := func(what string, id catalog.ReleaseID) {
		fmt.Fprintf(board, "%d %s %s\n", os.Getpid(), what, id.Project)
	}
	var workers sync.WaitGroup
	for i, id := range releasesOf(testReleases) {
		workers.Go(func() {
			pace := time.NewTicker(50 * time.Millisecond)
			defer pace.Stop()
			for ctx.Err() == nil {
				if run, done, ok := c.Begin(ctx, id); ok {
					say("begin", id)
					for range i { // some work for long, and stop when told
						select {
						case <-run.Done():
						case <-pace.C:
						}
					}
					say("end", id)
					done()
				}
				select {
				case <-ctx.Done():
				case <-pace.C:
				}
			}
		})
	}
	c.Run(ctx)
	workers.Wait()
	return nil
}
