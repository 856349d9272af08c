package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"trunkline.dev/trunkline/console/client"
)

// startClusters starts the clusters side by side, each with the lake at the place where the environments of the
// example have their stores.
func (d *demo) startClusters(ctx context.Context) error {
	d.story.say("A real control plane each (etcd, API server, controllers, scheduler), embedded in one program; pods " +
		"run as processes of this machine. The data is in one folder, the lake.")
	begin := time.Now()
	lake := d.path("lake")
	if err := os.Mkdir(lake, 0o700); err != nil {
		return fmt.Errorf("making the lake: %w", err)
	}
	names := []string{"dev", "prod"}
	children := make([]*child, len(names))
	for i, name := range names {
		kubeconfig := d.path(name, "kubeconfig")
		d.log = d.path(name + ".log")
		c, err := d.family.start(childSpec{
			name: "cluster " + name, path: d.opts.devcluster(), log: d.log,
			args: []string{"up", "--name", name, "--dir", d.path(name), "--mount", "/lake=" + lake, "--lifeline"},
			ready: func(line string) (string, bool) {
				return kubeconfig, strings.HasSuffix(line, string(filepath.Separator)+filepath.Join(name, "kubeconfig"))
			},
		})
		if err != nil {
			return err
		}
		children[i] = c
	}
	d.story.busy("the clusters start")
	for i, c := range children {
		d.log = c.log
		kubeconfig, err := c.waitReady(ctx)
		if err != nil {
			return err
		}
		api, err := newClusterAPI(names[i], kubeconfig)
		if err != nil {
			return err
		}
		version, err := api.discovery.ServerVersion()
		if err != nil {
			return fmt.Errorf("asking cluster %s for its version: %w", names[i], err)
		}
		d.clusters = append(d.clusters, api)
		d.story.ok(fmt.Sprintf("cluster %-4s is ready: Kubernetes %s", names[i], version.GitVersion), time.Since(begin))
	}
	return nil
}

// seedRepository makes the repository of the example.
func (d *demo) seedRepository(ctx context.Context) (commit string, err error) {
	begin := time.Now()
	d.repo, commit, err = seed(ctx, d.path("acme.git"), d.path("work"), d.opts.example, "The platform acme")
	if err != nil {
		return "", err
	}
	projects, err := d.repo.projects()
	if err != nil {
		return "", err
	}
	d.story.ok(fmt.Sprintf("commit %s on main of a new repository: %d projects", short(commit), len(projects)), time.Since(begin))
	return commit, nil
}

// poll is how often the daemon looks at the repository when nobody tells it to.
const poll = "5s"

// startDaemon starts the daemon, on a port that it finds itself.
func (d *demo) startDaemon(ctx context.Context) error {
	begin := time.Now()
	d.log = d.path("trunkline.log")
	clusters := make([]string, 0, 2*len(d.clusters))
	for _, c := range d.clusters {
		clusters = append(clusters, "--cluster", c.name+"="+c.kubeconfig)
	}
	args := append([]string{"serve", "--repo", d.repo.bare, "--data", d.path("data"), "--listen", "127.0.0.1:0", "--poll", poll, "--lifeline"}, clusters...)
	c, err := d.family.start(childSpec{
		name: "the daemon", path: d.opts.trunkline(), args: args, log: d.log, ready: serving, onStderr: true, wave: 1,
	})
	if err != nil {
		return err
	}
	url, err := c.waitReady(ctx)
	if err != nil {
		return err
	}
	asked, err := client.New(url, client.Options{Claim: "demo"})
	if err != nil {
		return fmt.Errorf("the daemon listens at %q: %w", url, err)
	}
	d.daemon = &daemon{asked}
	d.story.ok("trunkline serve follows it, at "+url, time.Since(begin))
	return nil
}
