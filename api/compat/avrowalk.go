// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"
)

// resolution follows Avro's rules of schema resolution: whether what a writer writes, a reader can read. The
// reader's schema is the old one and the writer's is the new one.
type resolution struct{ ledger[[2]avro.Schema] }

func (w *resolution) breaks(path string, kind Kind, message string, a ...any) {
	w.report(Change{Path: path, Kind: kind, Message: fmt.Sprintf(message, a...)})
}

// target follows a reference to a named type.
func target(s avro.Schema) avro.Schema {
	if ref, ok := s.(*avro.RefSchema); ok {
		return ref.Schema()
	}
	return s
}

// resolve compares what is written with what is read.
func (w *resolution) resolve(reader, writer avro.Schema, path string) {
	r, n := target(reader), target(writer)
	if !w.step(1) {
		return
	}
	w.claim([2]avro.Schema{r, n}, func() {
		written, isUnion := n.(*avro.UnionSchema)
		read, readsUnion := r.(*avro.UnionSchema)
		switch {
		case isUnion:
			for _, s := range written.Types() {
				w.branch(r, s, path)
			}
		case readsUnion:
			w.choose(read, n, path)
		default:
			w.match(r, n, path)
		}
	})
}

// branch compares one branch of what is written.
func (w *resolution) branch(reader, written avro.Schema, path string) {
	if written.Type() == avro.Null && reader.Type() != avro.Null && !nullable(reader) {
		w.breaks(path, Nullable, "may now be null")
		return
	}
	if union, ok := reader.(*avro.UnionSchema); ok {
		if w.step(1) {
			w.choose(union, target(written), path)
		}
		return
	}
	w.resolve(reader, written, path)
}

func nullable(s avro.Schema) bool {
	union, ok := s.(*avro.UnionSchema)
	return ok && slices.ContainsFunc(union.Types(), func(t avro.Schema) bool { return t.Type() == avro.Null })
}

// choose finds the branch of what is read that takes what is written. If none does, it says why by the one that was
// meant, if there is one.
func (w *resolution) choose(read *avro.UnionSchema, written avro.Schema, path string) {
	var meant []avro.Schema
	for _, s := range read.Types() {
		if !w.step(1) {
			return
		}
		t := target(s)
		if w.try(func() { w.resolve(t, written, "") }) {
			return
		}
		if t.Type() == written.Type() && sameName(t, written) {
			meant = append(meant, t)
		}
	}
	if len(meant) == 1 {
		w.resolve(meant[0], written, path)
		return
	}
	w.breaks(path, TypeWidened, "may now be %s, where the old schema accepts %s", name(written), name(read))
}

// match compares what is no union on either side.
func (w *resolution) match(r, n avro.Schema, path string) {
	if r.Type() != n.Type() && !promotes(n.Type(), r.Type()) {
		w.breaks(path, TypeChanged, "is now %s and was %s", name(n), name(r))
		return
	}
	w.logical(r, n, path)
	switch r := r.(type) {
	case *avro.ArraySchema:
		w.resolve(r.Items(), n.(*avro.ArraySchema).Items(), below(path, "[]"))
	case *avro.MapSchema:
		w.resolve(r.Values(), n.(*avro.MapSchema).Values(), below(path, ".*"))
	case *avro.FixedSchema:
		w.named(r, n, path)
		if size := n.(*avro.FixedSchema).Size(); size != r.Size() {
			w.breaks(path, TypeChanged, "now has %d bytes and had %d", size, r.Size())
		}
	case *avro.EnumSchema:
		w.named(r, n, path)
		w.symbols(r, n.(*avro.EnumSchema), path)
	case *avro.RecordSchema:
		w.named(r, n, path)
		w.fields(r, n.(*avro.RecordSchema), path)
	}
}

// promotes reports whether a reader takes what is written for a wider type.
func promotes(written, read avro.Type) bool {
	switch written {
	case avro.Int:
		return read == avro.Long || read == avro.Float || read == avro.Double
	case avro.Long:
		return read == avro.Float || read == avro.Double
	case avro.Float:
		return read == avro.Double
	case avro.String:
		return read == avro.Bytes
	case avro.Bytes:
		return read == avro.String
	default:
		return false
	}
}

