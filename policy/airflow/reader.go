// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Reader reads the DAG files of a project. It keeps the files that they import, so that it is for one goroutine.
type Reader struct {
	// Version is that of the Airflow that loads the files; default: the newest that is known.
	Version v1alpha1.AirflowVersion
	// Tree holds the files that DAG files may import; nil if imports are not followed.
	Tree fs.FS
	// Roots are the folders of the tree that Python looks for modules in, the first one first.
	Roots []string

	files map[string]*imported
}

// imported is a file of the tree that others import, as far as it can be read.
type imported struct {
	source *source
	root   *node
	// problems are why it cannot be read.
	problems v1alpha1.Problems
}

// Parse reads a DAG file. The file is the path that it has in the tree. What is wrong with it is in the module's
// problems; there is no other error. It takes bounded time and memory for any input.
func (r *Reader) Parse(file string, data []byte) *Module {
	mod := newModule(file, data)
	if root := mod.read(mod.source, false); root != nil {
		m := newMachine(r, mod)
		m.follow(root)
		mod.DAGs = m.result()
	}
	mod.Problems.Sort()
	mod.forget()
	return mod
}

func newMachine(r *Reader, mod *Module) *machine {
	m := &machine{
		mod: mod, reader: r, global: newScope(nil), said: map[string]bool{}, modules: map[string]*pyModule{},
		edition: editions()[r.version()],
	}
	m.roots = r.Roots
	if bytes.Contains(mod.source.data, []byte("sys.path")) {
		// It adds folders of its own, which most often are those that it is in.
		m.roots = append(append([]string{}, r.Roots...), path.Dir(mod.File), path.Dir(path.Dir(mod.File)))
	}
	return m
}

// open returns a file of the tree, or nil if there is none.
func (r *Reader) open(file string) *imported {
	if f, ok := r.files[file]; ok {
		return f
	}
	if r.files == nil {
		r.files = map[string]*imported{}
	}
	r.files[file] = nil
	f, err := r.Tree.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil
	}
	mod := newModule(file, data)
	out := &imported{source: mod.source}
	out.root = mod.read(mod.source, true)
	out.problems = mod.Problems
	r.files[file] = out
	return out
}

// module finds the file of a module in a folder: that of a package or, where it may be one, of a plain module. A folder
// without either is a namespace, which has no file.
func (r *Reader) module(dir, name string, plain bool) (file *imported, below string, ok bool) {
	below = path.Join(dir, name)
	if file = r.open(path.Join(below, "__init__.py")); file != nil {
		return file, below, true
	}
	if plain {
		if file = r.open(below + ".py"); file != nil {
			return file, below, true
		}
	}
	info, err := fs.Stat(r.Tree, below)
	return nil, below, err == nil && info.IsDir()
}

// pyModule is a module of the tree that was imported, while a file is followed.
type pyModule struct {
	name string
	// dir is the folder of a package, and of a namespace, which has no file; empty for other modules.
	dir   string
	file  *imported
	scope *scope
	// open is set when it may have names that are not known, and running while it is imported.
	open, running bool
}

// find returns a module of the tree by its dotted name, imported. It returns nil when the tree does not have it;
// missing is then its part that is not there, although the package that it would be in is.
func (m *machine) find(at *node, dotted string) (found *pyModule, missing string) {
	top, _, _ := strings.Cut(dotted, ".")
	if m.reader.Tree == nil || neutral(top) {
		return nil, ""
	}
	for _, root := range m.roots {
		found, lost := m.findIn(at, root, dotted)
		if found != nil {
			return found, ""
		}
		if missing == "" {
			missing = lost
		}
	}
	return nil, missing
}

func (m *machine) findIn(at *node, root, dotted string) (found *pyModule, missing string) {
	parts := strings.Split(dotted, ".")
	dir := root
	var places []*imported
	for i, part := range parts {
		file, below, ok := m.reader.module(dir, part, i == len(parts)-1)
		dir = below
		if !ok {
			if i > 0 && places[i-1] != nil {
				return nil, strings.Join(parts[:i+1], ".")
			}
			return nil, ""
		}
		places = append(places, file)
	}
	var parent *pyModule
	dir = root
	for i, part := range parts {
		dir = path.Join(dir, part)
		p := m.load(at, strings.Join(parts[:i+1], "."), dir, places[i])
		if parent != nil {
			parent.scope.put(part, p)
		}
		parent = p
	}
	return parent, ""
}

// load runs a module of the tree, once.
func (m *machine) load(at *node, name, dir string, file *imported) *pyModule {
	if p := m.modules[dir]; p != nil {
		return p
	}
	p := &pyModule{name: name, file: file, scope: newScope(nil), dir: dir}
	m.modules[dir] = p
	if file == nil {
		return p
	}
	if path.Base(file.source.file) != "__init__.py" {
		p.dir = ""
	}
	if _, ok := m.mod.entries[file.source]; !ok {
		m.mod.entries[file.source] = m.mod.home(placeOf(at))
	}
	if file.root == nil {
		p.open = true
		m.unreadable(at, file)
		return p
	}
	m.imports++
	if m.imports > maxImports {
		p.open = true
		m.undecided(at, fmt.Sprintf("the file imports more than %d others, which were not looked at", maxImports), "")
		return p
	}
	m.abroad(at, file.source, func() {
		journals := m.journals
		m.journals, p.running = nil, true
		f := m.block(file.root, p.scope)
		m.journals, p.running = journals, false
		p.open = p.open || len(p.scope.wild) > 0 || f.kind != goesOn || m.stopped || p.scope.names["__getattr__"] != nil
	})
	return p
}

// unreadable reports an imported file that Python cannot read, or that is not looked at.
func (m *machine) unreadable(at *node, file *imported) {
	for _, p := range file.problems {
		message := fmt.Sprintf("the file %q, which is imported: %s", file.source.file, p.Message)
		if p.Severity == v1alpha1.Deny {
			m.wrong(p.Rule, at, message, p.Hint)
		} else {
			m.undecided(at, message, p.Hint)
		}
	}
}

// abroad runs code of another file, which is reported where the file itself leads there.
func (m *machine) abroad(at *node, to *source, run func()) {
	entry := m.mod.entry
	if at.in == m.mod.source && to != m.mod.source {
		m.mod.entry = placeOf(at)
	}
	run()
	m.mod.entry = entry
}
