// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	cuelang "cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"

	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/cue"
)

// Languages is the table of a process that knows CUE.
func Languages() map[string]code.Language {
	return map[string]code.Language{cue.Language: Evaluate}
}

var _ code.Language = Evaluate

// Evaluate is the [code.Language]. What comes of it is what `cue export` makes of the package, or of an expression in it.
func Evaluate(job code.Job) ([]byte, error) {
	var in cue.Given
	if err := json.Unmarshal(job.Given, &in); err != nil {
		return nil, err
	}
	instances := load.Instances([]string{"."}, &load.Config{
		FS: code.FS(job.Ask), Dir: "/" + strings.TrimPrefix(job.Entry, "."), Package: in.Package, Tags: in.Tags,
		Registry: noRegistry{}, Env: []string{},
	})
	if len(instances) != 1 {
		return nil, fmt.Errorf("%s: is %d packages: name one", job.Entry, len(instances))
	}
	instance := instances[0]
	if instance.Err != nil {
		return nil, explain(job.Entry, instance.Err)
	}
	for _, path := range instance.ImportPaths {
		if path == "tool" || strings.HasPrefix(path, "tool/") {
			return nil, fmt.Errorf("%s: imports %q, which is for commands: nothing is run while a package is rendered", job.Entry, path)
		}
	}
	ctx := cuecontext.New()
	value := ctx.BuildInstance(instance)
	if err := value.Err(); err != nil {
		return nil, explain(job.Entry, err)
	}
	value, err := filled(ctx, job.Entry, value, in)
	if err != nil {
		return nil, err
	}
	if in.Expression != "" {
		expression, err := parser.ParseExpr("expression", in.Expression)
		if err != nil {
			return nil, explain(job.Entry, err)
		}
		if err := plain(expression); err != nil {
			return nil, err
		}
		value = ctx.BuildExpr(expression, cuelang.Scope(value), cuelang.InferBuiltins(true))
	}
	if err := value.Validate(cuelang.Concrete(true), cuelang.Final()); err != nil {
		return nil, explain(job.Entry, err)
	}
	data, err := value.MarshalJSON()
	if err != nil {
		return nil, explain(job.Entry, err)
	}
	return data, nil
}

// plain refuses an expression that is more than the path of something in the package: what makes objects belongs into its files.
func plain(expression ast.Expr) error {
	for {
		switch e := expression.(type) {
		case *ast.Ident:
			return nil
		case *ast.SelectorExpr:
			expression = e.X
		case *ast.IndexExpr:
			if _, literal := e.Index.(*ast.BasicLit); !literal {
				return errors.New("expression: an index is a number or a text in quotes")
			}
			expression = e.X
		default:
			return errors.New("expression: is not the path of something in the package, such as objects or apps.web[0]")
		}
	}
}

// filled unifies what is given with what is at its paths.
func filled(ctx *cuelang.Context, dir string, value cuelang.Value, in cue.Given) (cuelang.Value, error) {
	for _, name := range slices.Sorted(maps.Keys(in.Values)) {
		path := cuelang.ParsePath(name)
		if err := path.Err(); err != nil {
			return value, fmt.Errorf("values: %q is not a path in a package of CUE: %w", name, err)
		}
		if !declared(value, path) {
			return value, fmt.Errorf("values: %s: there is no such field in the package %s: declare it, as in %s: _", name, dir, name)
		}
	}
	for _, all := range []map[string]json.RawMessage{in.Optional, in.Values} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			given := ctx.CompileBytes(all[name], cuelang.Filename(name))
			if err := given.Err(); err != nil {
				return value, explain(dir, err)
			}
			value = value.FillPath(cuelang.ParsePath(name), given)
			if err := value.Err(); err != nil {
				return value, explain(dir, err)
			}
		}
	}
	return value, nil
}

// declared reports whether the package says anything of a path: its first part is there, and the next ones are or may be.
func declared(value cuelang.Value, path cuelang.Path) bool {
	first := cuelang.MakePath(path.Selectors()[0])
	return value.LookupPath(first).Exists() || value.LookupPath(first.Optional()).Exists()
}

// noRegistry has no modules: what a package imports is in the repository.
type noRegistry struct{}

func (noRegistry) missing(what string) error {
	return fmt.Errorf("Trunkline fetches nothing while it renders: commit %s, and name its folder by replaceWith in cue.mod/local-module.cue", what) //nolint:staticcheck // Trunkline is a name
}

// ModFile implements [modconfig.Registry].
func (r noRegistry) ModFile(_ context.Context, mv module.Version) (*modfile.File, error) {
	return nil, r.missing(mv.String())
}

// Fetch implements [modconfig.Registry].
func (r noRegistry) Fetch(_ context.Context, mv module.Version) (module.SourceLoc, error) {
	return module.SourceLoc{}, r.missing(mv.String())
}

// ModuleVersions implements [modconfig.Registry].
func (r noRegistry) ModuleVersions(_ context.Context, path string) ([]string, error) {
	return nil, r.missing(path)
}
