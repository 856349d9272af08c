// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/sealed"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/secrets"
)

const (
	// rendering is how many timeouts may go by until all is rendered.
	rendering = 4
	// deepest and most bound the search for a platform that is elsewhere in the repository.
	deepest, most = 4, 5000
	// problems is how many are told of.
	problems = 5
)

// tree is what is known of what a folder declares.
type tree struct {
	platform  doctor.Fact[doctor.Platform]
	artifacts doctor.Fact[[]doctor.Artifact]
	sealed    doctor.Fact[doctor.Sealed]
	// needs are the kinds that releases have, by cluster, and declared the versions of Kubernetes that clusters are to have.
	needs    doctor.Fact[map[string]needed]
	declared map[string]string
	// included are the repositories that the platform includes.
	included []v1alpha1.IncludedRepository
}

// needed are the kinds that the releases of a cluster have.
type needed struct {
	// kinds are the first releases that have them, and own those that releases define themselves.
	kinds      map[kind]string
	own        map[schema.GroupKind]bool
	unrendered int
	wants      wants
}

type kind struct{ version, name string }

func (k kind) group() string {
	group, _, grouped := strings.Cut(k.version, "/")
	if !grouped {
		return ""
	}
	return group
}

// loaded is a catalog, and the platform as facts have it.
type loaded struct {
	cat  *catalog.Catalog
	tree fs.FS
	said doctor.Platform
}

// tree reads the declarations, and renders them.
func (o Options) tree(ctx context.Context) (out tree) {
	none := func(why string) tree {
		return tree{
			platform: out.platform, artifacts: doctor.Unknown[[]doctor.Artifact]("%s", why), sealed: doctor.Unknown[doctor.Sealed]("%s", why),
			needs: doctor.Unknown[map[string]needed]("%s", why),
		}
	}
	read := ask(ctx, o.Timeout, "the disk of "+o.From, o.load)
	if read.Value == nil {
		out.platform = doctor.Fact[doctor.Platform]{Unknown: read.Unknown, Silent: read.Silent}
		return none(read.Unknown)
	}
	out.platform = doctor.Known(read.Value.said)
	if read.Value.said.Name == "" {
		return none("there is no platform")
	}
	out.declared, out.included = map[string]string{}, read.Value.cat.Sources()
	for name, c := range read.Value.cat.Clusters {
		out.declared[name] = c.Spec.KubeVersion
	}
	var refused v1alpha1.Problems
	together(
		func() { out.artifacts = o.artifacts(ctx, read.Value.cat) },
		func() { out.sealed, out.needs, refused = o.rendered(ctx, *read.Value) },
	)
	if refused != nil {
		noteProblems(out.platform.Value, refused)
	}
	return out
}

// noteProblems has a platform have these problems: how many, and the first of the worst.
func noteProblems(said *doctor.Platform, found v1alpha1.Problems) {
	said.Errors, said.Warnings, said.Found = 0, 0, nil
	for _, p := range found {
		if p.Severity == v1alpha1.Deny {
			said.Errors++
		} else {
			said.Warnings++
		}
	}
	for _, p := range found {
		if (p.Severity == v1alpha1.Deny) == (said.Errors > 0) && len(said.Found) < problems {
			said.Found = append(said.Found, fmt.Sprintf("%s: %s", p.Position, p.Message))
		}
	}
}

func (o Options) load(context.Context) doctor.Fact[loaded] {
	tree, err := git.OpenDir(o.From)
	if err != nil {
		return doctor.Unknown[loaded]("%v", err)
	}
	if _, err := fs.Stat(tree, catalog.PlatformFile); err != nil {
		return doctor.Known(loaded{tree: tree, said: doctor.Platform{Elsewhere: elsewhere(o.From)}})
	}
	cat, found, err := catalog.Load(tree, blueprints.FS)
	if err != nil {
		return doctor.Unknown[loaded]("%v", err)
	}
	out := loaded{cat: cat, tree: tree, said: doctor.Platform{Name: "without a name", Projects: len(cat.ProjectNames())}}
	if cat.Platform != nil {
		out.said.Name = cat.Name()
	}
	noteProblems(&out.said, found)
	return doctor.Known(out)
}

// elsewhere finds the platforms in the other folders of a repository, as far as they are not hidden deep in it.
func elsewhere(folder string) (found []string) {
	where, err := git.Locate(folder)
	if err != nil {
		return nil
	}
	tree, err := git.OpenDir(where.Root)
	if err != nil {
		return nil
	}
	seen := 0
	_ = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if seen++; err != nil || seen > most {
			return fs.SkipAll
		}
		if d.IsDir() && (strings.Count(name, "/") >= deepest || strings.HasPrefix(d.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if d.Name() == catalog.PlatformFile {
			found = append(found, filepath.Join(where.Root, filepath.FromSlash(path.Dir(name))))
		}
		return nil
	})
	return found
}

