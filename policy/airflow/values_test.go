// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// parse reads a DAG file by itself.
func parse(file string, data []byte) *Module { return new(Reader).Parse(file, data) }

// repr writes a value as Python would, "?" for what is not known, and "…" for what a list or dict may have besides.
func repr(v value) string {
	switch v := v.(type) {
	case text:
		return strconv.Quote(string(v))
	case raw:
		return "b" + strconv.Quote(string(v))
	case float64:
		return fmt.Sprint(v)
	case *list:
		var items []string
		for _, item := range v.items {
			items = append(items, repr(item))
		}
		if v.open {
			items = append(items, "…")
		}
		return string(v.kind) + strings.Join(items, ", ") + map[byte]string{'[': "]", '(': ")", '{': "}"}[v.kind]
	case *dict:
		var items []string
		for _, key := range v.keys {
			items = append(items, repr(key)+": "+repr(v.values[key]))
		}
		if v.open {
			items = append(items, "…")
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	if s, ok := display(v); ok {
		return s
	}
	return "?"
}

// evaluated follows a file and returns what it leaves in the name x.
func evaluated(t *testing.T, file string) string {
	t.Helper()
	data := []byte("# airflow dag\nimport os\n" + file + "\n")
	mod := parse("d.py", data)
	if slices.ContainsFunc(mod.Problems, func(p v1alpha1.Problem) bool { return p.Rule == RuleSyntax }) {
		t.Fatalf("%q: %s", file, mod.Problems)
	}
	mod = newModule("d.py", data)
	m := newMachine(new(Reader), mod)
	m.follow(mod.read(mod.source, false))
	v, ok := m.global.lookup("x")
	if !ok {
		return "no x"
	}
	return repr(v)
}

// cases are files, each with what it leaves in the name x.
type cases []struct{ file, want string }

func (all cases) run(t *testing.T) {
	t.Helper()
	for _, tc := range all {
		if got := evaluated(t, tc.file); got != tc.want {
			t.Errorf("%s\n\tleaves x as %s, want %s", tc.file, got, tc.want)
		}
	}
}

// u returns the name u a value that is not known.
const u = "u = os.environ['U']\n"
