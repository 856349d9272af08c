// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/glob"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// checker collects what is wrong with one project.
type checker struct {
	cat *catalog.Catalog
	// base is the catalog before the change; nil if there is none.
	base  *catalog.Catalog
	now   time.Time
	clock *clock

	p        *catalog.Project
	doc      *v1alpha1.Document
	problems v1alpha1.Problems
	pointers []pointer
}

// at notes a problem with a field of the project.
func (j *checker) at(rule string, path []any, message, hint string) *v1alpha1.Problem {
	j.problems = append(j.problems, v1alpha1.Problem{
		Rule: rule, Severity: v1alpha1.Deny, Position: j.doc.Position(path...), Path: v1alpha1.FieldPath(path...),
		About: catalog.About(j.doc, path...), Message: message, Hint: hint,
	})
	return &j.problems[len(j.problems)-1]
}

// in notes a problem that there is in one environment.
func (j *checker) in(env, rule string, path []any, message, hint string) {
	p := j.at(rule, path, message, hint)
	p.About.Environment = env
}

// project checks everything of a project that does not need the tree before the change.
func (j *checker) project() {
	j.writers()
	envs := slices.Sorted(maps.Keys(j.p.Spec.Environments))
	for i := range j.p.Spec.Workloads {
		w := &j.p.Spec.Workloads[i]
		if _, first, ok := j.p.Workload(w.Name); !ok || first != i {
			continue // a second one of the name is reported as such
		}
		inputs := j.read(w)
		unit := j.lots(w, i, inputs)
		j.names(w, i, unit)
		for _, env := range envs {
			if _, known := j.cat.Environments[env]; !known || j.p.Excludes(env, w.Name) {
				continue
			}
			j.schedule(w, i, env, inputs)
			j.image(w, i, env)
			j.identity(w, i, env)
			j.inputs(w, i, env, inputs)
		}
	}
	for i := range j.p.Spec.Datasets {
		j.since(&j.p.Spec.Datasets[i], i)
	}
	j.promotion(envs)
	j.secrets()
}

// writers finds datasets that more than one workload writes.
func (j *checker) writers() {
	first := map[string]catalog.Edge{}
	for _, e := range j.p.Edges() {
		if e.Kind != catalog.Writes {
			continue
		}
		before, ok := first[e.To]
		if !ok {
			first[e.To] = e
			continue
		}
		if before.From == e.From {
			continue // the same workload, in two roles
		}
		_, i, _ := j.p.Workload(e.From[len(j.p.Name)+1:])
		p := j.at(catalog.RuleWriters, []any{"spec", "workloads", i, "writes", e.Role},
			fmt.Sprintf("%s is written by %s and by %s", e.To, before.From, e.From),
			"have one workload write it, and give the other a dataset or a version of its own")
		p.Trace = []v1alpha1.Step{{Position: j.cat.EdgePosition(before), Message: before.Because()}, {Position: p.Position, Message: e.Because()}}
	}
}

// since wants the first lot to begin where lots of its unit begin.
func (j *checker) since(d *v1alpha1.Dataset, i int) {
	if d.Lots == nil {
		return
	}
	unit, err := lot.ParseUnit(string(d.Lots.Unit))
	if err != nil {
		return
	}
	if unit.Aligned(d.Lots.Since.Time) {
		j.manyLots(d, i, unit)
		return
	}
	before := unit.At(d.Lots.Since.Time)
	j.at(RuleLots, []any{"spec", "datasets", i, "lots", "since"},
		fmt.Sprintf("%s is within a lot: lots of the unit %s begin at %s and %s", d.Lots.Since.Format(time.RFC3339), d.Lots.Unit,
			before.Start.Format(time.RFC3339), before.Next().Start.Format(time.RFC3339)), "")
}

// maxLots is how many lots of a dataset nobody asks about: nine years of five minutes, or more than a hundred of hours.
const maxLots = 1_000_000

// manyLots asks whether a dataset with very many lots is meant: each has to be made, and is looked after for ever.
func (j *checker) manyLots(d *v1alpha1.Dataset, i int, unit lot.Unit) {
	from := d.Lots.Since.Time
	if kept := j.now.AddDate(0, 0, -int(d.Retention)); d.Retention > 0 && kept.After(from) {
		from = kept
	}
	n := lot.Count(unit, from, j.now)
	if n <= maxLots {
		return
	}
	p := j.at(RuleManyLots, []any{"spec", "datasets", i, "lots", "since"}, fmt.Sprintf("%s@%s has %d lots since %s", d.Name, d.Version, n,
		d.Lots.Since.Format(time.DateOnly)), "begin later, use longer lots, or say in retention how long they are kept")
	p.Severity = v1alpha1.Warn
}

