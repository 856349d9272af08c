// SPDX-License-Identifier: Apache-2.0

package confidential

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
)

// shortest is the length from which on a value is taken out of texts. A shorter one hides nothing, and would be found in every
// other word.
const shortest = 4

// Redact takes the values that are secret by their names or forms out of a text, plain and in base64, whole and line by line.
func Redact(text string, values ...any) string {
	var found []string
	for _, v := range values {
		found = append(found, secretsIn("", v)...)
	}
	// The longest first, so that one that holds another does not leave its rest.
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for _, v := range slices.Compact(found) {
		text = strings.ReplaceAll(text, v, "[redacted]")
	}
	return text
}

func secretsIn(name string, value any) (out []string) {
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			out = append(out, secretsIn(key, below)...)
		}
	case []any:
		for _, below := range v {
			out = append(out, secretsIn(name, below)...)
		}
	case string:
		if What(name, v) == "" {
			return nil
		}
		out = append(out, v, base64.StdEncoding.EncodeToString([]byte(v)))
		for line := range strings.Lines(v) {
			out = append(out, strings.TrimSpace(line))
		}
		out = slices.DeleteFunc(out, func(s string) bool { return len(s) < shortest })
	}
	return out
}
