// SPDX-License-Identifier: Apache-2.0

package arcstate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/arcstate"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

var arc = arcstate.Arc{Project: "S3Chain", Version: "20230101-00", Name: "copyA"}

// TestKeys: states lie where Clusterless has them.
func TestKeys(t *testing.T) {
	l, err := lot.ParseID("20260101PT5M000")
	if err != nil {
		t.Fatal(err)
	}
	const want = "arcs/project=S3Chain/version=20230101-00/arc=copyA/lot=20260101PT5M000/running.arc"
	if got := arc.Key(l, run.Running); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for key, ok := range map[string]bool{
		want: true,
		strings.Replace(want, "copyA", "copyB", 1):       false,
		strings.Replace(want, "PT5M000", "PT5M288", 1):   false,
		strings.Replace(want, "running", "waiting", 1):   false,
		strings.Replace(want, ".arc", ".txt", 1):         false,
		strings.Replace(want, "running", "x/running", 1): false,
		strings.Replace(want, "lot=", "", 1):             false,
		strings.TrimSuffix(want, "/running.arc"):         false,
	} {
		at, state, is := arc.Parse(key)
		if is != ok || ok && (at != l || state != run.Running) {
			t.Errorf("%s is read as %v %s, %v", key, at, state, is)
		}
	}
}

const (
	ours   = `{"trunklineAttempt":"r1abcdefghijkl"}`
	theirs = `{"Error":"States.TaskFailed"}`
)

// TestStart has the outcomes of Clusterless' start gate, and what Trunkline knows better: its own runs.
func TestStart(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		object arcstate.Object
		again  bool
		want   arcstate.Gate
	}{
		"None":          {"nobody has begun", arcstate.Object{}, false, arcstate.Go},
		"Running":       {"Clusterless is at it", arcstate.Object{State: run.Running}, false, arcstate.AlreadyRunning},
		"RunningAgain":  {"whoever asks for it once more", arcstate.Object{State: run.Running}, true, arcstate.AlreadyRunning},
		"RunningAfter":  {"Clusterless took over what Trunkline had failed at", arcstate.Object{State: run.Running, Body: []byte(ours + "\n" + theirs)}, false, arcstate.AlreadyRunning},
		"Complete":      {"Clusterless has made it", arcstate.Object{State: run.Complete}, false, arcstate.AlreadyComplete},
		"CompleteAgain": {"it is to be made once more", arcstate.Object{State: run.Complete}, true, arcstate.Go},
		"Partial":       {"it failed", arcstate.Object{State: run.Partial, Body: []byte(theirs)}, false, arcstate.Go},
		"Missing":       {"it failed, and left nothing", arcstate.Object{State: run.Missing}, false, arcstate.Go},
		"OurRunning":    {"the Job of it is known, or is gone", arcstate.Object{State: run.Running, Body: []byte(theirs + "\n" + ours + "\n")}, false, arcstate.Go},
		"OurComplete":   {"its manifest was taken away", arcstate.Object{State: run.Complete, Body: []byte(ours)}, false, arcstate.Go},
	} {
		t.Run(name, func(t *testing.T) {
			got := arcstate.Start(tc.object, tc.again)
			if got != tc.want || (got == arcstate.Go) != (got.Why() == "") {
				t.Errorf("%s: got %s (%s), want %s", tc.reason, got, got.Why(), tc.want)
			}
		})
	}
}