// image wants the image to be one and the same forever.
func (j *checker) image(w *v1alpha1.Workload, i int, env string) {
	over := j.p.Spec.Environments[env]
	mine := over.Workloads[w.Name]
	image := cmp.Or(mine.Image, w.Image, over.Image, j.p.Spec.Image).Reference()
	if image == "" || strings.Contains(image, "@sha256:") || j.cat.BaseImageOf(j.p, w, env) != "" { // that of a base has a digest
		return
	}
	bp, ok := j.cat.Blueprints[w.Blueprint]
	if !ok || !slices.Contains(bp.Spec.Fields, v1alpha1.FieldImage) {
		return
	}
	at := []any{"spec", "image"}
	switch {
	case !mine.Image.IsZero():
		at = []any{"spec", "environments", env, "workloads", w.Name, "image"}
	case !w.Image.IsZero():
		at = []any{"spec", "workloads", i, "image"}
	case !over.Image.IsZero():
		at = []any{"spec", "environments", env, "image"}
	}
	j.in(env, RuleDigest, at, fmt.Sprintf("the image %q is named by a tag, which may point to another image tomorrow", image),
		"pin its digest, as in image@sha256:…")
}

// identity wants a workload to be nobody but its project.
func (j *checker) identity(w *v1alpha1.Workload, i int, env string) {
	name := j.p.IdentityOf(w, env)
	patterns := j.cat.Environments[env].Spec.Identities
	if len(patterns) == 0 {
		if name == j.p.Name {
			return // by far the most frequent
		}
		patterns = []string{"<project>", "<project>-*"}
	}
	shown := make([]string, len(patterns))
	for n, pattern := range patterns {
		pattern = strings.ReplaceAll(strings.ReplaceAll(pattern, "<project>", j.p.Name), "<environment>", env)
		if glob.Match(pattern, name) {
			return
		}
		shown[n] = fmt.Sprintf("%q", pattern)
	}
	at := []any{"spec", "workloads", i, "identity"}
	if j.p.Spec.Environments[env].Workloads[w.Name].Identity != "" {
		at = []any{"spec", "environments", env, "workloads", w.Name, "identity"}
	}
	j.in(env, RuleIdentity, at, fmt.Sprintf("the environment %q does not allow the identity %q for the project %q", env, name, j.p.Name),
		"it allows: "+strings.Join(shown, ", "))
}

// maxLotWorkload bounds the name of a workload that runs once a lot: its Jobs are named after it, the lot (16
// characters at most) and the attempt (up to 999), with dashes between, in a label of DNS.
const maxLotWorkload = 63 - len("-20230206pt15m095") - len("-999")

// names wants names to fit, and not to meet, once they are expanded.
func (j *checker) names(w *v1alpha1.Workload, i int, unit lot.Unit) {
	if unit.Valid() && len(w.Name) > maxLotWorkload {
		j.at(RuleNameLength, []any{"spec", "workloads", i, "name"},
			fmt.Sprintf("the workload runs once a lot, and its Jobs would be named %q: %d characters, of which Kubernetes allows 63",
				w.Name+"-20230206pt15m095-999", len(w.Name)+63-maxLotWorkload),
			fmt.Sprintf("shorten the name to %d characters", maxLotWorkload))
	}
	roleVariables(j, w.Reads, i, "reads", "TRUNKLINE_READ_", "", "_MANIFESTS", "_LOCATION")
	roleVariables(j, w.Writes, i, "writes", "TRUNKLINE_WRITE_", "")
}

// roleVariables wants the roles of a workload to be different as names of variables, too: of each role there is one for each ending.
func roleVariables[V any](j *checker, roles map[string]V, i int, field, prefix string, endings ...string) {
	if len(roles) < 2 {
		return
	}
	seen := map[string]string{}
	for _, role := range slices.Sorted(maps.Keys(roles)) {
		for _, ending := range endings {
			name := prefix + strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToUpper(role)) + ending
			if before, ok := seen[name]; ok {
				j.at(catalog.RuleCollision, []any{"spec", "workloads", i, field, role},
					fmt.Sprintf("the roles %q and %q would both become the variable %s", before, role, name), "rename one of them")
				break
			}
			seen[name] = role
		}
	}
}

// promotion wants a project to be where its environments take their commits from.
func (j *checker) promotion(envs []string) {
	for _, env := range envs {
		e, ok := j.cat.Environments[env]
		if !ok || e.Spec.PromotesFrom == "" || j.cat.Environments[e.Spec.PromotesFrom] == nil {
			continue
		}
		if _, there := j.p.Spec.Environments[e.Spec.PromotesFrom]; !there {
			at := []any{"spec", "environments", env}
			if n := j.doc.IndexOf(env, "spec", "environments"); n >= 0 {
				at = []any{"spec", "environments", n}
			}
			j.in(env, RulePromotion, at, fmt.Sprintf("%q is promoted from %q, but the project is not deployed there", env, e.Spec.PromotesFrom),
				fmt.Sprintf("add %q to the environments of the project", e.Spec.PromotesFrom))
		}
	}
}
