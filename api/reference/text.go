// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	link = regexp.MustCompile(`\[([A-Za-z.]+)\]`)
	word = regexp.MustCompile(`[A-Za-z]+`)
	// goName is what a doc comment begins with: the name in Go, which readers of YAML do not know.
	goName = regexp.MustCompile(`^[A-Z][A-Za-z]* (?:(?:is|are) )?`)
)

// plain makes a doc comment into a text for people who write YAML: "Soak is how long" becomes "How long", and the
// names of the fields beside become those in YAML.
func plain(comment string, siblings map[string]string) string {
	text := link.ReplaceAllString(strings.Join(strings.Fields(comment), " "), "$1")
	text = goName.ReplaceAllString(text, "")
	if text == "" {
		return ""
	}
	var b strings.Builder
	from := 0
	for _, at := range word.FindAllStringIndex(text, -1) {
		name, ok := siblings[text[at[0]:at[1]]]
		begins := at[0] == 0 || strings.HasSuffix(text[:at[0]], ". ") || strings.HasSuffix(text[:at[0]], `"`)
		if !ok || begins {
			continue
		}
		b.WriteString(text[from:at[0]] + name)
		from = at[1]
	}
	b.WriteString(text[from:])
	return capital(b.String())
}

func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

var defaultForm = regexp.MustCompile(`(?:; d|\. D)efault: (.*?)(\. [A-Z].*|\.?$)`)

// splitDefault takes the default out of a text.
func splitDefault(text string) (doc, def string) {
	at := defaultForm.FindStringSubmatchIndex(text)
	if at == nil {
		return text, ""
	}
	rest := text[at[4]:at[5]]
	if rest == "" {
		rest = "."
	}
	return text[:at[0]] + rest, text[at[2]:at[3]]
}

var (
	suchAs = regexp.MustCompile(`such as ("[^"]*"(?:(?:,| or|, or) "[^"]*")*)`)
	quoted = regexp.MustCompile(`"[^"]*"`)
)

// examples returns the values that a text names as examples.
func examples(text string) []string {
	var out []string
	for _, list := range suchAs.FindAllStringSubmatch(text, -1) {
		for _, q := range quoted.FindAllString(list[1], -1) {
			out = append(out, strings.Trim(q, `"`))
		}
	}
	return out
}

// DefaultValue returns the default as a value of JSON, if it is one and not a description.
func (f *Field) DefaultValue() (any, bool) {
	text := f.Default
	switch f.Form.Type {
	case Boolean:
		if text == "true" || text == "false" {
			return text == "true", true
		}
	case Number:
		if n, err := strconv.Atoi(text); err == nil {
			return n, true
		}
	case Amount:
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return text, true
		}
	case Duration:
		if duration.MatchString(text) {
			return text, true
		}
	case Text, Choice, Join, Currency:
		if whole.MatchString(text) {
			return strings.Trim(text, `"`), true
		}
	default:
	}
	return nil, false
}

var (
	duration = regexp.MustCompile(`^([0-9]+[hms])+$`)
	whole    = regexp.MustCompile(`^"[^"]+"$`)
)
