// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/boundary"
	"trunkline.dev/trunkline/api/spark"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	defaultSize      = "mx.micro"
	defaultTimeout   = time.Hour
	defaultNamespace = "<project>-<environment>"
)

// placeholderIdentity stands for the name of a service account in its annotations.
const placeholderIdentity = "<identity>"

// placeholders are what the patterns of an environment may hold.
var placeholders = []string{"<project>", "<environment>", "<cluster>"}

// SystemNamespace holds Trunkline's own objects on every cluster: the parents of the releases' ApplySets.
const SystemNamespace = "trunkline-system"

// builtinSizes are the size classes that every platform starts with: mx balances memory and cores (4 GiB a
// core), cx is for compute (2 GiB) and rx for memory (8 GiB).
func builtinSizes() map[string]v1alpha1.Size {
	sizes := map[string]v1alpha1.Size{}
	for _, class := range []struct {
		name       string
		millicores int
	}{
		{"nano", 125},
		{"micro", 250},
		{"small", 500},
		{"medium", 1000},
		{"large", 2000},
		{"xlarge", 4000},
		{"2xlarge", 8000},
		{"4xlarge", 16000},
	} {
		for family, mebibytesPerCore := range map[string]int{"mx": 4096, "cx": 2048, "rx": 8192} {
			sizes[family+"."+class.name] = v1alpha1.Size{
				CPU:    v1alpha1.Quantity(fmt.Sprintf("%dm", class.millicores)),
				Memory: v1alpha1.Quantity(fmt.Sprintf("%dMi", mebibytesPerCore*class.millicores/1000)),
			}
		}
	}
	return sizes
}

// Releases returns the releases to make, in the order of their ids. Each is resolved when it is asked for.
func (c *Catalog) Releases() iter.Seq[Release] {
	return func(yield func(Release) bool) {
		for p := range c.Projects() {
			for _, id := range c.ReleasesOf(p) {
				if !yield(c.Release(p, id)) {
					return
				}
			}
		}
	}
}

// ReleasesOf lists the releases of a project, in the order of their ids.
func (c *Catalog) ReleasesOf(p *Project) []ReleaseID {
	var ids []ReleaseID
	for env := range p.Spec.Environments {
		for _, cluster := range c.PlacesOf(p, env) {
			ids = append(ids, ReleaseID{Project: p.Name, Environment: env, Cluster: cluster})
		}
	}
	slices.SortFunc(ids, ReleaseID.Compare)
	return ids
}

// Release resolves everything of a project that an environment and a cluster decide. The id is one of
// [Catalog.ReleasesOf].
func (c *Catalog) Release(p *Project, id ReleaseID) Release {
	env := &c.Environments[id.Environment].Spec
	r := Release{
		ID: id, Platform: c.Name(), Owner: p.Spec.Owner, Suspended: p.Suspended(id.Environment), Dir: p.Dir(), Root: c.rootOf(p.Document.File),
		Namespace: c.namespaceOf(id), Allowed: allowed(c.Environments[id.Environment], id.Project),
	}
	r.PodSecurity = cmp.Or(p.Spec.Environments[id.Environment].PodSecurity, env.PodSecurity.Level)
	r.Kubernetes, _ = c.KubernetesOf(id.Cluster)
	r.GeneratedSecrets, r.Packages = p.generatedSecrets(), c.packagesOf(p, nil)
	r.Dags = c.dags(p, id)
	r.Cloud, r.Data = c.cloud(p, id), c.data(p, id)
	accounts := map[string]bool{id.Project: true}
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if p.Excludes(id.Environment, w.Name) || !c.IsOn(p, w.Name, id) {
			continue
		}
		resolved := c.workload(p, w, id)
		accounts[resolved.Identity] = true
		if resolved.Airflow != nil {
			r.GeneratedSecrets = append(r.GeneratedSecrets, airflowSecret(resolved.Name))
		}
		r.Workloads = append(r.Workloads, resolved)
	}
	for _, name := range sortedKeys(accounts) {
		account := Account{Name: name}
		for key, pattern := range env.Identity {
			if account.Annotations == nil {
				account.Annotations = map[string]string{}
			}
			account.Annotations[key] = id.expand(strings.ReplaceAll(pattern, placeholderIdentity, name))
		}
		r.Accounts = append(r.Accounts, account)
	}
	return r
}

