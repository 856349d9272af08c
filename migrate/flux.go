// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	fluxGroup      = "toolkit.fluxcd.io"
	kustomizeGroup = "kustomize." + fluxGroup
	helmGroup      = "helm." + fluxGroup
	sourceGroup    = "source." + fluxGroup
	imageGroup     = "image." + fluxGroup
)

// Flux takes over what Flux applies: each folder that a cluster is bootstrapped with becomes an environment, each
// Kustomization and HelmRelease a workload.
func Flux(ctx context.Context, in Input) (Result, error) {
	m := newMigration(ctx, in)
	docs, err := m.scan(fluxGroup)
	if err != nil {
		return Result{}, err
	}
	roots := fluxRoots(docs)
	if len(roots) == 0 {
		return Result{}, m.nothing("Kustomization of " + kustomizeGroup)
	}
	visited := map[string]bool{}
	for _, r := range roots {
		name := environmentOf(r.dir)
		f := &flux{
			migration: m, env: m.environment(name, name), repository: r.repository, visited: visited,
			objects: map[string]Object{}, seen: map[string]bool{}, used: map[string]bool{},
		}
		if err := f.root(r); err != nil {
			return Result{}, err
		}
	}
	for _, d := range docs {
		if applies(d.Object) && !visited[d.GetKind()+"/"+d.GetName()] {
			m.note(d.Object, "", "nothing that is bootstrapped applies it", "name its file in a kustomization, or delete it")
		}
	}
	return m.result()
}

// applies reports whether an object makes Flux apply something.
func applies(o Object) bool {
	return group(o) == kustomizeGroup && o.GetKind() == "Kustomization" || group(o) == helmGroup && o.GetKind() == "HelmRelease"
}

// fluxRoot is a folder that a cluster is bootstrapped with.
type fluxRoot struct {
	dir string
	// repository is the source that it comes from, which is this one; empty if it does not say.
	repository string
	of         Object
	// self reports whether the folder has the Kustomization that applies it.
	self bool
}

// fluxRoots finds the folders that apply themselves, as "flux bootstrap" makes them, or else the folders with Kustomizations
// that are in no folder of another Kustomization.
func fluxRoots(docs []document) (out []fluxRoot) {
	var others []fluxRoot
	dirs := map[string]bool{}
	// bootstrapped are the sources that "flux bootstrap" has written: with the path ".", others seem to apply themselves.
	bootstrapped := map[string]bool{}
	for _, d := range docs {
		if path.Base(d.Source) == "gotk-sync.yaml" && d.GetKind() == "Kustomization" {
			bootstrapped[sourceKey(d.Object, table(d.Object.Object, "spec", "sourceRef"))] = true
		}
	}
	var applied []string
	for _, d := range docs {
		if d.GetKind() != "Kustomization" || group(d.Object) != kustomizeGroup {
			continue
		}
		dir, ok := inTree(text(d.Object.Object, "spec", "path"))
		if !ok {
			continue
		}
		r := fluxRoot{dir, sourceKey(d.Object, table(d.Object.Object, "spec", "sourceRef")), d.Object, false}
		if below(d.Source, dir) && text(d.Object.Object, "spec", "sourceRef", "kind") == "GitRepository" && (len(bootstrapped) == 0 || bootstrapped[r.repository]) {
			if r.self = true; !dirs[dir] {
				out = append(out, r)
			}
			dirs[dir] = true
			continue
		}
		applied = append(applied, dir)
		r.dir = path.Dir(d.Source)
		others = append(others, r)
	}
	for _, r := range others {
		inOther := slices.ContainsFunc(applied, func(dir string) bool { return below(r.of.Source, dir) })
		inRoot := slices.ContainsFunc(out, func(o fluxRoot) bool { return below(r.of.Source, o.dir) })
		if !inOther && !inRoot {
			out = append(out, r)
		}
	}
	return out
}

// below reports whether a file is in a folder or below it.
func below(file, dir string) bool { return dir == "." || strings.HasPrefix(file, dir+"/") }

