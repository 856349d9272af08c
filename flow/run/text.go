// SPDX-License-Identifier: Apache-2.0

package run

import "strings"

// Text is a value with the values of secrets in it, which nobody knows before the process is started.
type Text []Part

// Part is literal text, or else the value of the variable of a secret.
type Part struct{ Literal, Secret string }

// With is the text with the values of secrets.
func (t Text) With(secrets map[string]string) string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.Literal)
		if p.Secret != "" {
			b.WriteString(secrets[p.Secret])
		}
	}
	return b.String()
}

// expand replaces $(NAME) by the value of a variable, as a kubelet does in what is declared of a container: $$ stands for $, and what
// names no variable stays as it is.
func expand(text string, known map[string]Text) Text {
	var out Text
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		if !found {
			break
		}
		text = rest
		if strings.HasPrefix(rest, "$") {
			b.WriteString("$")
			text = rest[1:]
			continue
		}
		name, after, ended := strings.Cut(strings.TrimPrefix(rest, "("), ")")
		if !strings.HasPrefix(rest, "(") || !ended {
			b.WriteString("$")
			continue
		}
		text = after
		value, is := known[name]
		if !is {
			b.WriteString("$(" + name + ")")
			continue
		}
		if b.Len() > 0 {
			out = append(out, Part{Literal: b.String()})
			b.Reset()
		}
		out = append(out, value...)
	}
	if b.Len() > 0 || len(out) == 0 {
		out = append(out, Part{Literal: b.String()})
	}
	return out
}
