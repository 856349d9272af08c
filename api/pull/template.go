// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// Template is a text with placeholders: {lot}, {start} and {end} of the lot, the latter two also with a format, as in {start:%Y-%m-%d}, and
// $(NAME), a variable of the workload.
type Template struct{ parts []part }

// part is literal text, a placeholder or a variable.
type part struct {
	literal, of, format, variable string
}

const templateHint = `write {lot}, {start} or {end}, as in "{start:%Y-%m-%d}", and $(NAME) for a variable; { itself is %7B in a URL`

var (
	placeholder = regexp.MustCompile(`^\{([a-z]+)(?::([^{}]*))?\}`)
	variable    = regexp.MustCompile(`^\$\(([A-Za-z_][A-Za-z0-9_]*)\)`)
)

// ParseTemplate reads a template.
func ParseTemplate(text string) (Template, error) {
	var t Template
	literal := ""
	flush := func() {
		if literal != "" {
			t.parts, literal = append(t.parts, part{literal: literal}), ""
		}
	}
	for text != "" {
		switch {
		case strings.HasPrefix(text, "{"):
			m := placeholder.FindStringSubmatch(text)
			if m == nil {
				return Template{}, fmt.Errorf("%.40q is no placeholder", text)
			}
			p := part{of: m[1], format: m[2]}
			if err := p.check(strings.Contains(m[0], ":")); err != nil {
				return Template{}, err
			}
			flush()
			t.parts, text = append(t.parts, p), text[len(m[0]):]
		case strings.HasPrefix(text, "}"):
			return Template{}, errors.New("a } closes nothing")
		case strings.HasPrefix(text, "$("):
			m := variable.FindStringSubmatch(text)
			if m == nil {
				return Template{}, fmt.Errorf("%.40q is no variable, such as $(TOKEN)", text)
			}
			flush()
			t.parts, text = append(t.parts, part{variable: m[1]}), text[len(m[0]):]
		default:
			literal, text = literal+text[:1], text[1:]
		}
	}
	flush()
	return t, nil
}

// check says what is wrong with a placeholder.
func (p part) check(formatted bool) error {
	switch {
	case p.of == "lot" && formatted:
		return errors.New("{lot} is the id of the lot, and has no format")
	case !slices.Contains([]string{"lot", "start", "end"}, p.of):
		return fmt.Errorf("{%s} stands for nothing; want one of: {lot}, {start}, {end}", p.of)
	case formatted && p.format == "":
		return fmt.Errorf("{%s:} has no format", p.of)
	}
	_, err := format(time.Time{}, p.format)
	return err
}

// Variables are the names of the variables in it.
func (t Template) Variables() (names []string) {
	for _, p := range t.parts {
		if p.variable != "" && !slices.Contains(names, p.variable) {
			names = append(names, p.variable)
		}
	}
	return names
}

// IsVariable reports whether it is one variable and nothing else.
func (t Template) IsVariable() bool { return len(t.parts) == 1 && t.parts[0].variable != "" }

// PerLot reports whether it depends on the lot.
func (t Template) PerLot() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.of != "" })
}

// Fill writes it for a lot, which is zero if there is none; escape writes the value of a variable as it is to stand there. A variable that lookup
// does not know is an error.
func (t Template) Fill(l lot.Lot, lookup func(name string) (string, bool), escape func(string) string) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		switch {
		case p.variable != "":
			value, ok := lookup(p.variable)
			if !ok {
				return "", fmt.Errorf("the variable %s is not set: name it in secrets or env of the workload", p.variable)
			}
			b.WriteString(escape(value))
		case p.of == "":
			b.WriteString(p.literal)
		case l.IsZero():
			return "", fmt.Errorf("it has {%s}, and this run is of no lot: here the workload runs once, and not for each", p.of)
		case p.of == "lot":
			b.WriteString(l.ID())
		default:
			at := l.Start
			if p.of == "end" {
				at = l.End()
			}
			text, err := format(at, p.format)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}

// Shown is it for a lot, with the variables as they are declared.
func (t Template) Shown(l lot.Lot) string {
	var shown Template
	for _, p := range t.parts {
		if p.variable != "" || l.IsZero() && p.of != "" {
			p = part{literal: p.text()}
		}
		shown.parts = append(shown.parts, p)
	}
	text, err := shown.Fill(l, nil, nil)
	if err != nil {
		return "" // its formats were checked, and nothing of it can be unknown
	}
	return text
}

func (p part) text() string {
	switch {
	case p.variable != "":
		return "$(" + p.variable + ")"
	case p.format != "":
		return "{" + p.of + ":" + p.format + "}"
	}
	return "{" + p.of + "}"
}

// sample is it for some lot.
func (t Template) sample() string { return t.Shown(lot.Daily.At(time.Unix(0, 0))) }

// format writes a time in UTC: in RFC 3339, or as a format of strftime says.
func format(t time.Time, as string) (string, error) {
	if as == "" {
		return t.UTC().Format(time.RFC3339), nil
	}
	var b strings.Builder
	t = t.UTC()
	for rest := as; rest != ""; {
		before, after, found := strings.Cut(rest, "%")
		b.WriteString(before)
		if !found {
			break
		}
		if after == "" {
			return "", fmt.Errorf("the format %.100q ends in the middle of a %%", as)
		}
		switch after[0] {
		case 'Y':
			b.WriteString(t.Format("2006"))
		case 'y':
			b.WriteString(t.Format("06"))
		case 'm':
			b.WriteString(t.Format("01"))
		case 'd':
			b.WriteString(t.Format("02"))
		case 'j':
			b.WriteString(t.Format("002"))
		case 'H':
			b.WriteString(t.Format("15"))
		case 'M':
			b.WriteString(t.Format("04"))
		case 'S':
			b.WriteString(t.Format("05"))
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case '%':
			b.WriteByte('%')
		default:
			return "", fmt.Errorf("%%%.1s is none of %%Y %%y %%m %%d %%j %%H %%M %%S %%s %%%%", after)
		}
		rest = after[1:]
	}
	return b.String(), nil
}
