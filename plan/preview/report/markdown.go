// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/plan/preview"
)

const (
	// defaultMaxBytes is somewhat less than the 65,536 characters of a comment on GitHub.
	defaultMaxBytes = 60_000
	// maxDiffMarkdown bounds the diff of one object, in bytes, so that one object does not take the place of all others.
	maxDiffMarkdown = 12_000
	// maxWord bounds a message, in characters.
	maxWord = 1_000
	// reserve is kept for saying what was left out, in bytes.
	reserve = 300
)

// writer writes a comment. It has a room of so many bytes, and counts what did not go into it.
type writer struct {
	out        *bytes.Buffer
	room, left int
}

// fit writes a part if there is room for it, and counts it otherwise.
func (w *writer) fit(part string) {
	if w.out.Len()+len(part) > w.room {
		w.left++
		return
	}
	w.out.WriteString(part)
}

func writeMarkdown(out *bytes.Buffer, p preview.Preview, opts Options) {
	w := &writer{out: out, room: cmp.Or(opts.MaxBytes, defaultMaxBytes) - reserve}
	title := "nothing would change"
	if p.Changes() || p.Failed() {
		title = countsOf(p).String()
	}
	w.fit("### Trunkline: " + title + "\n\nFrom " + markdown.Code(p.From) + " to " + markdown.Code(p.To) + ".\n\n")
	for _, t := range p.Troubles {
		w.fit("- **Cluster " + markdown.Code(t.Cluster) + " could not be asked:** " + markdown.Prose(t.Err, maxWord) + "\n")
	}
	for _, note := range p.Notes {
		w.fit("- " + markdown.Prose(note, maxWord) + "\n")
	}
	// The table may take half of the room, and what holds releases half of the rest.
	table, rows := Table(p.Releases, opts.Environments, Happens, (w.room-out.Len())/2)
	if table != "" {
		w.fit("\n" + table + "\n")
	}
	computed := slices.Concat(Resources(p.Resources, markdown.Code), Data(p.Data, markdown.Code), Lots(p.Lots, markdown.Code))
	for _, line := range computed {
		w.fit("- " + line + "\n")
	}
	if len(computed) > 0 {
		w.fit("\n")
	}
	held, holds := Holds(p.Releases, (w.room-out.Len())/2)
	w.fit(held)
	details := 0
	for _, s := range Group(p.Releases, opts.Environments) {
		text, n := s.Details(Detail{Diffs: !opts.Brief, Values: true}, w.room-out.Len())
		w.fit(text)
		details += n
	}
	if rows+holds+details+w.left > 0 {
		fmt.Fprintf(out, "\n**Left out, since a comment has an end:** projects in the table: %d; reasons of holds: %d; details of objects: %d; others: %d. As text or JSON nothing is left out.\n",
			rows, holds, details, w.left)
	}
}

// Holds lists in Markdown why releases are held, each reason once, in at most so many bytes. It returns how many reasons did
// not fit.
func Holds(releases []preview.Release, room int) (text string, left int) {
	var reasons []string
	of := map[string][]string{}
	for _, r := range releases {
		if r.Held.Hold == "" {
			continue
		}
		reason := markdown.Code(string(r.Held.Hold)) + ": " + markdown.Prose(r.Held.Reason, maxWord)
		if of[reason] == nil {
			reasons = append(reasons, reason)
		}
		of[reason] = append(of[reason], r.ID.String())
	}
	for i, reason := range reasons {
		line := "- " + Names(of[reason]) + " held by " + reason + "\n"
		if i == 0 {
			room-- // for the empty line at the end
		}
		if len(text)+len(line) > room {
			left++
			continue
		}
		text += line
	}
	if text != "" {
		text += "\n"
	}
	return text, left
}

// doing says what happens to an object. The name of one that is replaced is someone else's text.
func doing(s preview.Step) string {
	if s.Replaces != "" && s.Err == "" {
		return fmt.Sprintf("%s in place of %s", s.Action, markdown.Code(s.Replaces))
	}
	return happening(s)
}
