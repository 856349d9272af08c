package catalog

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/v1alpha1"
)

type docKey struct {
	kind v1alpha1.Kind
	name string
}

// linker resolves the names of one tree's declarations, and collects what is wrong with them.
type linker struct {
	tree     fs.FS
	catalog  *Catalog
	docs     map[docKey]*v1alpha1.Document
	problems v1alpha1.Problems

	// datasets maps "project/name@version" to the dataset.
	datasets map[string]dataset
	// versions maps "project/name" to the versions of the dataset.
	versions map[string][]string
	// schemas maps a blueprint to the compiled schema of its parameters.
	schemas map[string]*schema.Schema
	// sizes maps a cluster to its size classes.
	sizes map[string]map[string]v1alpha1.Size
	// suggested counts the names that were looked for among others to make a hint.
	suggested int
	// broken are the declarations that are there but have problems of their own, and unread tells that there
	// may be more of them: what refers to them is not reported too.
	broken map[docKey]bool
	unread bool
	// unreadable is the first failure to read the tree that is not the declarations' fault.
	unreadable error
	// missingStores holds the pairs of dataset and environment that were reported.
	missingStores map[[2]string]bool
}

// link checks every reference, makes the graph and the releases.
func (l *linker) link() {
	l.checkClusters()
	l.checkEnvironments()
	l.checkBlueprints()
	l.buildGraph()
	for _, name := range sortedKeys(l.catalog.Projects) {
		l.project(l.docs[docKey{v1alpha1.KindProject, name}], l.catalog.Projects[name])
	}
	slices.SortFunc(l.catalog.Releases, func(a, b Release) int { return a.ID.Compare(b.ID) })
	l.checkNamespaces()
}

// problem denies the tree.
func (l *linker) problem(at v1alpha1.Position, path, message, hint string) {
	l.problems = append(l.problems, v1alpha1.Problem{
		Position: at, Path: path, Severity: v1alpha1.Deny, Message: message, Hint: hint,
	})
}

// at denies the tree because of a field.
func (l *linker) at(doc *v1alpha1.Document, path []any, message, hint string) {
	l.problem(doc.Position(path...), v1alpha1.FieldPath(path...), message, hint)
}

// atKey is like at, for a field whose key is at fault rather than its value.
func (l *linker) atKey(doc *v1alpha1.Document, path []any, message, hint string) {
	l.problem(doc.KeyPosition(path...), v1alpha1.FieldPath(path...), message, hint)
}

// checkName holds a name to what Kubernetes takes as a label of DNS.
func (l *linker) checkName(doc *v1alpha1.Document, name string, path ...any) bool {
	if errs := validation.IsDNS1123Label(name); len(errs) > 0 {
		l.at(doc, path, fmt.Sprintf("%q is not a name: use lower-case letters, digits and dashes, at most %d characters, "+
			"with a letter or digit at both ends", name, validation.DNS1123LabelMaxLength), "")
		return false
	}
	return true
}

// known checks that a name is one of those declared.
func known[V any](l *linker, doc *v1alpha1.Document, what, name string, in map[string]V, path ...any) bool {
	if _, ok := in[name]; ok {
		return true
	}
	if l.excused(map[string]v1alpha1.Kind{
		"cluster": v1alpha1.KindCluster, "environment": v1alpha1.KindEnvironment, "blueprint": v1alpha1.KindBlueprint,
	}[what], name) {
		return false
	}
	at := l.at
	if len(path) > 0 && path[len(path)-1] == any(name) {
		at = l.atKey // the name is the key itself
	}
	at(doc, path, fmt.Sprintf("there is no %s %q", what, name), suggest(l, name, in))
	return false
}

// excused tells that a declaration is missing, or may be, only because of a problem that is reported where it
// stands. One typing error in an environment must not become one problem for each project.
func (l *linker) excused(kind v1alpha1.Kind, name string) bool {
	return kind != "" && (l.unread || l.broken[docKey{kind, name}])
}

// maxSuggested bounds for how many names the nearest is looked for: every one is held against all that are
// known, and thousands of wrong names against thousands of right ones would take hours.
const maxSuggested = 50

// suggest gives the hint for a name that is not there.
func suggest[V any](l *linker, name string, in map[string]V) string {
	if l.suggested++; l.suggested > maxSuggested {
		return ""
	}
	return v1alpha1.Suggest(name, sortedKeys(in))
}

