// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Files returns what gives a project, in all of its environments, the declaration and the files of another commit: the content of
// each file that is another, by its path in the tree; nil for one that is removed.
func (d *Declared) Files(before *Declared) (map[string]*string, error) {
	if d.File != before.File {
		return nil, fmt.Errorf("the declaration was in %s before, and is in %s now; move it by hand", before.File, d.File)
	}
	if err := alone(d.tree, d.File); err != nil {
		return nil, err
	}
	now, err := d.files()
	if err != nil {
		return nil, fmt.Errorf("reading the files of %q: %w", d.Project, err)
	}
	was, err := before.files()
	if err != nil {
		return nil, fmt.Errorf("reading the files of %q as they were: %w", d.Project, err)
	}
	out := map[string]*string{}
	for _, f := range now {
		out[path.Join(d.Dir(), f.Name)] = nil
	}
	for _, f := range append(was, file{Name: path.Base(before.File)}) {
		name := path.Join(before.Dir(), f.Name)
		data, err := fs.ReadFile(before.tree, name)
		if err != nil {
			return nil, err
		}
		if current, err := fs.ReadFile(d.tree, name); err == nil && bytes.Equal(current, data) {
			delete(out, name)
			continue
		}
		if !utf8.Valid(data) {
			return nil, fmt.Errorf("%s is no text; restore it by hand", name)
		}
		out[name] = new(string(data))
	}
	return out, nil
}

// alone reports an error if a file declares something else too, which would be restored with it.
func alone(tree fs.FS, name string) error {
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	parser := yaml.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		var node yaml.Node
		err := parser.Decode(&node)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || n > 0 {
			return fmt.Errorf("%s declares other things too, which would go back with it; restore it by hand", name)
		}
	}
}
