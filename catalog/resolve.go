package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	defaultSize      = "mx.micro"
	defaultTimeout   = time.Hour
	defaultNamespace = "<project>-<environment>"
)

// placeholders are what the patterns of an environment may hold.
var placeholders = []string{"<project>", "<environment>", "<cluster>", "<identity>"}

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

// sizesOf gives the size classes of a cluster: its own win over the platform's, and those over the built-in.
func (l *linker) sizesOf(cluster string) map[string]v1alpha1.Size {
	if sizes, ok := l.sizes[cluster]; ok {
		return sizes
	}
	sizes := builtinSizes()
	maps.Copy(sizes, l.catalog.Platform.Spec.Sizes)
	maps.Copy(sizes, l.catalog.Clusters[cluster].Spec.Sizes)
	l.sizes[cluster] = sizes
	return sizes
}

// release resolves everything of a project that an environment and a cluster decide.
func (l *linker) release(doc *v1alpha1.Document, p *v1alpha1.Project, id ReleaseID) {
	env := l.catalog.Environments[id.Environment]
	expand := strings.NewReplacer("<project>", id.Project, "<environment>", id.Environment, "<cluster>", id.Cluster)
	r := Release{
		ID: id, Platform: l.catalog.Platform.Metadata.Name, Owner: p.Spec.Owner, Dir: path.Dir(doc.File),
		Namespace: expand.Replace(cmp.Or(env.Spec.Namespace, defaultNamespace)),
	}
	l.checkNamespace(r.Namespace, doc, id)
	accounts := map[string]bool{id.Project: true}
	for i, w := range p.Spec.Workloads {
		resolved, excluded := l.resolveWorkload(doc, p, w, i, id)
		if excluded {
			continue
		}
		accounts[resolved.Identity] = true
		r.Workloads = append(r.Workloads, resolved)
	}
	for _, name := range sortedKeys(accounts) {
		account := Account{Name: name}
		for k, pattern := range env.Spec.Identity {
			if account.Annotations == nil {
				account.Annotations = map[string]string{}
			}
			account.Annotations[k] = expand.Replace(strings.ReplaceAll(pattern, "<identity>", name))
		}
		r.Accounts = append(r.Accounts, account)
	}
	l.catalog.Releases = append(l.catalog.Releases, r)
}

func (l *linker) checkNamespace(ns string, doc *v1alpha1.Document, id ReleaseID) {
	envDoc := l.docs[docKey{v1alpha1.KindEnvironment, id.Environment}]
	switch {
	case placeholder.MatchString(ns): // reported with the environment
	case len(validation.IsDNS1123Label(ns)) > 0:
		l.at(doc, []any{"metadata", "name"}, fmt.Sprintf("the namespace %q of %s is not a valid name: at most %d characters, "+
			"lower-case letters, digits and dashes", ns, id, validation.DNS1123LabelMaxLength),
			fmt.Sprintf("shorten the name, or change spec.namespace in %s", envDoc.File))
	case ns == SystemNamespace || ns == "default" || strings.HasPrefix(ns, "kube-"):
		l.at(doc, []any{"metadata", "name"}, fmt.Sprintf("the namespace %q of %s is reserved", ns, id), "")
	}
}

// resolveWorkload fills a workload for one environment: the environment's override of the workload wins, then
// the workload, then the environment's override of the project, then the defaults from near to far.
func (l *linker) resolveWorkload(doc *v1alpha1.Document, p *v1alpha1.Project, w v1alpha1.Workload, i int, id ReleaseID) (Workload, bool) {
	env := l.catalog.Environments[id.Environment].Spec.Defaults
	platform := l.catalog.Platform.Spec.Defaults
	over := p.Spec.Environments[id.Environment]
	mine := over.Workloads[w.Name]
	out := Workload{
		Name: w.Name, Blueprint: l.catalog.Blueprints[w.Blueprint],
		Command: w.Command, Files: w.Files, TimeZone: w.TimeZone, Retries: first(mine.Retries, w.Retries),
		Image:     cmp.Or(mine.Image, w.Image, over.Image, p.Spec.Image),
		Env:       merge(w.Env, mine.Env),
		Secrets:   merge(w.Secrets, mine.Secrets),
		Identity:  cmp.Or(mine.Identity, w.Identity, id.Project),
		Suspend:   *first(mine.Suspend, &w.Suspend),
		Lifecycle: cmp.Or(mine.Lifecycle, w.Lifecycle, env.Lifecycle, platform.Lifecycle, v1alpha1.OnDemand),
		Schedule:  cmp.Or(mine.Schedule, w.Schedule),
		Timeout:   cmp.Or(time.Duration(mine.Timeout), time.Duration(w.Timeout), time.Duration(env.Timeout), time.Duration(platform.Timeout), defaultTimeout),
		Params:    merge(merge(merge(platform.Params[w.Blueprint], env.Params[w.Blueprint]), w.Params), mine.Params),
		Position:  doc.Position("spec", "workloads", i),
	}
	out.Size = l.size(id, []sizeChoice{
		{mine.Size, doc, []any{"spec", "environments", id.Environment, "workloads", w.Name, "size"}},
		{over.Size, doc, []any{"spec", "environments", id.Environment, "size"}},
		{w.Size, doc, []any{"spec", "workloads", i, "size"}},
		{env.Size, l.docs[docKey{v1alpha1.KindEnvironment, id.Environment}], []any{"spec", "defaults", "size"}},
		{platform.Size, l.docs[docKey{v1alpha1.KindPlatform, l.catalog.Platform.Metadata.Name}], []any{"spec", "defaults", "size"}},
	})
	reads := make(map[string]string, len(w.Reads))
	for role, read := range w.Reads {
		reads[role] = read.Dataset
	}
	out.Reads = l.datasetRefs(doc, p, reads, id, "spec", "workloads", i, "reads")
	out.Writes = l.datasetRefs(doc, p, w.Writes, id, "spec", "workloads", i, "writes")
	return out, *first(mine.Exclude, &w.Exclude)
}

