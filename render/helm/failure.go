// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"

	"trunkline.dev/trunkline/api/confidential"
)

const (
	// maxVia bounds the files that a message names as those that led to a mistake, besides the first.
	maxVia = 3
	// maxExpression bounds what is shown of an expression, in bytes.
	maxExpression = 80
)

// Error is a template that failed.
type Error struct {
	// Template is the file and the line of the mistake.
	Template string
	Message  string
	// Expression is what failed, where the message does not say it; empty if it does.
	Expression string
	// Via are the places in other files that led there by includes, the nearest first, the file that was being rendered last.
	Via []string
	err error
}

func (e *Error) Error() string {
	text := "template " + e.Template + ": " + e.Message
	if e.Expression != "" {
		text += ", in {{ " + e.Expression + " }}"
	}
	if via := e.Via; len(via) > 0 {
		if len(via) > maxVia+1 {
			via = append(slices.Clone(via[:maxVia]), "…", via[len(via)-1])
		}
		text += " (included by " + strings.Join(via, ", ") + ")"
	}
	return text
}

// Unwrap leads to a context's error, if the render was stopped.
func (e *Error) Unwrap() error { return e.err }

// from returns the error with another place that led to it. Of several in one file, one after the other, the nearest is enough.
func (e *Error) from(place string) *Error {
	last := e.Template
	if len(e.Via) > 0 {
		last = e.Via[len(e.Via)-1]
	}
	if isRoot(place) || fileOf(last) == fileOf(place) {
		return e
	}
	via := *e
	via.Via = append(slices.Clone(e.Via), place)
	return &via
}

// fileOf is a place without its line.
func fileOf(place string) string {
	file, _, _ := strings.Cut(place, ":")
	return file
}

var (
	// place is how text/template says where: "template: chart/templates/job.yaml:14:20: executing "…" at <…>: ".
	place = regexp.MustCompile(`(?s)^template: ([^\n:]+:\d+)(?::\d+)?: (?:executing "(?:[^"\\]|\\.)*" at <(.*?)>: )?(.*)$`)
	// called is what text/template says about a function that failed.
	called = regexp.MustCompile(`^error calling (\w+): `)
	// missing is what is said of a template that is not there, and iterated of a value that a loop cannot be over.
	missing  = regexp.MustCompile(`^template: no template ("[^"]*") associated with template "` + root + `"`)
	iterated = regexp.MustCompile(`(?s)^range can't iterate over .*`)
)

// inTpl is put before what is wrong in a text that was given to tpl, which has no file.
const inTpl = "in the text given to tpl: "

// templateError returns an error of text/template in a form for people. Its chain of "error calling include" begins with what
// is wrong least. Here the file and line of the mistake come first, then the cause and the expression, then through which files.
func templateError(err error) error {
	m := place.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	where, expression, message := m[1], m[2], m[3]
	inner, found := errors.AsType[*Error](err)
	switch {
	case found && !isRoot(inner.Template):
		return inner.from(where)
	case found && isRoot(where): // a text given to tpl in one
		return inner
	case found: // what called tpl is the better place
		if message = inner.Message; !strings.HasPrefix(message, inTpl) {
			message = inTpl + message
		}
		if inner.Expression != "" {
			expression = inner.Expression
		}
		err = inner.err
	default:
		message, expression = plain(message, expression)
	}
	if strings.Contains(message, expression) {
		expression = ""
	}
	return &Error{Template: where, Message: message, Expression: shown(expression), err: err}
}

// plain returns a message without what only says where it comes from, and the expression if that says more than the message.
func plain(message, expression string) (string, string) {
	function := ""
	if m := called.FindStringSubmatch(message); m != nil {
		function, message = m[1], message[len(m[0]):]
	}
	switch function {
	case "fail", "required":
		return message, "" // the chart's own words
	case "include":
		if m := missing.FindStringSubmatch(message); m != nil {
			return fmt.Sprintf("there is no template %s", m[1]), ""
		}
	}
	// The value could be a secret.
	return iterated.ReplaceAllString(message, "range can't iterate over what is neither a list nor a table"), expression
}

// shown returns an expression in one line and not longer than is read.
func shown(expression string) string {
	expression = strings.Join(strings.Fields(expression), " ")
	switch {
	case strings.Contains(expression, ownPrefix), strings.HasPrefix(expression, "{{"): // of the sandbox, or a whole action
		return ""
	case len(expression) > maxExpression:
		return strings.ToValidUTF8(expression[:maxExpression], "") + "…"
	}
	return expression
}

func isRoot(where string) bool { return strings.HasPrefix(where, root+":") }

// failed is an error of a chart. Values that are secret are in no message, whoever put them there: functions quote what
// they are given.
func failed(in Input, c *chart.Chart, err error) error {
	text := fmt.Sprintf("chart %s: %v", in.Dir, err)
	values := []any{in.Values}
	for charts := []*chart.Chart{c}; len(charts) > 0; charts = charts[1:] {
		if charts[0] != nil {
			values = append(values, charts[0].Values)
			charts = append(charts, charts[0].Dependencies()...)
		}
	}
	return &chartError{confidential.Redact(text, values...), err}
}

// chartError is an error of a chart, with what may be shown of it.
type chartError struct {
	text string
	err  error
}

func (e *chartError) Error() string { return e.text }

// Unwrap leads to a context's error, if the render was stopped.
func (e *chartError) Unwrap() error { return e.err }
