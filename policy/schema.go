// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"trunkline.dev/trunkline/api/compat"
	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// schemas checks whether the schemas of a project's datasets are some. One that is the same as before is no fault of the
// change; before is nil if there is no change, or no such project before.
func (j *checker) schemas(before *catalog.Project) {
	for i := range j.p.Spec.Datasets {
		d := &j.p.Spec.Datasets[i]
		format := formatOf(d.Schema)
		if format == "" {
			continue
		}
		file := path.Join(j.p.Dir(), d.Schema)
		data, err := readFile(j.cat.Tree(), file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // reported by the catalog
		}
		if err == nil && before != nil && j.sameSchema(before, d, data) {
			continue
		}
		if err == nil {
			err = cmp.Or(outside.Check(file, data), compat.Check(format, data))
		}
		if err == nil {
			continue
		}
		p := j.at(catalog.RuleSchema, []any{"spec", "datasets", i, "schema"},
			fmt.Sprintf("the schema of %s/%s@%s is not valid: %v", j.p.Name, d.Name, d.Version, err), "")
		p.Trace = []v1alpha1.Step{{Position: schemaPlace(file, data), Message: "the schema"}}
	}
}

// sameSchema reports whether a dataset had the same schema before.
func (j *checker) sameSchema(before *catalog.Project, d *v1alpha1.Dataset, data []byte) bool {
	old, _, ok := before.Dataset(d.Name + "@" + d.Version)
	if !ok || old.Schema == "" || j.base == nil {
		return false
	}
	was, err := readFile(j.base.Tree(), path.Join(before.Dir(), old.Schema))
	return err == nil && bytes.Equal(was, data)
}

// schemaPlace is where a schema stops to be JSON, or its file.
func schemaPlace(file string, data []byte) v1alpha1.Position {
	at := v1alpha1.Position{File: file}
	var raw any
	var syntax *json.SyntaxError
	if err := json.Unmarshal(data, &raw); errors.As(err, &syntax) {
		until := data[:min(int(syntax.Offset), len(data))]
		at.Line = bytes.Count(until, []byte("\n")) + 1
		at.Column = max(1, len(until)-bytes.LastIndexByte(until, '\n')-1)
	}
	return at
}
