// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"

	"trunkline.dev/trunkline/policy/subject"
)

const (
	// MaxExpressionBytes bounds the text of one expression.
	MaxExpressionBytes = 8 << 10
	// maxIssues bounds what is said of one expression.
	maxIssues = 5
	// interruptEvery is after how many steps of a loop the context is looked at.
	interruptEvery = 100
)

// Flaw is what keeps an expression from being used.
type Flaw struct {
	Message string
	// Hint says what to do; may be empty.
	Hint string
	// Large reports whether the expression is too long or too deep: parts of it should have names.
	Large bool
	// Issue is what CEL itself said, without the place; empty if the flaw is not CEL's.
	Issue string
}

// Compiled is an expression that may be evaluated: its cost, and the work of each of its calls, are bounded.
type Compiled struct {
	cel.Program

	Tree *cel.Ast
}

// Compile compiles an expression of an environment, which must give a value of a type; nil: of any. Bounds are the
// environment's from [Program], and cost is what evaluating may cost, in the units of CEL. Without flaws there is a
// program.
func Compile(env *cel.Env, bounds []cel.ProgramOption, text string, want *cel.Type, cost uint64) (out Compiled, flaws []Flaw) {
	// The compiler is not written for hostile input; whatever it stumbles on must end here.
	defer func() {
		if r := recover(); r != nil {
			out, flaws = Compiled{}, []Flaw{{Message: fmt.Sprintf("the expression cannot be compiled: %v", r)}}
		}
	}()
	if len(text) > MaxExpressionBytes {
		return out, []Flaw{{Message: fmt.Sprintf("the expression has %d bytes; the limit is %d", len(text), MaxExpressionBytes), Large: true}}
	}
	tree, issues := env.Parse(text)
	if issues.Err() == nil {
		if problem := TooDeep(tree); problem != "" {
			return out, []Flaw{{Message: problem, Large: true}}
		}
		tree, issues = env.Check(tree)
	}
	if issues.Err() != nil {
		return out, flawsOf(issues)
	}
	if want != nil && !tree.OutputType().IsExactType(want) {
		flaw := Flaw{Message: fmt.Sprintf("the expression must return a %s, but returns a %s", want, tree.OutputType())}
		if want == cel.BoolType {
			flaw.Hint = `compare it with something, as in "x == true"`
		}
		return out, []Flaw{flaw}
	}
	options := append([]cel.ProgramOption{cel.CostLimit(cost), cel.InterruptCheckFrequency(interruptEvery)}, bounds...)
	program, err := env.Program(tree, options...)
	if err != nil {
		return out, []Flaw{{Message: "the expression cannot be prepared: " + err.Error()}}
	}
	return Compiled{Program: program, Tree: tree}, nil
}

func flawsOf(issues *cel.Issues) (flaws []Flaw) {
	list := issues.Errors()
	for _, issue := range list[:min(len(list), maxIssues)] {
		text := issue.Message
		if i := strings.Index(text, " (in container"); i > 0 {
			text = text[:i]
		}
		where := ""
		if issue.Location != nil && issue.Location.Line() > 0 {
			where = fmt.Sprintf(" (line %d, column %d of the expression)", issue.Location.Line(), issue.Location.Column()+1)
		}
		flaws = append(flaws, Flaw{Message: subject.Line(text) + where, Issue: text})
	}
	return flaws
}
