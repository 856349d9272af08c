// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	// magicLine is a line that IPython takes for one of its own commands, or of a shell's, and assigned one that keeps what it answers.
	magicLine = regexp.MustCompile(`^\s*[%!?]|[^#'"]\?\s*$`)
	assigned  = regexp.MustCompile(`^\s*[A-Za-z_][\w., \[\]]*=\s*[%!]`)
	// topAwait waits outside of a function, which only notebooks can.
	topAwait = regexp.MustCompile(`^(?:[A-Za-z_]\w*\s*=\s*)?await\b|^async (?:for|with)\b`)
)

// script is what is in the cells, as a program. What Python itself does not understand is a comment, and named.
func (n notebook) script(name string) (data []byte, left []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "# The cells of %s.ipynb, made by \"trunkline new workload --from-notebook\".\n", name)
	for i, c := range n.Cells {
		source := strings.TrimRight(string(c.Source), "\n")
		switch {
		case strings.TrimSpace(source) == "":
		case c.Kind == "markdown":
			b.WriteString("\n# %% [markdown]\n")
			b.WriteString(commented(source))
		case c.Kind == "code":
			b.WriteString("\n# %%\n")
			code, odd := plainPython(source)
			b.WriteString(code)
			for _, what := range odd {
				left = append(left, fmt.Sprintf("cell %d, %s", i+1, what))
			}
		}
	}
	return []byte(b.String()), left
}

func commented(source string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(source, "\n") {
		b.WriteString(strings.TrimRight("# "+strings.TrimRight(line, "\r"), " ") + "\n")
	}
	return b.String()
}

// plainPython is the code of a cell without what only IPython understands, which is named.
func plainPython(source string) (code string, left []string) {
	if strings.HasPrefix(strings.TrimSpace(source), "%%") {
		first, _, _ := strings.Cut(strings.TrimSpace(source), "\n")
		return commented(source), []string{fmt.Sprintf("all of it is left out: %.60q is for IPython", first)}
	}
	var b strings.Builder
	var s scanner
	for number, line := range strings.Split(source, "\n") {
		line = strings.TrimRight(line, "\r")
		begins := s.begins()
		switch {
		case begins && assigned.MatchString(line):
			left = append(left, fmt.Sprintf("line %d is left out: %.60q is for IPython, and what it assigns is missing", number+1, line))
			b.WriteString(indent(line) + "pass  # " + strings.TrimSpace(line) + "\n")
			continue
		case begins && magicLine.MatchString(uncommented(line)):
			left = append(left, fmt.Sprintf("line %d is left out: %.60q is for IPython", number+1, line))
			b.WriteString(indent(line) + "pass  # " + strings.TrimSpace(line) + "\n") // there may be nothing else in its block
			continue
		case begins && topAwait.MatchString(line):
			left = append(left, fmt.Sprintf("line %d waits outside of a function (%.60q), which a script cannot: use --run papermill", number+1, line))
		}
		s.line(line)
		b.WriteString(line + "\n")
	}
	return b.String(), left
}

func indent(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// uncommented is a line without what is behind "#", unless that is in a text.
func uncommented(line string) string {
	var s scanner
	for i := range len(line) {
		if line[i] == '#' && s.quote == "" {
			return line[:i]
		}
		s.next(line, i)
	}
	return line
}

// scanner tells where a statement of Python begins: not within brackets or a text, nor behind a backslash.
type scanner struct {
	depth   int
	quote   string
	skip    int
	follows bool
}

func (s *scanner) begins() bool { return s.depth == 0 && s.quote == "" && !s.follows }

// line reads a line.
func (s *scanner) line(line string) {
	s.follows, s.skip = false, 0
	for i := range len(line) {
		if line[i] == '#' && s.quote == "" && s.skip == 0 {
			break
		}
		s.next(line, i)
	}
	if len(s.quote) == 1 { // a text ends with its line, unless a backslash is at the end
		if !strings.HasSuffix(line, `\`) {
			s.quote = ""
		}
		return
	}
	s.follows = s.quote == "" && strings.HasSuffix(line, `\`)
}

// next reads a byte of a line.
func (s *scanner) next(line string, i int) {
	if s.skip > 0 {
		s.skip--
		return
	}
	rest := line[i:]
	switch {
	case s.quote != "" && line[i] == '\\':
		s.skip = 1
	case s.quote != "" && strings.HasPrefix(rest, s.quote):
		s.skip, s.quote = len(s.quote)-1, ""
	case s.quote != "":
	case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, `'''`):
		s.quote, s.skip = rest[:3], 2
	case line[i] == '"' || line[i] == '\'':
		s.quote = rest[:1]
	case strings.IndexByte("([{", line[i]) >= 0:
		s.depth++
	case strings.IndexByte(")]}", line[i]) >= 0 && s.depth > 0:
		s.depth--
	}
}
