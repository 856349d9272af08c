// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// The columns of the story: text begins at margin and is wrapped at textWidth, durations end at textWidth.
const (
	margin    = "   "
	textWidth = 92
)

// story prints what happens. On a terminal the line at the bottom says what is waited for.
type story struct {
	w       io.Writer
	width   int // columns of the terminal, where lines can be taken back; 0: there is none
	colours bool
	now     func() time.Time
	steps   int

	mu   sync.Mutex // holds w and wait
	wait *waiting
}

func newStory(w io.Writer, width int, colours bool, now func() time.Time) *story {
	return &story{w: w, width: width, colours: width > 0 && colours, now: now}
}

func (s *story) paint(code, text string) string {
	if !s.colours || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *story) bold(text string) string  { return s.paint("1", text) }
func (s *story) dim(text string) string   { return s.paint("2", text) }
func (s *story) red(text string) string   { return s.paint("31", text) }
func (s *story) green(text string) string { return s.paint("32", text) }
func (s *story) cyan(text string) string  { return s.paint("36", text) }

// line prints a line as it is.
func (s *story) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	fmt.Fprintln(s.w, text)
	s.draw()
}

func (s *story) blank() { s.line("") }

func (s *story) heading(text string) {
	s.blank()
	s.line(s.bold(text))
}

// say prints a paragraph.
func (s *story) say(text string) {
	for _, l := range wrap(text, textWidth-len(margin)) {
		s.line(margin + l)
	}
}

// step begins a numbered step.
func (s *story) step(title string) {
	s.steps++
	s.blank()
	s.line(s.bold(fmt.Sprintf("%d  %s", s.steps, title)))
}

// ok reports whether something is done, and how long it took.
func (s *story) ok(text string, took time.Duration) {
	s.line(margin + s.green("✓") + " " + columns(text, seconds(took), textWidth-len(margin)-2))
}

// check reports whether a check holds.
func (s *story) check(text string) {
	for i, l := range wrap(text, textWidth-len(margin)-2) {
		mark := s.green("✓")
		if i > 0 {
			mark = " "
		}
		s.line(margin + mark + " " + l)
	}
}

// quote prints what a command prints, below the command.
func (s *story) quote(from, text string) {
	s.blank()
	s.line(margin + s.dim("$ ") + s.cyan(from))
	for l := range strings.Lines(text) {
		s.line(strings.TrimRight(margin+"  "+l, " \n"))
	}
}

// diff prints what a commit changes.
func (s *story) diff(file string, edits []edit) {
	s.line(margin + "  " + s.dim(file))
	for _, e := range edits {
		if e.file != file {
			continue
		}
		removed, added := changedLines(e)
		for _, l := range removed {
			s.line(margin + "  " + s.red("- "+strings.ReplaceAll(l, "\t", "  ")))
		}
		for _, l := range added {
			s.line(margin + "  " + s.green("+ "+strings.ReplaceAll(l, "\t", "  ")))
		}
	}
}

// failed prints an error for people.
func (s *story) failed(err error) {
	s.idle()
	s.blank()
	for i, l := range strings.Split(err.Error(), "\n") {
		if i == 0 {
			l = s.red("✗ " + l)
		} else {
			l = "  " + l
		}
		s.line(l)
	}
	if logged, ok := errors.AsType[*loggedError](err); ok {
		s.blank()
		s.line("  " + s.dim("the end of: "+logged.log))
		for _, l := range logged.tail {
			s.line("    " + l)
		}
	}
}

// columns puts a figure at the right end of a line of the given width.
func columns(text, figure string, width int) string {
	gap := width - utf8.RuneCountInString(text) - utf8.RuneCountInString(figure)
	return text + strings.Repeat(" ", max(gap, 1)) + figure
}

// seconds returns a duration as people read it in a column.
func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// wrap breaks a text at blanks. A line that is a single longer word stays longer.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// problem prints the daemon's message: its lines are long, and keep their indentation when they are wrapped.
func (s *story) problem(text string) {
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n")
		indent := l[:len(l)-len(strings.TrimLeft(l, " "))]
		if utf8.RuneCountInString(l)+len(margin)+2 <= textWidth {
			s.line(margin + "  " + l)
			continue
		}
		for i, part := range wrap(l, textWidth-len(margin)-2-len(indent)-2) {
			if i > 0 {
				part = "  " + part
			}
			s.line(margin + "  " + indent + part)
		}
	}
}
