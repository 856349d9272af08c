// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
)

const (
	// limit bounds a text, in bytes: somewhat less than the 65,536 characters of a comment on GitHub, and the 65,535 of a
	// check's summary.
	limit = 65_000
	// maxMessage bounds a message, in characters.
	maxMessage = 600
)

// section is a part of a text.
type section struct {
	// rank is the order in which sections are given room: the least first.
	rank int
	// share is how much of the text it may take, in percent.
	share int
	// write returns a text of at most so many bytes, which ends with an empty line unless it is empty, and what it left out,
	// in a few words of ours.
	write func(room int) (text, left string)
}

// fixed is a section that is there as a whole or not at all.
func fixed(rank int, what, text string) section {
	return section{rank: rank, share: 100, write: func(room int) (string, string) {
		if len(text) > room {
			return "", what
		}
		return text, ""
	}}
}

// compose puts sections one after the other, and says what was left out.
func compose(sections []section, reportURL string, room int) string {
	whole := room
	room -= leftOut(nil, reportURL)
	texts, left := make([]string, len(sections)), make([]string, len(sections))
	order := make([]int, len(sections))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sections[a].rank, sections[b].rank) })
	for _, i := range order {
		texts[i], left[i] = sections[i].write(min(room, whole*sections[i].share/100))
		room -= len(texts[i])
	}
	if missing := slices.DeleteFunc(left, func(s string) bool { return s == "" }); len(missing) > 0 {
		texts = append(texts, leftOutText(missing, reportURL))
	}
	return strings.Join(texts, "")
}

// maxLeftOut bounds the list of what was left out, in bytes; all of it are words of ours.
const maxLeftOut = 800

func leftOut(missing []string, reportURL string) int {
	return maxLeftOut + len(leftOutText(missing, reportURL))
}

func leftOutText(missing []string, reportURL string) string {
	text := strings.Join(missing, ", ")
	if len(text) > maxLeftOut {
		text = text[:strings.LastIndex(text[:maxLeftOut], ",")] + " and more"
	}
	where := "the full report has it"
	if reportURL != "" {
		where = markdown.Link(where, reportURL)
	} else {
		where = "`trunkline plan` has it"
	}
	return "**Left out, since this has an end:** " + text + "; " + where + ".\n\n"
}

// fold is a part that is shown when it is asked for; the summary is HTML.
func fold(summary, text string) string {
	return "<details><summary>" + summary + "</summary>\n\n" + strings.TrimRight(text, "\n") + "\n\n</details>\n\n"
}

// foldSize is what [fold] adds.
func foldSize(summary string) int { return len(fold(summary, "")) }

// items writes the lines that fit, and returns how many do not.
func items(lines []string, room int) (text string, left int) {
	var b strings.Builder
	for i, l := range lines {
		if b.Len()+len(l)+2 > room {
			left = len(lines) - i
			break
		}
		b.WriteString(l + "\n")
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String(), left
}

// some is count, or nothing.
func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return number.Count(n, what)
}

// and joins words as a sentence does.
func and(words []string) string {
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " and " + words[last]
	}
	return strings.Join(words, "")
}
