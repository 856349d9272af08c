// SPDX-License-Identifier: Apache-2.0

// Package report writes a preview: as text for a terminal, as JSON for programs, and as Markdown for a comment on a
// change. All names and values in it are someone else's: none of them can give commands to a terminal, or be more than
// text in a comment.
//
// Of Trunkline it may import api, catalog, flow/plan, plan and plan/preview.
package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"trunkline.dev/trunkline/plan/preview"
)

// Format is a way to write a preview.
type Format string

// The formats.
const (
	// Text is for people at a terminal.
	Text Format = "text"
	// JSON is for programs, and has everything but releases that stay as they are.
	JSON Format = "json"
	// Markdown is for comments on GitHub and what is like it.
	Markdown Format = "markdown"
)

// ParseFormat finds the format of a name.
func ParseFormat(name string) (Format, error) {
	known := []string{string(Text), string(JSON), string(Markdown)}
	if slices.Contains(known, name) {
		return Format(name), nil
	}
	return "", fmt.Errorf("unknown format %q; choose one of %s", name, strings.Join(known, ", "))
}

// Options are how it is written.
type Options struct {
	// Color marks what is important with the colours of a terminal; for [Text].
	Color bool
	// Brief leaves the diffs out; for [Text] and [Markdown].
	Brief bool
	// Environments are those of the platform in the order of the columns of [Markdown]; the others come after them, by name.
	Environments []string
	// MaxBytes bounds [Markdown]: what does not fit is left out, and said to be; default: 60,000, since a comment on GitHub
	// has 65,536 characters at most.
	MaxBytes int
}

// Write writes the preview. Nothing is written when it cannot be made.
func Write(w io.Writer, format Format, p preview.Preview, opts Options) error {
	var out bytes.Buffer
	var err error
	switch format {
	case Text:
		writeText(&out, p, opts)
	case JSON:
		err = writeJSON(&out, p)
	case Markdown:
		writeMarkdown(&out, p, opts)
	default:
		_, err = ParseFormat(string(format))
	}
	if err != nil {
		return err
	}
	_, err = out.WriteTo(w)
	return err
}
