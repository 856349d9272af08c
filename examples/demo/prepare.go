// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"trunkline.dev/trunkline/test/stage"
)

// startClusters starts the clusters side by side, each with the lake where the environments have their stores.
func (d *demo) startClusters(ctx context.Context) error {
	d.story.say("A real control plane each (etcd, API server, controllers, scheduler), embedded in one program; pods " +
		"run as processes of this machine. The data is in one folder, the lake.")
	begin := time.Now()
	lake := d.path("lake")
	if err := os.Mkdir(lake, 0o700); err != nil {
		return fmt.Errorf("making the lake: %w", err)
	}
	names := []string{"dev", "prod"}
	processes := make([]*stage.Process, len(names))
	for i, name := range names {
		kubeconfig := d.path(name, "kubeconfig")
		d.log = d.path(name + ".log")
		args := []string{"up", "--name", name, "--dir", d.path(name), "--mount", lake + "=" + lake, "--lifeline"}
		if d.opts.full && name == lotsEnvironment {
			// A driver and its executors, and the parts of Airflow, reach each other, and see their programs, which may be below /tmp: that of a pod is its own.
			args = append(args, "--network", "pods", "--mount", d.opts.engines+"="+d.opts.engines+":ro")
		}
		p, err := d.family.start(stage.Spec{
			Name: "cluster " + name, Path: d.opts.devcluster(), Log: d.log,
			Args: args,
			Ready: func(line string) (string, bool) {
				return kubeconfig, strings.HasSuffix(line, string(filepath.Separator)+filepath.Join(name, "kubeconfig"))
			},
		}, 0)
		if err != nil {
			return err
		}
		processes[i] = p
	}
	d.story.busy("the clusters start")
	for i, p := range processes {
		d.log = p.Log
		kubeconfig, err := p.Ready(ctx)
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

// seedRepository makes the repository of the example, at a GitHub of its own.
func (d *demo) seedRepository(ctx context.Context) (commit string, err error) {
	begin := time.Now()
	if d.forge, err = startForge(ctx, d.path("github")); err != nil {
		return "", err
	}
	d.repo, commit, err = seed(ctx, d.forge.repo.Dir(), d.forge.remote(pusher), d.path("work"), d.opts.example, "The platform acme", func(work string) error {
		return settle(work, d.path("lake"), d.day(firstDay))
	})
	if err != nil {
		return "", err
	}
	projects, err := d.repo.projects()
	if err != nil {
		return "", err
	}
	d.story.ok(fmt.Sprintf("commit %s on main of %s: %d projects", short(commit), d.forge.repo.FullName(), len(projects)), time.Since(begin))
	d.story.say("The repository is at a GitHub in memory, with pages for a browser: " + d.forge.hub.URL())
	return commit, nil
}

// poll is how often the daemon looks at the repository when nobody tells it to.
const poll = "5s"

// startDaemon starts the daemon, on a port that it finds itself.
func (d *demo) startDaemon(ctx context.Context) error {
	begin := time.Now()
	d.log = d.path("trunkline.log")
	args, err := d.forge.connect(d.path("app.pem"), d.path("hook-secret"))
	if err != nil {
		return err
	}
	if d.opts.full {
		apps, err := freeAddress()
		if err != nil {
			return err
		}
		args = append(args, "--apps-listen", apps)
	}
	spec := stage.DaemonSpec{Program: d.opts.trunkline(), Repo: d.forge.repo.CloneURL(), Data: d.path("data"), Poll: poll, Args: append(args, "--lots-interval", lotsInterval, "--usage")}
	for _, c := range d.clusters {
		spec.Clusters = append(spec.Clusters, c.name+"="+c.kubeconfig)
	}
	p, err := d.family.start(spec.Process(d.log), 1)
	if err != nil {
		return err
	}
	asked, url, err := stage.Connect(ctx, p)
	if err != nil {
		return err
	}
	d.daemon = &daemon{asked}
	d.forge.hook(url)
	d.story.ok("trunkline serve follows it, as a GitHub App, at "+url, time.Since(begin))
	return nil
}

// freeAddress is one of this machine that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
