// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// input is a dataset that a workload reads, and how.
type input struct {
	role string
	read v1alpha1.Read
	id   string
	data *v1alpha1.Dataset
	// unit is that of the lots, invalid if there are none.
	unit lot.Unit
}

// lots checks that the lots of what a workload reads fit those that it makes, and returns the unit of the latter.
func (j *checker) lots(w *v1alpha1.Workload, i int, inputs []input) lot.Unit {
	mine, from := j.unitOf(w, i, inputs)
	triggers := 0
	for _, in := range inputs {
		at := []any{"spec", "workloads", i, "reads", in.role}
		if in.unit.Valid() && in.read.Triggers() {
			triggers++
		}
		if in.read.Late != "" && (!in.unit.Valid() || !in.read.Triggers()) {
			j.at(RuleLots, append(slices.Clip(at), "late"), fmt.Sprintf("nothing of %s is ever late: what has no lots, or is read with trigger: false, is read as it is found", in.id),
				"remove late")
		}
		switch window := in.read.Window; {
		case window != nil && !in.unit.Valid():
			j.at(RuleLots, append(slices.Clip(at), "window"), fmt.Sprintf("a window counts lots, and %s has none", in.id),
				"remove the window, or declare lots of the dataset")
		case window != nil && *window.Lots < 1:
			j.at(RuleLots, append(slices.Clip(at), "window", "lots"), "a window has at least one lot", "")
		case mine.Valid() && in.unit.Valid() && !in.unit.Divides(mine) && !mine.Divides(in.unit):
			j.at(RuleLots, at, fmt.Sprintf("%s has %s lots, and %s has %s lots, which do not divide each other: no number of the former makes one of the latter",
				in.id, in.unit, from, mine), "give one of them a unit that the other is a multiple of, such as hourly")
		case window != nil:
			j.window(in, mine, from, at)
		case mine.Valid() && in.unit.Valid() && in.unit.Finer(mine):
			n := int(mine.Duration() / in.unit.Duration())
			j.at(RuleLots, at, fmt.Sprintf("%s has %s lots, of which %d make one of the %s lots of %s; the declaration does not say which of them are read",
				in.id, in.unit, n, mine, from), fmt.Sprintf("read them all: {dataset: %s, window: {lots: %d}}", in.read.Dataset, n))
		}
	}
	if n, err := strconv.Atoi(string(w.Join)); err == nil && n > triggers && len(inputs) == len(w.Reads) {
		j.at(RuleJoin, []any{"spec", "workloads", i, "join"}, fmt.Sprintf("the workload waits for %d of its inputs, of which %d can trigger it", n, triggers),
			"inputs that have lots, and are not read with trigger: false, trigger a workload")
	}
	return mine
}

// window checks a window over the lots of an input.
func (j *checker) window(in input, mine lot.Unit, from string, at []any) {
	lots, offset := *in.read.Window.Lots, 0
	if in.read.Window.Offset != nil {
		offset = *in.read.Window.Offset
	}
	if mine.Valid() && in.unit.Finer(mine) && lots < int(mine.Duration()/in.unit.Duration()) {
		n := int(mine.Duration() / in.unit.Duration())
		j.at(RuleLots, append(slices.Clip(at), "window", "lots"), fmt.Sprintf("a window of %d %s lots leaves out part of each %s lot of %s",
			lots, in.unit, mine, from), fmt.Sprintf("%d of them make one", n))
	}
	const day = 24 * 60 * 60
	seconds := int64(lots+offset) * int64(in.unit.Duration()/time.Second)
	if kept := int64(in.data.Retention) * day; kept > 0 && seconds > kept {
		back := fmt.Sprintf("%d hours", (seconds+3599)/3600)
		if seconds%day == 0 {
			back = fmt.Sprintf("%d days", seconds/day)
		}
		j.at(RuleRetention, append(slices.Clip(at), "window"), fmt.Sprintf("the window reaches back %s, and %s is kept for %d days only",
			back, in.id, in.data.Retention), "make the window shorter, or have the dataset kept longer")
	}
}

// read returns the inputs of a workload that resolve, by role.
func (j *checker) read(w *v1alpha1.Workload) []input {
	if len(w.Reads) == 0 {
		return nil
	}
	inputs := make([]input, 0, len(w.Reads))
	for _, role := range slices.Sorted(maps.Keys(w.Reads)) {
		read := w.Reads[role]
		owner, local, ok := catalog.ParseDataset(j.p.Name, read.Dataset)
		if !ok {
			continue
		}
		in := input{role: role, read: read, id: owner + "/" + local}
		if _, in.data, ok = j.cat.Dataset(in.id); !ok {
			continue
		}
		in.unit = unitOf(in.data)
		inputs = append(inputs, in)
	}
	return inputs
}

// unitOf returns the unit of a dataset's lots, invalid if it has none.
func unitOf(d *v1alpha1.Dataset) (unit lot.Unit) {
	if d.Lots != nil {
		if u, err := lot.ParseUnit(string(d.Lots.Unit)); err == nil {
			return u
		}
	}
	return unit
}

