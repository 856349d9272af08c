// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"trunkline.dev/trunkline/policy/subject"
)

// guard puts checks around a function. One that is given too much ends the evaluation: were it undefined, as functions that
// fail are, the rule around it would be taken for not broken.
func guard(name string, call topdown.BuiltinFunc) topdown.BuiltinFunc {
	check := checks(name)
	return func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		work := weigh(operands...)
		problem := ""
		if work > MaxWork {
			problem = fmt.Sprintf("%q gets more than %d bytes and values, or a number of more than %d digits", name, MaxWork, maxDigits)
		} else if check != nil {
			problem = check(operands)
		}
		if problem != "" {
			return topdown.Halt{Err: &topdown.Error{Code: topdown.BuiltinErr, Message: problem, Location: bctx.Location}}
		}
		if b, ok := bctx.Cancel.(*budget); ok {
			b.spend(int64(work / stepWork))
		}
		return call(bctx, operands, iter)
	}
}

// checks returns what is looked at beyond the size of the operands, for functions that multiply them.
func checks(name string) func(operands []*ast.Term) string {
	switch name {
	case "sprintf":
		return checkSprintf
	case "concat":
		return func(o []*ast.Term) string {
			return tooLong(name, weigh(o[1])+weigh(o[0])*float64(size(o[1])))
		}
	case "replace":
		return func(o []*ast.Term) string { return checkReplace(name, weigh(o[0]), text(o[1]), text(o[2])) }
	case "strings.replace_n":
		return func(o []*ast.Term) string { return tooLong(name, weigh(o[0])*weigh(o[1])) }
	case "regex.replace":
		return func(o []*ast.Term) string {
			if problem := checkPattern(o[1], o[0]); problem != "" {
				return problem
			}
			return tooLong(name, weigh(o[0])*(weigh(o[2])+1))
		}
	case "regex.match", "regex.split", "regex.find_n", "regex.find_all_string_submatch_n", "re_match", "regex.is_valid":
		return func(o []*ast.Term) string { return checkPattern(o[0], o[len(o)-1], o[min(1, len(o)-1)]) }
	case "glob.match":
		return func(o []*ast.Term) string { return checkPattern(o[0], o[2]) }
	case "bits.lsh":
		return func(o []*ast.Term) string { return checkShift(o[1]) }
	case "numbers.range", "numbers.range_step":
		return checkRange
	case "mul", "product":
		return func(o []*ast.Term) string {
			if weigh(o...) > maxDigits {
				return fmt.Sprintf("%q would make a number of more than %d digits", name, maxDigits)
			}
			return ""
		}
	case "json.patch", "object.subset", "graph.reachable", "net.cidr_contains_matches", "strings.any_prefix_match", "strings.any_suffix_match":
		return func(o []*ast.Term) string {
			if weigh(o[0])*weigh(o[1]) > maxPatternSteps {
				return fmt.Sprintf("%q would take more than %d steps", name, maxPatternSteps)
			}
			return ""
		}
	default:
		return nil
	}
}

func tooLong(name string, bytes float64) string {
	if bytes > MaxText {
		return fmt.Sprintf("%q would make a text of more than %d bytes", name, MaxText)
	}
	return ""
}

func checkReplace(name string, in float64, before, after string) string {
	return tooLong(name, in+(in/float64(max(1, len(before)))+1)*float64(len(after)))
}

// widths finds verbs that pad: each of a few characters may ask for a million.
var widths = regexp.MustCompile(`%[^%a-zA-Z]*([0-9]{4}|\*)`)

func checkSprintf(o []*ast.Term) string {
	format := text(o[0])
	if widths.MatchString(format) {
		return `"sprintf" would pad to more than 999 characters`
	}
	const perValue = 8 // what is put around a value, and a number's digits over its weight
	verbs := float64(strings.Count(format, "%"))
	return tooLong("sprintf", float64(len(format))+verbs*(1000+perValue*weigh(o[1])))
}

func checkPattern(pattern *ast.Term, texts ...*ast.Term) string {
	p := text(pattern)
	if len(p) > subject.MaxPattern {
		return fmt.Sprintf("a pattern has more than %d bytes", subject.MaxPattern)
	}
	if weigh(texts...)*float64(subject.PatternSize(p)) > maxPatternSteps {
		return "a pattern would take too long on a text of this length"
	}
	return ""
}

func checkShift(by *ast.Term) string {
	n, ok := by.Value.(ast.Number)
	if i, isInt := n.Int(); !ok || !isInt || i > maxDigits {
		return fmt.Sprintf(`"bits.lsh" would make a number of more than %d digits`, maxDigits)
	}
	return ""
}

func checkRange(o []*ast.Term) string {
	from, to := number(o[0]), number(o[1])
	step := 1.0
	if len(o) > 2 {
		step = math.Max(1, number(o[2]))
	}
	if math.Abs(to-from)/step > maxRange {
		return fmt.Sprintf("a range has more than %d numbers", maxRange)
	}
	return ""
}

func number(t *ast.Term) float64 {
	n, ok := t.Value.(ast.Number)
	if !ok {
		return 0
	}
	f, _, err := big.ParseFloat(string(n), 10, 64, big.ToNearestEven)
	if err != nil {
		return math.Inf(1)
	}
	v, _ := f.Float64()
	return v
}

func text(t *ast.Term) string {
	s, _ := t.Value.(ast.String)
	return string(s)
}

// size is the number of elements of a collection.
func size(t *ast.Term) int {
	switch v := t.Value.(type) {
	case *ast.Array:
		return v.Len()
	case ast.Set:
		return v.Len()
	case ast.Object:
		return v.Len()
	default:
		return 1
	}
}

// weigh returns the size of values with everything that they hold, as often as they hold it: a text counts its bytes, a
// number its digits, everything else one. It stops when the bound of one call is passed.
func weigh(terms ...*ast.Term) float64 {
	w := &weight{left: MaxWork + 1}
	for _, t := range terms {
		w.add(t)
	}
	if w.left <= 0 {
		return math.Inf(1)
	}
	return MaxWork + 1 - w.left
}

type weight struct{ left float64 }

func (w *weight) add(t *ast.Term) bool {
	w.left--
	if w.left <= 0 {
		return true
	}
	switch v := t.Value.(type) {
	case ast.String:
		w.left -= float64(len(v))
	case ast.Number:
		w.left -= digits(string(v))
	case *ast.Array:
		return v.Until(w.add)
	case ast.Set:
		return v.Until(w.add)
	case ast.Object:
		return v.Until(func(k, v *ast.Term) bool { return w.add(k) || w.add(v) })
	}
	return w.left <= 0
}

// digits returns the weight of a number; one with too many digits, written out, weighs too much for any function.
func digits(number string) float64 {
	if at := strings.IndexAny(number, "eE"); at >= 0 {
		exponent, err := strconv.Atoi(number[at+1:])
		if err != nil || exponent > maxDigits || exponent < -maxDigits {
			return MaxWork + 1
		}
		return float64(at + max(exponent, -exponent))
	}
	if len(number) > maxDigits {
		return MaxWork + 1
	}
	return float64(len(number))
}
