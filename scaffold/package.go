// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"fmt"
	"path"
	"strings"

	"trunkline.dev/trunkline/api/confidential"
	"trunkline.dev/trunkline/api/pack"
)

// Package is the kind of what is not made from a template: code that projects share.
const Package Kind = "package"

// CheckRelease refuses what cannot be released for good: names that are one on other machines, and what is secret.
func CheckRelease(files []File) error {
	if a, b := alike(files); a != "" {
		return fmt.Errorf("%s and %s are one file where capital letters do not count, as on macOS and Windows: rename one", a, b)
	}
	for _, f := range files {
		if what := confidential.In(f.Data); what != "" {
			return fmt.Errorf("%s has what looks like %s, and a version never changes: what is secret comes from a Secret, which the workload names in secrets", f.Path, what)
		}
	}
	return nil
}

// alike returns two files whose names differ in capital letters alone; empty if there are none.
func alike(files []File) (first, second string) {
	seen := map[string]string{}
	for _, f := range files {
		for name := f.Path; name != "."; name = path.Dir(name) { // folders as well
			other, there := seen[strings.ToLower(name)]
			if there && other != name {
				return other, name
			}
			seen[strings.ToLower(name)] = name
		}
	}
	return "", ""
}

// NewPackage makes the files of a package in a folder: its declaration, and a module of Python to begin with.
func NewPackage(dir, name, owner, description string) ([]File, error) {
	var b strings.Builder
	b.WriteString("apiVersion: trunkline.dev/v1alpha1\nkind: Package\n")
	for _, field := range []struct{ format, text string }{{"metadata: {name: %s}\nspec:\n", name}, {"  owner: %s\n", owner}, {"  description: %s\n", description}} {
		if field.text == "" {
			continue
		}
		text, err := value(field.text)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, field.format, text)
	}
	module := strings.ReplaceAll(name, "-", "_")
	if module[0] >= '0' && module[0] <= '9' {
		module = "_" + module // which no name in Python begins with
	}
	return []File{
		{Path: path.Join(dir, "package.yaml"), Data: []byte(b.String())},
		{Path: path.Join(dir, pack.Source, module, "__init__.py"), Data: fmt.Appendf(nil, "\"\"\"What projects share. Programs find it as import %s.\"\"\"\n", module)},
	}, nil
}
