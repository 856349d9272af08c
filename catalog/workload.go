// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// workloads checks what does not depend on an environment.
func (k *checker) workloads(p *Project) {
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if k.name(w.Name, "spec", "workloads", i, "name") {
			if before := p.workloads[w.Name]; before != i {
				k.at(v1alpha1.RuleDuplicate, []any{"spec", "workloads", i, "name"}, fmt.Sprintf("the workload %q is already declared in line %d",
					w.Name, k.doc.Position("spec", "workloads", before).Line), "")
			}
		}
		for j, file := range w.Files {
			k.file(file, "spec", "workloads", i, "files", j)
		}
		if w.Schedule != "" {
			k.schedule(w.Schedule, "spec", "workloads", i, "schedule")
		}
		k.timeZone(w.TimeZone, "spec", "workloads", i, "timeZone")
		if w.Identity != "" {
			k.name(w.Identity, "spec", "workloads", i, "identity")
		}
		atLeastOne(k, w.Lots.AtOnce, "spec", "workloads", i, "lots", "atOnce")
		k.variables(w.Env, w.Secrets, "spec", "workloads", i)
		bp, ok := k.c.Blueprints[w.Blueprint]
		if !ok {
			known(k, RuleBlueprint, "blueprint", w.Blueprint, k.c.Blueprints, "spec", "workloads", i, "blueprint")
			continue
		}
		k.honoured(bp, setFields(w), w.TimeZone != "", "spec", "workloads", i)
		k.params(p, bp, w, i)
		k.boundary(p, bp, w, i)
		k.roles(p, bp, w, i)
		k.program(p, bp, w, i)
		k.spark(p, bp, w, i)
		k.workspace(p, bp, w, i)
	}
}

// ownVariables is the prefix of the variables that Trunkline gives to every workload.
const ownVariables = "TRUNKLINE_"

// variables checks the names of the variables that a workload gets.
func (k *checker) variables(env map[string]string, secrets map[string]v1alpha1.SecretRef, at ...any) {
	reserved(k, env, append(slices.Clip(at), "env"))
	reserved(k, secrets, append(slices.Clip(at), "secrets"))
	k.clusterSecrets(secrets, append(slices.Clip(at), "secrets"))
	if len(secrets) > 0 {
		twice(k, secrets, env, append(slices.Clip(at), "secrets"))
	}
}

// reserved refuses variables that Trunkline sets itself.
func reserved[V any](k *checker, variables map[string]V, at []any) {
	for name := range variables {
		if strings.HasPrefix(name, ownVariables) {
			k.atKey(RuleName, append(slices.Clip(at), name), fmt.Sprintf("the variable %q is reserved: Trunkline sets those that begin with %s", name, ownVariables), "choose another name")
		}
	}
}

// twice refuses variables that have a value and a secret.
func twice[V, W any](k *checker, variables map[string]V, others map[string]W, at []any) {
	for name := range variables {
		if _, both := others[name]; both {
			k.atKey(RuleCollision, append(slices.Clip(at), name), fmt.Sprintf("the variable %q has a value in env and one in secrets", name), "keep one of them")
		}
	}
}

// honoured refuses fields that the blueprint does not honour.
func (k *checker) honoured(bp *Blueprint, set []v1alpha1.WorkloadField, zone bool, at ...any) {
	fields := bp.Spec.Fields
	for _, f := range set {
		if !slices.Contains(fields, f) {
			k.notTaken(bp, append(slices.Clip(at), string(f)))
		}
	}
	if zone && !slices.Contains(fields, v1alpha1.FieldSchedule) {
		k.notTaken(bp, append(slices.Clip(at), "timeZone"))
	}
}

func (k *checker) notTaken(bp *Blueprint, at []any) {
	fields := make([]string, len(bp.Spec.Fields))
	for i, f := range bp.Spec.Fields {
		fields[i] = string(f)
	}
	hint := "it has no optional fields"
	if len(fields) > 0 {
		slices.Sort(fields)
		hint = "its optional fields are: " + strings.Join(fields, ", ")
	}
	k.atKey(RuleField, at, fmt.Sprintf("the blueprint %q does not accept the field %q", bp.Name, at[len(at)-1]), hint)
}

