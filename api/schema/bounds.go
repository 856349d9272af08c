// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

const (
	// maxDepth bounds how deep a schema is nested; the compiler's recursion is as deep.
	maxDepth = 100
	// maxParts bounds how many objects and booleans a schema has, each of which may be a schema: what compiling takes
	// grows with their square.
	maxParts = 20_000
	// maxDigits bounds the text of a number, and maxExponent its power of ten: limits are compared as fractions, which
	// hold every digit.
	maxDigits   = 300
	maxExponent = 400
)

// checkBounds refuses what is small to write and large to hold, or long to compile.
func checkBounds(raw any) error {
	parts := 0
	var walk func(v any, depth int) error
	walk = func(v any, depth int) error {
		if depth > maxDepth {
			return fmt.Errorf("the schema is nested deeper than %d levels", maxDepth)
		}
		switch v := v.(type) {
		case map[string]any:
			parts++
			for _, c := range v {
				if err := walk(c, depth+1); err != nil {
					return err
				}
			}
		case []any:
			for _, c := range v {
				if err := walk(c, depth+1); err != nil {
					return err
				}
			}
		case bool:
			parts++
		case json.Number:
			_, exponent, _ := strings.Cut(strings.ToLower(string(v)), "e")
			power, err := strconv.Atoi(exponent)
			if exponent != "" && (err != nil || power > maxExponent || power < -maxExponent) || len(v) > maxDigits {
				return fmt.Errorf("the number %.40q has more than %d digits", string(v), maxDigits)
			}
		}
		if parts > maxParts {
			return fmt.Errorf("the schema has more than %d parts", maxParts)
		}
		return nil
	}
	return walk(raw, 0)
}
