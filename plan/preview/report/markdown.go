// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"unicode"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
)

const (
	// defaultMaxBytes is somewhat less than the 65,536 characters of a comment on GitHub.
	defaultMaxBytes = 60_000
	// maxDiffMarkdown bounds the diff of one object, in bytes, so that one object does not take the place of all others.
	maxDiffMarkdown = 12_000
	// maxWord bounds a name or a message, in bytes.
	maxWord = 1_000
	// reserve is kept for saying what was left out, in bytes.
	reserve = 300
)

// markdown writes a comment. It has a room of so many bytes, and counts what did not go into it.
type markdown struct {
	out  *bytes.Buffer
	room int
}

// fit writes a part if there is room for it.
func (m *markdown) fit(part string) bool {
	if m.out.Len()+len(part) > m.room {
		return false
	}
	m.out.WriteString(part)
	return true
}

func writeMarkdown(out *bytes.Buffer, p preview.Preview, opts Options) {
	m := &markdown{out: out, room: cmp.Or(opts.MaxBytes, defaultMaxBytes) - reserve}
	title := "nothing would change"
	if p.Changes() || p.Failed() {
		title = countsOf(p).String()
	}
	m.fit("### Trunkline: " + title + "\n\nFrom " + code(p.From) + " to " + code(p.To) + ".\n\n")
	for _, t := range p.Troubles {
		m.fit("- **Cluster " + code(t.Cluster) + " could not be asked:** " + code(t.Err) + "\n")
	}
	for _, note := range p.Notes {
		m.fit("- " + code(note) + "\n")
	}
	var told []preview.Release
	for _, r := range p.Releases {
		if shown(r) {
			told = append(told, r)
		}
	}
	if len(told) == 0 {
		return
	}
	// The table may take half of the room: what has no row has no details either.
	whole := m.room
	m.room = m.out.Len() + (whole-m.out.Len())/2
	m.fit("\n| Release | What happens | Objects | Held |\n| --- | --- | --- | --- |\n")
	rows := 0
	for _, r := range told {
		if !m.fit(row(r)) {
			break
		}
		rows++
	}
	m.room = whole
	m.out.WriteString("\n")
	left, folded := len(told)-rows, 0
	if !opts.Brief {
		for _, r := range told[:rows] {
			if len(r.Steps) == 0 && r.Err == "" {
				continue
			}
			if !m.fit(details(r, true)) && !m.fit(details(r, false)) {
				folded++
			}
		}
	}
	if left > 0 || folded > 0 {
		fmt.Fprintf(out, "\n**Left out, since a comment has an end:** rows of the table: %d; details of releases in it: %d. As text or JSON nothing is left out.\n", left, folded)
	}
}

func row(r preview.Release) string {
	held := ""
	if r.Held.Hold != "" {
		held = code(string(r.Held.Hold)) + ": " + code(r.Held.Reason)
	}
	what := wordOf(r.Action)
	if r.Failed() {
		what = "**" + what + "**"
	}
	return "| " + code(r.ID.String()) + " | " + what + " | " + objects(r) + " | " + held + " |\n"
}

// details tell of a release, with or without the diffs.
func details(r preview.Release, diffs bool) string {
	var b strings.Builder
	what := wordOf(r.Action)
	if o := objects(r); o != "" {
		what += ": " + o
	}
	fmt.Fprintf(&b, "<details><summary>%s %s</summary>\n\n", code(r.ID.String()), what)
	if r.Err != "" {
		b.WriteString("**Error:** " + code(r.Err) + "\n\n")
	}
	for _, s := range r.Steps {
		b.WriteString("- " + code(s.Ref.String()) + ": " + doing(s) + "\n")
		if s.Err != "" {
			b.WriteString("  - **" + code(s.Err) + "**\n")
		}
		if s.Note != "" {
			b.WriteString("  - " + code(s.Note) + "\n")
		}
		for _, d := range s.Drift {
			b.WriteString("  - drift: " + code(drifting(d)) + "\n")
		}
		if s.Diff == "" || s.Action == plan.Delete {
			continue
		}
		if diffs {
			b.WriteString("\n" + fenced(s.Diff) + "\n")
		}
	}
	if !diffs {
		b.WriteString("\nThe diffs are left out, since they are too long.\n")
	}
	b.WriteString("\n</details>\n\n")
	return b.String()
}

// doing says what happens to an object. The name of one that is replaced is someone else's text.
func doing(s preview.Step) string {
	if s.Replaces != "" {
		return code(happening(s))
	}
	return happening(s)
}

// fenced puts a diff into a block of code. The fence is longer than any row of backticks in it, so that nothing in it
// can end the block; in a block nothing is a link, a mention or HTML.
func fenced(diff string) string {
	diff = plain(diff)
	if len(diff) > maxDiffMarkdown {
		cut := strings.LastIndexByte(diff[:maxDiffMarkdown], '\n') + 1
		diff = diff[:cut] + "(cut here)\n"
	}
	longest, now := 0, 0
	for _, r := range diff {
		if now++; r != '`' {
			now = 0
		}
		longest = max(longest, now)
	}
	fence := strings.Repeat("`", max(3, longest+1))
	return fence + "diff\n" + strings.TrimSuffix(diff, "\n") + "\n" + fence + "\n"
}

// code returns someone else's text as code in a line. What could mean anything to Markdown or HTML is written as a
// character reference, which is never more than a character; and inside of <code> nobody is mentioned and nothing becomes
// a link.
func code(s string) string {
	s = line(s)
	if len(s) > maxWord {
		s = strings.ToValidUTF8(s[:maxWord], "") + "…"
	}
	var b strings.Builder
	b.WriteString("<code>")
	for _, r := range s {
		switch {
		case r == ' ' || r == '-' || r == '/' || r == ',' || unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	b.WriteString("</code>")
	return b.String()
}
