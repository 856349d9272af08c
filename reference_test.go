// SPDX-License-Identifier: Apache-2.0

package trunkline_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

const generatedHead = "<!-- Made by go test . -run TestReference -update. -->\n\n"

// parsed are the files of the product, parsed; no tests, and no other modules.
func parsed(t *testing.T) map[string]*ast.File {
	t.Helper()
	files, set := map[string]*ast.File{}, token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"test", "hack", "examples", "testdata", "bin"}, d.Name())):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		files[filepath.ToSlash(path)] = file
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestReference holds the pages of docs/reference that list metrics, annotations and labels, and events to the code; -update writes them
// again. What the code does not describe fails.
func TestReference(t *testing.T) {
	files := parsed(t)
	for name, page := range map[string]string{
		"metrics.md":     metricsPage(t, files),
		"annotations.md": annotationsPage(t, files),
		"events.md":      eventsPage(t, files["reconciler/history/history.go"]),
	} {
		path := filepath.Join("docs", "reference", name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(page, string(got)); diff != "" {
			t.Errorf("%s is not current: run `make golden` (-want +got):\n%s", path, diff)
		}
	}
}

// metric is what is exported by a name.
type metric struct {
	name, kind, help string
	labels           []string
}

func metricsPage(t *testing.T, files map[string]*ast.File) string {
	t.Helper()
	var all []metric
	for _, path := range slices.Sorted(maps.Keys(files)) {
		for _, decl := range files[path].Decls {
			all = append(all, metricsOf(t, path, decl)...)
		}
	}
	slices.SortFunc(all, func(a, b metric) int { return cmp.Compare(a.name, b.name) })
	if len(all) < 20 {
		t.Errorf("found %d metrics only", len(all))
	}
	var out strings.Builder
	out.WriteString("# Metrics\n\n" + generatedHead + "What `trunkline serve` exports at `/metrics`, in the text format of Prometheus, beside the Go runtime's own `go_*` and `process_*`.\n\n" +
		"| metric | type | labels | what it is |\n| --- | --- | --- | --- |\n")
	for _, m := range all {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", m.name, m.kind, cmp.Or(inCode(m.labels), "none"), m.help)
	}
	return out.String()
}

func inCode(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, "`"+w+"`")
	}
	return strings.Join(out, ", ")
}

// metricsOf finds what is made by client_golang's constructors in a declaration. Names, help and labels have to be spelled out.
func metricsOf(t *testing.T, path string, decl ast.Decl) (all []metric) {
	t.Helper()
	lists := map[string][]string{} // lists of labels that have a name here
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if name, ok := n.Lhs[0].(*ast.Ident); ok && len(n.Rhs) == 1 {
				if words, ok := textsOf(n.Rhs[0], lists); ok {
					lists[name.Name] = words
				}
			}
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := f.X.(*ast.Ident); !ok || of.Name != "prometheus" || len(n.Args) == 0 {
				return true
			}
			var m metric
			labels := n.Args[len(n.Args)-1]
			switch kind, is := strings.CutPrefix(f.Sel.Name, "New"); {
			case kind == "Desc":
				m = metric{name: textOf(n.Args[0]), kind: "gauge", help: textOf(n.Args[1])}
				if strings.HasSuffix(m.name, "_total") {
					m.kind = "counter"
				}
				labels = n.Args[2]
			case is && regexp.MustCompile(`^(Counter|Gauge|Histogram|Summary)`).MatchString(kind):
				opts, ok := n.Args[0].(*ast.CompositeLit)
				if !ok {
					t.Errorf("%s: the options of a metric are not spelled out", path)
					return true
				}
				m = metric{kind: strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(kind, "Func"), "Vec"))}
				for _, e := range opts.Elts {
					switch field := e.(*ast.KeyValueExpr); field.Key.(*ast.Ident).Name {
					case "Name":
						m.name = textOf(field.Value)
					case "Help":
						m.help = textOf(field.Value)
					}
				}
			default:
				return true
			}
			if !strings.HasPrefix(m.name, "trunkline_") || m.help == "" {
				t.Errorf("%s: a metric has no name, or no help, that is spelled out: %q %q", path, m.name, m.help)
			}
			if isVec := strings.HasSuffix(f.Sel.Name, "Vec"); isVec || f.Sel.Name == "NewDesc" {
				var known bool
				if m.labels, known = textsOf(labels, lists); !known {
					t.Errorf("%s: the labels of %s are not spelled out", path, m.name)
				}
			}
			all = append(all, m)
		}
		return true
	})
	return all
}

