// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// event is what go test -json prints a line for; "go doc cmd/test2json" describes it.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// name identifies a test for people.
func (e event) name() string { return strings.TrimPrefix(e.Package, module) + "." + e.Test }

const module = "trunkline.dev/trunkline/"

// summary prints what matters of the events as they come, and keeps what was skipped.
type summary struct {
	out io.Writer
	// output is what running tests have printed so far; what a package prints itself is kept under an empty test.
	output map[[2]string][]string
	failed int
	// short counts the tests that -short left out, by their reason; skipped are all others, with theirs.
	short   map[string]int
	skipped []string
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, output: map[[2]string][]string{}, short: map[string]int{}}
}

// noise are the lines by which go test frames the output of a test.
var noise = regexp.MustCompile(`^\s*(=== (RUN|PAUSE|CONT|NAME)|--- SKIP)`)

func (s *summary) add(e event) {
	key := [2]string{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "pass":
		s.print(key, func(line string) bool { return e.Test == "" && strings.HasPrefix(line, "ok") })
	case "fail":
		if e.Test != "" {
			s.failed++
		}
		s.print(key, func(line string) bool { return !noise.MatchString(line) })
	case "skip":
		if e.Test != "" {
			s.skip(e, s.output[key])
		}
		delete(s.output, key) // a package without tests says nothing worth reading
	}
}

// print prints the lines of a test or package that are wanted, and forgets all of them.
func (s *summary) print(key [2]string, wanted func(string) bool) {
	for _, line := range s.output[key] {
		if wanted(line) {
			fmt.Fprint(s.out, line)
		}
	}
	delete(s.output, key)
}

// place is where the testing package says that a line of output comes from.
var place = regexp.MustCompile(`^\s*\S+\.go:\d+: `)

func (s *summary) skip(e event, output []string) {
	var reason []string
	for _, line := range output {
		if !noise.MatchString(line) {
			reason = append(reason, strings.TrimSpace(place.ReplaceAllString(line, "")))
		}
	}
	why := strings.Join(reason, " ")
	if strings.Contains(why, "-short") {
		s.short[why]++
		return
	}
	s.skipped = append(s.skipped, e.name()+": "+why)
}

// end prints what was skipped, and reports whether all of it is allowed.
func (s *summary) end() bool {
	for _, lines := range s.output { // of what never ended, as when a package panics or is interrupted
		for _, line := range lines {
			if !noise.MatchString(line) {
				fmt.Fprint(s.out, line)
			}
		}
	}
	if s.failed > 0 {
		fmt.Fprintf(s.out, "%d tests and subtests failed\n", s.failed)
	}
	for _, why := range sorted(s.short) {
		fmt.Fprintf(s.out, "left for the next tier: %d tests: %s\n", s.short[why], why)
	}
	slices.Sort(s.skipped)
	fine := true
	for _, line := range s.skipped {
		because, ok := allowed(line)
		fine = fine && ok
		if ok {
			line += " (" + because + ")"
		}
		fmt.Fprintf(s.out, "skipped: %s\n", line)
	}
	return fine
}

func sorted(m map[string]int) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