// KubernetesOf returns what charts are told about a cluster; false if it is not declared.
func (c *Catalog) KubernetesOf(cluster string) (Kubernetes, bool) {
	declared := c.Clusters[cluster]
	if declared == nil {
		return Kubernetes{}, false
	}
	return Kubernetes{declared.Spec.KubeVersion, declared.Spec.APIVersions}, true
}

// workload fills a workload for one environment: the environment's override of the workload wins, then the
// workload, then the environment's override of the project, then the defaults from near to far. Of sizes, the
// override of the project wins over the workload.
func (c *Catalog) workload(p *Project, w *v1alpha1.Workload, id ReleaseID) Workload {
	env, platform := &c.Environments[id.Environment].Spec.Defaults, &c.Platform.Spec.Defaults
	over := p.Spec.Environments[id.Environment]
	mine := over.Workloads[w.Name]
	out := Workload{
		Name: w.Name, Blueprint: c.Blueprints[w.Blueprint],
		Command: c.command(w), Files: w.Files, TimeZone: w.TimeZone, Retries: first(mine.Retries, w.Retries),
		Image:     cmp.Or(c.BaseImageOf(p, w, id.Environment), cmp.Or(mine.Image, w.Image, over.Image, p.Spec.Image).Reference()),
		Build:     p.BuildOf(w),
		Env:       merge(w.Env, mine.Env),
		Secrets:   merge(w.Secrets, mine.Secrets),
		Identity:  p.IdentityOf(w, id.Environment),
		Suspend:   p.Suspends(w, id.Environment) || c.startsElsewhere(p, w, id),
		Lots:      c.runsPerLot(p, w, id.Environment),
		Lifecycle: cmp.Or(mine.Lifecycle, w.Lifecycle, env.Lifecycle, platform.Lifecycle, v1alpha1.OnDemand),
		Schedule:  cmp.Or(mine.Schedule, w.Schedule),
		Timeout:   c.TimeoutOf(p, w, id.Environment),
		Params:    c.paramsIn(p, w, id.Environment),
		Size:      c.sizeOf(p, w, id),
		Reads:     c.refs(p, w, id.Environment, Reads),
		Writes:    c.refs(p, w, id.Environment, Writes),
	}
	if declared := c.Clusters[id.Cluster]; declared != nil && out.Lifecycle == v1alpha1.Spot {
		out.Spot = declared.Spec.Spot
	}
	out.SecretStores = c.secretStores(&out, id)
	for _, store := range out.SecretStores {
		if store.Resolve == v1alpha1.ByEntrypoint {
			out.LotImage = c.Environments[id.Environment].Spec.LotImage
		}
	}
	out.Packages = c.packagesOf(p, w)
	out.Spark = c.sparkOf(p, w, id, out.Size)
	out.Airflow = c.airflow(w, id)
	if out.Lots {
		out.Replays = p.replaysOf(w)
	}
	return out
}

// command is what a workload runs: its own, or that of its blueprint.
func (c *Catalog) command(w *v1alpha1.Workload) []string {
	if bp := c.Blueprints[w.Blueprint]; bp != nil && w.Command == nil {
		return bp.Spec.Command
	}
	return w.Command
}

