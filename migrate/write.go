// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"time"

	"trunkline.dev/trunkline/scaffold"
)

// declaration is a document of Trunkline's.
type declaration struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       any      `yaml:"spec"`
}

type metadata struct {
	Name string `yaml:"name"`
}

// Declare writes a declaration, with the fields of its spec in their order.
func Declare(kind, name string, spec any) ([]byte, error) {
	return encode(declaration{"trunkline.dev/v1alpha1", kind, metadata{name}, spec})
}

type platformSpec struct {
	Roots []string `yaml:"roots"`
}

type environmentSpec struct {
	Clusters    []string    `yaml:"clusters"`
	Namespace   string      `yaml:"namespace"`
	PodSecurity podSecurity `yaml:"podSecurity"`
	Allow       []allow     `yaml:"allow,omitempty"`
	Drift       *drift      `yaml:"drift,omitempty"`
	Timeout     string      `yaml:"healthTimeout,omitempty"`
}

type podSecurity struct {
	Level string `yaml:"level"`
}

type allow struct {
	Projects      []string `yaml:"projects"`
	ClusterScoped []string `yaml:"clusterScoped,omitempty"`
	Namespaces    []string `yaml:"namespaces,omitempty"`
	Reason        string   `yaml:"reason"`
}

type drift struct {
	Mode   string    `yaml:"mode,omitempty"`
	Ignore []ignored `yaml:"ignore,omitempty"`
}

type projectSpec struct {
	Owner        string               `yaml:"owner"`
	Environments map[string]*override `yaml:"environments"`
	DependsOn    []string             `yaml:"dependsOn,omitempty"`
	Workloads    []workload           `yaml:"workloads"`
}

type override struct {
	Suspend     bool                         `yaml:"suspend,omitempty"`
	PodSecurity string                       `yaml:"podSecurity,omitempty"`
	Workloads   map[string]*workloadOverride `yaml:"workloads,omitempty"`
}

type workloadOverride struct {
	Exclude bool           `yaml:"exclude,omitempty"`
	Params  map[string]any `yaml:"params,omitempty"`
}

type workload struct {
	Name      string         `yaml:"name"`
	Blueprint string         `yaml:"blueprint"`
	Params    map[string]any `yaml:"params,omitempty"`
}

// asBefore is written above the Pod Security Standard of an environment.
const asBefore = "# Pods may do what they could do before. Name a stricter level once yours run under it: baseline or restricted.\n"

// files writes the declarations of a layout.
func (l *layout) files() (out []scaffold.File, err error) {
	add := func(name string, data []byte, failed error) {
		if failed != nil {
			err = failed
		}
		out = append(out, scaffold.File{Path: name, Data: data})
	}
	if l.Platform != "" {
		data, err := Declare("Platform", l.Platform, platformSpec{[]string{l.To}})
		add("trunkline.yaml", data, err)
	}
	clusters := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(l.envs)) {
		e := l.envs[name]
		if !l.used[e] {
			continue
		}
		if !clusters[e.cluster] {
			clusters[e.cluster] = true
			data, err := Declare("Cluster", e.cluster, struct{}{})
			add(path.Join(l.To, "clusters", e.cluster+".yaml"), data, err)
		}
		data, err := Declare("Environment", name, l.environmentSpec(e))
		add(path.Join(l.To, "environments", name+".yaml"), append([]byte(asBefore), data...), err)
	}
	for _, dir := range slices.Sorted(maps.Keys(l.charts)) {
		c := l.charts[dir]
		if !slices.ContainsFunc(l.units, func(u *unit) bool { return u.chart == c }) {
			continue
		}
		at := path.Join(l.To, "blueprints", c.blueprint)
		data, err := c.blueprintFile(at)
		add(path.Join(at, "blueprint.yaml"), data, err)
	}
	for _, name := range slices.Sorted(maps.Keys(l.projects)) {
		p := l.projects[name]
		spec, overlays, failed := l.project(p)
		data, err := Declare("Project", name, spec)
		if failed != nil {
			err = failed
		}
		add(path.Join(l.dir(p), "project.yaml"), data, err)
		out = append(out, overlays...)
	}
	return out, err
}

