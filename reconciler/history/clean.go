// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what is kept of an event, in bytes: what is longer ends with "…". Messages may come from a cluster, and
// names from a repository.
const (
	maxName   = 256
	maxObject = 512
	maxText   = 2048
	maxField  = 256
	// maxFields bounds how many fields are named.
	maxFields = 64
)

// clean returns the event as it is kept: bounded, and of text that every database takes. An event that a database
// refused would otherwise hold up all that come after it.
func clean(e Event, now time.Time) Event {
	e.ID = 0
	if year := e.Time.Year(); year < 1970 || year > 9999 {
		e.Time = now
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	e.Took = max(0, e.Took).Truncate(time.Microsecond)
	e.Kind = Kind(text(string(e.Kind), maxName))
	for _, s := range []*string{&e.Platform, &e.Release.Project, &e.Release.Environment, &e.Release.Cluster, &e.Commit, &e.By, &e.SignOn} {
		*s = text(*s, maxName)
	}
	if e.By == "" {
		e.By = Daemon
	}
	e.Object, e.Why, e.Message = text(e.Object, maxObject), text(e.Why, maxText), text(e.Message, maxText)
	e.Fields = fields(e.Fields)
	return e
}

// fields returns a bounded copy, whose last line says how many were left out.
func fields(in []string) []string {
	if len(in) == 0 {
		return nil
	}
	kept := in
	if len(in) > maxFields {
		kept = in[:maxFields-1]
	}
	out := make([]string, 0, maxFields)
	for _, f := range kept {
		out = append(out, text(f, maxField))
	}
	if left := len(in) - len(kept); left > 0 {
		out = append(out, fmt.Sprintf("… and %d more", left))
	}
	return out
}

// text returns valid UTF-8 without the character zero, which PostgreSQL does not take, of at most limit bytes.
func text(s string, limit int) string {
	const ellipsis = "…"
	if len(s) > limit {
		end := limit - len(ellipsis)
		for i := 0; i < utf8.UTFMax && end > 0 && !utf8.RuneStart(s[end]); i++ {
			end-- // not in the middle of a character
		}
		s = s[:end] + ellipsis
	}
	// What is put in is not longer than what it stands for. The copy does not keep the whole of a large text in memory.
	return strings.Clone(strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?"))
}

// size estimates the memory that an event occupies, in bytes.
func size(e Event) int {
	const structure = 320 // the struct, and its place in the queue
	n := structure + len(e.Platform) + len(e.Release.Project) + len(e.Release.Environment) + len(e.Release.Cluster) + len(e.Kind) +
		len(e.Commit) + len(e.By) + len(e.SignOn) + len(e.Why) + len(e.Message) + len(e.Object)
	for _, f := range e.Fields {
		n += len(f) + 16
	}
	return n
}
