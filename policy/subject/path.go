// SPDX-License-Identifier: Apache-2.0

package subject

import (
	"fmt"
	"strconv"
	"strings"
)

// maxPath bounds the steps of a path.
const maxPath = 64

// ParsePath reads a path as people write it, such as "spec.workloads[2].labels.\"a.b\"", into keys (string) and
// indexes (int). It is the opposite of [v1alpha1.FieldPath].
func ParsePath(text string) ([]any, error) {
	var path []any
	for rest := text; rest != ""; {
		if len(path) == maxPath {
			return nil, fmt.Errorf("the path has more than %d steps", maxPath)
		}
		step, after, err := nextStep(rest, len(path) == 0)
		if err != nil {
			return nil, fmt.Errorf("%q is not a path: %w", Line(text), err)
		}
		path, rest = append(path, step), after
	}
	return path, nil
}

func nextStep(rest string, first bool) (step any, after string, err error) {
	if index, ok := strings.CutPrefix(rest, "["); ok {
		number, after, closed := strings.Cut(index, "]")
		n, err := strconv.ParseUint(number, 10, 31)
		if !closed || err != nil {
			return nil, "", fmt.Errorf("an index is written like %q", "[0]")
		}
		return int(n), after, nil
	}
	if !first {
		dotted, ok := strings.CutPrefix(rest, ".")
		if !ok {
			return nil, "", fmt.Errorf("expected a dot or an index before %q", Line(rest))
		}
		rest = dotted
	}
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return nil, "", fmt.Errorf("a quote is not closed")
		}
		key, err := strconv.Unquote(quoted)
		return key, rest[len(quoted):], err
	}
	end := strings.IndexAny(rest, ".[")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		return nil, "", fmt.Errorf("a key is missing")
	}
	return rest[:end], rest[end:], nil
}
