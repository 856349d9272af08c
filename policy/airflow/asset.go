// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// UseKind says what a DAG has to do with an asset.
type UseKind string

// The kinds of use.
const (
	// Scheduled is the asset whose events start the DAG.
	Scheduled UseKind = "schedule"
	// Inlet is an asset that a task reads.
	Inlet UseKind = "inlet"
	// Outlet is an asset that a task writes.
	Outlet UseKind = "outlet"
)

// Use says that a DAG, or one of its tasks, uses an asset.
type Use struct {
	Kind UseKind
	// URI is the address of the asset.
	URI string
	// Position is where the file says so.
	Position v1alpha1.Position
	// Certain is set when it is certain to be so.
	Certain bool
}

// use is one while the file is followed.
type use struct {
	kind UseKind
	uri  string
	at   place
	sure bool
}

// helpers is the module with functions of Trunkline that make assets, in the package for Airflow.
const helpers = "trunkline_airflow.assets."

// isDataset reports whether a function makes the asset of a dataset, by the id of that.
func isDataset(path string) bool {
	return path == helpers+"dataset" || path == "trunkline_airflow.dataset"
}

// uses are the assets in a value, each once.
func (m *machine) uses(kind UseKind, at *node, v value) (out []use) {
	seen := map[value]bool{}
	var visit func(v value, sure bool)
	add := func(v value, before string, sure bool) {
		if uri, ok := v.(text); ok && uri != "" {
			u := use{kind, before + string(uri), m.mod.home(placeOf(at)), sure}
			if !slices.Contains(out, u) {
				out = append(out, u)
			}
		}
	}
	visit = func(v value, sure bool) {
		switch v := v.(type) {
		case *list:
			if seen[v] {
				return
			}
			seen[v] = true
			for _, item := range v.items {
				visit(item, sure)
			}
		case *unknown:
			for _, o := range v.options {
				visit(o, false)
			}
		case *instance:
			if seen[v] {
				return
			}
			seen[v] = true
			switch name := last(v.path); {
			case isDataset(v.path):
				add(given(v, 0, "id"), "trunkline://", sure && !v.open)
			case meaning(v.path) == isAsset && (name == "Asset" || name == "Dataset" || name == "Model"):
				add(addressOf(v), "", sure && !v.open)
			case meaning(v.path) == isAsset && !strings.HasSuffix(name, "Alias"), meaning(v.path) == isTimetable, strings.HasPrefix(name, "Partitioned"):
				for _, inner := range append(slices.Clone(v.args), v.named["assets"], v.named["datasets"], v.named["objects"]) {
					visit(inner, sure)
				}
			}
		}
	}
	visit(v, m.sure())
	return out
}

// addressOf is the address of an asset: what is called uri, or else its name.
func addressOf(v *instance) value {
	if uri := v.named["uri"]; uri != nil {
		return uri
	}
	if last(v.path) != "Dataset" && len(v.args) > 1 {
		if _, is := v.args[1].(text); is {
			return v.args[1]
		}
	}
	return given(v, 0, "name")
}

// given is an argument by its place or its name.
func given(v *instance, i int, name string) value {
	if i < len(v.args) {
		return v.args[i]
	}
	return v.named[name]
}

// taskUses are the assets that a task is given, itself or by the defaults of its DAG and groups.
func (m *machine) taskUses(a arguments, d *dag, g *group) (out []use) {
	for _, k := range []struct {
		name string
		kind UseKind
	}{{"inlets", Inlet}, {"outlets", Outlet}} {
		v, found, known := a.get(k.name)
		if !found && known {
			v = inherited(k.name, a, d, g)
		}
		if v != nil {
			out = append(out, m.uses(k.kind, a.where(k.name), v)...)
		}
	}
	return out
}

// inherited is an argument of a task by default_args, the nearest first; nil if there is none.
func inherited(name string, a arguments, d *dag, g *group) value {
	sources := []value{a.named["default_args"]}
	for ; g != nil; g = g.parent {
		sources = append(sources, g.defaults)
	}
	if d != nil {
		sources = append(sources, d.defaults)
	}
	for _, s := range sources {
		if defaults, ok := s.(*dict); ok {
			if v, found, _ := defaults.get(text(name)); found {
				return v
			}
		}
	}
	return nil
}

// together is the asset that an operator makes of two values that are some, such as one "or" another; nil if they are none.
func together(operator string, left, right value) value {
	if !isAssets(left) || !isAssets(right) {
		return nil
	}
	path := "airflow.sdk.AssetAll"
	if operator == "|" {
		path = "airflow.sdk.AssetAny"
	}
	return &instance{path: path, args: []value{left, right}}
}

func isAssets(v value) bool {
	a, ok := v.(*instance)
	return ok && (meaning(a.path) == isAsset || isDataset(a.path))
}

// usesOf are those of a DAG, for others.
func (d *dag) usesOf() (out []Use) {
	certain := d.sure && d.registered
	all := slices.Clone(d.uses)
	for _, t := range d.all {
		all = append(all, t.uses...)
	}
	for _, u := range all {
		out = append(out, Use{u.kind, u.uri, u.at.position(), u.sure && certain})
	}
	return out
}
