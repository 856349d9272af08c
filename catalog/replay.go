// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/boundary"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Replay is one that a project declares.
type Replay struct {
	v1alpha1.Replay
	// Of is the id of what is replayed: "project/name@version" of a dataset, or "project/workload".
	Of string
}

// Name is what the replay is called, which no other is in an environment, such as "new-rates of orders/clean@1".
func (r Replay) Name() string { return r.ID + " of " + r.Of }

// Replays are those that the project declares, of datasets first.
func (p *Project) Replays() (all []Replay) {
	for i := range p.Spec.Datasets {
		for _, r := range p.Spec.Datasets[i].Replay {
			all = append(all, Replay{r, p.ids[i]})
		}
	}
	for i := range p.Spec.Workloads {
		for _, r := range p.Spec.Workloads[i].Replay {
			all = append(all, Replay{r, p.Name + "/" + p.Spec.Workloads[i].Name})
		}
	}
	return all
}

// replaysOf are the names of those that a workload carries out: its own, and those of what it writes.
func (p *Project) replaysOf(w *v1alpha1.Workload) (names []string) {
	of := map[string]bool{p.Name + "/" + w.Name: true}
	for _, ref := range w.Writes {
		if owner, local, ok := ParseDataset(p.Name, ref); ok {
			of[owner+"/"+local] = true
		}
	}
	for _, r := range p.Replays() {
		if of[r.Of] {
			names = append(names, r.Name())
		}
	}
	slices.Sort(names)
	return names
}

// replays checks what the project has made once more.
func (k *checker) replays(p *Project) {
	// whyNot says of each dataset that is written why nobody makes its lots again; empty if one does.
	whyNot := map[string]string{}
	// where are the environments in which that is so of some.
	where := map[string][]string{}
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		var made *v1alpha1.Dataset
		for _, role := range sortedKeys(w.Writes) {
			_, local, _ := ParseDataset(p.Name, w.Writes[role])
			if why, is := whyNot[local]; !is || why != "" {
				whyNot[local], where[local] = k.byItself(p, w)
			}
			if d, _, ok := p.Dataset(local); ok && d.Lots != nil && made == nil {
				made = d
			}
		}
		why, in := k.byItself(p, w)
		if made == nil {
			why = "the workload writes no dataset with lots"
		}
		k.replaysAt(w.Replay, made, why, in, "spec", "workloads", i, "replay")
	}
	for i := range p.Spec.Datasets {
		d := &p.Spec.Datasets[i]
		why, written := whyNot[d.Name+"@"+d.Version]
		switch {
		case d.Lots == nil:
			why = "the dataset has no lots"
		case d.External:
			why = "the dataset is external: what writes it is not run here"
		case !written:
			why = "no workload writes the dataset"
		}
		k.replaysAt(d.Replay, d, why, where[d.Name+"@"+d.Version], "spec", "datasets", i, "replay")
	}
}

// byItself says why no run of a workload makes a lot again; empty if one does, but for some environments.
func (k *checker) byItself(p *Project, w *v1alpha1.Workload) (why string, in []string) {
	const clock = "the workload runs by the clock, and writes its lots by itself"
	bp := k.c.Blueprints[w.Blueprint]
	switch {
	case w.Blueprint == boundary.Blueprint:
		return "a boundary makes the lots of what has arrived", nil
	case w.Schedule != "":
		return clock, nil
	case bp != nil && !slices.Contains(bp.Spec.Fields, v1alpha1.FieldTimeout):
		return fmt.Sprintf("the workload always runs, as the blueprint %q has it, and writes its lots by itself", bp.Name), nil
	}
	there := 0
	for _, env := range sortedKeys(p.Spec.Environments) {
		if p.Excludes(env, w.Name) {
			continue
		}
		there++
		if p.Spec.Environments[env].Workloads[w.Name].Schedule != "" {
			in = append(in, env)
		}
	}
	if there > 0 && len(in) == there {
		return clock + " in each environment", nil
	}
	return "", in
}

