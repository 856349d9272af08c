// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cost foretells the size of a function's result from its arguments.
type cost func(args []reflect.Value) (int, error)

// costs lists the functions whose result can be larger than their arguments together, and, with nil, those
// that only look at their arguments or share them. Every other function counts as one that writes its
// arguments out once, see [weights].
var costs = map[string]cost{
	"repeat":    func(a []reflect.Value) (int, error) { return product(integer(a[0]), a[1].Len()), nil },
	"until":     func(a []reflect.Value) (int, error) { return product(abs(integer(a[0])), 8), nil },
	"untilStep": func(a []reflect.Value) (int, error) { return span(integer(a[0]), integer(a[1]), integer(a[2])), nil },
	"seq":       seqCost,
	"indent":    indentCost,
	"nindent":   indentCost,
	"replace": func(a []reflect.Value) (int, error) {
		return replaceCost(a[2].String(), a[1].Len(), strings.Count(a[2].String(), a[0].String())), nil
	},
	"regexReplaceAll": regexCost, "mustRegexReplaceAll": regexCost,
	"regexReplaceAllLiteral": regexCost, "mustRegexReplaceAllLiteral": regexCost,
	"join":     joinCost,
	"wrapWith": func(a []reflect.Value) (int, error) { return product(a[1].Len()+1, a[2].Len()+1), nil },
	"printf":   printfCost,

	"randAlpha": lengthCost, "randAlphaNum": lengthCost, "randAscii": lengthCost, "randNumeric": lengthCost, "randBytes": lengthCost,

	"required": nil, "default": nil, "empty": nil, "coalesce": nil, "ternary": nil, "all": nil, "any": nil,
	"get": nil, "set": nil, "unset": nil, "hasKey": nil, "dict": nil, "list": nil, "tuple": nil, "dig": nil,
	"pick": nil, "omit": nil, "keys": nil, "values": nil, "pluck": nil, "first": nil, "last": nil,
	"typeOf": nil, "typeIs": nil, "typeIsLike": nil, "kindOf": nil, "kindIs": nil,
	"fail": nil, "lookup": nil,
}

// weights is the cost of writing all arguments out.
func weights(args []reflect.Value) (int, error) {
	w := weight{}
	for _, a := range args {
		if err := w.add(a, 0); err != nil {
			return 0, err
		}
	}
	return w.size, nil
}

// product multiplies without overflow: beyond the limit, it does not matter how far.
func product(a, b int) int {
	if a <= 0 || b <= 0 {
		return 0
	}
	if a > maxText || b > maxText || a*b > maxText {
		return maxText + 1
	}
	return a * b
}

func abs(n int) int {
	if n < 0 {
		return max(-n, 0) // the least integer has no positive
	}
	return n
}

// span is the size of the list of the integers from start to stop.
func span(start, stop, step int) int {
	if step == 0 {
		return 0
	}
	if abs(start) > maxText || abs(stop) > maxText {
		return maxText + 1
	}
	return product((abs(stop-start)/max(abs(step), 1))+1, 8)
}

// integer reads an argument as sprig does; what is no integer counts as 0.
func integer(v reflect.Value) int {
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.CanInt():
		return int(v.Int())
	case v.CanUint():
		return int(min(v.Uint(), maxText+1))
	case v.CanFloat():
		return int(max(-maxText-1, min(v.Float(), maxText+1)))
	case v.Kind() == reflect.String:
		n, _ := strconv.Atoi(v.String()) // sprig takes 0 too
		return n
	}
	return 0
}

func seqCost(args []reflect.Value) (int, error) {
	list := args[0]
	n := make([]int, list.Len())
	for i := range n {
		n[i] = integer(list.Index(i))
	}
	switch len(n) {
	case 1:
		return span(1, n[0], 1), nil
	case 2:
		return span(n[0], n[1], 1), nil
	case 3:
		return span(n[0], n[2], n[1]), nil
	}
	return 0, nil
}

func indentCost(args []reflect.Value) (int, error) {
	text := args[1].String()
	return replaceCost(text, integer(args[0])+1, strings.Count(text, "\n")+1), nil
}

func replaceCost(text string, with, times int) int { return len(text) + product(with, times) }

// regexCost takes the worst: a match at every character, and the whole text in every replacement.
func regexCost(args []reflect.Value) (int, error) {
	text, with := args[1].Len(), args[2].String()
	return text + product(text+1, len(with)+1+strings.Count(with, "$")*text), nil
}

func lengthCost(args []reflect.Value) (int, error) { return product(integer(args[0]), 2), nil }

func joinCost(args []reflect.Value) (int, error) {
	size, err := weights(args[1:])
	return size + product(args[0].Len(), size/8), err
}

// maxWidth is the width of a field that fmt takes at most.
const maxWidth = 1_000_000

// verb is where a format asks for a value: flags, width and precision, which can be taken from arguments.
var verb = regexp.MustCompile(`%[-+# 0-9.*\[\]]*`)

// printfCost adds what a format can make of small arguments: padding, and the same argument many times.
func printfCost(args []reflect.Value) (int, error) {
	format := args[0].String()
	size, err := weights(args)
	if err != nil {
		return 0, err
	}
	verbs := verb.FindAllString(format, -1)
	if slices.ContainsFunc(verbs, func(v string) bool { return strings.Contains(v, "[") }) {
		size = product(size+1, len(verbs)+1)
	}
	for _, v := range verbs {
		size += product(maxWidth, strings.Count(v, "*"))
		for field := range strings.FieldsFuncSeq(v, func(r rune) bool { return r < '0' || r > '9' }) {
			width, err := strconv.Atoi(field)
			if err == nil && width <= maxWidth { // fmt takes no more
				size += width
			}
		}
		if size > maxText {
			return maxText + 1, nil
		}
	}
	return size, nil
}
