// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/edit"
)

// Change is a new content of the project's declaration.
type Change struct {
	// File is the one that changes, and Content what is in it then; Content is empty if nothing is moved.
	File, Content string
	// Before and After are the builds of the environment.
	Before, After BuildID
	// Moved are the values that are another, in their order in the file's path.
	Moved []Moved
}

// Moved is one value that changes in an environment.
type Moved struct {
	// Workload is whose it is.
	Workload string `json:"workload"`
	// Param is the name of the parameter; empty for the image.
	Param string `json:"param,omitempty"`
	// From is nil if there was none, and To if there is none any more.
	From any `json:"from"`
	To   any `json:"to"`
}

// Differ reports whether two environments may have different builds. It reads no file, and says so of the most that have not.
func (d *Declared) Differ(a, b string) bool { return !equal(d.Parts(a), d.Parts(b)) }

// Promote returns what gives an environment the build of another one. That they have the same build is no change: Before is
// After, and nothing is moved.
func (d *Declared) Promote(from, to string) (Change, error) {
	want, err := d.Build(from)
	if err != nil {
		return Change{}, err
	}
	c, err := d.toward(to, d.Parts(from))
	if err == nil && c.After != want {
		err = fmt.Errorf("%s: what is declared there cannot be changed to the build of %q, such as for a merge key; change it by hand", d.File, from)
	}
	return c, err
}

// Restore returns what gives an environment the build that was declared there before. If images and parameters are not all that
// is different, ok is false: then the declaration and its files have to be as they were.
func (d *Declared) Restore(before *Declared, environment string) (c Change, ok bool, err error) {
	want, err := before.Build(environment)
	if err != nil {
		return Change{}, false, err
	}
	now, err := d.Build(environment)
	if err != nil {
		return Change{}, false, err
	}
	if c, err = d.toward(environment, before.Parts(environment)); err != nil || c.After != want {
		return Change{File: d.File, Before: now, After: want}, false, nil //nolint:nilerr // it is not possible that way
	}
	return c, true, nil
}

// toward changes the overrides of an environment so that its workloads have these images and parameters.
func (d *Declared) toward(environment string, want map[string]Part) (Change, error) {
	before, err := d.Build(environment)
	if err != nil {
		return Change{}, err
	}
	c := Change{File: d.File, Before: before, After: before}
	changes, moved := d.changes(environment, want)
	if len(moved) == 0 {
		return c, nil
	}
	data, err := fs.ReadFile(d.tree, d.File)
	if err != nil {
		return Change{}, fmt.Errorf("reading the declaration of %q: %w", d.Project, err)
	}
	data, err = edit.Apply(data, d.Number, changes...)
	if err != nil {
		return Change{}, fmt.Errorf("%s: %w", d.File, err)
	}
	after, err := decode(d.tree, d.File, d.Project, data)
	if err != nil {
		return Change{}, err
	}
	c.Content, c.Moved = string(data), moved
	c.After, err = after.Build(environment)
	return c, err
}

// changes returns the edits that give the workloads of an environment these images and parameters, and what they move.
func (d *Declared) changes(environment string, want map[string]Part) (changes []edit.Change, moved []Moved) {
	over, current := d.Spec.Environments[environment], d.Parts(environment)
	at := func(steps ...any) []any { return append([]any{"spec", "environments", environment}, steps...) }
	shared := map[string]string{} // the workloads that take the image of the project
	for i := range d.Spec.Workloads {
		w := &d.Spec.Workloads[i]
		wanted, ok := want[w.Name]
		if !ok {
			continue
		}
		if now := current[w.Name]; now.Image != wanted.Image && wanted.Image != "" {
			moved = append(moved, Moved{Workload: w.Name, From: orNil(now.Image), To: wanted.Image})
		}
		if w.Image.IsZero() && over.Workloads[w.Name].Image.IsZero() {
			shared[w.Name] = wanted.Image
			continue
		}
		if current[w.Name].Image != wanted.Image && wanted.Image != "" {
			changes = append(changes, edit.Change{Path: at("workloads", w.Name, "image"), Value: wanted.Image})
		}
	}
	changes = append(changes, d.sharedImage(environment, shared)...)
	for i := range d.Spec.Workloads {
		name := d.Spec.Workloads[i].Name
		wanted, ok := want[name]
		if !ok {
			continue
		}
		now := current[name].Params
		for _, key := range slices.Sorted(maps.Keys(union(now, wanted.Params))) {
			was, had := now[key]
			is, has := wanted.Params[key]
			if had == has && equal(was, is) {
				continue
			}
			changes = append(changes, edit.Change{Path: at("workloads", name, "params", key), Value: is, Remove: !has})
			moved = append(moved, Moved{Workload: name, Param: key, From: was, To: is})
		}
	}
	return changes, moved
}

// sharedImage returns the edits for the workloads that take the image of the project: the one that most of them want becomes
// that of the project in the environment, and the others get one of their own.
func (d *Declared) sharedImage(environment string, want map[string]string) (changes []edit.Change) {
	now := cmp.Or(d.Spec.Environments[environment].Image, d.Spec.Image).Reference()
	count := map[string]int{}
	for _, image := range want {
		if image != "" {
			count[image]++
		}
	}
	most := ""
	for _, image := range slices.Sorted(maps.Keys(count)) {
		if count[image] > count[most] {
			most = image
		}
	}
	if most != now && most != "" {
		changes = append(changes, edit.Change{Path: []any{"spec", "environments", environment, "image"}, Value: most})
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if image := want[name]; image != most && image != "" {
			changes = append(changes, edit.Change{Path: []any{"spec", "environments", environment, "workloads", name, "image"}, Value: image})
		}
	}
	return changes
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func union(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, b)
	return out
}
