// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	xmessage "golang.org/x/text/message"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// maxProblems bounds what one check reports.
const maxProblems = 50

// Check returns all that is wrong with a value, ordered by path; nothing if it is valid.
func (s *Schema) Check(value any) (problems []Problem) {
	defer func() {
		if r := recover(); r != nil {
			problems = []Problem{{Message: fmt.Sprintf("cannot be checked against the schema: %v", r)}}
		}
	}()
	if s.params {
		if value, problems = asParams(value); problems != nil {
			return problems
		}
	}
	plain, err := plainJSON(value)
	if err != nil {
		return []Problem{{Message: err.Error()}}
	}
	if err := (&effort{}).visit(s.compiled, plain, 0); err != nil {
		return []Problem{{Message: err.Error()}}
	}
	err = s.compiled.Validate(plain)
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &invalid):
		return []Problem{{Message: err.Error()}}
	}
	for _, leaf := range flatten(invalid, nil) {
		p := s.problems(leaf)
		base := path(plain, leaf.InstanceLocation)
		for i := range p {
			p[i].Path = append(slices.Clone(base), p[i].Path...)
		}
		problems = append(problems, p...)
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(v1alpha1.FieldPath(a.Path...), v1alpha1.FieldPath(b.Path...)), cmp.Compare(a.Message, b.Message))
	})
	problems = slices.CompactFunc(problems, func(a, b Problem) bool { return a.String() == b.String() })
	return problems[:min(len(problems), maxProblems)]
}

// String prints the problem on one line.
func (p Problem) String() string {
	text := p.Message
	if at := v1alpha1.FieldPath(p.Path...); at != "" {
		text = at + ": " + text
	}
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// plainJSON returns the value as the validator knows it: maps, slices, strings, booleans, numbers and nil only.
func plainJSON(value any) (any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("the value is not JSON: %w", err)
	}
	return jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
}

// flatten returns the errors that have no further cause. Of alternatives, those of the last one that came
// furthest into the value are given: the others are about forms that were not meant.
func flatten(e *jsonschema.ValidationError, out []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return append(out, e)
	}
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		best := slices.MaxFunc(e.Causes, func(a, b *jsonschema.ValidationError) int { return cmp.Compare(reach(a), reach(b)) })
		if reach(best) > len(e.InstanceLocation) {
			return flatten(best, out)
		}
		return append(out, e)
	}
	for _, c := range e.Causes {
		out = flatten(c, out)
	}
	return out
}

// reach is how far into the value an error lies.
func reach(e *jsonschema.ValidationError) int {
	n := len(e.InstanceLocation)
	for _, c := range e.Causes {
		n = max(n, reach(c))
	}
	return n
}

// problems words one error; those about several keys become one problem for each key.
func (s *Schema) problems(e *jsonschema.ValidationError) []Problem {
	k, ok := e.ErrorKind.(*kind.AdditionalProperties)
	if !ok {
		return []Problem{message(e, s)}
	}
	known := s.properties(e.SchemaURL)
	out := make([]Problem, len(k.Properties))
	for i, name := range k.Properties {
		out[i] = Problem{Path: []any{name}, Message: fmt.Sprintf("additional property %q is not allowed", name), Hint: v1alpha1.Suggest(name, known)}
		if len(known) == 0 {
			out[i].Hint = "none is allowed here"
		}
	}
	return out
}

// message words an error.
func message(e *jsonschema.ValidationError, s *Schema) Problem {
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return Problem{Message: fmt.Sprintf("expected %s, got %s", articles(k.Want), article(k.Got))}
	case *kind.Required:
		return Problem{Message: "missing " + quoted(k.Missing)}
	case *kind.Enum:
		p := Problem{Message: "must be one of " + values(k.Want)}
		if got, isText := k.Got.(string); isText {
			p.Message = fmt.Sprintf("%q is not a valid value", got)
			p.Hint = v1alpha1.Suggest(got, texts(k.Want))
		}
		return p
	case *kind.Pattern:
		return Problem{Message: fmt.Sprintf("%q does not match the pattern %s", k.Got, k.Want), Hint: s.example(e.SchemaURL)}
	case *kind.Minimum:
		return Problem{Message: fmt.Sprintf("must be at least %s, got %s", decimal(k.Want), decimal(k.Got))}
	case *kind.Maximum:
		return Problem{Message: fmt.Sprintf("must be at most %s, got %s", decimal(k.Want), decimal(k.Got))}
	case *kind.ExclusiveMinimum:
		return Problem{Message: fmt.Sprintf("must be more than %s, got %s", decimal(k.Want), decimal(k.Got))}
	case *kind.ExclusiveMaximum:
		return Problem{Message: fmt.Sprintf("must be less than %s, got %s", decimal(k.Want), decimal(k.Got))}
	case *kind.MinLength:
		return Problem{Message: fmt.Sprintf("must have at least %d characters, got %d", k.Want, k.Got)}
	case *kind.MaxLength:
		return Problem{Message: fmt.Sprintf("must have at most %d characters, got %d", k.Want, k.Got)}
	case *kind.MinItems:
		return Problem{Message: fmt.Sprintf("must have at least %d items, got %d", k.Want, k.Got)}
	case *kind.MaxItems:
		return Problem{Message: fmt.Sprintf("must have at most %d items, got %d", k.Want, k.Got)}
	case *kind.FalseSchema:
		return Problem{Message: "is not allowed here"}
	case *kind.AnyOf, *kind.OneOf:
		return Problem{Message: "matches none of the allowed forms" + s.forms(e)}
	case *kind.Not:
		return Problem{Message: "has a form that is not allowed"}
	}
	return Problem{Message: e.ErrorKind.LocalizedString(xmessage.NewPrinter(language.English))}
}

// decimal writes a number as people do: a quarter is 0.25.
func decimal(n *big.Rat) string {
	if digits, exact := n.FloatPrec(); exact {
		return n.FloatString(digits)
	}
	return n.RatString()
}