// environmentOf names an environment after a folder, as in clusters/production.
func environmentOf(dir string) string {
	parts := strings.Split(dir, "/")
	for i, part := range parts {
		if slices.Contains([]string{"clusters", "cluster", "environments", "envs", "overlays"}, part) && i+1 < len(parts) {
			return label(strings.Join(parts[i+1:], "-"))
		}
	}
	if name := label(path.Base(dir)); name != "" {
		return name
	}
	return "main"
}

// flux is what is taken over of one cluster.
type flux struct {
	*migration

	env *environment
	// repository is the source that is this repository.
	repository string
	// objects are those of Flux, and ConfigMaps, by [key].
	objects map[string]Object
	// seen are the Kustomizations of this cluster by key, and visited what is applied to any cluster, by kind and name.
	seen, visited map[string]bool
	releases      []release
	builds        []build
	// home is the namespace of Flux's own objects, and used are the ConfigMaps that they take values from, by key.
	home string
	used map[string]bool
}

// release is a HelmRelease, and the Kustomizations that apply it.
type release struct {
	Object

	by applied
}

// applied says by what an object is applied: the keys of the Kustomizations, what they wait for, and whether one of
// them is suspended.
type applied struct {
	keys, needs []string
	suspended   bool
}

func key(o Object) string { return o.GetKind() + "/" + o.GetNamespace() + "/" + o.GetName() }

// sourceKey is the key of what a reference names.
func sourceKey(o Object, ref map[string]any) string {
	if ref == nil {
		return ""
	}
	ns := text(ref, "namespace")
	if ns == "" {
		ns = o.GetNamespace()
	}
	return text(ref, "kind") + "/" + ns + "/" + text(ref, "name")
}

func (f *flux) visit(o Object) { f.visited[o.GetKind()+"/"+o.GetName()] = true }

// root takes over the folder of a cluster.
func (f *flux) root(r fluxRoot) error {
	o, err := f.folder(r.dir)
	if err != nil {
		f.note(r.of, "spec.path", err.Error(), "")
		return nil
	}
	f.seen[key(r.of)] = r.self
	f.visit(r.of)
	if r.self {
		f.check(r.of, kustomizationFields)
		f.dress(r.of, table(r.of.Object, "spec"), r.dir, o)
	}
	f.home = r.of.GetNamespace()
	if err := f.objectsOf(r.of, o, applied{}, "cluster"); err != nil {
		return err
	}
	for _, rel := range f.releases {
		f.helmRelease(rel)
	}
	for _, b := range f.builds {
		f.units(b)
	}
	f.imagePolicies()
	return f.ctx.Err()
}

// objectsOf builds an overlay, takes over what is Flux's own in it, and makes units of the rest.
func (f *flux) objectsOf(of Object, o *overlay, by applied, name string) error {
	objects, err := f.built(of, o)
	if err != nil {
		if f.ctx.Err() != nil {
			return f.ctx.Err()
		}
		f.note(of, "spec.path", "it does not build: "+err.Error(), "fix it, and run this again")
		return nil
	}
	f.env.defined(objects)
	b := build{of: of, overlay: o, by: by, name: name}
	var kustomizations []Object
	for _, object := range objects {
		switch g := group(object); {
		case strings.HasSuffix(g, fluxGroup):
			b.drop(object, target{Group: g, Kind: object.GetKind()})
			f.objects[key(object)] = object
			switch object.GetKind() {
			case "Kustomization":
				kustomizations = append(kustomizations, object)
			case "HelmRelease":
				f.visit(object)
				f.releases = append(f.releases, release{object, by})
			default:
				f.source(object)
			}
		case object.GetLabels()["app.kubernetes.io/part-of"] == "flux":
			b.drop(object, target{Kind: object.GetKind(), Name: object.GetName(), Group: g}) // Flux itself
		case g == "" && object.GetKind() == "Namespace":
			b.drop(object, target{Kind: "Namespace"})
			f.noteNamespace(f.env, object)
		default:
			if object.GetKind() == "ConfigMap" {
				f.objects[key(object)] = object
			}
			b.rest = append(b.rest, object)
		}
	}
	f.builds = append(f.builds, b)
	for _, k := range kustomizations {
		if err := f.kustomization(k, by); err != nil {
			return err
		}
	}
	return nil
}

