// SPDX-License-Identifier: Apache-2.0

package history

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestText(t *testing.T) {
	cases := map[string]struct{ reason, in, want string }{
		"Short":    {"What fits is left as it is.", "spec.replicas", "spec.replicas"},
		"Exact":    {"To the last byte.", "0123456789abcdef", "0123456789abcdef"},
		"Long":     {"What does not fit says that it goes on.", "0123456789abcdefg", "0123456789abc…"},
		"Half":     {"A character is not cut in half.", "0123456789abäcdef", "0123456789ab…"},
		"Zero":     {"PostgreSQL takes no zero.", "a\x00b", "a?b"},
		"Invalid":  {"Nor what is no text.", "a\xff\xfe b\xc3", "a? b?"},
		"AllWrong": {"However much of it there is.", strings.Repeat("\x80", 40), "?…"},
		"Empty":    {"Nothing stays nothing.", "", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, text(tc.in, 16)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestClean(t *testing.T) {
	many := make([]string, 70)
	for i := range many {
		many[i] = "f"
	}
	cases := map[string]struct {
		reason   string
		in, want Event
	}{
		"Defaults":  {"What is not said is known.", Event{Kind: Ran}, Event{Kind: Ran, Time: noon, By: Daemon}},
		"ID":        {"The database gives it.", Event{ID: 7, Time: noon, By: "Ann"}, Event{Time: noon, By: "Ann"}},
		"Ancient":   {"A time that no database keeps is now.", Event{Time: noon.AddDate(-100, 0, 0)}, Event{Time: noon, By: Daemon}},
		"Far":       {"In both directions.", Event{Time: noon.AddDate(100_000, 0, 0)}, Event{Time: noon, By: Daemon}},
		"Precision": {"More than is kept is not shown either.", Event{Time: noon.Add(1999), Took: 1999}, Event{Time: noon.Add(1000), Took: 1000, By: Daemon}},
		"Zone":      {"Times are UTC.", Event{Time: noon.In(time.FixedZone("x", 3600))}, Event{Time: noon, By: Daemon}},
		"Backwards": {"A clock that was set back makes no negative time.", Event{Time: noon, Took: -5}, Event{Time: noon, By: Daemon}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, clean(tc.in, noon)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
	got := clean(Event{Fields: many}, noon).Fields
	if len(got) != maxFields || got[maxFields-1] != "… and 7 more" {
		t.Errorf("of 70 fields there are %d, the last one is %q", len(got), got[len(got)-1])
	}
	many = many[:2]
	kept := clean(Event{Fields: many}, noon).Fields
	many[0] = "changed"
	if kept[0] != "f" {
		t.Error("the caller's list is kept, and can be changed behind the recorder")
	}
}

func FuzzClean(f *testing.F) {
	f.Add("orders", "a\x00b\xff", "spec.replicas", int64(0), int64(1))
	f.Add(strings.Repeat("ä", 3000), "", "", int64(1<<62), int64(-1))
	f.Fuzz(func(t *testing.T, name, message, field string, at, took int64) {
		in := Event{Kind: Kind(name), Platform: name, By: name, Message: message, Why: field, Object: message, Fields: []string{field, name}, Time: time.UnixMicro(at), Took: time.Duration(took)}
		in.Release.Project, in.Commit = message, field
		e := clean(in, noon)
		if diff := cmp.Diff(e, clean(e, noon)); diff != "" {
			t.Errorf("cleaning twice differs from once:\n%s", diff)
		}
		for _, s := range append([]string{string(e.Kind), e.Platform, e.Release.Project, e.Commit, e.By, e.Why, e.Message, e.Object}, e.Fields...) {
			if !utf8.ValidString(s) || strings.Contains(s, "\x00") || len(s) > maxText {
				t.Errorf("%q would not be taken", s)
			}
		}
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back Event
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		// Durations of many days lose the last digits as seconds.
		back.Took = e.Took
		if diff := cmp.Diff(e, back); diff != "" {
			t.Errorf("an event differs after its way through JSON:\n%s", diff)
		}
	})
}
