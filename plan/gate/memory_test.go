// SPDX-License-Identifier: Apache-2.0

package gate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/plan/gate"
)

func mark(digest string, hours int) gate.Mark {
	return gate.Mark{Commit: "c-" + digest, Digest: digest, Since: now.Add(time.Duration(hours) * time.Hour)}
}

func TestMemory(t *testing.T) {
	var m gate.Memory
	if got := m.String(); got != "" {
		t.Errorf("nothing to remember is written as %q", got)
	}
	for _, step := range []gate.Mark{mark("a", 0), mark("a", 1), mark("b", 2), mark("a", 3), mark("c", 4), mark("d", 5)} {
		m = m.Mark(step)
	}
	m.Failed = &gate.Failed{Commit: "c-d", Digest: "d", Why: "x"}
	m.Suspended, m.Protected = &gate.ByHand{By: "ann", Why: "y", At: now}, true
	want := []gate.Mark{mark("d", 5), mark("c", 4), mark("a", 3)}
	if diff := cmp.Diff(want, m.Healthy); diff != "" {
		t.Errorf("each state once, the newest first, with the time since which it is: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(m, gate.ReadMemory(m.String())); diff != "" {
		t.Errorf("written and read again: -want +got:\n%s", diff)
	}
	if got, ok := m.Before("c"); !ok || got.Digest != "a" {
		t.Errorf("before c, and not d, which has failed: got %v, %v", got, ok)
	}
	if got, ok := (gate.Memory{}).Before("c"); ok {
		t.Errorf("before nothing: got %v", got)
	}
}

func TestPoisonedMemoryHoldsTheRelease(t *testing.T) {
	for _, text := range []string{"{", "[]", `{"suspended":3}`, `{"healthy":{}}`, `{"x":"` + strings.Repeat("x", 20<<10) + `"}`} {
		m := gate.ReadMemory(text)
		if m.Suspended == nil || !strings.Contains(m.Suspended.Why, "cannot be read") {
			t.Errorf("%.20q: the release is not held: %+v", text, m)
		}
	}
}

func FuzzReadMemory(f *testing.F) {
	f.Add(`{"healthy":[{"commit":"a","digest":"b","since":"2026-01-01T00:00:00Z"}],"failed":{"digest":"x"}}`)
	f.Add(`{"suspended":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		m := gate.ReadMemory(text)
		again := gate.ReadMemory(m.Mark(mark("z", 1)).String())
		if len(again.Healthy) == 0 || again.Healthy[0].Digest != "z" {
			t.Errorf("what is remembered is lost: %+v", again)
		}
	})
}
