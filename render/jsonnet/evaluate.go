// SPDX-License-Identifier: Apache-2.0

package jsonnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	jsonnet "github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"

	"trunkline.dev/trunkline/render/code"
)

// maxStack bounds the calls within one another; it is the default of Jsonnet's own command, so that what works there works here.
const maxStack = 500

var _ code.Language = Evaluate

// Evaluate is the [code.Language].
func Evaluate(job code.Job) ([]byte, error) {
	var in given
	if err := json.Unmarshal(job.Given, &in); err != nil {
		return nil, err
	}
	vm := jsonnet.MakeVM()
	vm.MaxStack = maxStack
	vm.SetTraceOut(io.Discard)
	vm.Importer(&importer{ask: job.Ask, libraries: in.Libraries, found: map[string]jsonnet.Contents{}})
	vm.ExtCode(Own, string(in.Context))
	for name, value := range in.Vars {
		vm.ExtCode(name, string(value))
	}
	program, _, err := vm.ImportAST("", job.Entry)
	if err != nil {
		return nil, explain(err)
	}
	for name, value := range in.Args {
		vm.TLACode(name, string(value))
	}
	function, literal := functionOf(program)
	if function != nil && takes(function, Own) {
		vm.TLACode(Own, string(in.Context))
	}
	if len(in.Args) > 0 && !in.MayIgnore && function == nil {
		// Jsonnet passes over arguments that nothing takes.
		if literal || !isFunction(vm, job.Entry) {
			return nil, fmt.Errorf("%s: it is no function, so that nothing takes the arguments %s: write function(%s) before its value, or give them as vars",
				job.Entry, strings.Join(slices.Sorted(maps.Keys(in.Args)), ", "), strings.Join(slices.Sorted(maps.Keys(in.Args)), ", "))
		}
	}
	value, err := vm.Evaluate(program)
	if err != nil {
		return nil, explain(err)
	}
	return []byte(value), nil
}

// functionOf returns the function that a program is, if that is plain to see; literal reports whether it is plain to see that it is
// none.
func functionOf(program ast.Node) (function *ast.Function, literal bool) {
	for {
		switch n := program.(type) {
		case *ast.Local:
			program = n.Body
		case *ast.Parens:
			program = n.Inner
		case *ast.Function:
			return n, false
		case *ast.DesugaredObject, *ast.Array:
			return nil, true
		default:
			return nil, false
		}
	}
}

func takes(f *ast.Function, name string) bool {
	return slices.ContainsFunc(f.Parameters, func(p ast.Parameter) bool { return string(p.Name) == name })
}

// isFunction reports whether the value of a file is a function. What is wrong with the file is found out when it is evaluated.
func isFunction(vm *jsonnet.VM, entry string) bool {
	quoted, err := json.Marshal(entry)
	if err != nil {
		return false
	}
	node, err := jsonnet.SnippetToAST("", "std.isFunction(import "+string(quoted)+")")
	if err != nil {
		return false
	}
	answer, err := vm.Evaluate(node)
	return err != nil || strings.TrimSpace(answer) == "true"
}

// maxFrames is how many of the calls that led to an error are told.
const maxFrames = 4

// explain says what is wrong and where, on one line.
func explain(err error) error {
	run, ok := errors.AsType[jsonnet.RuntimeError](err)
	if !ok {
		text := err.Error()
		if crash, is := strings.CutPrefix(text, "(CRASH) "); is {
			text, _, _ = strings.Cut(crash, "\n") // without the stack of the engine
			text = "the engine failed: " + text
		}
		return errors.New(located(text))
	}
	var places []string
	for _, frame := range slices.Backward(run.StackTrace) {
		if frame.Loc.File == nil || !frame.Loc.IsSet() {
			continue
		}
		file := string(frame.Loc.File.DiagnosticFileName)
		if file == "" || strings.HasPrefix(file, "<") {
			continue // of the standard library, or of what is given
		}
		at := fmt.Sprintf("%s:%d", file, frame.Loc.Begin.Line)
		if len(places) == 0 || places[len(places)-1] != at {
			places = append(places, at)
		}
	}
	text := strings.ReplaceAll(strings.TrimSpace(run.Msg), "\n", " ")
	if strings.Contains(text, "max stack frames exceeded") || strings.Contains(text, "Max stack frames exceeded") {
		text += fmt.Sprintf(": more than %d calls within one another; does something depend on itself, or import itself?", maxStack)
	}
	if len(places) == 0 {
		return errors.New(text)
	}
	text = places[0] + ": " + text
	if via := places[1:min(len(places), maxFrames+1)]; len(via) > 0 {
		text += " (from " + strings.Join(via, ", ") + ")"
	}
	return errors.New(text)
}