// TestEnd has the outcomes of Clusterless' complete gate.
func TestEnd(t *testing.T) {
	const none manifest.State = "none"
	for name, tc := range map[string]struct {
		reason  string
		sinks   []manifest.State
		failed  bool
		state   run.State
		outcome arcstate.Outcome
	}{
		"Nothing":       {"it said that it ended well, and nothing is there", []manifest.State{none}, false, run.Missing, arcstate.UnknownComplete},
		"NothingFailed": {"it failed, and left nothing", []manifest.State{none, none}, true, run.Missing, arcstate.MissingWithError},
		"Partial":       {"one that is partial makes it partial", []manifest.State{manifest.Complete, manifest.Partial}, false, run.Partial, arcstate.Partial},
		"PartialFailed": {"and says why", []manifest.State{none, manifest.Partial}, true, run.Partial, arcstate.PartialWithError},
		"Empty":         {"all empty is complete", []manifest.State{manifest.Empty, manifest.Empty}, false, run.Complete, arcstate.Complete},
		"Any":           {"any complete is complete", []manifest.State{manifest.Empty, manifest.Complete}, false, run.Complete, arcstate.Complete},
		"Second":        {"Clusterless stops at the first; the second has nothing", []manifest.State{manifest.Complete, none}, false, run.Partial, arcstate.Partial},
		"Removed":       {"what was taken away counts for nothing", []manifest.State{manifest.Removed}, true, run.Missing, arcstate.MissingWithError},
		"MadeByOther":   {"a run that failed, of what someone else has made", []manifest.State{manifest.Complete}, true, run.Complete, arcstate.Complete},
	} {
		t.Run(name, func(t *testing.T) {
			state, outcome := arcstate.End(tc.sinks, tc.failed)
			if state != tc.state || outcome != tc.outcome {
				t.Errorf("%s: got %s %s, want %s %s", tc.reason, state, outcome, tc.state, tc.outcome)
			}
		})
	}
}

// TestMoves has the transitions of Clusterless' decision record, and complete to running for what is asked for again.
func TestMoves(t *testing.T) {
	got := map[run.State][]run.State{}
	for _, from := range append(arcstate.States(), "") {
		for _, to := range arcstate.States() {
			if arcstate.Moves(from, to) {
				got[from] = append(got[from], to)
			}
		}
	}
	want := map[run.State][]run.State{
		"":           arcstate.States(),
		run.Running:  {run.Complete, run.Partial, run.Missing},
		run.Partial:  {run.Running, run.Missing},
		run.Missing:  {run.Running},
		run.Complete: {run.Running},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCurrent: of what a crash left, the newer one counts, whatever clocks say of it.
func TestCurrent(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		reason string
		all    []arcstate.Object
		want   run.State
	}{
		"Longer":  {"a move adds a line", []arcstate.Object{{run.Partial, now, []byte("a\nb")}, {run.Running, now.Add(-time.Hour), []byte("a\nb\nc")}}, run.Running},
		"Newer":   {"Clusterless adds none", []arcstate.Object{{run.Running, now, nil}, {run.Complete, now.Add(time.Second), nil}}, run.Complete},
		"AtOnce":  {"less is started of it", []arcstate.Object{{run.Missing, now, nil}, {run.Running, now, nil}}, run.Running},
		"Foreign": {"what has nothing in common", []arcstate.Object{{run.Complete, now, []byte("x")}, {run.Running, now.Add(time.Second), []byte("yz")}}, run.Running},
	} {
		t.Run(name, func(t *testing.T) {
			for _, all := range [][]arcstate.Object{tc.all, {tc.all[1], tc.all[0]}} {
				if got, left := arcstate.Current(all); got.State != tc.want || len(left) != 1 {
					t.Errorf("%s: got %s, want %s", tc.reason, got.State, tc.want)
				}
			}
		})
	}
}

// TestAppend: a body has a line for each move, and stays small however often a lot fails; the last line always is the one that was added.
func TestAppend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := arcstate.Object{State: run.Running, Body: []byte(rapid.StringMatching(`[^\n]{0,40}`).Draw(t, "body"))}
		for range rapid.IntRange(1, 60).Draw(t, "moves") {
			line := arcstate.Line{Attempt: "r1", Error: strings.Repeat("x", rapid.IntRange(0, 2000).Draw(t, "error"))}
			if rapid.IntRange(0, 20).Draw(t, "huge") == 0 {
				line.Error = strings.Repeat("y", 2*arcstate.MaxBody)
			}
			next := arcstate.Object{State: run.Running, Body: o.Append(line)}
			if !next.Ours() {
				t.Fatalf("the last line is not that of the attempt: %.200q", next.Body)
			}
			if len(next.Body) > arcstate.MaxBody {
				t.Fatalf("it has %d bytes", len(next.Body))
			}
			if now, _ := arcstate.Current([]arcstate.Object{o, {State: run.Partial, Body: next.Body}}); strings.HasPrefix(string(next.Body), string(o.Body)) && now.State != run.Partial {
				t.Fatal("what was added to is not older")
			}
			o = next
		}
	})
}
