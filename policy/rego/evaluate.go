// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

// Evaluate returns what the packages say against a subject: nothing if they allow it. Objects, projects and environments are
// checked. When the context ends before all is known, the subject is refused.
func (s *Set) Evaluate(ctx context.Context, sub *subject.Subject) subject.Verdicts {
	if len(s.packages) == 0 || sub.On != v1alpha1.OnObject && sub.On != v1alpha1.OnProject && sub.On != v1alpha1.OnEnvironment {
		return nil
	}
	var out subject.Verdicts
	input, err := ast.InterfaceToValue(sub.Value)
	for _, p := range s.packages {
		if err != nil {
			out = append(out, sub.Refuse(&subject.UnevaluatedError{Policy: p.id, Because: "its input is not JSON: " + err.Error()}))
			continue
		}
		out = append(out, sub.Bound(p.id, s.evaluate(ctx, p, sub, ast.NewTerm(input)))...)
	}
	return out
}

// evaluate evaluates one package.
func (s *Set) evaluate(ctx context.Context, p pkg, sub *subject.Subject, input *ast.Term) (out subject.Verdicts) {
	refuse := func(at v1alpha1.Position, name string, err error) {
		v := sub.Refuse(&subject.UnevaluatedError{Policy: p.id, Because: because(ctx, err), Hint: hintAt(err)})
		v.Trace = []v1alpha1.Step{{Position: at, Message: p.id + "." + name}}
		out = append(out, v)
	}
	defer func() {
		if r := recover(); r != nil {
			refuse(p.rules[0].at, p.rules[0].name, fmt.Errorf("%v", r))
		}
	}()
	e := &evaluation{set: s, input: input, budget: &budget{ctx: ctx}}
	e.budget.left.Store(MaxSteps)
	for _, r := range p.rules {
		excepted, err := e.excepted(ctx, p, r)
		if err != nil {
			refuse(r.at, "exception", err)
			return out
		}
		if excepted {
			continue
		}
		value, err := e.value(ctx, r.path)
		if err != nil {
			refuse(r.at, r.name, err)
			if e.budget.Cancelled() {
				return out // what follows would say the same
			}
			continue
		}
		messages, err := messages(value)
		for _, m := range messages {
			v := sub.Against(p.id, r.severity, m, "")
			v.Trace = []v1alpha1.Step{{Position: r.at, Message: p.id + "." + r.name}}
			out = append(out, v)
		}
		if err != nil {
			refuse(r.at, r.name, err)
		}
	}
	return out
}

// evaluation is one package on one input. Its rules share a budget.
type evaluation struct {
	set    *Set
	input  *ast.Term
	budget *budget
}

// value evaluates a rule; nil if it is undefined.
func (e *evaluation) value(ctx context.Context, path *ast.Term) (*ast.Term, error) {
	const result = "result"
	txn, err := e.set.data.NewTransaction(ctx, storage.TransactionParams{})
	if err != nil {
		return nil, err
	}
	defer e.set.data.Abort(ctx, txn)
	var failed []topdown.Error
	answers, err := topdown.NewQuery(ast.NewBody(ast.Equality.Expr(path, ast.VarTerm(result)))).
		WithCompiler(e.set.compiler).WithStore(e.set.data).WithTransaction(txn).WithInput(e.input).
		WithBuiltins(e.set.sandbox.functions).WithCancel(e.budget).WithBuiltinErrorList(&failed).
		WithTime(time.Unix(0, 0)). // no function asks for it; without it the engine reads the clock
		Run(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(failed) > 0:
		return nil, &failed[0]
	case len(answers) == 0:
		return nil, nil //nolint:nilnil // undefined is neither a value nor an error
	}
	return answers[0][result], nil
}

// excepted reports whether an exception rule of the package names a rule: "deny" and "violation" are named "", and
// "deny_root" is named "root".
func (e *evaluation) excepted(ctx context.Context, p pkg, r verdictRule) (bool, error) {
	if p.exceptions == nil {
		return false, nil
	}
	value, err := e.value(ctx, p.exceptions)
	if err != nil || value == nil {
		return false, err
	}
	_, name, _ := strings.Cut(r.name, "_")
	found, seen := false, 0
	each := func(t *ast.Term) bool {
		seen++
		switch v := t.Value.(type) {
		case *ast.Array:
			found = v.Until(func(t *ast.Term) bool { seen++; return t.Value.Compare(ast.String(name)) == 0 || seen > MaxWork })
		case ast.Set:
			found = v.Contains(ast.StringTerm(name))
		}
		return found || seen > MaxWork
	}
	switch v := value.Value.(type) {
	case ast.Set:
		v.Until(each)
	case *ast.Array:
		v.Until(each)
	}
	return found && seen <= MaxWork, nil
}

// budget is what is left to an evaluation. The engine asks it before every expression.
type budget struct {
	ctx  context.Context //nolint:containedctx // the engine's interface has no other way
	left atomic.Int64
}

// Cancel implements [topdown.Cancel].
func (b *budget) Cancel() { b.left.Store(0) }

// Cancelled implements [topdown.Cancel].
func (b *budget) Cancelled() bool {
	left := b.left.Add(-1)
	const everyNow = 1 << 10
	return left < 0 || left%everyNow == 0 && b.ctx.Err() != nil
}

func (b *budget) spend(steps int64) { b.left.Add(-steps) }

// because returns the reason of a failure.
func because(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); cause != nil {
		return "it was stopped: " + cause.Error()
	}
	if topdown.IsCancel(err) {
		return fmt.Sprintf("it takes more than %d steps on one input", MaxSteps)
	}
	if halt, ok := errors.AsType[topdown.Halt](err); ok {
		err = halt.Err
	}
	if failure, ok := errors.AsType[*topdown.Error](err); ok {
		if failure.Location != nil {
			return fmt.Sprintf("%s: %s", place(failure.Location), failure.Message)
		}
		return failure.Message
	}
	return err.Error()
}

func hintAt(err error) string {
	_, limit := errors.AsType[topdown.Halt](err)
	failure, failed := errors.AsType[*topdown.Error](err)
	if failed && !limit && (failure.Code == topdown.TypeErr || failure.Code == topdown.BuiltinErr) {
		return "check the type of the value first, as in is_string(x)"
	}
	return ""
}
