// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"trunkline.dev/trunkline/api/compat"
	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// changed checks a project against what it was before the change.
func (j *checker) changed(before *catalog.Project) {
	for i := range j.p.Spec.Datasets {
		d := &j.p.Spec.Datasets[i]
		if old, _, ok := before.Dataset(d.Name + "@" + d.Version); ok {
			j.breaking(d, i, old, before)
		}
	}
}

// breaking checks whether readers of a dataset can go on reading it.
func (j *checker) breaking(d *v1alpha1.Dataset, i int, old *v1alpha1.Dataset, before *catalog.Project) {
	id := j.p.Name + "/" + d.Name + "@" + d.Version
	const hint = "declare it as a new version beside the old one, and let readers move when they are ready"
	if was, is := unitOf(old), unitOf(d); was != is {
		words := func(d *v1alpha1.Dataset) string {
			if d.Lots == nil {
				return "no lots"
			}
			return string(d.Lots.Unit) + " lots"
		}
		j.at(RuleBreaking, []any{"spec", "datasets", i, "lots"}, fmt.Sprintf("%s had %s and now has %s, which its readers do not expect", id, words(old), words(d)), hint)
	}
	if old.Schema == "" {
		return
	}
	at := []any{"spec", "datasets", i, "schema"}
	if d.Schema == "" {
		j.at(RuleBreaking, at[:3], fmt.Sprintf("%s had a schema and now has none, which its readers do not expect", id), hint)
		return
	}
	was, err1 := readFile(j.base.Tree(), path.Join(before.Dir(), old.Schema))
	is, err2 := readFile(j.cat.Tree(), path.Join(j.p.Dir(), d.Schema))
	if err1 != nil || err2 != nil {
		return // a schema that nobody could read was one for nobody; one that nobody can read now is reported as such
	}
	format, sameFormat := formatOf(d.Schema), formatOf(d.Schema) == formatOf(old.Schema)
	switch {
	case bytes.Equal(was, is):
		return
	case !sameFormat || format == "":
		j.at(RuleBreaking, at, fmt.Sprintf("the schema of %s has changed its format; whether readers understand it cannot be decided", id), hint)
		return
	}
	changes, err := compat.Compare(format, was, is)
	if _, ok := errors.AsType[*compat.Error](err); ok {
		return // likewise: what was broken can be fixed
	}
	if err != nil {
		j.at(catalog.RuleUnevaluated, at, fmt.Sprintf("the schema change of %s cannot be checked: %v", id, err), "")
		return
	}
	if len(changes) == 0 {
		return
	}
	word := "breaks its readers"
	if !slices.ContainsFunc(changes, func(c compat.Change) bool { return !c.Undecided }) {
		word = "may break its readers (which cannot be decided)"
	}
	p := j.at(RuleBreaking, at, fmt.Sprintf("the schema change of %s %s: %s", id, word, changes[0].Message), hint)
	file := v1alpha1.Position{File: path.Join(j.p.Dir(), d.Schema)}
	for _, c := range changes {
		at := c.Path
		if at == "" {
			at = "the record"
		}
		p.Trace = append(p.Trace, v1alpha1.Step{Position: file, Message: at + ": " + c.Message})
	}
}

// formatOf tells the format of a schema from the name of its file; empty for one that is not known.
func formatOf(file string) compat.Format {
	switch path.Ext(file) {
	case ".json":
		return compat.JSONSchema
	case ".avsc":
		return compat.Avro
	}
	return ""
}

// readFile reads a schema of the tree, if it is not too large for one.
func readFile(tree fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(tree, name)
	switch {
	case err != nil:
		return nil, err
	case info.Size() > schema.MaxBytes:
		return nil, fmt.Errorf("%q has %d bytes; the limit is %d", name, info.Size(), schema.MaxBytes)
	}
	return fs.ReadFile(tree, name)
}
