// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goInput is a tree that a test in Go writes, and the folder of it that the test builds.
type goInput struct {
	name, dir string
	files     map[string]string
}

// goInputs reads the tests of a folder in Go, which write trees with the harness of Kustomize's own tests: WriteK and WriteC a
// kustomization and a component, WriteF a file, and Run builds a folder. What is not plain to see is left out.
func goInputs(dir string) ([]goInput, error) {
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	r := goReader{consts: map[string]string{}, funcs: map[string]*ast.FuncDecl{}}
	for _, file := range tests {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		for _, decl := range parsed.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Body != nil {
					r.funcs[d.Name.Name] = d
				}
			case *ast.GenDecl:
				r.declare(d)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.funcs)) {
		if strings.HasPrefix(name, "Test") {
			r.name, r.files = name, map[string]string{}
			r.read(r.funcs[name], 0)
		}
	}
	return r.found, nil
}

type goReader struct {
	consts map[string]string
	funcs  map[string]*ast.FuncDecl
	name   string
	files  map[string]string
	found  []goInput
}

func (r *goReader) declare(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		if v, ok := spec.(*ast.ValueSpec); ok {
			for i, name := range v.Names {
				if i < len(v.Values) {
					if text, plain := r.text(v.Values[i]); plain {
						r.consts[name.Name] = text
					}
				}
			}
		}
	}
}

// read goes over the calls of a function in their order, into the functions of the same folder that it calls.
func (r *goReader) read(f *ast.FuncDecl, depth int) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if d, ok := n.(*ast.GenDecl); ok {
			r.declare(d)
		}
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && len(a.Rhs) == 1 {
			if name, named := a.Lhs[0].(*ast.Ident); named {
				if text, plain := r.text(a.Rhs[0]); plain {
					r.consts[name.Name] = text
				}
			}
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if name, isFunc := call.Fun.(*ast.Ident); isFunc && r.funcs[name.Name] != nil && depth < 3 {
			r.read(r.funcs[name.Name], depth+1)
		}
		if method, isMethod := call.Fun.(*ast.SelectorExpr); isMethod {
			r.called(method.Sel.Name, call.Args)
		}
		return true
	})
}

func (r *goReader) called(method string, args []ast.Expr) {
	if len(args) < 2 {
		return
	}
	at, plain := r.text(args[0])
	if !plain {
		return
	}
	at = strings.TrimPrefix(path.Clean("/"+at), "/")
	if method == "Run" {
		if !strings.Contains(at, " ") && len(r.files) > 0 {
			r.found = append(r.found, goInput{r.name, at, maps.Clone(r.files)})
		}
		return
	}
	text, plain := r.text(args[1])
	if !plain {
		return
	}
	const version = "\napiVersion: kustomize.config.k8s.io/"
	switch method {
	case "WriteK":
		r.files[path.Join(at, "kustomization.yaml")] = version + "v1beta1\nkind: Kustomization\n" + text
	case "WriteC":
		r.files[path.Join(at, "kustomization.yaml")] = version + "v1alpha1\nkind: Component\n" + text
	case "WriteF":
		r.files[at] = text
	}
}

// text returns the value of an expression that is a text to see.
func (r *goReader) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			return constant.StringVal(constant.MakeFromLiteral(e.Value, e.Kind, 0)), true
		}
	case *ast.ParenExpr:
		return r.text(e.X)
	case *ast.Ident:
		text, known := r.consts[e.Name]
		return text, known
	case *ast.BinaryExpr:
		a, plainA := r.text(e.X)
		b, plainB := r.text(e.Y)
		return a + b, plainA && plainB && e.Op == token.ADD
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Join" {
			var parts []string
			for _, arg := range e.Args {
				part, plain := r.text(arg)
				if !plain {
					return "", false
				}
				parts = append(parts, part)
			}
			return path.Join(parts...), true
		}
	}
	return "", false
}

func TestGoInputs(t *testing.T) {
	got, err := goInputs("testdata/goinputs")
	if err != nil {
		t.Fatal(err)
	}
	head := "\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
	want := []goInput{
		{"TestOne", "app/over", map[string]string{"app/base.yaml": "a: b\n", "app/kustomization.yaml": head + "resources: [base.yaml]\n", "app/over/kustomization.yaml": head + "namePrefix: x-"}},
		{"TestOne", "app", map[string]string{"app/base.yaml": "c: d", "app/kustomization.yaml": head + "resources: [base.yaml]\n", "app/over/kustomization.yaml": head + "namePrefix: x-"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(goInput{})); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
}
