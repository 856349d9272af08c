// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	defaultNamespace   = "<project>-<environment>"
	defaultMaxRemovals = 50
)

// ofEnvironment compares an environment with what it was; one that is new gave nothing before.
func (w *widening) ofEnvironment(name string) {
	doc, ok := w.Catalog.Document(v1alpha1.KindEnvironment, name)
	if !ok {
		return
	}
	w.doc = doc
	is := &w.Catalog.Environments[name].Spec
	before, existed := w.Base.Environments[name]
	if !existed {
		if w.Base.MayDeclare(v1alpha1.KindEnvironment, name) {
			return // it was there, and could not be read
		}
		rights := "with the daemon's own rights"
		if is.ServiceAccount != nil {
			rights = "as the account " + is.ServiceAccount.Name
		}
		w.say([]any{"metadata", "name"}, "the environment %q is new: it changes objects on %s, %s", name, strings.Join(is.Clusters, ", "), rights)
		w.grants(name, nil, is.Allow)
		w.previews(name, nil, is.Preview)
		w.pods(name, v1alpha1.PodSecurity{}, is.PodSecurity)
		w.resources(name, nil, is.Resources)
		w.dataAccess(name, nil, is.DataAccess)
		w.relaxed(nil, is.Rules, w.Base.Platform.Spec.Rules, w.Catalog.Platform.Spec.Rules)
		return
	}
	was := &before.Spec
	for i, cluster := range is.Clusters {
		if !slices.Contains(was.Clusters, cluster) {
			w.say([]any{"spec", "clusters", i}, "the environment %q is on one more cluster: %s", name, cluster)
		}
	}
	if a, b := cmp.Or(was.Namespace, defaultNamespace), cmp.Or(is.Namespace, defaultNamespace); a != b {
		w.say([]any{"spec", "namespace"}, "releases in %q have other namespaces: %s instead of %s", name, b, a)
	}
	w.account(name, was.ServiceAccount, is.ServiceAccount)
	w.grants(name, was.Allow, is.Allow)
	w.previews(name, was.Preview, is.Preview)
	w.pods(name, was.PodSecurity, is.PodSecurity)
	w.identities(name, was, is)
	w.resources(name, was.Resources, is.Resources)
	w.dataAccess(name, was.DataAccess, is.DataAccess)
	w.guards(name, was, is)
	w.times(name, was, is)
	w.relaxed(was.Rules, is.Rules, w.Base.Platform.Spec.Rules, w.Catalog.Platform.Spec.Rules)
}

// account compares as whom objects are changed. Which rights an account or role has is the cluster's to know, so that
// another one is said whatever it may do.
func (w *widening) account(env string, was, is *v1alpha1.ServiceAccount) {
	at := []any{"spec", "serviceAccount"}
	switch {
	case was == nil:
	case is == nil:
		w.say(at, "releases in %q are changed with the daemon's own rights, and no longer as the account %s", env, was.Name)
	case was.Name != is.Name:
		w.say(append(at, "name"), "releases in %q are changed as another account: %s instead of %s", env, is.Name, was.Name)
	case was.ClusterRole != is.ClusterRole:
		none := "none"
		w.say(append(at, "clusterRole"), "the account of releases in %q gets another ClusterRole: %s instead of %s", env,
			cmp.Or(is.ClusterRole, none), cmp.Or(was.ClusterRole, none))
	}
}

// pods compares what pods may do.
func (w *widening) pods(env string, was, is v1alpha1.PodSecurity) {
	const none = v1alpha1.PodsRestricted
	if is.Level.Looser(was.Level) {
		w.say([]any{"spec", "podSecurity", "level"}, "pods in %q may do what the Pod Security Standard %q allows, and not only %q", env,
			is.Level, cmp.Or(was.Level, none))
	}
	if most := cmp.Or(was.Allow, was.Level); is.Allow.Looser(most) {
		w.say([]any{"spec", "podSecurity", "allow"}, "projects in %q may have pods of the Pod Security Standard %q, and not only %q", env,
			is.Allow, cmp.Or(most, none))
	}
}

// everyone stands for all projects of an environment in what is allowed.
const everyone = ""

