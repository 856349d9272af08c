// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"
	"time"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

func TestFights(t *testing.T) {
	var f plan.Fights
	cm, path := ref("ConfigMap a/x"), field.Path{{Field: "data"}}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	damped := func() (bool, time.Duration) {
		d, next := f.Damped(now)
		if len(d) == 0 {
			return false, 0
		}
		return len(d[cm]) == 1, next.Sub(now)
	}
	steps := []struct {
		reason string
		after  time.Duration // what passes before the field is taken back
		pause  time.Duration // how long it is left then
	}{
		{"the first is taken back at once", 0, 0},
		{"so is the second", time.Second, 0},
		{"after the third there is a pause", time.Second, time.Minute},
		{"which doubles", time.Minute, 2 * time.Minute},
		{"and doubles", 2 * time.Minute, 4 * time.Minute},
		{"and doubles", 4 * time.Minute, 8 * time.Minute},
		{"and doubles", 8 * time.Minute, 16 * time.Minute},
		{"up to half an hour", 16 * time.Minute, 30 * time.Minute},
		{"and no more", 30 * time.Minute, 30 * time.Minute},
		{"who was at peace for long begins again", 3 * time.Hour, 0},
	}
	for i, s := range steps {
		now = now.Add(s.after)
		if is, _ := damped(); is {
			t.Fatalf("step %d: the pause is not over", i)
		}
		f.Corrected(cm, ownership.Field{Path: path}, now)
		if _, pause := damped(); pause != s.pause {
			t.Errorf("step %d: %s: got a pause of %s, want %s", i, s.reason, pause, s.pause)
		}
	}
	if got := f.Rounds(cm, path); got != 1 {
		t.Errorf("got %d rounds, want 1", got)
	}
	now = now.Add(time.Hour)
	f.Damped(now)
	if got := f.Rounds(cm, path); got != 0 {
		t.Errorf("what is at peace is forgotten: got %d rounds", got)
	}
}
