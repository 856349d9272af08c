// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// envelope is the report as programs read it; the package comment documents it.
type envelope struct {
	APIVersion string              `json:"apiVersion"`
	Kind       string              `json:"kind"`
	Tool       jsonTool            `json:"tool"`
	Summary    jsonSummary         `json:"summary"`
	Rules      map[string]jsonRule `json:"rules"`
	Problems   v1alpha1.Problems   `json:"problems"`
	Unchecked  []string            `json:"unjudged,omitempty"`
	Notes      []string            `json:"notes,omitempty"`
}

type jsonTool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type jsonSummary struct {
	Revision          string `json:"revision"`
	Base              string `json:"base,omitempty"`
	Errors            int    `json:"errors"`
	Warnings          int    `json:"warnings"`
	FilesWithProblems int    `json:"filesWithProblems"`
	Projects          int    `json:"projects"`
	Datasets          int    `json:"datasets"`
	Workloads         int    `json:"workloads"`
	Releases          int    `json:"releases"`
	Files             int    `json:"files"`
}

type jsonRule struct {
	Title   string `json:"title"`
	HelpURI string `json:"helpUri,omitempty"`
}

func writeJSON(out *bytes.Buffer, r Report) error {
	found := r.tally()
	e := envelope{
		APIVersion: "report.trunkline.dev/v1", Kind: "Report",
		Tool: jsonTool{Name: r.Tool.name(), Version: r.Tool.Version},
		Summary: jsonSummary{
			Revision: r.Summary.Revision, Base: r.Summary.Base,
			Errors: found.errors, Warnings: found.warnings, FilesWithProblems: found.files,
			Projects: r.Summary.Projects, Datasets: r.Summary.Datasets, Workloads: r.Summary.Workloads,
			Releases: r.Summary.Releases, Files: r.Summary.Files,
		},
		Rules: map[string]jsonRule{}, Problems: r.Problems, Unchecked: r.Unchecked, Notes: r.Notes,
	}
	if e.Problems == nil {
		e.Problems = v1alpha1.Problems{}
	}
	for _, id := range r.broken() {
		if rule, ok := r.Rules[id]; ok {
			e.Rules[id] = jsonRule{Title: rule.Title, HelpURI: rule.HelpURI}
		}
	}
	return encode(out, e)
}

// encode writes a value as JSON whose bytes do nothing to a terminal or a log: what cannot be printed, and the marks of
// commands of CI systems, are escaped. The values are exact.
func encode(out *bytes.Buffer, v any) error {
	var raw bytes.Buffer
	e := json.NewEncoder(&raw)
	e.SetEscapeHTML(false) // this is read by people too, and "a -> b" is in many messages
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding JSON: %w", err)
	}
	data := raw.Bytes()
	out.Grow(len(data))
	done := 0 // what is written already
	for i := 0; i < len(data); {
		if c := data[i]; c < utf8.RuneSelf && c != '#' && c != 0x7F {
			i++ // the encoder has escaped the other control characters of ASCII
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if hash := r == '#' && i > 0 && data[i-1] == '#'; hash || !unicode.IsPrint(r) {
			out.Write(data[done:i])
			escape(out, r)
			done = i + size
		}
		i += size
	}
	out.Write(data[done:])
	return nil
}

// escape writes a character as strings of JSON may have any: in units of UTF-16.
func escape(out *bytes.Buffer, r rune) {
	if r <= 0xFFFF {
		fmt.Fprintf(out, `\u%04x`, r)
		return
	}
	high, low := utf16.EncodeRune(r)
	fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
}