// grants compares what projects may have beyond their namespaces.
func (w *widening) grants(env string, was, is []v1alpha1.Allowance) {
	had := map[string]map[string]bool{}
	for _, a := range was {
		for _, what := range granted(a) {
			if had[what] == nil {
				had[what] = map[string]bool{}
			}
			for _, p := range projectsOf(a) {
				had[what][p] = true
			}
		}
	}
	for i, a := range is {
		for _, what := range granted(a) {
			var more []string
			for _, p := range projectsOf(a) {
				if !had[what][everyone] && !had[what][p] {
					more = append(more, p)
				}
			}
			switch {
			case slices.Contains(more, everyone):
				w.say([]any{"spec", "allow", i}, "every project in %q may have %s", env, what)
			case len(more) > 0:
				w.say([]any{"spec", "allow", i}, "%s may have %s in %q", strings.Join(more, ", "), what, env)
			}
		}
	}
}

// previews compares what pull requests may do before they are merged.
func (w *widening) previews(env string, was, is *v1alpha1.Preview) {
	at := []any{"spec", "preview"}
	switch {
	case is == nil:
		return
	case was == nil:
		w.say(at, "pull requests get previews of %q: what they change runs before it is merged", env)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(is.Identity)) {
		if was.Identity[key] != is.Identity[key] {
			w.say(append(slices.Clip(at), "identity", key), "the accounts of previews of %q have another %s: %s instead of %s", env, key, is.Identity[key],
				cmp.Or(was.Identity[key], "none"))
		}
	}
	for i, ns := range is.Network.From {
		if !slices.Contains(was.Network.From, ns) {
			w.say(append(slices.Clip(at), "network", "from", i), "pods in the namespace %s may connect to previews of %q", ns, env)
		}
	}
}

// granted lists what is allowed, in words.
func granted(a v1alpha1.Allowance) (what []string) {
	for _, kind := range a.ClusterScoped {
		what = append(what, "objects of the kind "+kind)
	}
	for _, namespace := range a.Namespaces {
		what = append(what, "objects in the namespace "+namespace)
	}
	return what
}

func projectsOf(a v1alpha1.Allowance) []string {
	if len(a.Projects) == 0 {
		return []string{everyone}
	}
	return a.Projects
}