// runsPerLot reports whether a workload runs once for each lot of what it writes in an environment. One that runs by the clock writes its
// lots by itself, a boundary does not run at all, and a stream never ends. A preview has the templates, and nobody makes runs of them: a program that is written for
// one lot does nothing good without one.
func (c *Catalog) runsPerLot(p *Project, w *v1alpha1.Workload, env string) bool {
	if cmp.Or(p.Spec.Environments[env].Workloads[w.Name].Schedule, w.Schedule) != "" || w.Blueprint == boundary.Blueprint || w.Blueprint == spark.Stream && c.Blueprints[w.Blueprint].sparks() {
		return false
	}
	for _, ref := range c.refs(p, w, env, Writes) {
		if _, ok := c.Manifests(ref.ID, env, Writes); ok {
			return true
		}
	}
	return false
}

// TimeoutOf bounds the runs of a workload in an environment.
func (c *Catalog) TimeoutOf(p *Project, w *v1alpha1.Workload, env string) time.Duration {
	return cmp.Or(time.Duration(p.Spec.Environments[env].Workloads[w.Name].Timeout), time.Duration(w.Timeout), time.Duration(c.Environments[env].Spec.Defaults.Timeout),
		time.Duration(c.Platform.Spec.Defaults.Timeout), defaultTimeout)
}

// TypicalDurationOf is how long a run of a workload usually lasts in an environment; 0 if nobody says.
func (p *Project) TypicalDurationOf(w *v1alpha1.Workload, env string) time.Duration {
	return cmp.Or(time.Duration(p.Spec.Environments[env].Workloads[w.Name].TypicalDuration), time.Duration(w.TypicalDuration))
}

// IdentityOf returns the name of the service account that a workload runs as in an environment.
func (p *Project) IdentityOf(w *v1alpha1.Workload, env string) string {
	return cmp.Or(p.Spec.Environments[env].Workloads[w.Name].Identity, w.Identity, p.Name)
}

// Suspended reports whether the project's releases are left as they are in an environment.
func (p *Project) Suspended(env string) bool {
	return *first(p.Spec.Environments[env].Suspend, &p.Spec.Suspend)
}

// Suspends reports whether a workload is kept from starting in an environment.
func (p *Project) Suspends(w *v1alpha1.Workload, env string) bool {
	return *first(p.Spec.Environments[env].Workloads[w.Name].Suspend, &w.Suspend)
}

// first returns the first pointer that points to something, or nil.
func first[T any](pointers ...*T) *T {
	for _, p := range pointers {
		if p != nil {
			return p
		}
	}
	return nil
}

// refs returns the places of the datasets that a workload reads or writes in an environment, by role. What does not
// resolve was reported, and is left out.
func (c *Catalog) refs(p *Project, w *v1alpha1.Workload, env string, kind EdgeKind) map[string]DatasetRef {
	out := map[string]DatasetRef{}
	me := workloadID(p.Name, w.Name)
	for _, e := range p.edges {
		if e.Kind != kind || e.declarer() != me {
			continue
		}
		id := e.From
		if kind == Writes {
			id = e.To
		}
		if uri, ok := c.locate(id, env, kind); ok {
			out[e.Role] = DatasetRef{ID: id, URI: uri}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// locate finds the place where a dataset is read or written in an environment. Only in a preview these can be two.
func (c *Catalog) locate(dataset, env string, kind EdgeKind) (uri string, ok bool) {
	if c.IsPreview(env) {
		return c.preview.place(dataset, kind)
	}
	p, d, ok := c.Dataset(dataset)
	e, known := c.Environments[env]
	if !ok || !known {
		return "", false
	}
	if _, deployed := p.Spec.Environments[env]; !deployed {
		return "", false
	}
	store, rest, ok := splitPath(d.Path)
	base, has := e.Spec.Stores[store]
	return under(base, rest), ok && has
}

// merge returns base with what over says instead; nil when both are empty.
func merge[V any](base, over map[string]V) map[string]V {
	switch {
	case len(base)+len(over) == 0:
		return nil
	case len(over) == 0:
		return base
	case len(base) == 0:
		return over
	}
	out := make(map[string]V, len(base)+len(over))
	maps.Copy(out, base)
	maps.Copy(out, over)
	return out
}
