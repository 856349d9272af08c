// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"trunkline.dev/trunkline/policy/subject"
)

var errNoMessage = errors.New(`its value is neither a string nor an object with a string "msg"`)

// messages returns what a rule says. The rest of a result is never looked at: it may be far larger than the memory.
func messages(result *ast.Term) ([]string, error) {
	if result == nil {
		return nil, nil
	}
	var out []string
	var bad error
	each := func(t *ast.Term) bool {
		m, err := message(t)
		if err != nil {
			bad = err
		} else {
			out = append(out, m)
		}
		return bad != nil || len(out) > maxMessages
	}
	switch v := result.Value.(type) {
	case ast.Set:
		v.Until(each)
	case *ast.Array:
		v.Until(each)
	case ast.Boolean:
		if bool(v) {
			return []string{"the policy denies it without a message"}, nil
		}
	case ast.String:
		if v != "" {
			return []string{string(v)}, nil
		}
	case ast.Null:
	case ast.Object:
		if v.Len() > 0 {
			each(result)
		}
	default:
		bad = errNoMessage
	}
	return out, bad
}

// maxMessages bounds what is taken from one rule; a few more than are shown, so that it can be said that there are more.
const maxMessages = 10 * subject.MaxVerdicts

func message(t *ast.Term) (string, error) {
	switch v := t.Value.(type) {
	case ast.String:
		return string(v), nil
	case ast.Object:
		if msg := v.Get(ast.InternedTerm("msg")); msg != nil {
			if text, ok := msg.Value.(ast.String); ok {
				return string(text), nil
			}
		}
	}
	return "", fmt.Errorf("%w: a value of type %s", errNoMessage, ast.ValueName(t.Value))
}