// first gives the first pointer that points to something, or nil.
func first[T any](pointers ...*T) *T {
	for _, p := range pointers {
		if p != nil {
			return p
		}
	}
	return nil
}

// sizeChoice is a place that may name the size of a workload.
type sizeChoice struct {
	name string
	doc  *v1alpha1.Document
	at   []any
}

// size looks up the first size that is named. One that the cluster lacks is reported where it is named.
func (l *linker) size(id ReleaseID, choices []sizeChoice) v1alpha1.Size {
	sizes := l.sizesOf(id.Cluster)
	for _, c := range choices {
		if c.name == "" {
			continue
		}
		size, ok := sizes[c.name]
		if !ok {
			l.at(c.doc, c.at, fmt.Sprintf("there is no size %q on cluster %q", c.name, id.Cluster), suggest(l, c.name, sizes))
		}
		return size
	}
	return sizes[defaultSize]
}

// datasetRefs gives the places of datasets in an environment. References that do not resolve were reported
// when the graph was built.
func (l *linker) datasetRefs(doc *v1alpha1.Document, p *v1alpha1.Project, refs map[string]string, id ReleaseID, at ...any) map[string]DatasetRef {
	if len(refs) == 0 {
		return nil
	}
	out := map[string]DatasetRef{}
	for _, role := range sortedKeys(refs) {
		name, version, _ := strings.Cut(refs[role], "@")
		owner, rest, ok := strings.Cut(name, "/")
		if !ok {
			owner, rest = p.Metadata.Name, name
		}
		d, ok := l.datasets[datasetID(owner, rest, version)]
		if !ok || owner != p.Metadata.Name && at[len(at)-1] == "writes" {
			continue
		}
		where := append(append([]any{}, at...), role)
		if _, deployed := l.catalog.Projects[owner].Spec.Environments[id.Environment]; !deployed {
			l.at(doc, where, fmt.Sprintf("%s is read in environment %q, but its project %q is not deployed there",
				refs[role], id.Environment, owner), "add the environment to that project, or take it out of this one")
			continue
		}
		if uri, ok := l.locate(d, id.Environment); ok {
			out[role] = DatasetRef{ID: datasetID(owner, rest, version), URI: uri}
		}
	}
	return out
}

// locate finds the place of a dataset in an environment. A store that the environment lacks is reported once,
// at the dataset.
func (l *linker) locate(d dataset, env string) (string, bool) {
	store, rest, ok := splitPath(d.spec.Path)
	if !ok {
		return "", false // reported with the dataset
	}
	stores := l.catalog.Environments[env].Spec.Stores
	base, ok := stores[store]
	if ok {
		return strings.TrimSuffix(base, "/") + "/" + rest, true
	}
	doc := l.docs[docKey{v1alpha1.KindProject, d.project}]
	missing := [2]string{datasetID(d.project, d.spec.Name, d.spec.Version), env}
	if !l.missingStores[missing] {
		l.missingStores[missing] = true
		l.at(doc, []any{"spec", "datasets", d.index, "path"},
			fmt.Sprintf("the environment %q has no store %q", env, store), suggest(l, store, stores))
	}
	return "", false
}

// merge gives base with what over says instead; nil when both are empty.
func merge[V any](base, over map[string]V) map[string]V {
	if len(base)+len(over) == 0 {
		return nil
	}
	out := make(map[string]V, len(base)+len(over))
	maps.Copy(out, base)
	maps.Copy(out, over)
	return out
}