// withoutLots refuses what is said of lots where there are none, and would be passed over.
func (k *checker) withoutLots(p *Project) {
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if w.Lots == (v1alpha1.WorkloadLots{}) {
			continue
		}
		at := []any{"spec", "workloads", i, "lots"}
		switch {
		case w.Blueprint == boundary.Blueprint:
			k.atKey(RuleField, at, "nothing of a boundary runs, and it waits for no inputs", "remove lots; how long late data are waited for is said by the param lateness")
		case !p.writesLots(w):
			k.atKey(RuleField, at, "the workload writes no dataset with lots, and does not run for each", "remove lots, or declare the lots of what it writes")
		}
	}
	for i := range p.Spec.Datasets {
		if d := &p.Spec.Datasets[i]; d.Lots == nil && d.Freshness != 0 {
			k.atKey(RuleField, []any{"spec", "datasets", i, "freshness"}, "the dataset has no lots, of which one could be late", "remove freshness, or declare the lots")
		}
	}
}

// writesLots reports whether a workload writes a dataset that comes in lots.
func (p *Project) writesLots(w *v1alpha1.Workload) bool {
	for _, ref := range w.Writes {
		_, local, _ := ParseDataset(p.Name, ref)
		if d, _, ok := p.Dataset(local); ok && d.Lots != nil {
			return true
		}
	}
	return false
}

// replaysAt checks those of one dataset or workload, whose lots are those of a dataset; why says that there are none to replay.
// In are environments in which that is so.
func (k *checker) replaysAt(all []v1alpha1.Replay, d *v1alpha1.Dataset, why string, in []string, at ...any) {
	if len(all) > 0 && why != "" {
		k.atKey(RuleReplay, at, why+": there is nothing to make once more", "remove the replay, or declare it where the lots are made")
		return
	}
	if len(all) > 0 && len(in) > 0 {
		k.warn(RuleReplay, at, fmt.Sprintf("in %s the workload runs by the clock, and writes its lots by itself: there the replay makes nothing once more", strings.Join(in, ", ")),
			"remove the schedule from the override, or the replay")
	}
	first := map[string]int{}
	for i, r := range all {
		here := append(slices.Clip(at), i)
		if k.name(r.ID, append(slices.Clip(here), "id")...) {
			if before, twice := first[r.ID]; twice {
				k.at(v1alpha1.RuleDuplicate, append(slices.Clip(here), "id"), fmt.Sprintf("the replay %q is already declared in line %d", r.ID,
					k.doc.Position(append(slices.Clip(at), before, "id")...).Line), "give each its own id: what was replayed by one is not replayed by it again")
				continue
			}
			first[r.ID] = i
		}
		k.replayRange(r, d, here)
	}
}

// replayRange checks which lots a replay is of.
func (k *checker) replayRange(r v1alpha1.Replay, d *v1alpha1.Dataset, at []any) {
	unit, err := lot.ParseUnit(string(d.Lots.Unit))
	if err != nil {
		return // which the unit says
	}
	from, until := append(slices.Clip(at), "from"), append(slices.Clip(at), "until")
	switch {
	case !r.From.Before(r.Until.Time):
		k.at(RuleReplay, until, fmt.Sprintf("the replay ends at %s, and begins at %s", stamp(r.Until), stamp(r.From)), "until is the end of the last lot")
	case !unit.Aligned(r.From.Time):
		k.at(RuleReplay, from, fmt.Sprintf("no %s lot begins at %s", unit, stamp(r.From)), fmt.Sprintf("the one around it begins at %s", unit.At(r.From.Time).Start.Format(time.RFC3339)))
	case !unit.Aligned(r.Until.Time):
		k.at(RuleReplay, until, fmt.Sprintf("no %s lot ends at %s", unit, stamp(r.Until)), fmt.Sprintf("the one around it ends at %s", unit.At(r.Until.Time).End().Format(time.RFC3339)))
	case !r.Until.After(d.Lots.Since.Time):
		k.at(RuleReplay, until, fmt.Sprintf("the replay ends before the first lot of %s@%s, which begins at %s", d.Name, d.Version, stamp(d.Lots.Since)), "lots that nobody declares are not made")
	}
}

func stamp(t v1alpha1.Time) string { return t.UTC().Format(time.RFC3339) }
