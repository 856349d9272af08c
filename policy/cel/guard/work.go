// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"trunkline.dev/trunkline/policy/subject"
)

// checkOf returns the check of a function's arguments, which says what is wrong with them, or nothing.
func checkOf(function string) func(args []ref.Val) string {
	switch function {
	case operators.Add:
		return checkAdd
	case "replace":
		return checkReplace
	case "format":
		return checkFormat
	case "join":
		return checkJoin
	case "matches", "find", "findAll":
		return checkPattern
	case "quantity", "isQuantity":
		return checkQuantity
	case "semver", "isSemver":
		return checkNumber
	case "distinct", "sortBy", "sort", "sets.contains", "sets.equivalent", "sets.intersects", operators.In:
		return checkPairs
	default:
		return func(args []ref.Val) string { return tooMuch(function, weigh(args...)) }
	}
}

func tooMuch(function string, work float64) string {
	if work > MaxWork {
		return fmt.Sprintf("the call of %q would take more than %d steps", strings.Trim(function, "_"), MaxWork)
	}
	return ""
}

func tooLong(function string, bytes float64) string {
	if bytes > MaxText {
		return fmt.Sprintf("%q would make a text of more than %d bytes", strings.Trim(function, "_"), MaxText)
	}
	return ""
}

// checkAdd is that of "+": the macros call it for every element, so it is quick.
func checkAdd(args []ref.Val) string {
	a, ok := args[0].(traits.Sizer)
	if !ok {
		return ""
	}
	b, ok := args[1].(traits.Sizer)
	if !ok {
		return ""
	}
	most, what := types.Int(MaxText), "text"
	if _, isList := args[0].(traits.Lister); isList {
		most, what = MaxList, "list"
	}
	m, _ := a.Size().(types.Int)
	n, _ := b.Size().(types.Int)
	if m+n > most {
		return fmt.Sprintf("%q would make a %s of more than %d elements", "+", what, most)
	}
	return ""
}

func checkReplace(args []ref.Val) string {
	if len(args) < 3 {
		return ""
	}
	text, before, after := textLen(args[0]), textLen(args[1]), textLen(args[2])
	return tooLong("replace", text+(text/max(1, before)+1)*after)
}

// checkFormat takes every verb to print the whole list of values.
func checkFormat(args []ref.Val) string {
	format, ok := args[0].(types.String)
	if !ok || len(args) < 2 {
		return ""
	}
	if longPrecision.MatchString(string(format)) {
		return "\"format\" would write a number with more than 100 digits"
	}
	const perValue = 8 // what is put around a value in a list or map, and a number's digits over its weight
	verbs := float64(strings.Count(string(format), "%"))
	return tooLong("format", float64(len(format))+verbs*perValue*weigh(args[1]))
}

// longPrecision finds a number of digits over 100: each verb of a few characters may ask for a million.
var longPrecision = regexp.MustCompile(`%\.0*([2-9][0-9]{2}|1[0-9][1-9]|1[1-9]0|[0-9]{4})`)

func checkJoin(args []ref.Val) string {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return ""
	}
	separator := 0.0
	if len(args) > 1 {
		separator = textLen(args[1])
	}
	n, _ := list.Size().(types.Int)
	return tooLong("join", weigh(list)+float64(n)*separator)
}

func checkPattern(args []ref.Val) string {
	pattern, ok := args[len(args)-1].(types.String)
	if len(args) > 2 {
		pattern, ok = args[1].(types.String)
	}
	if !ok {
		return ""
	}
	if len(pattern) > subject.MaxPattern {
		return fmt.Sprintf("the regular expression is longer than %d bytes", subject.MaxPattern)
	}
	if textLen(args[0])*float64(subject.PatternSize(string(pattern))) > MaxSteps {
		return fmt.Sprintf("the regular expression would take too long on a text of %.0f bytes", textLen(args[0]))
	}
	return ""
}

func checkNumber(args []ref.Val) string {
	if textLen(args[0]) > MaxNumber {
		return fmt.Sprintf("a quantity or version has at most %d characters", MaxNumber)
	}
	return ""
}

// checkQuantity also refuses exponents that are longer than any quantity has: parsing "1e999999999" takes forever.
func checkQuantity(args []ref.Val) string {
	if text, ok := args[0].(types.String); ok && longExponent.MatchString(string(text)) {
		return "the exponent of a quantity is at most 999"
	}
	return checkNumber(args)
}

// longExponent finds an exponent of more than three digits.
var longExponent = regexp.MustCompile(`[eE][+-]?0*[1-9][0-9]{3}`)

// checkPairs is that of functions that hold each element against each other.
func checkPairs(args []ref.Val) string {
	if len(args) == 1 {
		list, _ := args[0].(traits.Sizer)
		if list == nil {
			return ""
		}
		n, _ := list.Size().(types.Int)
		return tooMuch("distinct", float64(n)*weigh(args[0]))
	}
	if m, ok := args[1].(traits.Mapper); ok && m != nil {
		return tooMuch("in", weigh(args[0])) // a map finds a key at once
	}
	return tooMuch("in", weigh(args[0])*weigh(args[1]))
}

func textLen(v ref.Val) float64 {
	switch v := v.(type) {
	case types.String:
		return float64(len(v))
	case types.Bytes:
		return float64(len(v))
	default:
		return 1
	}
}

// weigh returns the size of values with everything that they hold, as often as they hold it: a text counts its bytes,
// everything else one. It stops when the bound of one call is passed.
func weigh(values ...ref.Val) float64 {
	left := float64(MaxWork + 1)
	for _, v := range values {
		left = weighOne(v, left)
	}
	if left <= 0 {
		return math.Inf(1)
	}
	return float64(MaxWork+1) - left
}

func weighOne(v ref.Val, left float64) float64 {
	left--
	if left <= 0 {
		return 0
	}
	switch v := v.(type) {
	case types.String, types.Bytes:
		return left - textLen(v)
	case *types.Optional:
		if v.HasValue() {
			return weighOne(v.GetValue(), left)
		}
	case traits.Lister:
		for it := v.Iterator(); left > 0 && it.HasNext() == types.True; {
			left = weighOne(it.Next(), left)
		}
	case traits.Mapper:
		for it := v.Iterator(); left > 0 && it.HasNext() == types.True; {
			key := it.Next()
			left = weighOne(key, left)
			if value, ok := v.Find(key); ok {
				left = weighOne(value, left)
			}
		}
	}
	return left
}

// constPattern returns the pattern of a call if it is a constant.
func constPattern(function string, args []interpreter.InterpretableV2) (string, bool) {
	if function != "matches" && function != "find" && function != "findAll" || len(args) < 2 {
		return "", false
	}
	c, ok := args[1].(interpreter.InterpretableConst)
	if !ok {
		return "", false
	}
	pattern, ok := c.Value().(types.String)
	return string(pattern), ok
}