// unitOf returns the unit of the lots that a workload makes, and a dataset that says so: one that it writes, else one
// that triggers it.
func (j *checker) unitOf(w *v1alpha1.Workload, i int, inputs []input) (mine lot.Unit, from string) {
	for _, role := range slices.Sorted(maps.Keys(w.Writes)) {
		d, _, ok := j.p.Dataset(w.Writes[role])
		if !ok {
			if _, local, parsed := catalog.ParseDataset(j.p.Name, w.Writes[role]); parsed {
				d, _, ok = j.p.Dataset(local)
			}
		}
		if !ok {
			continue
		}
		unit := unitOf(d)
		switch {
		case !unit.Valid():
		case !mine.Valid():
			mine, from = unit, j.p.Name+"/"+d.Name+"@"+d.Version
		case unit != mine:
			j.at(RuleLots, []any{"spec", "workloads", i, "writes", role},
				fmt.Sprintf("%s/%s@%s has %s lots, and %s, which the workload writes too, has %s lots; one run makes one lot of each",
					j.p.Name, d.Name, d.Version, unit, from, mine), "write them by two workloads, or give them one unit")
		}
	}
	if mine.Valid() {
		return mine, from
	}
	for _, in := range inputs {
		if in.unit.Valid() && in.read.Triggers() && in.read.Window == nil && (!mine.Valid() || in.unit.Coarser(mine)) {
			mine, from = in.unit, in.id
		}
	}
	return mine, from
}

// inputs checks whether what a workload reads is made in an environment.
func (j *checker) inputs(w *v1alpha1.Workload, i int, env string, inputs []input) {
	if how, _ := stopped(j.p, w, env); how != "" {
		return // it does not run, and needs nothing
	}
	for _, in := range inputs {
		owner, _, _ := j.cat.Dataset(in.id)
		if _, deployed := owner.Spec.Environments[env]; !deployed || in.data.External {
			continue
		}
		at := []any{"spec", "workloads", i, "reads", in.role}
		writers := writersOf(owner, in.data)
		if len(writers) == 0 && writtenByDAG(owner, in.id) {
			continue
		}
		if len(writers) == 0 {
			j.unwritten(owner, in, at)
			continue
		}
		why, to := "", pointer{}
		for _, writer := range writers {
			how, field := stopped(owner, writer, env)
			if how == "" {
				why = ""
				break
			}
			to = pointer{workload: owner.Name + "/" + writer.Name, field: field}
			why = fmt.Sprintf("%s, which writes it, is %s in %q", to.workload, how, env)
		}
		if why != "" {
			to.problem, to.message = len(j.problems), why
			j.in(env, RuleSuspended, at, fmt.Sprintf("%s/%s needs %s: %s", j.p.Name, w.Name, in.id, why),
				"resume it, or suspend what reads it too")
			j.pointers = append(j.pointers, to)
		}
	}
}

// stopped tells in which way a workload does not run in an environment, if it does not, and which field says so.
func stopped(p *catalog.Project, w *v1alpha1.Workload, env string) (how, field string) {
	over := p.Spec.Environments[env]
	suspended := p.Spec.Suspend
	if over.Suspend != nil {
		suspended = *over.Suspend
	}
	switch {
	case p.Excludes(env, w.Name):
		return "excluded", "exclude"
	case p.Suspends(w, env):
		return "suspended", "suspend"
	case suspended:
		return "suspended with its project", "name"
	}
	return "", ""
}

// writtenByDAG reports whether a DAG file of its project writes a dataset.
func writtenByDAG(p *catalog.Project, id string) bool {
	return slices.ContainsFunc(p.DagEdges(), func(e catalog.Edge) bool { return e.Kind == catalog.Writes && e.To == id })
}

// writersOf returns the workloads that write a dataset of their project, by name: their order is nothing that readers
// depend on.
func writersOf(p *catalog.Project, d *v1alpha1.Dataset) (writers []*v1alpha1.Workload) {
	local := d.Name + "@" + d.Version
	for i := range p.Spec.Workloads {
		for _, ref := range p.Spec.Workloads[i].Writes {
			if owner, name, ok := catalog.ParseDataset(p.Name, ref); ok && owner == p.Name && name == local {
				writers = append(writers, &p.Spec.Workloads[i])
				break
			}
		}
	}
	slices.SortStableFunc(writers, func(a, b *v1alpha1.Workload) int { return strings.Compare(a.Name, b.Name) })
	return writers
}

// unwritten reports the read of a dataset that nobody writes, with the versions of it that someone does.
func (j *checker) unwritten(owner *catalog.Project, in input, at []any) {
	var versions []string
	for i := range owner.Spec.Datasets {
		if d := &owner.Spec.Datasets[i]; d.Name == in.data.Name && (d.External || len(writersOf(owner, d)) > 0 || writtenByDAG(owner, owner.Name+"/"+d.Name+"@"+d.Version)) {
			versions = append(versions, d.Version)
		}
	}
	hint := fmt.Sprintf("let a workload of %q write it, or declare it as external: true", owner.Name)
	if len(versions) > 0 {
		slices.Sort(versions)
		hint = fmt.Sprintf("versions of %s/%s that are written: %s", owner.Name, in.data.Name, strings.Join(versions, ", "))
	}
	j.at(RuleUnwritten, at, fmt.Sprintf("nobody writes %s", in.id), hint)
}