func (l *layout) dir(p *project) string { return path.Join(l.To, "projects", p.name) }

func (l *layout) environmentSpec(e *environment) environmentSpec {
	spec := environmentSpec{Clusters: []string{e.cluster}, Namespace: l.patterns[e], PodSecurity: podSecurity{"privileged"}}
	for _, name := range slices.Sorted(maps.Keys(l.projects)) {
		var kinds, namespaces []string
		for _, u := range l.projects[name].units[e.name] {
			k, n := u.beyond()
			kinds, namespaces = append(kinds, k...), append(namespaces, n...)
		}
		if len(kinds)+len(namespaces) > 0 {
			spec.Allow = append(spec.Allow, allow{[]string{name}, distinct(kinds), distinct(namespaces), "what it had before Trunkline"})
		}
	}
	if e.timeout > defaultTimeout {
		spec.Timeout = fmt.Sprintf("%dm", int((e.timeout+time.Minute-1)/time.Minute))
	}
	d := drift{Ignore: e.ignore}
	if e.uncorrected > 0 && e.corrected == 0 {
		d.Mode = "report"
	}
	if d.Mode != "" || d.Ignore != nil {
		spec.Drift = &d
	}
	return spec
}

func distinct(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// project writes a project: what all environments share stands with the workload, the rest in the environments.
func (l *layout) project(p *project) (spec projectSpec, overlays []scaffold.File, err error) {
	spec = projectSpec{Owner: l.Owner, Environments: map[string]*override{}, DependsOn: slices.Sorted(maps.Keys(p.dependsOn))}
	params := map[string]map[string]map[string]any{} // by workload and environment
	blueprints := map[string]string{}
	for _, env := range slices.Sorted(maps.Keys(p.units)) {
		over := &override{Suspend: true, PodSecurity: l.level(p, env)}
		spec.Environments[env] = over
		for _, u := range p.units[env] {
			over.Suspend = over.Suspend && u.suspended
			if params[u.name] == nil {
				params[u.name] = map[string]map[string]any{}
			}
			blueprints[u.name] = "kustomize"
			if u.chart != nil {
				blueprints[u.name], params[u.name][env] = u.chart.blueprint, u.values
				continue
			}
			if u.program != nil {
				blueprints[u.name], params[u.name][env] = "jsonnet", u.program.params(l.dir(p))
				continue
			}
			in := map[string]any{}
			dir := u.overlay.dir
			if !u.overlay.plain() {
				dir = path.Join(l.dir(p), u.name+"-"+env)
				data, failed := u.overlay.kustomization(dir)
				if failed != nil {
					err = fmt.Errorf("%s: %w", describe(u.of), failed)
				}
				overlays = append(overlays, scaffold.File{Path: path.Join(dir, "kustomization.yaml"), Data: data})
			}
			in["path"] = relative(l.dir(p), dir)
			if len(u.overlay.substitute) > 0 {
				in["substitute"] = u.overlay.substitute
			}
			params[u.name][env] = in
		}
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		spec.Workloads = append(spec.Workloads, workload{name, blueprints[name], shared(params[name])})
		for env, over := range spec.Environments {
			mine, there := params[name][env]
			change := workloadOverride{Exclude: !there, Params: rest(mine, spec.Workloads[len(spec.Workloads)-1].Params)}
			if !change.Exclude && len(change.Params) == 0 {
				continue
			}
			if over.Workloads == nil {
				over.Workloads = map[string]*workloadOverride{}
			}
			over.Workloads[name] = &change
		}
	}
	return spec, overlays, err
}

// shared are the params that are the same everywhere.
func shared(byEnv map[string]map[string]any) map[string]any {
	var out map[string]any
	for _, params := range byEnv {
		if out == nil {
			out = maps.Clone(params)
			continue
		}
		maps.DeleteFunc(out, func(key string, value any) bool {
			other, there := params[key]
			return !there || !reflect.DeepEqual(other, value)
		})
	}
	return out
}

// rest are the params without those that are shared.
func rest(params, shared map[string]any) map[string]any {
	out := maps.Clone(params)
	maps.DeleteFunc(out, func(key string, _ any) bool { _, there := shared[key]; return there })
	return out
}