// identities compares as whom workloads may run, and who they are in the cloud.
func (w *widening) identities(env string, was, is *v1alpha1.EnvironmentSpec) {
	patterns := func(declared []string) []string {
		if len(declared) == 0 {
			return []string{"<project>", "<project>-*"}
		}
		return declared
	}
	for _, pattern := range patterns(is.Identities) {
		if !slices.Contains(patterns(was.Identities), pattern) {
			w.say([]any{"spec", "identities"}, "workloads in %q may run as %s", env, pattern)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(is.Identity)) {
		if before := was.Identity[key]; before != is.Identity[key] {
			w.say([]any{"spec", "identity", key}, "the accounts of workloads in %q have another %s: %s instead of %s", env, key,
				is.Identity[key], cmp.Or(before, "none"))
		}
	}
}

// resources compares what projects may have made in the cloud.
func (w *widening) resources(env string, was, is *v1alpha1.EnvironmentResources) {
	at := []any{"spec", "resources"}
	switch {
	case is == nil:
	case was == nil:
		w.say(at, "projects in %q may have buckets, databases and tables made, %s", env, named(is.Names))
	case len(is.Names) == 0 && len(was.Names) > 0:
		w.say(at, "projects in %q may have buckets and databases made of any name", env)
	case len(was.Names) > 0:
		for i, pattern := range is.Names {
			if !slices.Contains(was.Names, pattern) {
				w.say(append(at, "names", i), "projects in %q may have buckets and databases made that are named %s", env, pattern)
			}
		}
	}
}

// dataAccess compares who gives accounts their rights on data, and whom the roles trust.
func (w *widening) dataAccess(env string, was, is *v1alpha1.DataAccess) {
	at := []any{"spec", "dataAccess"}
	if is == nil {
		return
	}
	if was == nil {
		was = &v1alpha1.DataAccess{}
	}
	if is.Via != "" && is.Via != was.Via {
		w.say(append(slices.Clip(at), "via"), "the rights on data that projects in %q declare are given by %s", env, is.Via)
	}
	if is.Principal != was.Principal && is.Principal != "" {
		w.say(append(slices.Clip(at), "principal"), "the accounts of workloads in %q are others in the cloud: %s instead of %s", env, is.Principal, cmp.Or(was.Principal, "what identity says"))
	}
	for _, cluster := range slices.Sorted(maps.Keys(is.Issuers)) {
		if is.Issuers[cluster] != was.Issuers[cluster] {
			w.say(append(slices.Clip(at), "issuers", cluster), "the roles of %q trust another issuer for the cluster %s: %s instead of %s", env, cluster, is.Issuers[cluster], cmp.Or(was.Issuers[cluster], "none"))
		}
	}
	if is.PodIdentity && !was.PodIdentity {
		w.say(append(slices.Clip(at), "podIdentity"), "the roles of %q trust EKS Pod Identity", env)
	}
	if was.Boundary != "" && is.Boundary != was.Boundary {
		w.say(append(slices.Clip(at), "boundary"), "another policy bounds the roles of %q: %s instead of %s", env, cmp.Or(is.Boundary, "none"), was.Boundary)
	}
	for _, bucket := range slices.Sorted(maps.Keys(is.Keys)) {
		if is.Keys[bucket] != was.Keys[bucket] {
			w.say(append(slices.Clip(at), "keys", bucket), "accounts in %q may use another key for %s: %s instead of %s", env, bucket, is.Keys[bucket], cmp.Or(was.Keys[bucket], "none"))
		}
	}
}

// named says how resources may be named.
func named(patterns []string) string {
	if len(patterns) == 0 {
		return "of any name"
	}
	return "named " + strings.Join(patterns, ", ")
}

// guards compares what keeps projects, and what is theirs, from being removed or changed.
func (w *widening) guards(env string, was, is *v1alpha1.EnvironmentSpec) {
	if was.Protected && !is.Protected {
		w.say([]any{"spec", "protected"}, "the environment %q is no longer protected", env)
	}
	for i, name := range is.Removals {
		if !slices.Contains(was.Removals, name) && was.Protected {
			w.say([]any{"spec", "removals", i}, "the project %q may be removed from %q, which is protected", name, env)
		}
	}
	share := func(m *int) int {
		if m == nil {
			return defaultMaxRemovals
		}
		return *m
	}
	if a, b := share(was.MaxRemovals), share(is.MaxRemovals); b > a {
		w.say([]any{"spec", "maxRemovals"}, "one commit may remove more of %q without an approval: %d instead of %d percent", env, b, a)
	}
	if was.Reviewed == v1alpha1.ReviewRequired && is.Reviewed != v1alpha1.ReviewRequired {
		w.say([]any{"spec", "reviewed"}, "changes reach %q that no pull request showed", env)
	}
	if was.Drift.Mode != v1alpha1.DriftReport && is.Drift.Mode == v1alpha1.DriftReport {
		w.say([]any{"spec", "drift", "mode"}, "what others change in %q is reported, and no longer corrected", env)
	}
	for i, ignore := range is.Drift.Ignore {
		same := func(o v1alpha1.DriftIgnore) bool {
			return (o.Kind == "" || o.Kind == ignore.Kind) && (o.Name == "" || o.Name == ignore.Name) &&
				!slices.ContainsFunc(ignore.Fields, func(f string) bool { return !slices.Contains(o.Fields, f) })
		}
		if !slices.ContainsFunc(was.Drift.Ignore, same) {
			w.say([]any{"spec", "drift", "ignore", i}, "others may change more in %q: %s", env, strings.Join(ignore.Fields, ", "))
		}
	}
}

// times compares when changes may be rolled out, and what has to come before.
func (w *widening) times(env string, was, is *v1alpha1.EnvironmentSpec) {
	if was.PromotesFrom != "" && is.PromotesFrom != was.PromotesFrom {
		w.say([]any{"spec", "promotesFrom"}, "the environment %q takes commits without waiting for %q", env, was.PromotesFrom)
	}
	if is.Soak < was.Soak {
		w.say([]any{"spec", "soak"}, "commits reach %q after a shorter soak: %s instead of %s", env, time.Duration(is.Soak), time.Duration(was.Soak))
	}
	if !was.RollsBackAtOnce() && is.RollsBackAtOnce() {
		w.say([]any{"spec", "rollbackAtOnce"}, "owners may take releases of %q back without a pull request", env)
	}
	opens := func(window v1alpha1.DeployWindow) bool { return !slices.Contains(was.Windows, window) }
	if len(was.Windows) > 0 && (len(is.Windows) == 0 || slices.ContainsFunc(is.Windows, opens)) {
		w.say([]any{"spec", "windows"}, "changes of %q may be rolled out at other times", env)
	}
	for _, f := range was.Freezes {
		kept := func(o v1alpha1.Freeze) bool { return !o.From.After(f.From.Time) && !o.Until.Before(f.Until.Time) }
		if f.Until.After(w.Now) && !slices.ContainsFunc(is.Freezes, kept) {
			w.say([]any{"spec", "freezes"}, "the freeze of %q until %s ends earlier, or is gone", env, f.Until.Format(time.RFC3339))
		}
	}
}
