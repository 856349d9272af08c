// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/render"
)

func encoded(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// Release is the daemon's own, as a commit declares it.
type Release struct {
	ID     catalog.ReleaseID
	Commit string
	// Catalog is what the commit declares, and Objects what the release renders to.
	Catalog *catalog.Catalog
	Objects *render.Packed
	Secrets apply.Opener
}

// target is the state that the daemon has its release in.
func (r Release) target() (release.Target, release.Settings, error) {
	p, ok := r.Catalog.Project(r.ID.Project)
	if !ok {
		return release.Target{}, release.Settings{}, fmt.Errorf("the commit does not declare the project %q", r.ID.Project)
	}
	t, err := terms.Of(r.Catalog, r.ID)
	if err != nil {
		return release.Target{}, release.Settings{}, err
	}
	access, declared := r.Catalog.Access(r.ID)
	rel := r.Catalog.Release(p, r.ID)
	return release.Target{Commit: r.Commit, Namespace: rel.Namespace, Owner: rel.Owner, Objects: r.Objects, Digest: r.Objects.Digest()},
		release.Settings{Terms: t, Access: release.Access{Access: access, Declared: declared}}, nil
}

// Deploy brings the release into the cluster as the daemon would, and returns how many objects were applied. It does not wait for
// them to be well. An attempt that fails is made again until the context ends, unless that is of no use.
func (c *Cluster) Deploy(ctx context.Context, r Release, retry func(error)) (applied int, err error) {
	target, settings, err := r.target()
	if err != nil {
		return 0, err
	}
	x := apply.New(apply.Options{
		ID: r.ID, Cluster: func() *apply.Cluster { return c.site }, Platform: r.Catalog.Name, Secrets: r.Secrets, Slots: slots{}, Moves: moves{},
		Listen: func(cluster.Event) {}, Now: c.opts.Now,
	})
	refused := 0
	for {
		looked := x.Look(ctx, ctx, true)
		out := release.Ended{Err: looked.Err}
		if looked.Err == nil {
			out = x.Run(ctx, ctx, release.Run{Target: target, Settings: settings, Memory: looked.Memory})
		}
		applied += out.Applied
		switch {
		case ctx.Err() != nil:
			return applied, context.Cause(ctx)
		case out.Err == nil && out.Waiting == "":
			return applied, nil
		case out.Err != nil && out.Terminal:
			// What was just given may not be known to the API server's authorizer yet.
			if refused++; refused > maxRefused {
				return applied, out.Err
			}
			fallthrough
		case out.Err != nil:
			retry(out.Err)
		}
		if err := c.pause(ctx); err != nil {
			return applied, err
		}
	}
}

// maxRefused is how often what is of no use is tried again.
const maxRefused = 5

func (c *Cluster) pause(ctx context.Context) error {
	timer := time.NewTimer(c.opts.Interval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// slots bound nothing: there is one release.
type slots struct{}

// Begin implements [apply.Slots].
func (slots) Begin(context.Context, bool) error { return nil }

// End implements [apply.Slots].
func (slots) End() {}

// Write implements [apply.Slots].
func (slots) Write(context.Context) (func(), error) { return func() {}, nil }

// moves knows of no other release: an object of another one is left to it.
type moves struct{}

// Settled implements [apply.Moves].
func (moves) Settled() bool { return true }

// Fate implements [apply.Moves].
func (moves) Fate(plan.Ref) (string, bool) { return "", false }

// Owner implements [apply.Moves].
func (moves) Owner(string, plan.Ref) (string, bool) { return "", false }
