// SPDX-License-Identifier: Apache-2.0

package subject

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

const (
	// redacted stands for a value of a Secret.
	redacted = "[redacted]"
	// shortest is the length from which on a value of a Secret is taken out of texts. A shorter one hides nothing, and would
	// be found in every other word.
	shortest = 3
)

// redact takes the values of a Secret out of what a policy or an engine says about it: they quote what they look at.
func (s *Subject) redact(text string) string { return Redactor(s.Value, s.Old)(text) }

// Redactor returns a function that takes the values of Secrets out of a text, plain, in base64, quoted and as a part of an address, whole and line by
// line.
// Objects of other kinds have nothing to hide.
func Redactor(objects ...map[string]any) func(text string) string {
	var values []string
	for _, object := range objects {
		values = append(values, secretValues(object)...)
	}
	values = slices.DeleteFunc(values, func(v string) bool { return len(v) < shortest })
	// The longest first, so that one that holds another does not leave its rest.
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	values = slices.Compact(values)
	return func(text string) string {
		for _, value := range values {
			text = strings.ReplaceAll(text, value, redacted)
		}
		return text
	}
}

func secretValues(object map[string]any) []string {
	if object["kind"] != "Secret" || object["apiVersion"] != "v1" {
		return nil
	}
	var out []string
	for _, field := range []string{"data", "stringData"} {
		pairs, _ := object[field].(map[string]any)
		for _, value := range pairs {
			text, ok := value.(string)
			if !ok {
				continue
			}
			forms := []string{text}
			if plain, err := base64.StdEncoding.DecodeString(text); err == nil && field == "data" {
				forms = append(forms, string(plain))
			}
			if field == "stringData" {
				forms = append(forms, base64.StdEncoding.EncodeToString([]byte(text)))
			}
			for _, form := range slices.Clone(forms) { // as it is quoted, and as a part of an address
				if quoted, err := json.Marshal(form); err == nil {
					forms = append(forms, string(quoted[1:len(quoted)-1]))
				}
				forms = append(forms, url.QueryEscape(form), url.PathEscape(form))
			}
			for _, form := range forms {
				out = append(out, form, Line(form))
				for line := range strings.Lines(form) {
					out = append(out, strings.TrimSpace(line))
				}
			}
		}
	}
	return out
}
