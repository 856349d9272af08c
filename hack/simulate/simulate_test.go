// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func small() options {
	return options{size: size{Clusters: 2, Releases: 10, Tracks: 2, Replicas: 2}, costs: measured()}
}

// TestEngine: what is asked for happens at its time, and in turns.
func TestEngine(t *testing.T) {
	e, p := &engine{}, &places{free: 2}
	var got []string
	at := func(name string) func() { return func() { got = append(got, name+" "+e.now.String()) } }
	for _, name := range []string{"a", "b", "c", "d"} {
		p.work(e, time.Second, at(name))
	}
	e.after(500*time.Millisecond, at("x"))
	e.run(1500 * time.Millisecond)
	if diff := cmp.Diff([]string{"x 500ms", "a 1s", "b 1s"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	e.run(time.Hour)
	if diff := cmp.Diff([]string{"x 500ms", "a 1s", "b 1s", "c 2s", "d 2s"}, got); diff != "" || p.longest != 2 || p.used != 4*time.Second {
		t.Errorf("%d waited, %s were used (-want +got):\n%s", p.longest, p.used, diff)
	}
}

// TestRequests: what the model asks of a cluster is what the daemon was seen to: seven requests for a new release, two for one that changes,
// none for one that does not.
func TestRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		settled bool
		of      int
		applies int
		others  int
	}{
		"new": {false, 3, 18, 3}, "changed": {true, 3, 6, 0}, "nothing": {true, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := newWorld(small())
			if err != nil {
				t.Fatal(err)
			}
			if tc.settled {
				w.settled()
			}
			got := w.play("a commit", w.releases[:tc.of])
			w.run(w.now + time.Hour) // nothing comes after it
			applies, others := 0, 0
			for _, s := range w.servers {
				applies, others = applies+s.calls[apply], others+s.calls[get]+s.calls[list]+s.calls[watch]
			}
			if applies != tc.applies || others != tc.others || got.missing > 0 {
				t.Errorf("%d applies and %d others, want %d and %d: %+v", applies, others, tc.applies, tc.others, got)
			}
		})
	}
}

// TestScenarios: all that is pushed arrives, also where servers refuse what they are asked and where a replica ends; and that costs time.
func TestScenarios(t *testing.T) {
	o := small()
	o.Clusters, o.Releases = 20, 40
	all, err := simulate(o, scenarios)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(scenarios) {
		t.Fatalf("%d scenarios", len(all))
	}
	for _, s := range all {
		if s.missing > 0 || s.median <= 0 || s.p95 < s.median || s.longst < s.p95 || s.applies < 2*s.releases {
			t.Errorf("%+v", s)
		}
	}
	if all[2].refused == 0 || all[2].longst <= all[1].longst {
		t.Errorf("servers that refuse cost nothing: %+v, %+v", all[1], all[2])
	}
	if all[3].longst < handover {
		t.Errorf("a replica that ends is missed at once: %+v", all[3])
	}
	again, err := simulate(o, scenarios)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, again, cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("it is another one each time:\n%s", diff)
	}
}

// TestBroken: a limit that is not reached is said not to be, and one that is, where.
func TestBroken(t *testing.T) {
	o := small()
	over := func(n int) limit {
		return limit{"", func(o options) (bool, string, error) { return o.all() > n, "x", nil }}
	}
	for n, want := range map[int]string{50: "80 releases: x; before: x at 40", 1 << 20: "not up to x at 160"} {
		if got, err := broken(o, over(n), 80); err != nil || got != want {
			t.Errorf("%d: %q, %v; want %q", n, got, err, want)
		}
	}
}

func TestRun(t *testing.T) {
	var out, errs bytes.Buffer
	if err := run([]string{"-clusters", "4", "-releases", "20", "-tracks", "2", "-limits=false"}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"4 clusters × 20 releases = 80, of 2 tracks; 3 replicas of 2 cores", "| one release | 1 |", "| all of one track | 40 |", "Memory of a replica: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	for _, args := range [][]string{{"-clusters", "0"}, {"x"}, {"-tracks", "1000", "-clusters", "1", "-releases", "10"}} {
		if err := run(args, &out, &errs); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