// symbols compares enumerations: a symbol that the reader does not know is read as its default, if it has one.
func (w *resolution) symbols(r, n *avro.EnumSchema, path string) {
	if r.HasDefault() {
		return
	}
	known := map[string]bool{}
	for _, s := range r.Symbols() {
		known[s] = true
	}
	for _, s := range n.Symbols() {
		if !w.step(1) {
			return
		}
		if !known[s] {
			w.breaks(path, ValueAdded, "may now be %.60q, which the old schema does not have", s)
		}
	}
}

// fields compares records: each field of the reader is written, under its name or an alias, or has a default.
func (w *resolution) fields(r, n *avro.RecordSchema, path string) {
	written := map[string]*avro.Field{}
	for _, f := range n.Fields() {
		written[f.Name()] = f
	}
	for _, f := range r.Fields() {
		if !w.step(1) {
			return
		}
		at := field(path, f.Name())
		from := written[f.Name()]
		for _, alias := range f.Aliases() {
			if from == nil {
				from = written[alias]
			}
		}
		switch {
		case from != nil:
			w.resolve(f.Type(), from.Type(), at)
		case !f.HasDefault():
			w.breaks(at, FieldRemoved, "is no longer written, and has no default in the old schema")
		}
	}
}

// named compares the names of types. As the specification has it, the last part of the name counts, or an alias of
// the reader's.
func (w *resolution) named(r, n avro.Schema, path string) {
	if !sameName(r, n) {
		w.breaks(path, NameChanged, "is now the type %s and was %s, which has no such alias", name(n), name(r))
	}
}

func sameName(r, n avro.Schema) bool {
	a, ok := r.(avro.NamedSchema)
	b, also := n.(avro.NamedSchema)
	return !ok || !also || a.Name() == b.Name() || slices.Contains(a.Aliases(), b.FullName())
}

// name is what a type is called, for messages.
func name(s avro.Schema) string {
	if s == nil {
		return "nothing"
	}
	if named, ok := s.(avro.NamedSchema); ok {
		return fmt.Sprintf("%s %.60q", s.Type(), named.FullName())
	}
	union, ok := s.(*avro.UnionSchema)
	if !ok {
		return string(s.Type())
	}
	const most = 8
	var names []string
	for _, t := range union.Types() {
		if len(names) == most {
			names = append(names, "…")
			break
		}
		names = append(names, name(target(t)))
	}
	return strings.Join(names, " or ")
}

// logicalType is what a value stands for.
type logicalType struct {
	name             string
	precision, scale int
}

// String returns the name, with what belongs to it.
func (l logicalType) String() string {
	if l.precision > 0 {
		return fmt.Sprintf("%s(%d, %d)", l.name, l.precision, l.scale)
	}
	return clip(l.name)
}

// logicalOf is the logical type of a schema, also of one that the library does not know.
func logicalOf(s avro.Schema) logicalType {
	if l, ok := s.(avro.LogicalTypeSchema); ok {
		switch l := l.Logical().(type) {
		case nil:
		case *avro.DecimalLogicalSchema:
			return logicalType{string(avro.Decimal), l.Precision(), l.Scale()}
		default:
			return logicalType{name: string(l.Type())}
		}
	}
	if p, ok := s.(avro.PropertySchema); ok {
		if name, ok := p.Prop("logicalType").(string); ok {
			precision, _ := p.Prop("precision").(float64)
			scale, _ := p.Prop("scale").(float64)
			return logicalType{name, int(precision), int(scale)}
		}
	}
	return logicalType{}
}

// logical compares logical types. A reader without one takes the plain value, whatever it stands for. One with a
// logical type has to get the same: two decimals match if their precision and scale do, by the specification.
func (w *resolution) logical(r, n avro.Schema, path string) {
	was, is := logicalOf(r), logicalOf(n)
	switch {
	case was.name == "" || was == is:
	case is.name == "":
		w.breaks(path, LogicalChanged, "is no longer %s", was)
	default:
		w.breaks(path, LogicalChanged, "is now %s and was %s", is, was)
	}
}
