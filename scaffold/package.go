// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"fmt"
	"path"
	"strings"

	"trunkline.dev/trunkline/api/pack"
)

// Package is the kind of what is not made from a template: code that projects share.
const Package Kind = "package"

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
