// SPDX-License-Identifier: Apache-2.0

// Package guard bounds the calls of a CEL program before they are made.
//
// CEL's cost limit is looked at after a call has returned. That is too late for calls that multiply what they are
// given: "[x].map(a, a + a).map(b, b + b)…" doubles a list with every few characters, one replace makes a text of a
// million times a million characters, and a comparison of two lists that hold the same list many times over walks for
// years. Here the work of such a call is estimated from its arguments first, and a call that is too large fails like a
// division by zero does.
//
// Of Trunkline the package may import policy/subject.
package guard

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
	"github.com/google/cel-go/interpreter/functions"

	"trunkline.dev/trunkline/policy/subject"
)

const (
	// MaxText bounds a text that a call makes, in bytes: as much as a file of declarations may have.
	MaxText = 1 << 20
	// MaxList bounds a list that a call makes, in elements.
	MaxList = 100_000
	// MaxWork bounds the bytes and values that one call looks at: about a twentieth of a second.
	MaxWork = 1_000_000
	// MaxSteps bounds the steps of a regular expression: at most two tenths of a second.
	MaxSteps = 20_000_000
	// MaxNumber bounds the text of a quantity or version, in bytes.
	MaxNumber = 256
)

// cheap are the functions whose work does not depend on the size of what they are given, or is bounded by what CEL's own
// cost says beforehand.
var cheap = map[string]bool{
	operators.LogicalNot: true, operators.NotStrictlyFalse: true,
	operators.Negate: true, operators.Subtract: true, operators.Multiply: true, operators.Divide: true, operators.Modulo: true,
	operators.Less: true, operators.LessEquals: true, operators.Greater: true, operators.GreaterEquals: true,
	operators.Index: true, operators.OptIndex: true, operators.OptSelect: true,
	"size": true, "type": true, "dyn": true, "int": true, "uint": true, "double": true, "bool": true,
	"startsWith": true, "endsWith": true, "hasValue": true, "value": true, "orValue": true, "or": true,
	"optional.of": true, "optional.none": true, "cel.@mapInsert": true,
}

// Program returns the options that guard the programs of an environment.
func Program(env *cel.Env) ([]cel.ProgramOption, error) {
	impls := map[string]*functions.Overload{}
	for _, decl := range env.Functions() {
		bindings, err := decl.Bindings()
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			impls[b.Operator] = b
		}
	}
	decorator := cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		call, ok := i.(interpreter.InterpretableCall)
		if !ok || cheap[call.Function()] || len(call.Args()) == 0 {
			return i, nil
		}
		switch call.Function() {
		case operators.Equals:
			return guarded(call, equal), nil
		case operators.NotEquals:
			return guarded(call, func(args ...ref.Val) ref.Val { return types.Bool(equal(args...) != types.True) }), nil
		}
		impl := impls[call.OverloadID()]
		if impl == nil {
			impl = impls[call.Function()]
		}
		if impl == nil || impl.NonStrict {
			return i, nil
		}
		return guarded(call, invoke(call, impl)), nil
	})
	return []cel.ProgramOption{decorator, cel.CostTracking(&estimator{})}, nil
}

func equal(args ...ref.Val) ref.Val { return types.Equal(args[0], args[1]) }

// guarded puts the checks around a call.
func guarded(call interpreter.InterpretableCall, impl functions.FunctionOp) interpreter.InterpretableV2 {
	args := call.Args()
	name := call.Function()
	if pattern, ok := constPattern(name, args); ok {
		// CEL compiles a constant pattern once, and replaces the call; the guard of the text stays.
		args = append([]interpreter.InterpretableV2{&textArg{args[0], MaxSteps / max(1, subject.PatternSize(pattern))}}, args[1:]...)
	}
	check := checkOf(name)
	return interpreter.NewCall(call.ID(), name, call.OverloadID(), args, func(args ...ref.Val) ref.Val {
		if problem := check(args); problem != "" {
			return types.NewErr("%s", problem)
		}
		return impl(args...)
	})
}

// invoke calls a function as the interpreter does.
func invoke(call interpreter.InterpretableCall, impl *functions.Overload) functions.FunctionOp {
	return func(args ...ref.Val) ref.Val {
		if impl.OperandTrait != 0 && !args[0].Type().HasTrait(impl.OperandTrait) {
			if receiver, ok := args[0].(traits.Receiver); ok {
				return receiver.Receive(call.Function(), call.OverloadID(), args[1:])
			}
			return types.NewErr("no such overload: %s", call.Function())
		}
		switch {
		case len(args) == 1 && impl.Unary != nil:
			return impl.Unary(args[0])
		case len(args) == 2 && impl.Binary != nil:
			return impl.Binary(args[0], args[1])
		case impl.Function != nil:
			return impl.Function(args...)
		}
		if receiver, ok := args[0].(traits.Receiver); ok {
			return receiver.Receive(call.Function(), call.OverloadID(), args[1:])
		}
		return types.NewErr("no such overload: %s", call.Function())
	}
}

// textArg is an argument that must not be longer than a bound.
type textArg struct {
	interpreter.InterpretableV2

	most int
}

// Exec implements [interpreter.InterpretableV2].
func (a *textArg) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return a.check(a.InterpretableV2.Exec(frame))
}

// Eval implements [interpreter.Interpretable].
func (a *textArg) Eval(vars interpreter.Activation) ref.Val {
	return a.check(a.InterpretableV2.Eval(vars))
}

func (a *textArg) check(v ref.Val) ref.Val {
	if text, ok := v.(types.String); ok && len(text) > a.most {
		return types.NewErr("the regular expression would take too long on a text of %d bytes", len(text))
	}
	return v
}
