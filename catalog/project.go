package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/robfig/cron/v3"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// project checks one project and makes its releases.
func (l *linker) project(doc *v1alpha1.Document, p *v1alpha1.Project) {
	for i, w := range p.Spec.Workloads {
		l.workload(doc, p, w, i)
	}
	for _, env := range sortedKeys(p.Spec.Environments) {
		at := environmentPath(doc, env)
		if !known(l, doc, "environment", env, l.catalog.Environments, at...) {
			continue
		}
		l.overrides(doc, p, env)
		for _, cluster := range l.catalog.Environments[env].Spec.Clusters {
			if l.catalog.Clusters[cluster] != nil {
				l.release(doc, p, ReleaseID{Project: p.Metadata.Name, Environment: env, Cluster: cluster})
			}
		}
	}
	slices.SortFunc(l.catalog.Releases, func(a, b Release) int { return a.ID.Compare(b.ID) })
}

// environmentPath finds where the project names an environment: an item of a list, or a key of a map.
func environmentPath(doc *v1alpha1.Document, env string) []any {
	if i := doc.IndexOf(env, "spec", "environments"); i >= 0 {
		return []any{"spec", "environments", i}
	}
	return []any{"spec", "environments", env}
}

// workload checks what does not depend on an environment.
func (l *linker) workload(doc *v1alpha1.Document, p *v1alpha1.Project, w v1alpha1.Workload, i int) {
	at := func(more ...any) []any { return append([]any{"spec", "workloads", i}, more...) }
	for j, file := range w.Files {
		l.checkFile(doc, file, at("files", j)...)
	}
	if w.Schedule != "" {
		l.checkSchedule(doc, w.Schedule, at("schedule")...)
	}
	if w.TimeZone != "" {
		if _, err := time.LoadLocation(w.TimeZone); err != nil || w.TimeZone == "Local" {
			l.at(doc, at("timeZone"), fmt.Sprintf("there is no time zone %q", w.TimeZone), `write it like "Europe/Brussels"`)
		}
	}
	if !known(l, doc, "blueprint", w.Blueprint, l.catalog.Blueprints, at("blueprint")...) {
		return
	}
	bp := l.catalog.Blueprints[w.Blueprint]
	for _, f := range setFields(w) {
		if !slices.Contains(bp.Spec.Fields, f) {
			l.at(doc, at(string(f)), fmt.Sprintf("the blueprint %q takes no %q", bp.Name, f), "")
		}
	}
	l.checkParams(doc, bp, w.Params, at("params")...)
	for _, env := range sortedKeys(p.Spec.Environments) {
		if over := p.Spec.Environments[env].Workloads[w.Name]; over.Params != nil {
			l.checkParams(doc, bp, merge(w.Params, over.Params), "spec", "environments", env, "workloads", w.Name, "params")
		}
	}
}

func setFields(w v1alpha1.Workload) []v1alpha1.WorkloadField {
	var fields []v1alpha1.WorkloadField
	for _, f := range []struct {
		name v1alpha1.WorkloadField
		set  bool
	}{
		{v1alpha1.FieldImage, w.Image != ""},
		{v1alpha1.FieldCommand, w.Command != nil},
		{v1alpha1.FieldEnv, w.Env != nil},
		{v1alpha1.FieldFiles, w.Files != nil},
		{v1alpha1.FieldSize, w.Size != ""},
		{v1alpha1.FieldSchedule, w.Schedule != ""},
		{v1alpha1.FieldRetries, w.Retries != nil},
		{v1alpha1.FieldTimeout, w.Timeout != 0},
	} {
		if f.set {
			fields = append(fields, f.name)
		}
	}
	return fields
}

func (l *linker) checkParams(doc *v1alpha1.Document, bp *Blueprint, params map[string]any, at ...any) {
	compiled := l.schemas[bp.Name]
	if compiled == nil {
		return // the schema is at fault, which was reported where it stands
	}
	if params == nil {
		params = map[string]any{}
	}
	for _, p := range compiled.Check(params) {
		l.at(doc, append(slices.Clip(at), p.Path...), p.Message, p.Hint)
	}
}

func (l *linker) checkSchedule(doc *v1alpha1.Document, schedule string, at ...any) {
	if _, err := cron.ParseStandard(schedule); err != nil {
		l.at(doc, at, fmt.Sprintf("%q is not a schedule: %s", schedule, err), `write five fields, as in "0 6 * * *" for every day at six`)
	}
}

// checkFile wants a file or folder that the project names to be in the tree, beside the project.
func (l *linker) checkFile(doc *v1alpha1.Document, name string, at ...any) {
	full := path.Join(path.Dir(doc.File), name)
	if path.IsAbs(name) || !fs.ValidPath(full) {
		l.at(doc, at, fmt.Sprintf("the path %q leaves the tree", name), "paths are relative to the file that declares the project")
		return
	}
	if _, err := fs.Stat(l.tree, full); err != nil {
		message := fmt.Sprintf("cannot read %q: %s", full, err)
		if errors.Is(err, fs.ErrNotExist) {
			message = fmt.Sprintf("there is no file %q", full)
		}
		l.at(doc, at, message, "paths are relative to the file that declares the project")
	}
}

// overrides checks what the project says differently in one environment.
func (l *linker) overrides(doc *v1alpha1.Document, p *v1alpha1.Project, env string) {
	workloads := map[string]v1alpha1.Workload{}
	for _, w := range p.Spec.Workloads {
		workloads[w.Name] = w
	}
	for _, name := range sortedKeys(p.Spec.Environments[env].Workloads) {
		at := []any{"spec", "environments", env, "workloads", name}
		if !known(l, doc, "workload of this project", name, workloads, at...) {
			continue
		}
		over := p.Spec.Environments[env].Workloads[name]
		if over.Schedule != "" {
			l.checkSchedule(doc, over.Schedule, append(at, "schedule")...)
		}
		bp := l.catalog.Blueprints[workloads[name].Blueprint]
		if bp == nil {
			continue
		}
		for _, f := range setFields(v1alpha1.Workload{Image: over.Image, Size: over.Size, Env: over.Env, Schedule: over.Schedule}) {
			if !slices.Contains(bp.Spec.Fields, f) {
				l.at(doc, append(at, string(f)), fmt.Sprintf("the blueprint %q takes no %q", bp.Name, f), "")
			}
		}
	}
}
