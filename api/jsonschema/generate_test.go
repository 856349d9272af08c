// SPDX-License-Identifier: Apache-2.0

package jsonschema_test

import (
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/reference"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// generator makes documents of the described forms, with at most a number of mistakes.
type generator struct {
	t        *rapid.T
	mistakes int
	depth    int
}

func (g *generator) document(k reference.Kind) map[string]any {
	fields := k.Struct.Fields[2:] // without the envelope, by which a document is known as ours
	m := g.object(&reference.Struct{Name: k.Struct.Name, Fields: fields})
	m["apiVersion"], m["kind"] = v1alpha1.Version, string(k.Name)
	return m
}

// chance is true once in a few times.
func (g *generator) chance(of int) bool { return rapid.IntRange(0, of-1).Draw(g.t, "chance") == 0 }

func (g *generator) mistake() bool {
	if g.mistakes == 0 || !g.chance(8) {
		return false
	}
	g.mistakes--
	return true
}

func pick[T any](g *generator, values ...T) T { return rapid.SampledFrom(values).Draw(g.t, "value") }

// odd is a value that may be wrong where it stands, and may be right.
func (g *generator) odd() any { return pick(g, oddValues()...) }

func oddValues() []any {
	return []any{
		nil, "", "x", "0", 0, 1, -1, 3, 2.5, 12345678901, true, false,
		[]any{},
		[]any{"x"},
		[]any{nil},
		[]any{""},
		[]any{"x", "x"},
		map[string]any{},
		map[string]any{"x": 1},
		map[string]any{"x": nil},
		map[string]any{"": "x"},
		"-1h", "0s", "0.0h", "1h30m", "+5m", "5", "1h 5m", "1d", "all", "any", "none", "10000", 9999, 10000, "09", 2147483647, 2147483648,
		"36500d", "36501d", "40000d", "0d", "01d", "fourths", "FOURTHS", "Daily", "Native", "1e3", "1e-9999999", "1e100", "1E", "1Ei", "0Mi", "-5", "+5",
		"0.0000000001", "0.000000001", "1.", ".5", ".", "1.5Gi", "5gi", "1234567890", "123456789.123456789", 999999999, 1000000000,
		"2026-01-01", "2026-02-30", "2028-02-29", "26-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00", "2026-02-30T00:00:00Z",
		"2026-01-01T00:00:60Z", "2026-06-30T23:59:60Z", "2026-01-01T24:00:00Z", "2026-01-01t00:00:00z", "2026-01-01T1:00:00Z", "2026-01-01T00:00:00,5Z",
		"2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00.1234567891Z", "a\nb", "5m\n", "ünï", "null", "~", "yes", "<<",
	}
}

// minimal is the least that a form takes.
func minimal(f *reference.Form) any {
	switch f.Type {
	case reference.Boolean:
		return true
	case reference.Number:
		return 1
	case reference.Choice:
		return f.Values[0].Value
	case reference.Duration:
		return "5m"
	case reference.Time:
		return "2026-01-01T00:00:00Z"
	case reference.Date:
		return "2026-01-01"
	case reference.Days:
		return "5d"
	case reference.Currency:
		return "EUR"
	case reference.Quantity, reference.Amount, reference.Join:
		return 1
	case reference.List:
		return []any{minimal(f.Of)}
	case reference.Mapping, reference.NamesOrMapping:
		return map[string]any{"a": minimal(f.Of)}
	case reference.Object:
		return minimalObject(f.Struct)
	default:
		return "x"
	}
}

func minimalObject(s *reference.Struct) map[string]any {
	m := map[string]any{}
	for _, f := range s.Fields {
		if f.Required {
			m[f.Name] = minimal(f.Form)
		}
	}
	return m
}

// oddities puts each odd value at each place of a document that is right otherwise.
func oddities(s *reference.Struct, at string, put func(any) any, visit func(at string, document any)) {
	with := func(name string, v any) any {
		m := minimalObject(s)
		m[name] = v
		return put(m)
	}
	for _, f := range s.Fields {
		m := minimalObject(s)
		delete(m, f.Name)
		visit(at+"."+f.Name+" left out", put(m))
		form, place := f.Form, func(v any) any { return with(f.Name, v) }
		for {
			for _, odd := range oddValues() {
				visit(at+"."+f.Name, place(odd))
			}
			outer := place
			switch {
			case form.Struct != nil:
				oddities(form.Struct, at+"."+f.Name, place, visit)
			case form.Type == reference.List:
				place = func(v any) any { return outer([]any{v}) }
			case form.Of != nil:
				place = func(v any) any { return outer(map[string]any{"a": v}) }
			}
			if form.Of == nil {
				break
			}
			form = form.Of
		}
	}
	visit(at+" with what is unknown", with("unknown", "x"))
}

func (g *generator) object(s *reference.Struct) map[string]any {
	g.depth++
	defer func() { g.depth-- }()
	m := map[string]any{}
	for _, f := range s.Fields {
		switch {
		case f.Required && g.mistake():
			if g.chance(2) {
				m[f.Name] = g.odd()
			}
		case f.Required || g.chance(1+g.depth):
			m[f.Name] = g.value(f.Form, f.Required)
		}
	}
	if g.mistake() {
		m[pick(g, "unknown", "Name", "apiVersion2", "")] = g.odd()
	}
	return m
}

func (g *generator) value(f *reference.Form, required bool) any {
	if g.mistake() {
		return g.odd()
	}
	if !required && g.chance(12) {
		return pick[any](g, nil, "", []any{}, map[string]any{}) // often as good as nothing
	}
	least := 0
	if required {
		least = 1
	}
	switch f.Type {
	case reference.Boolean:
		return rapid.Bool().Draw(g.t, "bool")
	case reference.Number:
		return rapid.IntRange(0, 1<<31-1).Draw(g.t, "number")
	case reference.Choice:
		return pick(g, f.Values...).Value
	case reference.Duration:
		return pick(g, "90s", "1h30m", "0.5h", "8784h", "1ns", "5ms")
	case reference.Time:
		return pick(g, "2026-01-01T00:00:00Z", "2026-12-31T23:59:59.123Z")
	case reference.Date:
		return pick(g, "2027-01-01", "2028-02-29")
	case reference.Days:
		return pick(g, "1d", "90d", "36500d")
	case reference.Quantity:
		return pick[any](g, "500m", "2", "4Gi", "1e3", ".5", 2, 0.25)
	case reference.Amount:
		return pick[any](g, "0", "12", "0.0425", 12, 0.0425, 0)
	case reference.Currency:
		return pick(g, "EUR", "USD", "XXX")
	case reference.Join:
		return pick[any](g, "all", "any", 2, "3", 9999)
	case reference.List:
		list := make([]any, rapid.IntRange(least, 3).Draw(g.t, "length"))
		for i := range list {
			list[i] = g.value(f.Of, true)
		}
		return list
	case reference.Mapping:
		return g.mapping(f.Of, least)
	case reference.NamesOrMapping:
		if g.chance(2) {
			return rapid.SliceOfNDistinct(rapid.SampledFrom([]any{"dev", "prod", "test"}), least, 3, rapid.ID).Draw(g.t, "names")
		}
		return g.mapping(f.Of, least)
	case reference.TextOrObject:
		if g.chance(2) {
			return "orders@1"
		}
		return g.object(f.Struct)
	case reference.Object:
		return g.object(f.Struct)
	case reference.Anything:
		return pick[any](g, nil, "x", 1, 2.5, true, []any{1, nil}, map[string]any{"a": map[string]any{"b": nil}})
	default:
		return pick(g, "x", "a longer text", "1", "true", "2026-01-01")
	}
}

func (g *generator) mapping(of *reference.Form, least int) map[string]any {
	m := map[string]any{}
	for i := range rapid.IntRange(least, 2).Draw(g.t, "length") {
		m[string(rune('a'+i))] = g.value(of, true)
	}
	return m
}
