// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/plan/preview"
	plantext "trunkline.dev/trunkline/plan/preview/report"
)

// fullLimit bounds a full report, in bytes.
const fullLimit = 4 << 20

// Full returns the full report of a pull request in Markdown: the comment without its bounds.
func Full(r Review) string {
	begin, end := heading(r), footer(r)
	return begin + compose(r.sections(State{}.after(r)), "", fullLimit-len(begin)-len(end)) + end
}

//go:embed page.css
var style string

// PagePolicy is the Content-Security-Policy of [Page]: its own style and pictures within it, and nothing else.
func PagePolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// pageData is what a page shows. All texts in it are someone else's, and escaped by the template.
type pageData struct {
	Review

	Style                 template.CSS
	Verdict               string
	Flow                  template.URL
	Denied, Warned        []Finding
	Groups                []pageGroup
	Held                  []preview.Release
	Lots, Resources, Data []string
	Priced                bool
	Cut                   int
	HeadShort, MergeShort string
}

// pageGroup is what happens to the objects of releases to which the same happens.
type pageGroup struct {
	Title, Err string
	Steps      []pageStep
}

type pageStep struct {
	Object, Does, Note, Err string
	Lines                   []pageLine
}

// pageLine is a line of a difference; Kind is the class that it is shown in.
type pageLine struct{ Kind, Text string }

// Page returns the full report of a pull request as a page of HTML, which runs nothing and loads nothing. Differences after the
// first four MiB are left out, and said to be.
func Page(r Review) ([]byte, error) {
	plain := func(name string) string { return name }
	d := pageData{
		Review: r, Style: template.CSS(style), //nolint:gosec // it is ours
		Verdict: title(r), Denied: r.denied(), Warned: r.warned(), Priced: r.Cost != nil && !r.Secretless,
		HeadShort: short(r.Head), MergeShort: short(r.Base),
		Lots: plantext.Lots(r.Plan.Lots, plain), Resources: plantext.Resources(r.Plan.Resources, plain), Data: plantext.Data(r.Plan.Data, plain),
	}
	room := fullLimit
	for _, g := range r.groups() {
		d.Groups = append(d.Groups, r.group(g, &room, &d.Cut))
	}
	for _, rel := range r.Plan.Releases {
		if rel.Held.Hold != "" {
			d.Held = append(d.Held, rel)
		}
	}
	if r.Flow != nil && r.Flow.After != nil {
		var picture bytes.Buffer
		if err := draw.Write(&picture, draw.SVG, *r.Flow.After, draw.Options{}); err != nil {
			return nil, fmt.Errorf("drawing the data flow: %w", err)
		}
		d.Flow = template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(picture.Bytes())) //nolint:gosec // a picture, in which nothing is run
	}
	var out bytes.Buffer
	if err := page.Execute(&out, d); err != nil {
		return nil, fmt.Errorf("making the page of a report: %w", err)
	}
	return out.Bytes(), nil
}

// warned are the findings that do not refuse.
func (r Review) warned() (out []Finding) {
	for _, f := range r.Findings {
		if f.Severity != v1alpha1.Deny {
			out = append(out, f)
		}
	}
	return out
}

// group tells what happens to the objects of a group, with as much of the differences as there is room for.
func (r Review) group(g plantext.Same, room, cut *int) pageGroup {
	rel := g[0]
	out := pageGroup{Title: strings.Join(g.Projects(), ", ") + " in " + g.Where() + ": " + string(rel.Action)}
	if len(g) > 1 {
		out.Title += ", the same but for names"
	}
	hidden := func(text string) string {
		if text != "" && r.Secretless {
			return "not shown for forks"
		}
		return text
	}
	out.Err = hidden(rel.Err)
	for _, s := range rel.Steps {
		step := pageStep{Object: s.Ref.String(), Does: string(s.Action), Note: s.Note, Err: hidden(s.Err)}
		if s.Replaces != "" {
			step.Does += " in place of " + s.Replaces
		}
		diff := s.Diff
		if r.Secretless {
			diff = plantext.WithoutValues(diff)
		}
		if *room -= len(diff); *room < 0 {
			*cut++
			diff = ""
		}
		for line := range strings.Lines(diff) {
			step.Lines = append(step.Lines, pageLine{kindOfLine(line), strings.TrimSuffix(line, "\n")})
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

// kindOfLine is the class of a line of a difference.
func kindOfLine(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return "added"
	case strings.HasPrefix(line, "-"):
		return "removed"
	case strings.HasPrefix(line, "@@"):
		return "at"
	}
	return "same"
}
