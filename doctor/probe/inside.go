// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"sync"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/evaluate"
)

// AroundClusters finds out what a daemon can of the clusters that it keeps, as [Gather] does from elsewhere: what releases need is that of the
// accepted commit, and what the daemon says of itself is given. Of the options, Now, Version, Timeout and Clusters are used.
func AroundClusters(ctx context.Context, o Options, declared *Declared, of *evaluate.Evaluation, says doctor.Running) doctor.Facts {
	f := doctor.Facts{Now: o.Now(), Version: o.Version, Daemon: doctor.Known(says), Clusters: make([]doctor.Cluster, len(o.Clusters))}
	inside, ticks := make([]reached, len(o.Clusters)), make([]*doctor.Clock, len(o.Clusters))
	var read tree
	together(
		func() { f.Kubeconfigs = o.kubeconfigs(ctx) },
		func() { read = declared.tree(ctx, o, of) },
		func() {
			each(len(o.Clusters), func(i int) { inside[i], ticks[i] = o.cluster(ctx, o.Clusters[i]) })
		},
	)
	for i, c := range o.Clusters {
		f.Clusters[i] = inside[i].fact(c.Name, read)
		if ticks[i] != nil {
			ticks[i].Of = "cluster " + c.Name
			f.Clocks = append(f.Clocks, *ticks[i])
		}
	}
	sortClocks(f.Clocks)
	return f
}

// AroundGitHub finds out what GitHub lets a daemon do, and what it sent. Of the options, Now, Version, Timeout and those about GitHub are used.
func AroundGitHub(ctx context.Context, o Options) doctor.Facts {
	f := doctor.Facts{Now: o.Now(), Version: o.Version}
	o.gitHub(ctx, &f)
	return f
}

// Declared has what the releases of an accepted commit need, for as long as that commit is: to find out means to unpack all objects.
type Declared struct {
	mu   sync.Mutex
	of   *evaluate.Evaluation
	read tree
}

// tree returns what an evaluation declares, of each cluster that there is.
func (d *Declared) tree(ctx context.Context, o Options, of *evaluate.Evaluation) tree {
	if of == nil {
		return tree{needs: doctor.Unknown[map[string]needed]("no commit is accepted yet")}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of != of {
		read := unpack(ctx, o, of)
		if read.needs.Value == nil {
			return read
		}
		d.of, d.read = of, read
	}
	for _, c := range o.Clusters {
		if _, has := (*d.read.needs.Value)[c.Name]; !has {
			(*d.read.needs.Value)[c.Name] = needed{} // no release needs anything there
		}
	}
	return d.read
}

// unpack finds out what an evaluation declares.
func unpack(ctx context.Context, o Options, of *evaluate.Evaluation) tree {
	out := tree{declared: map[string]string{}}
	for name, c := range of.Catalog().Clusters {
		out.declared[name] = c.Spec.KubeVersion
	}
	out.needs = ask(ctx, rendering*o.Timeout, "what unpacks the releases", func(context.Context) doctor.Fact[map[string]needed] {
		side, err := of.Side()
		if err != nil {
			return doctor.Unknown[map[string]needed]("%v", err)
		}
		return doctor.Known(kindsOf(side))
	})
	return out
}