// build is what an overlay makes, apart from what is not rendered.
type build struct {
	of      Object
	overlay *overlay
	by      applied
	name    string
	rest    []Object
	dropped []dropped
}

// dropped is an object that is not rendered, and what selects it.
type dropped struct {
	Object

	by target
}

func (b *build) drop(o Object, by target) { b.dropped = append(b.dropped, dropped{o, by}) }

// units makes a unit of each namespace that the objects of a build are in. ConfigMaps that are there for Flux alone, whose
// values are in params now, are left out.
func (f *flux) units(b build) {
	b.rest = slices.DeleteFunc(b.rest, func(o Object) bool {
		forFlux := o.GetKind() == "ConfigMap" && o.GetNamespace() == f.home && f.used[key(o)]
		if forFlux {
			b.drop(o, target{Kind: "ConfigMap", Name: o.GetName()})
		}
		return forFlux
	})
	u := &unit{of: b.of, name: b.name, env: f.env, keys: b.by.keys, needs: b.by.needs, suspended: b.by.suspended, overlay: b.overlay}
	f.split(u, b.rest, b.dropped)
}

// split adds a unit for each namespace that the objects of one are in. What belongs to the whole cluster goes with the
// namespace that has the most.
func (m *migration) split(u *unit, objects []Object, dropped []dropped) {
	byNamespace := map[string][]Object{}
	var without []Object
	for _, object := range objects {
		if ns := object.GetNamespace(); ns != "" {
			byNamespace[ns] = append(byNamespace[ns], object)
		} else {
			without = append(without, object)
		}
	}
	if len(objects) == 0 {
		return
	}
	always := u.overlay.without(objects, dropped)
	namespaces := slices.SortedFunc(maps.Keys(byNamespace), func(a, b string) int {
		if d := len(byNamespace[b]) - len(byNamespace[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	if u.namespace != "" && byNamespace[u.namespace] == nil || len(namespaces) == 0 {
		ns := u.namespace
		if ns == "" {
			ns = "default"
		}
		namespaces = append([]string{ns}, namespaces...)
	}
	if len(without) == 0 && len(byNamespace[namespaces[0]]) == 0 {
		namespaces = namespaces[1:]
	}
	for i, ns := range namespaces {
		part := *u
		part.namespace = ns
		own := *u.overlay
		part.overlay = &own
		drops := maps.Clone(always)
		for _, other := range namespaces {
			if other != ns && len(byNamespace[other]) > 0 {
				drops[target{Namespace: other}] = true
			}
		}
		mine := byNamespace[ns]
		if i == 0 {
			mine = append(slices.Clone(mine), without...)
		} else {
			for _, object := range without {
				drops[target{Group: group(object), Kind: object.GetKind(), Name: object.GetName()}] = true
			}
		}
		own.drops = slices.SortedFunc(maps.Keys(drops), func(a, b target) int {
			return strings.Compare(a.Namespace+"/"+a.Kind+"/"+a.Name+"/"+a.Group, b.Namespace+"/"+b.Kind+"/"+b.Name+"/"+b.Group)
		})
		m.add(&part, mine)
	}
}

// noteNamespace remembers what a namespace allows its pods, and notes what else it says.
func (m *migration) noteNamespace(e *environment, o Object) {
	for _, name := range slices.Sorted(maps.Keys(o.GetLabels())) {
		switch {
		case name == "pod-security.kubernetes.io/enforce":
			e.levels[o.GetName()] = o.GetLabels()[name]
		case strings.HasPrefix(name, "pod-security.kubernetes.io/"), strings.HasPrefix(name, fluxLabel), name == "kubernetes.io/metadata.name", name == "name":
		default:
			m.note(o, "metadata.labels", fmt.Sprintf("Trunkline creates namespaces, without the label %s", name),
				"set it with kubectl, which Trunkline leaves in place, or by an object of another controller")
		}
	}
}

const fluxLabel = "toolkit.fluxcd.io/"
