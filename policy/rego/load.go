// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

// rule is what problems of the files themselves have as their rule.
const rule = "rego"

// Set is all Rego policies of a platform, compiled. It may be used by several goroutines.
type Set struct {
	compiler *ast.Compiler
	sandbox  *sandbox
	data     storage.Store
	packages []pkg
	tests    []test
}

// pkg is a package with rules that deny or warn.
type pkg struct {
	id    string
	rules []verdictRule
	// exceptions reports whether the package has exception rules.
	exceptions *ast.Term
}

// verdictRule is a rule that denies or warns.
type verdictRule struct {
	name     string
	path     *ast.Term
	severity v1alpha1.Severity
	at       v1alpha1.Position
}

// Load compiles the Rego files of policy folders, without those of tests; YAML and JSON files in them are data, but for
// documents with an apiVersion and a kind, which are someone else's. The data of a folder's files is at "data", that
// of a folder in it below the folder's name. Nil comes with the problems that deny it; a set without packages says nothing.
func Load(folders []subject.Folder) (*Set, v1alpha1.Problems) { return load(folders, false) }

// IsTest reports whether a Rego file holds tests, which check nothing.
func IsTest(file string) bool { return strings.HasSuffix(file, "_test.rego") }

func load(folders []subject.Folder, tests bool) (set *Set, problems v1alpha1.Problems) {
	// The compiler is not written for hostile input; whatever it stumbles on must end here.
	defer func() {
		if r := recover(); r != nil {
			set, problems = nil, v1alpha1.Problems{{Rule: rule, Severity: v1alpha1.Deny, Message: fmt.Sprintf("the Rego policies cannot be compiled: %v", r)}}
		}
	}()
	l := &loader{modules: map[string]*ast.Module{}, data: map[string]any{}, from: map[string]string{}}
	for _, folder := range folders {
		for _, file := range slices.SortedFunc(slices.Values(folder.Files), func(a, b subject.File) int { return cmp.Compare(a.Path, b.Path) }) {
			l.file(folder.Path, file, tests)
		}
	}
	if l.problems.Denied() {
		l.problems.Sort()
		return nil, l.problems
	}
	return l.compile(folders, tests)
}

type loader struct {
	modules  map[string]*ast.Module
	data     map[string]any
	from     map[string]string // the file of each path of data
	problems v1alpha1.Problems
	files    int
	bytes    int
}

func (l *loader) report(at v1alpha1.Position, message, hint string) {
	l.problems = append(l.problems, v1alpha1.Problem{Rule: rule, Position: at, Severity: v1alpha1.Deny, Message: message, Hint: hint})
}

func (l *loader) file(folder string, f subject.File, tests bool) {
	at := v1alpha1.Position{File: f.Path}
	switch path.Ext(f.Path) {
	case ".rego":
		if IsTest(f.Path) && !tests || !l.take(f) {
			return
		}
		if len(f.Data) > MaxFileBytes {
			l.report(at, fmt.Sprintf("the Rego file is too large: it has %d bytes; the limit is %d", len(f.Data), MaxFileBytes), "split it into several files")
			return
		}
		module, err := parse(f.Path, string(f.Data))
		if err != nil {
			l.reportErrors(f.Path, err)
			return
		}
		l.modules[f.Path] = module
	case ".yaml", ".yml", ".json":
		if l.take(f) {
			l.dataFile(folder, f)
		}
	}
}

// take counts a file, and reports once when there are too many.
func (l *loader) take(f subject.File) bool {
	before := l.files <= MaxFiles && l.bytes <= MaxBytes
	l.files++
	l.bytes += len(f.Data)
	after := l.files <= MaxFiles && l.bytes <= MaxBytes
	if before && !after {
		l.report(v1alpha1.Position{File: f.Path}, fmt.Sprintf("the policy folders hold more than %d files, or more than %d bytes", MaxFiles, MaxBytes), "")
	}
	return after
}

func (l *loader) dataFile(folder string, f subject.File) {
	docs, problem := subject.ParseYAML(f.Path, f.Data)
	if problem != nil {
		l.problems = append(l.problems, *problem)
		return
	}
	into := l.data
	below := strings.TrimPrefix(strings.TrimPrefix(path.Dir(f.Path), path.Clean(folder)), "/")
	if folder == "" {
		below = path.Dir(f.Path)
	}
	if below == "." {
		below = ""
	}
	for _, doc := range docs {
		value := doc.Object()
		if value == nil {
			l.report(doc.Position(), "a data file holds a mapping: its keys are those of \"data\"", "")
			continue
		}
		if value["apiVersion"] != nil && value["kind"] != nil {
			continue
		}
		if below != "" {
			for _, name := range slices.Backward(strings.Split(below, "/")) {
				value = map[string]any{name: value}
			}
		}
		l.merge(into, value, doc.Position(), nil)
	}
}

// merge puts data together; two files may not say two things of the same.
func (l *loader) merge(into, from map[string]any, at v1alpha1.Position, above []any) {
	for key, value := range from {
		old, there := into[key]
		if !there {
			into[key] = value
			continue
		}
		a, aIsMap := old.(map[string]any)
		b, bIsMap := value.(map[string]any)
		where := append(slices.Clone(above), key)
		if !aIsMap || !bIsMap {
			l.report(at, fmt.Sprintf("the data %q is also in another file", v1alpha1.FieldPath(where...)), "")
			continue
		}
		merged := maps.Clone(a)
		into[key] = merged
		l.merge(merged, b, at, where)
	}
}

