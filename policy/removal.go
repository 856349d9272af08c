// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// lost are the declarations of the base that are not in the head, nor may be.
func lost(in Input) map[v1alpha1.Kind]map[string]*v1alpha1.Document {
	out := map[v1alpha1.Kind]map[string]*v1alpha1.Document{}
	for _, kind := range v1alpha1.Kinds() {
		out[kind] = map[string]*v1alpha1.Document{}
		for doc := range in.Base.Documents(kind) {
			if _, still := in.Catalog.Document(kind, doc.Name); !still && !in.Catalog.MayDeclare(kind, doc.Name) {
				out[kind][doc.Name] = doc
			}
		}
	}
	return out
}

// strays finds the declarations of the base that are still in the tree and do not count there, and takes them off those that are
// lost: what follows from it is not told again.
func strays(in Input, gone map[v1alpha1.Kind]map[string]*v1alpha1.Document) (problems v1alpha1.Problems) {
	for _, file := range in.Changed {
		if _, declares := in.Catalog.Text(file); declares {
			continue
		}
		info, err := fs.Lstat(in.Catalog.Tree(), file)
		if err != nil || !info.Mode().IsRegular() || info.Size() > v1alpha1.MaxFileBytes {
			continue
		}
		data, err := fs.ReadFile(in.Catalog.Tree(), file)
		if pointer := outside.Check("its file", data); err == nil && pointer != nil {
			problems = append(problems, storedElsewhere(gone, file, pointer)...)
			continue
		}
		if err != nil || !v1alpha1.Declares(data) {
			continue
		}
		found := v1alpha1.DecodeFile(file, data)
		for _, doc := range slices.Concat(found.Documents, found.Broken) {
			if gone[doc.Kind][doc.Name] == nil {
				continue
			}
			delete(gone[doc.Kind], doc.Name)
			p := v1alpha1.Problem{
				Rule: v1alpha1.RuleStray, Severity: v1alpha1.Deny, Position: doc.Position("metadata", "name"), Path: "metadata.name",
				Message: fmt.Sprintf("the %s %q does not count any more: %s", doc.Kind, doc.Name, whyStray(file)),
				Hint:    "delete it to remove what it declares",
			}
			if doc.Kind == v1alpha1.KindProject {
				p.About.Project = doc.Name
			}
			problems = append(problems, p)
		}
	}
	return problems
}

// storedElsewhere tells what was declared in a file that is a pointer now, and takes it off what is lost.
func storedElsewhere(gone map[v1alpha1.Kind]map[string]*v1alpha1.Document, file string, pointer error) (problems v1alpha1.Problems) {
	for _, kind := range v1alpha1.Kinds() {
		for _, name := range slices.Sorted(maps.Keys(gone[kind])) {
			if gone[kind][name].File != file {
				continue
			}
			delete(gone[kind], name)
			p := v1alpha1.Problem{
				Rule: v1alpha1.RuleStray, Severity: v1alpha1.Deny, Position: v1alpha1.Position{File: file},
				Message: fmt.Sprintf("the %s %q does not count any more: %v", kind, name, pointer),
			}
			if kind == v1alpha1.KindProject {
				p.About.Project = name
			}
			problems = append(problems, p)
		}
	}
	return problems
}

// whyStray says why what is declared in a file does not count.
func whyStray(file string) string {
	if ext := path.Ext(file); !slices.Contains([]string{".yaml", ".yml", ".json"}, ext) {
		return fmt.Sprintf("declarations are in files whose names end in .yaml, .yml or .json, and not in %q", ext)
	}
	for folder := range strings.SplitSeq(path.Dir(file), "/") {
		if strings.HasPrefix(folder, ".") && folder != "." {
			return fmt.Sprintf("the folder %q is not searched, as no folder is whose name begins with a dot", folder)
		}
	}
	return "the file is not in a folder of spec.roots of " + catalog.PlatformFile
}

