// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
)

var one = catalog.ReleaseID{Project: "one", Environment: "dev", Cluster: "edge"}

// told is what a release knows by events; it stands for its state machine.
type told struct {
	Digest, Why  string
	Remove       bool
	Paused       bool
	Protected    bool
	Removed      int
	Approved     map[string]string
	ReviewedAsNo map[string]string
}

func (s *told) take(e release.Event) {
	switch e := e.(type) {
	case release.Declared:
		if s.Digest != e.Target.Digest || s.Remove != e.Target.Remove || s.Paused {
			s.Approved, s.ReviewedAsNo = nil, nil
		}
		s.Digest, s.Remove, s.Paused, s.Why, s.Protected = e.Target.Digest, e.Target.Remove, false, "", e.Settings.Protected
		s.Removed = 0
		if e.Removals != nil {
			s.Removed = e.Removals.Removed
		}
	case release.NotRendered:
		if s.Remove {
			*s = told{}
		}
		s.Why = e.Why
	case release.Paused:
		*s = told{Paused: true}
	case release.Counted:
		s.Removed = e.Removals.Removed
	case release.Approved:
		if s.Approved == nil {
			s.Approved = map[string]string{}
		}
		s.Approved[e.Digest] = e.By
	case release.Reviewed:
		if s.ReviewedAsNo == nil {
			s.ReviewedAsNo = map[string]string{}
		}
		s.ReviewedAsNo[e.Digest] = e.Not
	}
}

// onlyOfItsState forgets what was said of other states, which decides nothing.
func (s *told) onlyOfItsState() {
	for _, said := range []map[string]string{s.Approved, s.ReviewedAsNo} {
		maps.DeleteFunc(said, func(digest, _ string) bool { return digest != s.Digest })
	}
}

// onlyKnownTo forgets what was said of the very state and that another has forgotten, such as by a pause in between: it is true all the same.
func (s *told) onlyKnownTo(o told) {
	maps.DeleteFunc(s.Approved, func(digest, _ string) bool { _, known := o.Approved[digest]; return !known })
	maps.DeleteFunc(s.ReviewedAsNo, func(digest, _ string) bool { _, known := o.ReviewedAsNo[digest]; return !known })
}

// TestBriefsMayBeLeftOut: whoever is told of some briefs only, and of the last one, knows in the end what one knows who was told of
// all that happened. A connection may have lost any but the last.
func TestBriefsMayBeLeftOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		brief := Brief{ID: one}
		var all, some told
		var last *Brief
		send := func() {
			data, err := json.Marshal(brief)
			if err != nil {
				t.Fatal(err)
			}
			next := &Brief{}
			if err := json.Unmarshal(data, next); err != nil {
				t.Fatal(err)
			}
			for _, e := range next.News(last, nil, nil) {
				some.take(e)
			}
			last = next
		}
		for range rapid.IntRange(1, 12).Draw(t, "events") {
			e := event(t)
			if !brief.Told(e) {
				t.Fatalf("%T is no part of a brief", e)
			}
			all.take(e)
			if rapid.Bool().Draw(t, "sent") {
				send()
			}
		}
		send()
		all.onlyOfItsState()
		some.onlyOfItsState()
		if all.Digest == "" && !all.Remove && !all.Paused {
			all, some = told{Why: all.Why}, told{Why: some.Why} // nothing is known to be wanted: what runs stays, whatever was known before
		}
		if all.Paused {
			all, some = told{Paused: true}, told{Paused: some.Paused} // it is left as it is, whatever else is said
		}
		some.onlyKnownTo(all)
		if diff := cmp.Diff(all, some, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("who was told of some briefs knows something else (-all +some):\n%s", diff)
		}
		if again := last.News(last, nil, nil); len(again) > 0 {
			t.Fatalf("the same brief is news to whoever has it: %v", again)
		}
	})
}

func event(t *rapid.T) release.Event {
	digest := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "digest")
	removals := &gate.Removals{Environment: "dev", Removed: rapid.IntRange(1, 3).Draw(t, "removed")}
	settings := release.Settings{Terms: terms.Terms{Protected: rapid.Bool().Draw(t, "protected")}}
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return release.Paused{Owner: "team"}
	case 1:
		return release.NotRendered{Why: rapid.SampledFrom([]string{"no chart", "no value"}).Draw(t, "why")}
	case 2:
		return release.Declared{Target: release.Target{Commit: "c", Remove: true}, Settings: settings, Removals: removals}
	case 3:
		return release.Reviewed{Digest: digest, Not: rapid.SampledFrom([]string{"", "no"}).Draw(t, "not")}
	case 4:
		return release.Approved{Digest: digest, By: rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "by")}
	default:
		return release.Declared{Target: release.Target{Commit: rapid.SampledFrom([]string{"c", "d"}).Draw(t, "commit"), Digest: digest}, Settings: settings}
	}
}

// TestBeyond: only how far releases of other clusters are is sent; of its own an agent knows it first.
func TestBeyond(t *testing.T) {
	near := catalog.ReleaseID{Project: "near", Environment: "dev", Cluster: "edge"}
	far := catalog.ReleaseID{Project: "far", Environment: "dev", Cluster: "home"}
	b := Brief{ID: one}
	b.Told(release.Declared{
		Target: release.Target{Digest: "a"}, Settings: release.Settings{Terms: terms.Terms{Sources: []catalog.ReleaseID{far}, Needs: []catalog.ReleaseID{near, far}}},
		Sources: []gate.Source{{Current: true}}, Needs: []gate.Source{{Current: true}, {}},
	})
	rev := b.Rev()
	if diff := cmp.Diff([]Beyond{{ID: far, Current: true}, {ID: far}}, b.Beyond); diff != "" {
		t.Error(diff)
	}
	b.Told(release.Progressed{Sources: []gate.Source{{Current: true}}, Needs: []gate.Source{{Current: false}, {}}})
	if b.Rev() != rev {
		t.Error("a release of the agent's own cluster has come further, and the agent is told so")
	}
	b.Told(release.Progressed{Sources: []gate.Source{{}}, Needs: []gate.Source{{}, {}}})
	if b.Rev() == rev {
		t.Error("a release of another cluster is not up to date any more, and the agent is not told so")
	}
}

// TestCounter: what comes twice counts once, and what is missing is noticed.
func TestCounter(t *testing.T) {
	cases := map[string]struct {
		reason string
		seqs   []uint64
		fresh  string
		wrong  bool
	}{
		"InOrder":  {"All are new.", []uint64{1, 2, 3}, "123", false},
		"Twice":    {"The second is left.", []uint64{1, 2, 2, 1, 3}, "123", false},
		"Missing":  {"The state behind it is not known.", []uint64{1, 3}, "1", true},
		"Reversed": {"One was overtaken.", []uint64{2, 1}, "", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var c counter
			fresh := ""
			var err error
			for _, seq := range tc.seqs {
				var ok bool
				if ok, err = c.take(frame{Seq: seq}); err != nil {
					break
				}
				if ok {
					fresh += fmt.Sprint(seq)
				}
			}
			if fresh != tc.fresh || (err != nil) != tc.wrong {
				t.Errorf("%s Got %q, %v", tc.reason, fresh, err)
			}
		})
	}
}
