package catalog

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// datasetVersion is what may stand behind the @: it becomes part of paths and object names.
var datasetVersion = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,30}[a-zA-Z0-9])?$`)

// role is the name a workload gives to one of its datasets: it becomes part of a variable's name.
var role = regexp.MustCompile(`^[a-z]([a-z0-9_-]{0,30}[a-z0-9])?$`)

// dataset is a dataset of the tree and where it is declared.
type dataset struct {
	project string
	spec    v1alpha1.Dataset
	index   int
}

// buildGraph takes in every project's datasets and workloads, resolves what the workloads read and write, and
// reports the cycles.
func (l *linker) buildGraph() {
	l.catalog.Graph = &Graph{}
	l.datasets = map[string]dataset{}
	l.versions = map[string][]string{}
	for _, project := range sortedKeys(l.catalog.Projects) {
		l.addNodes(project, l.catalog.Projects[project])
	}
	for _, project := range sortedKeys(l.catalog.Projects) {
		l.addEdges(project, l.catalog.Projects[project])
	}
	for _, cycle := range l.catalog.Graph.Cycles() {
		l.problems = append(l.problems, cycle.problem())
	}
}

func (l *linker) addNodes(project string, p *v1alpha1.Project) {
	doc := l.docs[docKey{v1alpha1.KindProject, project}]
	for i, d := range p.Spec.Datasets {
		l.checkName(doc, d.Name, "spec", "datasets", i, "name")
		if !datasetVersion.MatchString(d.Version) {
			l.at(doc, []any{"spec", "datasets", i, "version"}, fmt.Sprintf(
				"%q is not a version: use letters, digits, dots and dashes, at most 32 characters", d.Version), "")
		}
		id := datasetID(project, d.Name, d.Version)
		if before, ok := l.datasets[id]; ok {
			l.at(doc, []any{"spec", "datasets", i}, fmt.Sprintf("the dataset %s@%s is already declared in line %d",
				d.Name, d.Version, doc.Position("spec", "datasets", before.index).Line), "")
			continue
		}
		l.datasets[id] = dataset{project: project, spec: d, index: i}
		l.versions[project+"/"+d.Name] = append(l.versions[project+"/"+d.Name], d.Version)
		l.catalog.Graph.AddNode(Node{ID: id, Kind: DatasetNode, Position: doc.Position("spec", "datasets", i)})
		l.checkDatasetFiles(doc, d, i)
	}
	names := map[string]int{}
	for i, w := range p.Spec.Workloads {
		if !l.checkName(doc, w.Name, "spec", "workloads", i, "name") {
			continue
		}
		if before, ok := names[w.Name]; ok {
			l.at(doc, []any{"spec", "workloads", i, "name"}, fmt.Sprintf("the workload %q is already declared in line %d",
				w.Name, doc.Position("spec", "workloads", before).Line), "")
			continue
		}
		names[w.Name] = i
		l.catalog.Graph.AddNode(Node{
			ID: workloadID(project, w.Name), Kind: WorkloadNode, Position: doc.Position("spec", "workloads", i),
		})
	}
}

func (l *linker) checkDatasetFiles(doc *v1alpha1.Document, d v1alpha1.Dataset, i int) {
	if _, _, ok := splitPath(d.Path); !ok {
		l.at(doc, []any{"spec", "datasets", i, "path"},
			fmt.Sprintf(`%q is not a path: write it as "store://folder/", without ".."`, d.Path), "")
	}
	if d.Schema != "" {
		l.checkFile(doc, d.Schema, "spec", "datasets", i, "schema")
	}
}

func (l *linker) addEdges(project string, p *v1alpha1.Project) {
	doc := l.docs[docKey{v1alpha1.KindProject, project}]
	workloads := map[string]bool{}
	for _, w := range p.Spec.Workloads {
		workloads[w.Name] = true
	}
	seen := map[string]bool{}
	for i, w := range p.Spec.Workloads {
		if seen[w.Name] {
			continue // reported; its edges are not those of the workload that it repeats
		}
		seen[w.Name] = true
		me := workloadID(project, w.Name)
		for _, r := range sortedKeys(w.Reads) {
			at := []any{"spec", "workloads", i, "reads", r}
			l.checkRole(doc, r, at)
			if id, ok := l.resolveDataset(doc, project, w.Reads[r].Dataset, at); ok {
				l.catalog.Graph.AddEdge(Edge{From: id, To: me, Because: me + " reads " + id, Position: doc.Position(at...)})
			}
		}
		for _, r := range sortedKeys(w.Writes) {
			at := []any{"spec", "workloads", i, "writes", r}
			l.checkRole(doc, r, at)
			id, ok := l.resolveDataset(doc, project, w.Writes[r], at)
			if ok && l.datasets[id].project != project {
				l.at(doc, at, fmt.Sprintf("the dataset %s belongs to the project %q; only its own workloads may write it",
					id, l.datasets[id].project), "declare a dataset of your own, and let others read it")
				ok = false
			}
			if ok {
				l.catalog.Graph.AddEdge(Edge{From: me, To: id, Because: me + " writes " + id, Position: doc.Position(at...)})
			}
		}
		for j, after := range w.After {
			at := []any{"spec", "workloads", i, "after", j}
			if l.hasWorkload(doc, project, after, workloads, at) {
				from := workloadID(project, after)
				l.catalog.Graph.AddEdge(Edge{From: from, To: me, Because: me + " runs after " + from, Position: doc.Position(at...)})
			}
		}
	}
}

// hasWorkload checks the name of a workload of the project, which stands at the end of the path or is its value.
func (l *linker) hasWorkload(doc *v1alpha1.Document, project, name string, in map[string]bool, path []any) bool {
	if !in[name] {
		l.atKey(doc, path, fmt.Sprintf("the project %q has no workload %q", project, name), suggest(l, name, in))
	}
	return in[name]
}

func (l *linker) checkRole(doc *v1alpha1.Document, name string, at []any) {
	if !role.MatchString(name) {
		l.atKey(doc, at, fmt.Sprintf("%q is not a role: use lower-case letters, digits, dashes and underscores, "+
			"at most 32 characters, with a letter first", name), "")
	}
}

// resolveDataset finds what "name@version" or "project/name@version" stands for.
func (l *linker) resolveDataset(doc *v1alpha1.Document, project, ref string, at []any) (string, bool) {
	name, version, ok := strings.Cut(ref, "@")
	if !ok || name == "" || version == "" {
		l.at(doc, at, fmt.Sprintf("%q does not name a dataset", ref), `write "name@version" or "project/name@version"`)
		return "", false
	}
	if owner, rest, ok := strings.Cut(name, "/"); ok {
		project, name = owner, rest
	}
	id := datasetID(project, name, version)
	if _, ok := l.datasets[id]; ok {
		return id, true
	}
	if versions := l.versions[project+"/"+name]; len(versions) > 0 {
		l.at(doc, at, fmt.Sprintf("the dataset %s/%s has no version %q", project, name, version),
			"declared are: "+strings.Join(slices.Sorted(slices.Values(versions)), ", "))
		return "", false
	}
	if l.excused(v1alpha1.KindProject, project) {
		return "", false
	}
	l.at(doc, at, fmt.Sprintf("there is no dataset %s", id), suggest(l, id, l.datasets))
	return "", false
}

// splitPath takes a dataset's path apart into the name of its store and the path in it.
func splitPath(p string) (store, rest string, ok bool) {
	store, rest, ok = strings.Cut(p, "://")
	if !ok || store == "" || strings.Contains("/"+rest+"/", "/../") || path.IsAbs(rest) {
		return "", "", false
	}
	return store, rest, true
}

func datasetID(project, name, version string) string { return project + "/" + name + "@" + version }

func workloadID(project, name string) string { return project + "/" + name }
