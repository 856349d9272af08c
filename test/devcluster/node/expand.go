// SPDX-License-Identifier: Apache-2.0

package node

import "strings"

// expand replaces $(NAME) by what lookup knows; an unknown name stays as it is, and $$ stands for one $. These are the
// rules of the Kubernetes API for command, args and env values.
func expand(text string, lookup func(string) (string, bool)) string {
	var out strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i == len(text)-1 {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:i])
		text = text[i+1:]
		switch text[0] {
		case '$':
			out.WriteByte('$')
			text = text[1:]
		case '(':
			end := strings.IndexByte(text, ')')
			if end < 0 {
				out.WriteByte('$')
				continue
			}
			if value, ok := lookup(text[1:end]); ok {
				out.WriteString(value)
			} else {
				out.WriteString("$" + text[:end+1])
			}
			text = text[end+1:]
		default:
			out.WriteByte('$')
		}
	}
}

func expandAll(texts []string, lookup func(string) (string, bool)) []string {
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		out = append(out, expand(text, lookup))
	}
	return out
}