func setFields(w *v1alpha1.Workload) []v1alpha1.WorkloadField {
	fields := make([]v1alpha1.WorkloadField, 0, 8)
	for _, f := range [...]struct {
		name v1alpha1.WorkloadField
		set  bool
	}{
		{v1alpha1.FieldImage, !w.Image.IsZero()},
		{v1alpha1.FieldCommand, w.Command != nil},
		{v1alpha1.FieldEnv, w.Env != nil},
		{v1alpha1.FieldSecrets, w.Secrets != nil},
		{v1alpha1.FieldFiles, w.Files != nil},
		{v1alpha1.FieldSize, w.Size != ""},
		{v1alpha1.FieldIdentity, w.Identity != ""},
		{v1alpha1.FieldSchedule, w.Schedule != ""},
		{v1alpha1.FieldRetries, w.Retries != nil},
		{v1alpha1.FieldTimeout, w.Timeout != 0},
		{v1alpha1.FieldSuspend, w.Suspend},
	} {
		if f.set {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// params checks the params that the workload has in each environment; a parameter that is required may be given in
// each environment rather than once for all.
func (k *checker) params(p *Project, bp *Blueprint, w *v1alpha1.Workload, i int) {
	compiled := k.c.schemas[bp.Name]
	if compiled == nil {
		return // the schema is at fault, which was reported where it stands
	}
	at := []any{"spec", "workloads", i, "params"}
	platform := k.c.Platform.Spec.Defaults.Params[bp.Name]
	checked := false
	for _, env := range sortedKeys(p.Spec.Environments) {
		over := p.Spec.Environments[env].Workloads[w.Name].Params
		var defaults map[string]any
		if e, ok := k.c.Environments[env]; ok {
			defaults = e.Spec.Defaults.Params[bp.Name]
		}
		if over == nil && defaults == nil {
			continue
		}
		checked = checked || over == nil
		there := []any{"spec", "environments", env, "workloads", w.Name, "params"}
		if over == nil {
			there = at
		}
		k.reportParams(bp, compiled.Check(merge(merge(merge(platform, defaults), w.Params), over)), func(param string) []any {
			_, replaced := over[param]
			if _, declared := w.Params[param]; declared && !replaced {
				return at
			}
			return there
		})
	}
	if checked || len(p.Spec.Environments) > 0 && k.everywhere(p, w, bp) {
		return
	}
	problems := k.c.bare[bp.Name]
	if platform != nil || w.Params != nil {
		problems = compiled.Check(merge(platform, w.Params))
	}
	k.reportParams(bp, problems, func(string) []any { return at })
}

// everywhere reports whether every environment of the project has params of its own for the workload.
func (k *checker) everywhere(p *Project, w *v1alpha1.Workload, bp *Blueprint) bool {
	for env, over := range p.Spec.Environments {
		e, ok := k.c.Environments[env]
		if over.Workloads[w.Name].Params == nil && (!ok || e.Spec.Defaults.Params[bp.Name] == nil) {
			return false
		}
	}
	return true
}

// reportParams reports what is wrong with params; where tells in which mapping a parameter stands.
func (k *checker) reportParams(bp *Blueprint, problems []schema.Problem, where func(param string) []any) {
	for _, p := range problems {
		param := ""
		if len(p.Path) > 0 {
			param, _ = p.Path[0].(string)
		}
		message := fmt.Sprintf("the blueprint %q: %s", bp.Name, p.Message)
		k.atKey(RuleParams, slices.Concat(where(param), p.Path), message, p.Hint)
	}
}

func (k *checker) schedule(expression string, at ...any) {
	if _, err := schedule.Parse(expression, ""); err != nil {
		k.noSchedule(err, expression, at)
	}
}

func (k *checker) timeZone(zone string, at ...any) {
	if zone == "" {
		return
	}
	if _, err := schedule.Parse("@daily", zone); err != nil {
		k.noSchedule(err, zone, at)
		return
	}
	if why, meant := schedule.Seems(zone); why != "" {
		k.warn(RuleTimeZone, at, fmt.Sprintf("the time zone %q %s", zone, why), fmt.Sprintf("name a place, or UTC; was %q meant?", meant))
	}
}

// noSchedule reports what is wrong with a schedule or time zone, with what was probably meant.
func (k *checker) noSchedule(err error, text string, at []any) {
	hint := ""
	if e, ok := errors.AsType[*schedule.Error](err); ok {
		if hint = v1alpha1.DidYouMean(text, e.Known); e.Meant != "" { // nobody reads a list of all time zones
			hint = fmt.Sprintf("did you mean %q?", e.Meant)
		}
	}
	k.at(RuleSchedule, at, err.Error(), hint)
}

// overrides checks what the project says differently in one environment.
func (k *checker) overrides(p *Project, env string) {
	for _, name := range sortedKeys(p.Spec.Environments[env].Workloads) {
		at := []any{"spec", "environments", env, "workloads", name}
		w, _, ok := p.Workload(name)
		if !ok {
			k.noWorkload(p, name, at)
			continue
		}
		over := p.Spec.Environments[env].Workloads[name]
		if over.Schedule != "" {
			k.schedule(over.Schedule, append(slices.Clip(at), "schedule")...)
		}
		if over.Identity != "" {
			k.name(over.Identity, append(slices.Clip(at), "identity")...)
		}
		k.variables(over.Env, over.Secrets, at...)
		twice(k, over.Env, w.Secrets, append(slices.Clip(at), "env"))
		twice(k, over.Secrets, w.Env, append(slices.Clip(at), "secrets"))
		if bp := k.c.Blueprints[w.Blueprint]; bp != nil {
			k.honoured(bp, setFields(&v1alpha1.Workload{
				Image: over.Image, Size: over.Size, Env: over.Env, Schedule: over.Schedule, Secrets: over.Secrets,
				Identity: over.Identity, Retries: over.Retries, Timeout: over.Timeout, Suspend: over.Suspend != nil && *over.Suspend,
			}), false, at...)
		}
	}
}