// parse reads a file as Rego of version 1, and if it is not that, of version 0. The problems are those of the version that
// the file goes further with.
func parse(file, text string) (*ast.Module, error) {
	if _, _, errs := ast.NewParser().WithFilename(file).WithReader(strings.NewReader(text)).WithRegoVersion(ast.RegoV0).
		WithMaxRecursionDepth(maxRecursion).Parse(); len(errs) > 0 {
		for _, e := range errs {
			if strings.Contains(e.Message, ast.ErrMaxParsingRecursionDepthExceeded.Error()) {
				return nil, ast.Errors{e}
			}
		}
	}
	var failed error
	for _, version := range []ast.RegoVersion{ast.RegoV1, ast.RegoV0} {
		module, err := ast.ParseModuleWithOpts(file, text, ast.ParserOptions{RegoVersion: version, ProcessAnnotation: true})
		if err == nil {
			return module, nil
		}
		if failed == nil || reach(err) > reach(failed) {
			failed = err
		}
	}
	return nil, failed
}

// reach is the line of the first error.
func reach(err error) int {
	var errs ast.Errors
	if errors.As(err, &errs) && len(errs) > 0 && errs[0].Location != nil {
		return errs[0].Location.Row
	}
	return 0
}

func (l *loader) reportErrors(file string, err error) {
	var errs ast.Errors
	if !errors.As(err, &errs) {
		var one *ast.Error
		if !errors.As(err, &one) {
			l.report(v1alpha1.Position{File: file}, "not valid Rego: "+subject.Line(err.Error()), "")
			return
		}
		errs = ast.Errors{one}
	}
	for _, e := range errs[:min(len(errs), maxErrors)] {
		at := v1alpha1.Position{File: file}
		if e.Location != nil {
			at = place(e.Location)
		}
		l.report(at, "not valid Rego: "+subject.Line(e.Message), hint(e.Message))
	}
}

func place(at *ast.Location) v1alpha1.Position {
	if at == nil {
		return v1alpha1.Position{}
	}
	return v1alpha1.Position{File: at.File, Line: at.Row, Column: at.Col}
}

var undefined = regexp.MustCompile(`undefined function ([\w.]+)`)

// hint says what to do about what the compiler found.
func hint(message string) string {
	switch m := undefined.FindStringSubmatch(message); {
	case m == nil:
	case m[1] == "time.now_ns":
		return "there is no clock: the same commit gets the same verdict at any time"
	case ast.BuiltinMap[m[1]] != nil:
		return "policies see their input and nothing else: there are no functions for the network, the environment and random numbers"
	}
	if strings.Contains(message, "`if` keyword is required") || strings.Contains(message, "`contains` keyword is required") {
		return "this is Rego of version 0 in a file of version 1; remove \"import rego.v1\", or write the keyword"
	}
	return ""
}

func (l *loader) compile(folders []subject.Folder, tests bool) (*Set, v1alpha1.Problems) {
	set := &Set{sandbox: newSandbox(), data: inmem.NewFromObjectWithOpts(l.data, inmem.OptRoundTripOnWrite(false))}
	configs{folders}.add(set.sandbox)
	set.compiler = ast.NewCompiler().WithCapabilities(set.sandbox.capabilities).WithEnablePrintStatements(false)
	set.compiler.SetErrorLimit(maxErrors)
	if tests {
		set.compiler.WithStageAfterID(ast.StageRewriteRuleHeadRefs, ast.CompilerStageDefinition{Name: "NumberTests", MetricName: "number_tests", Stage: numberTests})
	}
	set.compiler.Compile(l.modules)
	if set.compiler.Failed() {
		l.reportErrors("", set.compiler.Errors)
		l.problems.Sort()
		return nil, l.problems
	}
	for _, module := range set.compiler.Modules {
		l.mocks(module, func(name string, at v1alpha1.Position) {
			if !tests {
				l.report(at, fmt.Sprintf("the function %q is replaced; only tests do that", name), "")
			}
			delete(set.sandbox.guarded, name) // the engine replaces it under its own name
		})
	}
	for _, module := range set.compiler.Modules {
		literals(module, func(at v1alpha1.Position, message string) { l.report(at, message, "") })
		set.sandbox.redirect(module)
	}
	if l.problems.Denied() {
		l.problems.Sort()
		return nil, l.problems
	}
	set.find(l.modules)
	if tests {
		set.tests = findTests(set.compiler.Modules)
	}
	return set, nil
}

// mocks finds what replaces functions: that is for tests, and takes the guards away.
func (*loader) mocks(module *ast.Module, found func(name string, at v1alpha1.Position)) {
	ast.WalkWiths(module, func(w *ast.With) bool {
		ref, ok := w.Target.Value.(ast.Ref)
		if ok && !ref.HasPrefix(ast.DefaultRootRef) && !ref.HasPrefix(ast.InputRootRef) {
			found(ref.String(), place(w.Loc()))
		}
		return false
	})
}
