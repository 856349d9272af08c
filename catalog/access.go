// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// LabelAccess is the label of the objects that give the account of a release its rights, and that bound its namespace. Only
// Trunkline sets it.
const LabelAccess = "trunkline.dev/access"

// Access says as whom the objects of a release are changed and read, and which of them may be outside of its namespace.
type Access struct {
	// Account is the service account in the release's namespace; empty if the environment names none.
	Account string
	// Role is the ClusterRole that the account is given in the namespace; empty if the daemon makes neither the account nor
	// its binding.
	Role string
	// Bounds are those of the namespace; nil unless the release is a preview's.
	Bounds *Bounds

	Allowed
}

// Allowed are the objects that a release may have beyond its namespace.
type Allowed struct {
	// ClusterScoped are kinds without a namespace, and Namespaces those beside the release's own; both are sorted.
	ClusterScoped []schema.GroupKind `json:"clusterScoped,omitempty"`
	Namespaces    []string           `json:"namespaces,omitempty"`
}

// Access resolves what the environment of a release says; false if the environment is not declared.
func (c *Catalog) Access(id ReleaseID) (Access, bool) {
	env, ok := c.Environments[id.Environment]
	if !ok {
		return Access{}, false
	}
	a := Access{Allowed: allowed(env, id.Project)}
	if account := env.Spec.ServiceAccount; account != nil {
		a.Account, a.Role = id.expand(account.Name), account.ClusterRole
	}
	if c.IsPreview(id.Environment) {
		a.Bounds = c.preview.bounds(id.Cluster)
	}
	return a, true
}

func allowed(env *v1alpha1.Environment, project string) (a Allowed) {
	for _, allow := range env.Spec.Allow {
		if len(allow.Projects) > 0 && !slices.Contains(allow.Projects, project) {
			continue
		}
		for _, kind := range allow.ClusterScoped {
			a.ClusterScoped = append(a.ClusterScoped, schema.ParseGroupKind(kind))
		}
		a.Namespaces = append(a.Namespaces, allow.Namespaces...)
	}
	slices.SortFunc(a.ClusterScoped, func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) })
	slices.Sort(a.Namespaces)
	a.ClusterScoped, a.Namespaces = slices.Compact(a.ClusterScoped), slices.Compact(a.Namespaces)
	return a
}

// checkAccess checks what an environment says about accounts and about what projects may have beyond their namespaces.
func checkAccess(k *checker, env *v1alpha1.Environment) {
	if a := env.Spec.ServiceAccount; a != nil {
		checkPattern(k, a.Name, placeholders, "spec", "serviceAccount", "name")
		if !accountName(a.Name) {
			k.at(RuleName, []any{"spec", "serviceAccount", "name"}, fmt.Sprintf("%q is not a valid name of a service account: use lower-case "+
				"letters, digits, dashes and dots", a.Name), "")
		}
		if a.Name == "default" {
			k.at(RuleName, []any{"spec", "serviceAccount", "name"}, `the account "default" is that of every pod that names no other: `+
				"all of them would have the rights of a deployment", "give it a name of its own, such as \"deployer\"")
		}
		// What Kubernetes takes as a name of a role: anything that can be a part of a path.
		if a.ClusterRole == "." || a.ClusterRole == ".." || strings.ContainsAny(a.ClusterRole, "/%<> \t\n") {
			k.at(RuleName, []any{"spec", "serviceAccount", "clusterRole"}, fmt.Sprintf("%q is not a valid name of a ClusterRole", a.ClusterRole), "")
		}
	}
	if s := env.Spec.PodSecurity; s.Allow != "" && s.Level.Looser(s.Allow) {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "podSecurity", "allow"}, fmt.Sprintf("%q is stricter than the level of the environment, %q",
			s.Allow, s.Level), "leave it out, or name a less strict one")
	}
	for i, allow := range env.Spec.Allow {
		at := []any{"spec", "allow", i}
		if len(allow.ClusterScoped)+len(allow.Namespaces) == 0 {
			k.at(v1alpha1.RuleInvalidValue, at, "it allows nothing", "name kinds in clusterScoped, or namespaces")
		}
		for j, kind := range allow.ClusterScoped {
			checkClusterScoped(k, kind, append(slices.Clip(at), "clusterScoped", j))
		}
		for j, ns := range allow.Namespaces {
			at := append(slices.Clip(at), "namespaces", j)
			switch {
			case len(validation.IsDNS1123Label(ns)) > 0:
				k.at(RuleNamespace, at, fmt.Sprintf("%q is not a valid name of a namespace", ns), "")
			case ns == SystemNamespace:
				k.at(RuleNamespace, at, fmt.Sprintf("the namespace %q is reserved: it holds what Trunkline knows of all projects", ns), "")
			}
		}
	}
}

func checkClusterScoped(k *checker, kind string, at []any) {
	gk := schema.ParseGroupKind(kind)
	switch {
	case gk.Kind == "" || strings.ContainsAny(kind, "*/<> ") || gk.Group != "" && !isSubdomain(gk.Group):
		k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("%q is not a kind: write it with its group and without a version, like %q", kind,
			"ClusterRole.rbac.authorization.k8s.io"), "")
	case gk == schema.GroupKind{Kind: "Namespace"}:
		k.at(v1alpha1.RuleInvalidValue, at, "Trunkline creates the one namespace of a release itself, so that it controls what pods may do there",
			"objects may name further namespaces with allow.namespaces")
	}
}

// accountName reports whether a pattern expands to valid names of service accounts, their length aside.
func accountName(pattern string) bool { return isSubdomain(placeholder.ReplaceAllString(pattern, "x")) }

func isSubdomain(name string) bool { return len(validation.IsDNS1123Subdomain(name)) == 0 }

// account checks that of a release: never is anything done as nobody, and no pod of the project runs as it.
func (k *checker) account(p *Project, id ReleaseID) {
	access, _ := k.c.Access(id)
	account := k.c.Environments[id.Environment].Spec.ServiceAccount
	if account == nil || !accountName(account.Name) || placeholder.MatchString(access.Account) {
		return // what is wrong for all was reported with the environment
	}
	if !isSubdomain(access.Account) {
		k.at(RuleName, []any{"metadata", "name"}, fmt.Sprintf("the service account %q of %s is not a valid name", access.Account, id),
			fmt.Sprintf("shorten the name, or change spec.serviceAccount in %s", k.c.first(docKey{v1alpha1.KindEnvironment, id.Environment}).File))
	}
	const clash = "%s would run as the service account %q, as which Trunkline deploys in environment %q: its pods would have the rights of a deployment"
	if p.Name == access.Account {
		k.at(RuleCollision, []any{"metadata", "name"}, fmt.Sprintf(clash, "a workload without an identity", access.Account, id.Environment),
			"give the environment's account another name")
	}
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if p.IdentityOf(w, id.Environment) == access.Account && p.Name != access.Account {
			k.at(RuleCollision, []any{"spec", "workloads", i, "identity"}, fmt.Sprintf(clash, fmt.Sprintf("the workload %q", w.Name), access.Account, id.Environment),
				"give it another identity")
		}
	}
}
