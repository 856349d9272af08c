// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/render/internal/manifest"
	"trunkline.dev/trunkline/render/substitute"
)

// substituted replaces the variables in objects, in place, by the param substitute of a workload. All that is wrong is
// reported.
func substituted(tree fs.FS, objects []manifest.Object, param any) error {
	table, _ := param.(map[string]any)
	vars := make(substitute.Vars, len(table))
	for _, name := range slices.Sorted(maps.Keys(table)) {
		value, isText := table[name].(string)
		if !isText {
			return fmt.Errorf("params.substitute.%s: is not a text", name)
		}
		vars[name] = value
	}
	if err := vars.Check(); err != nil {
		return fmt.Errorf("params.substitute: %w", err)
	}
	var wrong []error
	for i, o := range objects {
		replaced, err := substitute.Object(o.Unstructured, vars)
		if err != nil {
			wrong = append(wrong, located(manifest.Object{Unstructured: o.Unstructured, Source: lineIn(tree, o.Source, err)}, err))
			continue
		}
		objects[i].Unstructured = replaced
	}
	return errors.Join(wrong...)
}

// lineIn adds the line to a file in which a variable without a value is used; only the file if it is not found there.
func lineIn(tree fs.FS, file string, err error) string {
	e, ok := errors.AsType[*substitute.Error](err)
	if !ok || e.Variable == "" || file == "" {
		return file
	}
	data, err := fs.ReadFile(tree, file)
	if err != nil {
		return file
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		for _, before := range []string{"${", "${#"} {
			_, after, found := strings.Cut(line, before+e.Variable)
			if found && after != "" && !strings.ContainsAny(after[:1], wordCharacters) {
				return fmt.Sprintf("%s:%d", file, n)
			}
		}
	}
	return file
}

// wordCharacters are those of the name of a variable.
const wordCharacters = "_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
