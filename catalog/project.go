package catalog

import (
	"fmt"
	"slices"
	"strings"
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
		clusters := l.catalog.Environments[env].Spec.Clusters
		for i, cluster := range clusters {
			if l.catalog.Clusters[cluster] != nil && !slices.Contains(clusters[:i], cluster) {
				l.release(doc, p, ReleaseID{Project: p.Metadata.Name, Environment: env, Cluster: cluster})
			}
		}
	}
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
			l.notTaken(doc, bp, at(string(f)))
		}
	}
	if w.TimeZone != "" && !slices.Contains(bp.Spec.Fields, v1alpha1.FieldSchedule) {
		l.notTaken(doc, bp, at("timeZone"))
	}
	l.checkAllParams(doc, p, bp, w, at("params"))
}

// notTaken refuses a field that the blueprint does not honour.
func (l *linker) notTaken(doc *v1alpha1.Document, bp *Blueprint, at []any) {
	fields := make([]string, len(bp.Spec.Fields))
	for i, f := range bp.Spec.Fields {
		fields[i] = string(f)
	}
	hint := "of the optional fields it takes none"
	if len(fields) > 0 {
		slices.Sort(fields)
		hint = "of the optional fields it takes: " + strings.Join(fields, ", ")
	}
	l.atKey(doc, at, fmt.Sprintf("the blueprint %q takes no %q", bp.Name, at[len(at)-1]), hint)
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

// checkAllParams checks the params that the workload has in each environment; a parameter that is required may
// be given in each environment rather than once for all.
func (l *linker) checkAllParams(doc *v1alpha1.Document, p *v1alpha1.Project, bp *Blueprint, w v1alpha1.Workload, at []any) {
	asDeclared := len(p.Spec.Environments) == 0
	for _, env := range sortedKeys(p.Spec.Environments) {
		over := p.Spec.Environments[env].Workloads[w.Name].Params
		if over == nil {
			asDeclared = true
			continue
		}
		there := []any{"spec", "environments", env, "workloads", w.Name, "params"}
		l.checkParams(doc, bp, merge(w.Params, over), func(param string) []any {
			_, replaced := over[param]
			if _, declared := w.Params[param]; declared && !replaced {
				return at
			}
			return there
		})
	}
	if asDeclared {
		l.checkParams(doc, bp, w.Params, func(string) []any { return at })
	}
}

// checkParams checks params against the blueprint's schema; where tells in which mapping a parameter stands.
func (l *linker) checkParams(doc *v1alpha1.Document, bp *Blueprint, params map[string]any, where func(param string) []any) {
	compiled := l.schemas[bp.Name]
	if compiled == nil {
		return // the schema is at fault, which was reported where it stands
	}
	if params == nil {
		params = map[string]any{}
	}
	for _, p := range compiled.Check(params) {
		param := ""
		if len(p.Path) > 0 {
			param, _ = p.Path[0].(string)
		}
		l.atKey(doc, slices.Concat(where(param), p.Path), p.Message, p.Hint)
	}
}

func (l *linker) checkSchedule(doc *v1alpha1.Document, schedule string, at ...any) {
	const hint = `write five fields, as in "0 6 * * *" for every day at six`
	// Kubernetes does not take a zone here, and the parser panics on one with nothing behind it.
	if strings.Contains(schedule, "TZ=") {
		l.at(doc, at, fmt.Sprintf("%q is not a schedule: it names a time zone", schedule), "write the zone in timeZone")
		return
	}
	if _, err := cron.ParseStandard(schedule); err != nil {
		l.at(doc, at, fmt.Sprintf("%q is not a schedule: %s", schedule, err), hint)
	}
}

// overrides checks what the project says differently in one environment.
func (l *linker) overrides(doc *v1alpha1.Document, p *v1alpha1.Project, env string) {
	workloads, blueprints := map[string]bool{}, map[string]*Blueprint{}
	for _, w := range p.Spec.Workloads {
		workloads[w.Name], blueprints[w.Name] = true, l.catalog.Blueprints[w.Blueprint]
	}
	for _, name := range sortedKeys(p.Spec.Environments[env].Workloads) {
		at := []any{"spec", "environments", env, "workloads", name}
		if !l.hasWorkload(doc, p.Metadata.Name, name, workloads, at) {
			continue
		}
		over := p.Spec.Environments[env].Workloads[name]
		if over.Schedule != "" {
			l.checkSchedule(doc, over.Schedule, append(slices.Clip(at), "schedule")...)
		}
		bp := blueprints[name]
		if bp == nil {
			continue
		}
		for _, f := range setFields(v1alpha1.Workload{Image: over.Image, Size: over.Size, Env: over.Env, Schedule: over.Schedule}) {
			if !slices.Contains(bp.Spec.Fields, f) {
				l.notTaken(doc, bp, append(slices.Clip(at), string(f)))
			}
		}
	}
}
