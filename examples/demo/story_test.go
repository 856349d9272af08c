// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/status"
)

func clock() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func TestStoryWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	s := newStory(&out, 0, true, clock)
	s.step("Start")
	s.busy("nobody sees this")
	s.ok("cluster dev is ready", 9540*time.Millisecond)
	s.ok("pushed", 65*time.Millisecond)
	s.check("all is well")
	s.diff("a.sh", []edit{{"a.sh", "\told", "\tnew"}, {"b.sh", "x", "y"}})
	s.quote("head -1 f", "one\n\n")
	s.idle()
	s.failed(&loggedError{err: &checkError{check: "the sum", want: "1\n2", got: "3"}, log: "/tmp/log", tail: []string{"bye"}})
	want := `
1  Start
   ✓ cluster dev is ready                                                              9.5 s
   ✓ pushed                                                                            65 ms
   ✓ all is well
     a.sh
     -   old
     +   new

   $ head -1 f
     one


✗ check failed: the sum
  expected: 1
            2
  seen:     3

  the end of: /tmp/log
    bye
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStoryOnATerminalTakesTheLineAtTheBottomBack(t *testing.T) {
	var out bytes.Buffer
	s := newStory(&out, 100, false, clock)
	s.busy("starting")
	s.line("told")
	s.idle()
	if got := out.String(); strings.Count(got, "starting") != 2 || !strings.Contains(got, "\r\x1b[Ktold\n") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("got %q", got)
	}
	if strings.Contains(out.String(), "\x1b[3") {
		t.Error("colours without being asked for")
	}
}

func TestProblemIsWrappedBelowItsIndentation(t *testing.T) {
	var out bytes.Buffer
	newStory(&out, 0, false, clock).problem("p.yaml:1:2: error: " + strings.Repeat("long ", 30) + "\n    hint: short\n")
	for l := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > 100 {
			t.Errorf("a line has %d columns: %q", n, l)
		}
	}
	if !strings.Contains(out.String(), "\n         hint: short\n") {
		t.Errorf("got:\n%s", out.String())
	}
}

func TestWrap(t *testing.T) {
	got := wrap("a bb  ccc\ndddddddd e", 6)
	if diff := cmp.Diff([]string{"a bb", "ccc", "dddddddd", "e"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTruthy(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "false": false, "1": true, "true": true, "yes": true} {
		if got := truthy(value); got != want {
			t.Errorf("%q is %v, want %v", value, got, want)
		}
	}
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"--bin", t.TempDir()}, &out, &errs, func(string) string { return "" })
	if code != exitUsage || !strings.Contains(out.String(), "make demo") {
		t.Errorf("exit code %d, output:\n%s%s", code, &out, &errs)
	}
}

func TestArrivals(t *testing.T) {
	release := func(project, environment, cluster string) status.Release {
		var r status.Release
		r.Project, r.Environment, r.Cluster = project, environment, cluster
		return r
	}
	got := arrivals([]status.Release{release("b", "prod", "prod"), release("b", "dev", "dev"), release("a", "dev", "dev")})
	want := []string{
		"CLUSTER  ENVIRONMENT  RELEASES",
		"dev      dev                 2  a, b",
		"prod     prod                1  b",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDifferences(t *testing.T) {
	before := objects{
		"same":     {uid: "1", version: "1", declared: "a"},
		"status":   {uid: "2", version: "1", declared: "a"},
		"changed":  {uid: "3", version: "1", declared: "a"},
		"replaced": {uid: "4", version: "1", declared: "a"},
		"gone":     {uid: "5", version: "1", declared: "a"},
	}
	after := objects{
		"same":     {uid: "1", version: "1", declared: "a"},
		"status":   {uid: "2", version: "2", declared: "a"},
		"changed":  {uid: "3", version: "2", declared: "b"},
		"replaced": {uid: "6", version: "1", declared: "a"},
		"new":      {uid: "7", version: "1", declared: "a"},
	}
	got, reported := differences(before, after)
	want := []string{"changed was changed (resourceVersion 2, was 1)", "gone is gone", "new is new", "replaced was replaced"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if reported != 1 {
		t.Errorf("%d objects have a new status only, want 1", reported)
	}
}

func TestRollTellsWhatCannotBecomeHealthy(t *testing.T) {
	var out bytes.Buffer
	d := &demo{story: newStory(&out, 0, false, clock)}
	r := newRoll(d, sincePush, "c2", func(r status.Release) bool { return r.Project == "orders" })
	accepted := status.Source{Head: &status.Commit{Hash: "c2"}, Accepted: &status.Commit{Hash: "c2"}}
	release := func(commit string, health status.Health) status.Release {
		r := status.Release{Commit: commit, Result: status.Applied, Health: health}
		r.Project = "orders"
		return r
	}
	for _, tc := range []struct {
		name    string
		state   status.Platform
		done    bool
		checked bool
	}{
		{"not seen yet", status.Platform{}, false, false},
		{"accepted, still as before", status.Platform{Source: accepted, Releases: []status.Release{release("c1", status.Healthy)}}, false, false},
		{"applied", status.Platform{Source: accepted, Releases: []status.Release{release("c2", status.Progressing)}}, false, false},
		{"healthy", status.Platform{Source: accepted, Releases: []status.Release{release("c2", status.Healthy)}}, true, false},
		{"failed", status.Platform{Source: accepted, Releases: []status.Release{release("c2", status.Unhealthy)}}, false, true},
	} {
		done, err := r.step(tc.state)
		var failed *checkError
		if done != tc.done || errors.As(err, &failed) != tc.checked {
			t.Errorf("%s: done %v, error %v", tc.name, done, err)
		}
	}
}
