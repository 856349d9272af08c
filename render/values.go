// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/spark"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// contextValues is what a blueprint is told about the workload and where it runs.
type contextValues struct {
	rel    catalog.Release
	w      catalog.Workload
	labels map[string]string
	env    variables
	files  []any
}

func newValues(tree fs.FS, rel catalog.Release, w catalog.Workload) (*contextValues, error) {
	if !slices.ContainsFunc(rel.Accounts, func(a catalog.Account) bool { return a.Name == w.Identity }) {
		return nil, fmt.Errorf("identity: the release has no service account %q", w.Identity)
	}
	env, err := environment(rel, w)
	if err != nil {
		return nil, err
	}
	files, err := expand(tree, rel, w)
	if err != nil {
		return nil, err
	}
	return &contextValues{rel: rel, w: w, labels: merged(podLabels(w), workloadLabels(rel, w.Name)), env: env, files: files.out}, nil
}

// helm returns the values of a chart: the params at the top, and the rest under global.trunkline, which Helm hands
// to subcharts too.
func (v *contextValues) helm(params map[string]any) map[string]any {
	values := copyParams(params)
	global, isTable := values[schema.Reserved].(map[string]any)
	if !isTable {
		global = map[string]any{}
	}
	global[schema.Own] = v.own()
	values[schema.Reserved] = global
	return values
}

// own is what a chart and a program are told: of the release, and of the workload.
func (v *contextValues) own() map[string]any {
	return map[string]any{
		"platform": v.rel.Platform, "project": v.rel.ID.Project, "owner": v.rel.Owner,
		"environment": v.rel.ID.Environment, "cluster": v.rel.ID.Cluster,
		"namespace": v.rel.Namespace, "serviceAccount": v.w.Identity,
		"labels": anyMap(v.labels), "workload": v.workload(),
	}
}

func (v *contextValues) workload() map[string]any {
	size := map[string]any{}
	if v.w.Size.CPU != "" {
		size["cpu"] = string(v.w.Size.CPU)
	}
	if v.w.Size.Memory != "" {
		size["memory"] = string(v.w.Size.Memory)
	}
	command := make([]any, len(v.w.Command))
	for i, c := range v.w.Command {
		command[i] = c
	}
	out := map[string]any{
		"name": v.w.Name, "image": v.w.Image, "command": command, "env": v.env.list(),
		"resources": map[string]any{"requests": size, "limits": maps.Clone(size)},
		"lifecycle": string(v.w.Lifecycle), "schedule": v.w.Schedule, "timeZone": v.w.TimeZone,
		"reads": datasets(v.w.Reads), "writes": datasets(v.w.Writes), "files": v.files,
		"timeoutSeconds": int64(v.w.Timeout.Seconds()), "suspend": v.w.Suspend,
	}
	if v.w.Retries != nil {
		out["retries"] = int64(*v.w.Retries)
	}
	if v.w.Lots {
		out["lots"] = true
	}
	if v.w.Lifecycle == v1alpha1.Spot {
		out["nodes"] = nodes(catalog.SpotMachines(v.w.Spot))
	}
	if e := entryPoint(v.w); e != nil {
		out["entrypoint"] = e
	}
	if volumes := secretVolumes(&v.w); len(volumes) > 0 {
		out["secretVolumes"] = volumes
	}
	if a := v.w.Airflow; a != nil {
		bundles := make([]any, len(a.Bundles))
		for i, b := range a.Bundles {
			bundles[i] = map[string]any{"name": b.Name, "namespace": b.Namespace}
		}
		out["airflow"] = map[string]any{"bundles": bundles, "preview": a.Preview}
	}
	if s := v.w.Spark; s != nil {
		out["spark"] = map[string]any{
			"stream": s.Stream, "operator": s.Operator, "type": s.Type, "driver": sparkProcess(s.Driver), "executor": sparkProcess(s.Executor),
			"min": s.Min, "max": s.Max, "dynamic": s.Dynamic, "checkpoint": spark.Hadoop(s.Checkpoint), "eventLogs": spark.Hadoop(s.EventLogs),
		}
	}
	return out
}

// nodes says how pods get to machines, as the spec of a pod does.
func nodes(m catalog.Machines) map[string]any {
	tolerations := make([]any, len(m.Tolerations))
	for i, t := range m.Tolerations {
		one := map[string]any{"key": t.Key, "operator": "Exists"}
		if t.Value != "" {
			one["operator"], one["value"] = "Equal", t.Value
		}
		if t.Effect != "" {
			one["effect"] = string(t.Effect)
		}
		tolerations[i] = one
	}
	return map[string]any{"selector": anyMap(m.Selector), "tolerations": tolerations}
}

// sparkProcess is what a chart is told of a driver or executor.
func sparkProcess(p spark.Process) map[string]any {
	return map[string]any{"cpu": p.CPU, "memory": p.Memory, "cores": p.Cores, "heapMiB": p.HeapMiB, "overheadMiB": p.OverheadMiB}
}

// flat returns the same for Kustomize, as the data of a ConfigMap.
func (v *contextValues) flat(params map[string]any) map[string]string {
	lifecycle := v.w.Lifecycle
	if lifecycle == "" {
		lifecycle = v1alpha1.OnDemand
	}
	out := map[string]string{
		"platform": v.rel.Platform, "project": v.rel.ID.Project, "owner": v.rel.Owner,
		"environment": v.rel.ID.Environment, "cluster": v.rel.ID.Cluster,
		"namespace": v.rel.Namespace, "serviceAccount": v.w.Identity,
		"workload": v.w.Name, "image": v.w.Image, "command": jsonText(v.w.Command),
		"cpu": string(v.w.Size.CPU), "memory": string(v.w.Size.Memory), "lifecycle": string(lifecycle),
		"schedule": v.w.Schedule, "timeZone": v.w.TimeZone,
		"timeoutSeconds": fmt.Sprint(int64(v.w.Timeout.Seconds())), "suspend": fmt.Sprint(v.w.Suspend),
	}
	if v.w.Retries != nil {
		out["retries"] = fmt.Sprint(*v.w.Retries)
	}
	if v.w.Lots {
		out["lots"] = "true"
	}
	for name, value := range v.env.values {
		out["env."+name] = value
	}
	for name, ref := range v.env.secrets {
		out["secret."+name] = ref.Name + "/" + ref.Key
	}
	for role, ref := range v.w.Reads {
		out["read."+role] = ref.URI
	}
	for role, ref := range v.w.Writes {
		out["write."+role] = ref.URI
	}
	for name, value := range params {
		text, isText := value.(string)
		if !isText {
			text = jsonText(value)
		}
		out["param."+name] = text
	}
	return out
}

func datasets(refs map[string]catalog.DatasetRef) map[string]any {
	out := map[string]any{}
	for role, ref := range refs {
		out[role] = map[string]any{"dataset": ref.ID, "uri": ref.URI}
	}
	return out
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// copyParams copies the params, since templates can change what they are given.
func copyParams(params map[string]any) map[string]any {
	out, ok := copyValue(params).(map[string]any)
	if !ok || out == nil {
		return map[string]any{}
	}
	return out
}

func copyValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, c := range v {
			out[k] = copyValue(c)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, c := range v {
			out[i] = copyValue(c)
		}
		return out
	}
	return v
}

func jsonText(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}