// artifacts tries to have each blueprint that is fetched.
func (o Options) artifacts(ctx context.Context, cat *catalog.Catalog) doctor.Fact[[]doctor.Artifact] {
	var remote []*catalog.Blueprint
	for _, name := range slices.Sorted(maps.Keys(cat.Blueprints)) {
		if bp := cat.Blueprints[name]; bp.Remote() {
			remote = append(remote, bp)
		}
	}
	out := make([]doctor.Artifact, len(remote))
	if len(remote) == 0 {
		return doctor.Known(out)
	}
	store, err := o.Artifacts()
	if err != nil {
		return doctor.Unknown[[]doctor.Artifact]("%v", err)
	}
	each(len(remote), func(i int) {
		ref := remote[i].Ref()
		out[i] = doctor.Artifact{Blueprint: remote[i].Name, Source: ref.Source}
		if ref.Digest == "" {
			return
		}
		out[i].Locked = strings.TrimPrefix(ref.Tag+"@"+ref.Digest, "@")
		fact := ask(ctx, o.Timeout, "its server", func(ctx context.Context) doctor.Fact[string] {
			if _, err := store.Open(ctx, ref); err != nil {
				return doctor.Known(err.Error())
			}
			return doctor.Known("")
		})
		if out[i].Error = fact.Unknown; fact.Value != nil {
			out[i].Error = *fact.Value
		}
	})
	return doctor.Known(out)
}

// rendered renders all releases once, for what has to be known of their objects. It returns what is wrong with the declarations if a rule refuses them.
func (o Options) rendered(ctx context.Context, l loaded) (doctor.Fact[doctor.Sealed], doctor.Fact[map[string]needed], v1alpha1.Problems) {
	unknown := func(why string, refused v1alpha1.Problems) (doctor.Fact[doctor.Sealed], doctor.Fact[map[string]needed], v1alpha1.Problems) {
		return doctor.Unknown[doctor.Sealed]("%s", why), doctor.Unknown[map[string]needed]("%s", why), refused
	}
	if l.said.Errors > 0 {
		return unknown("the declarations have errors, and are not rendered", nil)
	}
	type judged struct {
		side    preview.Side
		refused v1alpha1.Problems
	}
	got := ask(ctx, rendering*o.Timeout, "what renders the releases", func(ctx context.Context) doctor.Fact[judged] {
		e, err := evaluate.Head(ctx, evaluate.Input{Tree: l.tree, Library: blueprints.FS, Renderer: o.Renderer, Now: o.Now()})
		if err != nil {
			return doctor.Unknown[judged]("%v", err)
		}
		if e.Denied() {
			return doctor.Known(judged{refused: e.Problems()})
		}
		side, err := e.Side()
		if err != nil {
			return doctor.Unknown[judged]("%v", err)
		}
		return doctor.Known(judged{side: side})
	})
	switch {
	case got.Value == nil:
		return unknown(got.Unknown, nil)
	case got.Value.refused != nil:
		return unknown("a rule refuses the declarations, and they are not rendered", got.Value.refused)
	}
	return o.sealed(ctx, got.Value.side), doctor.Known(kindsOf(got.Value.side)), nil
}

// sealed decrypts what is encrypted, and keeps nothing of it.
func (o Options) sealed(ctx context.Context, side preview.Side) doctor.Fact[doctor.Sealed] {
	keys, err := o.Keys()
	if err != nil {
		return doctor.Unknown[doctor.Sealed]("%v", err)
	}
	return ask(ctx, o.Timeout, "a key service", func(ctx context.Context) doctor.Fact[doctor.Sealed] {
		out := doctor.Sealed{Keys: len(keys.Age) + len(keys.Cloud)}
		for _, id := range slices.SortedFunc(maps.Keys(side.Releases), catalog.ReleaseID.Compare) {
			for _, object := range side.Releases[id].Objects {
				if !sealed.Secret(object.Object) || !sealed.Is(object.Object) {
					continue
				}
				if out.Count++; out.Keys == 0 {
					continue
				}
				if _, err := keys.Open(ctx, secrets.Release{Project: id.Project, Environment: id.Environment}, object); err != nil {
					out.Failed = append(out.Failed, doctor.SealedFile{File: "Secret " + object.GetName(), Release: id.String(), Error: err.Error()})
				}
			}
		}
		return doctor.Known(out)
	})
}

// kindsOf lists the kinds of objects that the releases of each cluster have.
func kindsOf(side preview.Side) map[string]needed {
	out := map[string]needed{}
	for _, id := range slices.SortedFunc(maps.Keys(side.Releases), catalog.ReleaseID.Compare) {
		n, there := out[id.Cluster]
		if !there {
			n = needed{kinds: map[kind]string{}, own: map[schema.GroupKind]bool{}, wants: newWants()}
		}
		if side.Releases[id].Err != nil {
			n.unrendered++
		}
		for _, object := range side.Releases[id].Objects {
			if object.GetKind() == "CustomResourceDefinition" {
				n.own[definedBy(object)] = true
			}
			n.wants.add(object, id.String())
			k := kind{object.GetAPIVersion(), object.GetKind()}
			if _, seen := n.kinds[k]; !seen {
				n.kinds[k] = id.String()
			}
		}
		out[id.Cluster] = n
	}
	return out
}

// definedBy is the group and the kind of a definition.
func definedBy(definition *unstructured.Unstructured) schema.GroupKind {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	name, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "kind")
	return schema.GroupKind{Group: group, Kind: name}
}

// missing are the kinds that an API server does not serve, and no release defines. Of groups that are silent nobody knows.
func (n needed) missing(served cluster.Served) (out []doctor.Kind) {
	for k, release := range n.kinds {
		if !slices.Contains(served.APIVersions, k.version+"/"+k.name) && !slices.Contains(served.Silent, k.group()) && !n.own[schema.GroupKind{Group: k.group(), Kind: k.name}] {
			out = append(out, doctor.Kind{APIVersion: k.version, Kind: k.name, Release: release})
		}
	}
	slices.SortFunc(out, func(a, b doctor.Kind) int { return strings.Compare(a.APIVersion+"/"+a.Kind, b.APIVersion+"/"+b.Kind) })
	return out
}