func (l *linker) checkClusters() {
	for _, name := range sortedKeys(l.catalog.Clusters) {
		doc := l.docs[docKey{v1alpha1.KindCluster, name}]
		for _, size := range sortedKeys(l.catalog.Clusters[name].Spec.Sizes) {
			l.checkSizeName(doc, size)
		}
	}
	platform := l.catalog.Platform
	for _, size := range sortedKeys(platform.Spec.Sizes) {
		l.checkSizeName(l.docs[docKey{v1alpha1.KindPlatform, platform.Metadata.Name}], size)
	}
}

func (l *linker) checkSizeName(doc *v1alpha1.Document, size string) {
	if errs := validation.IsDNS1123Subdomain(size); len(errs) > 0 {
		l.atKey(doc, []any{"spec", "sizes", size}, fmt.Sprintf("%q is not a name of a size: write it like \"mx.small\"", size), "")
	}
}

func (l *linker) checkEnvironments() {
	for _, name := range sortedKeys(l.catalog.Environments) {
		env := l.catalog.Environments[name]
		doc := l.docs[docKey{v1alpha1.KindEnvironment, name}]
		seen := map[string]bool{}
		for i, cluster := range env.Spec.Clusters {
			known(l, doc, "cluster", cluster, l.catalog.Clusters, "spec", "clusters", i)
			if seen[cluster] {
				l.at(doc, []any{"spec", "clusters", i}, fmt.Sprintf("the cluster %q is there twice", cluster), "")
			}
			seen[cluster] = true
		}
		l.checkPattern(doc, env.Spec.Namespace, "spec", "namespace")
		for _, k := range sortedKeys(env.Spec.Identity) {
			l.checkPattern(doc, env.Spec.Identity[k], "spec", "identity", k)
		}
		if from := env.Spec.PromotesFrom; from != "" {
			known(l, doc, "environment", from, l.catalog.Environments, "spec", "promotesFrom")
			l.notYet(doc, "promotesFrom")
		}
		if env.Spec.Protected {
			l.notYet(doc, "protected")
		}
	}
}

// placeholder finds what looks like one in a pattern.
var placeholder = regexp.MustCompile(`<[^<>]*>`)

// checkPattern refuses placeholders that stand for nothing.
func (l *linker) checkPattern(doc *v1alpha1.Document, pattern string, at ...any) {
	for _, p := range placeholder.FindAllString(pattern, -1) {
		if !slices.Contains(placeholders, p) {
			l.at(doc, at, fmt.Sprintf("there is no placeholder %q", p), "known are: "+strings.Join(placeholders, ", "))
		}
	}
}

// notYet warns of a field that is part of the format but that this version does not act on: a field that
// people trust must never be ignored in silence.
func (l *linker) notYet(doc *v1alpha1.Document, field string) {
	l.problems = append(l.problems, v1alpha1.Problem{
		Position: doc.Position("spec", field), Path: "spec." + field, Severity: v1alpha1.Warn,
		Message: fmt.Sprintf("%s %q: this version does not act on %q yet", doc.Kind, doc.Name, field),
	})
}

func (l *linker) checkBlueprints() {
	for _, name := range sortedKeys(l.catalog.Blueprints) {
		bp := l.catalog.Blueprints[name]
		compiled, err := schema.Params(bp.Spec.Parameters)
		if err == nil {
			l.schemas[name] = compiled
		}
		if bp.Embedded {
			continue
		}
		doc := l.docs[docKey{v1alpha1.KindBlueprint, name}]
		if err != nil {
			l.at(doc, []any{"spec", "parameters"}, err.Error(), "")
		}
		l.checkFolder(doc, bp.Source, bp.Spec.Source, "spec", "source")
	}
}

// checkNamespaces refuses releases that would share a namespace: "a" in "b-c" and "a-b" in "c" must not meet.
func (l *linker) checkNamespaces() {
	type place struct{ cluster, namespace string }
	first := map[place]ReleaseID{}
	for _, r := range l.catalog.Releases {
		p := place{r.ID.Cluster, r.Namespace}
		doc := l.docs[docKey{v1alpha1.KindProject, r.ID.Project}]
		if placeholder.MatchString(r.Namespace) {
			continue // reported with the environment
		}
		if before, ok := first[p]; ok {
			l.at(doc, []any{"metadata", "name"}, fmt.Sprintf("the releases %s and %s would share the namespace %q",
				before, r.ID, r.Namespace), "rename one, or change spec.namespace of an environment")
			continue
		}
		first[p] = r.ID
	}
}

func sortedKeys[M ~map[string]V, V any](m M) []string { return slices.Sorted(maps.Keys(m)) }