// removals tells which releases a change deletes. What is denied for that is not told again.
func removals(in Input, names []string, gone map[v1alpha1.Kind]map[string]*v1alpha1.Document, denied v1alpha1.Problems) (problems v1alpha1.Problems) {
	told := map[string]bool{}
	for _, p := range denied {
		told[p.About.Project+"/"+p.About.Environment] = p.Rule == RuleProtected || told[p.About.Project+"/"+p.About.Environment]
	}
	left := map[[2]string]int{}       // environments that leave a cluster
	moved := map[[3]string][]string{} // projects of an environment that leave a cluster for others
	for _, name := range names {
		before, was := in.Base.Project(name)
		if !was {
			continue
		}
		after, is := in.Catalog.Project(name)
		if !is && gone[v1alpha1.KindProject][name] == nil {
			continue // it may be declared still, or that it is not is told already
		}
		var still []catalog.ReleaseID
		if is {
			still = in.Catalog.ReleasesOf(after)
		}
		byEnv := map[string][]string{}
		var envs []string
		for _, id := range in.Base.ReleasesOf(before) {
			switch {
			case slices.Contains(still, id) || told[name+"/"+id.Environment]:
				continue
			case is && after.Spec.Environments != nil && in.Catalog.MayDeclare(v1alpha1.KindEnvironment, id.Environment) && in.Catalog.Environments[id.Environment] == nil:
				continue
			}
			if to := in.Catalog.MovedTo(id); is && len(to) > 0 {
				key := [3]string{id.Environment, id.Cluster, clustersOf(to)}
				moved[key] = append(moved[key], name)
				continue
			}
			if is {
				if _, there := after.Spec.Environments[id.Environment]; there {
					left[[2]string{id.Environment, id.Cluster}]++
					continue
				}
			}
			if byEnv[id.Environment] == nil {
				envs = append(envs, id.Environment)
			}
			byEnv[id.Environment] = append(byEnv[id.Environment], id.String())
		}
		if len(envs) == 0 {
			continue
		}
		if !is {
			var all []string
			for _, env := range envs {
				all = append(all, byEnv[env]...)
			}
			problems = append(problems, removal(v1alpha1.Position{File: before.Document.File}, v1alpha1.About{Project: name},
				fmt.Sprintf("the project %q is removed, which deletes %s", name, releases(all))))
			continue
		}
		for _, env := range envs {
			problems = append(problems, removal(after.Document.Position("spec", "environments"), v1alpha1.About{Project: name, Environment: env},
				fmt.Sprintf("the project %q leaves %q, which deletes %s", name, env, releases(byEnv[env]))))
		}
	}
	for at, names := range moved {
		problems = append(problems, in.moves(at[0], at[1], at[2], names))
	}
	for at, n := range left {
		doc, ok := in.Catalog.Document(v1alpha1.KindEnvironment, at[0])
		if !ok {
			continue
		}
		problems = append(problems, removal(doc.Position("spec", "clusters"), v1alpha1.About{Environment: at[0]},
			fmt.Sprintf("the environment %q leaves the cluster %q, which deletes the releases of %d projects there, with their namespaces", at[0], at[1], n)))
	}
	return problems
}

func clustersOf(ids []catalog.ReleaseID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = strconv.Quote(id.Cluster)
	}
	return strings.Join(names, ", ")
}

// moves reports that projects of an environment go from one cluster to others.
func (in Input) moves(env, from, to string, names []string) v1alpha1.Problem {
	message := fmt.Sprintf("%s %s from the cluster %q to %s: each is removed there once it is healthy where it goes. Claims on volumes stay there, with their data, and so do namespaces that have any",
		inEnvironment(names, env), map[bool]string{true: "moves", false: "move"}[len(names) == 1], from, to)
	if drain := in.Catalog.Drained(from); drain != nil {
		doc, _ := in.Catalog.Document(v1alpha1.KindCluster, from)
		return removal(doc.Position("spec", "drained"), v1alpha1.About{Environment: env}, fmt.Sprintf("%s (drained: %s)", message, drain.Reason))
	}
	if len(names) == 1 {
		if p, ok := in.Catalog.Project(names[0]); ok {
			return removal(p.Document.Position("spec", "environments", env, "cluster"), v1alpha1.About{Project: p.Name, Environment: env}, message)
		}
	}
	doc, _ := in.Catalog.Document(v1alpha1.KindEnvironment, env)
	return removal(doc.Position("spec", "clusters"), v1alpha1.About{Environment: env}, message)
}

// inEnvironment names projects of an environment.
func inEnvironment(names []string, env string) string {
	const most = 5
	switch {
	case len(names) == 1:
		return fmt.Sprintf("the project %q in %q", names[0], env)
	case len(names) > most:
		return fmt.Sprintf("the projects %s and %d more in %q", strings.Join(names[:most], ", "), len(names)-most, env)
	}
	return fmt.Sprintf("the projects %s in %q", strings.Join(names, ", "), env)
}

func removal(at v1alpha1.Position, about v1alpha1.About, message string) v1alpha1.Problem {
	return v1alpha1.Problem{Rule: RuleRemoval, Severity: v1alpha1.Warn, Position: at, About: about, Message: message}
}

// releases names some releases, with what is deleted of them.
func releases(ids []string) string {
	const most = 5
	switch {
	case len(ids) == 1:
		return ids[0] + " with its namespace"
	case len(ids) > most:
		return fmt.Sprintf("%s and %d more, with their namespaces", strings.Join(ids[:most], ", "), len(ids)-most)
	}
	return strings.Join(ids, ", ") + " with their namespaces"
}
