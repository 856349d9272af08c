// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler/artifact"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/signers"
	"trunkline.dev/trunkline/webhooks/github"
)

// Options are what is looked at. From, Timeout, Now, Version, Renderer and Artifacts are required.
type Options struct {
	Now     func() time.Time
	Version string
	// Timeout bounds each probe.
	Timeout time.Duration

	// From is the folder with the platform.
	From          string
	Configuration doctor.Configuration
	// Folders have to be writable, and Secrets are files that hold some; of both, For and Path are set.
	Folders []doctor.Folder
	Secrets []doctor.SecretFile

	// Remote is the repository that a daemon follows; nil: that which the folder was cloned from.
	Remote func() (git.Remote, error)
	// Signers are those who may sign commits; nil: nobody need.
	Signers   func() (*signers.Signers, error)
	NoRewrite bool
	// Source returns how a daemon reads a repository that the platform includes; nil: no configuration says so.
	Source func(v1alpha1.IncludedRepository) (Source, error)
	// Keys decrypt Secrets.
	Keys func() (*secrets.Decrypter, error)
	// Artifacts has the blueprints of registries.
	Artifacts func() (*artifact.Store, error)
	Renderer  evaluate.Renderer

	// Daemon is asked at Server, which someone has Named; nil: none is.
	Daemon *client.Client
	Server string
	Named  bool

	Clusters []cluster.Config

	// GitHub is the repository there; nil: the daemon is not connected to it. Permissions are those that its App needs, and Events what it
	// has to be told of; none if it polls.
	GitHub      *github.Repository
	Permissions []doctor.Permission
	Events      []string
	// Sources are the repositories there of what the platform may include.
	Sources []AtGitHub
}

// Gather finds out what it can. It takes no longer than a few times the timeout, whatever does not answer.
func Gather(ctx context.Context, o Options) doctor.Facts {
	f := doctor.Facts{Now: o.Now(), Version: o.Version, Configuration: o.Configuration, Server: o.Server, Named: o.Named}
	var mu sync.Mutex // of the clocks
	tick := func(of string, c *doctor.Clock) {
		if c == nil {
			return
		}
		c.Of = of
		mu.Lock()
		defer mu.Unlock()
		f.Clocks = append(f.Clocks, *c)
	}
	f.Clusters = make([]doctor.Cluster, len(o.Clusters))
	var read tree
	inside := make([]reached, len(o.Clusters))
	together(
		func() { f.Git = ask(ctx, o.Timeout, "git", o.git) },
		func() { f.Folders = o.folders(ctx) },
		func() { f.Secrets = o.secretFiles(ctx) },
		func() { f.Kubeconfigs = o.kubeconfigs(ctx) },
		func() {
			f.Place = ask(ctx, o.Timeout, "the disk of "+o.From, o.place)
			f.Signed = ask(ctx, o.Timeout, "the disk of "+o.From, o.signed)
		},
		func() { f.Remote = ask(ctx, o.Timeout, "the server of the repository", o.remote) },
		func() {
			read = o.tree(ctx)
			f.Sources = o.sources(ctx, read)
		},
		func() {
			var c *doctor.Clock
			f.Daemon, c = o.daemon(ctx)
			tick("the daemon", c)
		},
		func() {
			each(len(o.Clusters), func(i int) {
				var c *doctor.Clock
				inside[i], c = o.cluster(ctx, o.Clusters[i])
				tick("cluster "+o.Clusters[i].Name, c)
			})
		},
		func() { o.gitHub(ctx, &f) },
	)
	f.Platform, f.Artifacts, f.Sealed = read.platform, read.artifacts, read.sealed
	f.Rewrite = ask(ctx, o.Timeout, "the disk of "+o.From, func(ctx context.Context) doctor.Fact[doctor.Rewrite] { return o.rewrite(ctx, f) })
	for i, c := range o.Clusters {
		f.Clusters[i] = inside[i].fact(c.Name, read)
	}
	sortClocks(f.Clocks)
	return f
}

// together runs all of them at once, and waits for them.
func together(all ...func()) { each(len(all), func(i int) { all[i]() }) }

func each(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// ask asks someone for a fact, and waits no longer than is allowed, whatever becomes of who was asked.
func ask[T any](ctx context.Context, limit time.Duration, who string, probe func(context.Context) doctor.Fact[T]) doctor.Fact[T] {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan doctor.Fact[T], 1)
	go func() { done <- probe(bounded) }()
	select {
	case fact := <-done:
		if bounded.Err() == nil {
			return fact
		}
		// What it says is that it was interrupted, in other words.
	case <-bounded.Done():
	}
	if ctx.Err() != nil {
		return doctor.Unknown[T]("interrupted")
	}
	return doctor.Fact[T]{Unknown: fmt.Sprintf("%s did not answer within %s", who, limit), Silent: true}
}