// textOf is the value of a string that is spelled out; empty for all else.
func textOf(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

// textsOf is a list of strings that is spelled out, nil, one of those that have a name, or one to which more are appended.
func textsOf(e ast.Expr, lists map[string][]string) ([]string, bool) {
	switch e := e.(type) {
	case *ast.Ident:
		words, ok := lists[e.Name]
		return words, ok || e.Name == "nil"
	case *ast.CompositeLit:
		var words []string
		for _, one := range e.Elts {
			text := textOf(one)
			if text == "" {
				return nil, false
			}
			words = append(words, text)
		}
		return words, len(words) > 0
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.Ident); !ok || f.Name != "append" {
			return nil, false
		}
		words, ok := textsOf(e.Args[0], lists)
		words = slices.Clone(words)
		for _, one := range e.Args[1:] {
			words = append(words, textOf(one))
		}
		return words, ok && !slices.Contains(words, "")
	}
	return nil, false
}

// constant is one of the code, with what its comment says.
type constant struct {
	name       string
	kind       *ast.Ident // its type, if that is spelled out
	value, doc string
}

func constantsOf(decls []ast.Decl) (all []constant) {
	for _, decl := range decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			c := spec.(*ast.ValueSpec)
			if len(c.Values) != 1 {
				continue
			}
			doc := cmp.Or(c.Comment.Text(), c.Doc.Text())
			if doc == "" && len(group.Specs) == 1 {
				doc = group.Doc.Text()
			}
			kind, _ := c.Type.(*ast.Ident)
			all = append(all, constant{c.Names[0].Name, kind, textOf(c.Values[0]), strings.Join(strings.Fields(doc), " ")})
		}
	}
	return all
}

// annotationName tells a label or an annotation from a file name or a prefix.
var annotationName = regexp.MustCompile(`^trunkline\.dev/[a-z][a-z-]*$`)

// docLink is a reference to a symbol of Go.
var docLink = regexp.MustCompile(`\[([\w.]+)\]`)

func annotationsPage(t *testing.T, files map[string]*ast.File) string {
	t.Helper()
	docs := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		for _, c := range constantsOf(files[path].Decls) {
			if !annotationName.MatchString(c.value) {
				continue
			}
			doc := c.doc
			if name, rest, ok := strings.Cut(doc, " "); ok && name == c.name {
				doc = strings.ToUpper(rest[:1]) + rest[1:]
			}
			doc = docLink.ReplaceAllString(doc, "$1")
			if len(doc) > len(docs[c.value]) {
				docs[c.value] = doc
			} else if _, known := docs[c.value]; !known {
				docs[c.value] = ""
			}
		}
	}
	if len(docs) < 20 {
		t.Errorf("found %d annotations and labels only", len(docs))
	}
	var out strings.Builder
	out.WriteString("# Annotations and labels\n\n" + generatedHead + "Those of the domain `trunkline.dev` on objects in clusters. Names of this domain that are not here are refused in what a project renders.\n\n" +
		"| name | what it is |\n| --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		if docs[name] == "" {
			t.Errorf("no comment says what %q is", name)
		}
		fmt.Fprintf(&out, "| `%s` | %s |\n", name, strings.ReplaceAll(docs[name], "|", `\|`))
	}
	return out.String()
}

func eventsPage(t *testing.T, file *ast.File) string {
	t.Helper()
	var out strings.Builder
	out.WriteString("# Events\n\n" + generatedHead + "What `trunkline history` shows and `GET /api/v1/history` returns, by the `kind` of the event. The words with a capital are the event's own fields.\n\n" +
		"| kind | what happened |\n| --- | --- |\n")
	n := 0
	for _, c := range constantsOf(file.Decls) {
		if c.kind == nil || c.kind.Name != "Kind" {
			continue
		}
		if n++; c.doc == "" {
			t.Errorf("no comment says what %q is", c.value)
		}
		fmt.Fprintf(&out, "| `%s` | %s |\n", c.value, c.doc)
	}
	if n < 20 {
		t.Errorf("found %d kinds of events only", n)
	}
	return out.String()
}
