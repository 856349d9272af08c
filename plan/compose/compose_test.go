// SPDX-License-Identifier: Apache-2.0

package compose_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/plan/compose"
)

// world is what repositories are at, and which of their commits go together.
type world struct {
	platform string
	// includes are the sources of each commit of the platform, and heads where they are.
	includes map[string][]string
	heads    map[string]string
	// fails says of a state why it is refused: the repositories to blame, or none if that is not seen; nil if it is accepted.
	fails func(s compose.State) []string
}

// run judges states until there is none left, and returns the accepted one and all that were judged.
func (w world) run(accepted compose.State) (compose.State, []string) {
	refused := map[string][]string{}
	var tried []string
	for {
		next, more := compose.Input{
			Accepted: accepted, Platform: w.platform,
			Heads: func(platform string) compose.State {
				s := compose.State{}
				for _, name := range w.includes[platform] {
					s[name] = w.heads[name]
				}
				return s
			},
			Refused: func(s compose.State) ([]string, bool) {
				blamed, is := refused[s.Key()]
				return blamed, is
			},
		}.Next()
		if !more {
			return accepted, tried
		}
		tried = append(tried, next.Key())
		if len(tried) > 1000 {
			return accepted, append(tried, "without end")
		}
		if blamed := w.fails(next); blamed != nil {
			refused[next.Key()] = blamed
		} else {
			accepted = next
		}
	}
}

func fine(compose.State) []string { return nil }

// breaks refuses states in which a repository is at a commit, and says who is to blame.
func breaks(name, commit string, blamed ...string) func(compose.State) []string {
	return func(s compose.State) []string {
		if s[name] == commit {
			return append([]string{}, blamed...)
		}
		return nil
	}
}

func both(fs ...func(compose.State) []string) func(compose.State) []string {
	return func(s compose.State) (blamed []string) {
		for _, f := range fs {
			if b := f(s); b != nil {
				blamed = append(append([]string{}, blamed...), b...)
			}
		}
		return blamed
	}
}

// TestNext is what comes of heads that go together, and of those that do not.
func TestNext(t *testing.T) {
	includes := map[string][]string{"p1": {"a", "b"}, "p2": {"a", "b"}, "alone": nil, "one": {"a"}}
	accepted := compose.State{"": "p1", "a": "a1", "b": "b1"}
	cases := map[string]struct {
		reason   string
		accepted compose.State
		platform string
		heads    map[string]string
		fails    func(compose.State) []string
		want     compose.State
		tried    int
	}{
		"first":               {"All that there is comes at once.", nil, "p1", map[string]string{"a": "a1", "b": "b1"}, fine, accepted, 1},
		"nothing":             {"Without a platform there is nothing to judge.", nil, "", map[string]string{"a": "a1"}, fine, nil, 0},
		"the same":            {"What is accepted is not judged again.", accepted, "p1", map[string]string{"a": "a1", "b": "b1"}, fine, accepted, 0},
		"one moves":           {"A head is judged with what is accepted of the others.", accepted, "p1", map[string]string{"a": "a2", "b": "b1"}, fine, compose.State{"": "p1", "a": "a2", "b": "b1"}, 1},
		"all move":            {"Several at once are one step.", accepted, "p2", map[string]string{"a": "a2", "b": "b2"}, fine, compose.State{"": "p2", "a": "a2", "b": "b2"}, 1},
		"one is bad":          {"Its source stays where it was, and the others go on.", accepted, "p2", map[string]string{"a": "a2", "b": "b2"}, breaks("a", "a2", "a"), compose.State{"": "p2", "a": "a1", "b": "b2"}, 2},
		"nobody to blame":     {"The same without a hint.", accepted, "p2", map[string]string{"a": "a2", "b": "b2"}, breaks("a", "a2"), compose.State{"": "p2", "a": "a1", "b": "b2"}, 4},
		"the wrong one":       {"Or with a wrong one.", accepted, "p2", map[string]string{"a": "a2", "b": "b2"}, breaks("a", "a2", "b"), compose.State{"": "p2", "a": "a1", "b": "b2"}, 4},
		"two are bad":         {"Each stays.", accepted, "p2", map[string]string{"a": "a2", "b": "b2"}, both(breaks("a", "a2", "a"), breaks("b", "b2", "b")), compose.State{"": "p2", "a": "a1", "b": "b1"}, 4},
		"the platform is bad": {"What it breaks of a source is its own fault.", accepted, "p2", map[string]string{"a": "a2", "b": "b1"}, breaks("", "p2", "b"), compose.State{"": "p1", "a": "a2", "b": "b1"}, 3},
		"only together": {
			"What only works together is taken together.", accepted, "p2",
			map[string]string{"a": "a2", "b": "b1"},
			func(s compose.State) []string {
				if (s[""] == "p2") != (s["a"] == "a2") {
					return []string{"a"}
				}
				return nil
			},
			compose.State{"": "p2", "a": "a2", "b": "b1"},
			1,
		},
		"together, beside a bad one": {
			"Also if another one is bad.", accepted, "p2",
			map[string]string{"a": "a2", "b": "b2"},
			func(s compose.State) []string {
				if s["b"] == "b2" {
					return []string{"b"}
				}
				if (s[""] == "p2") != (s["a"] == "a2") {
					return []string{"a"}
				}
				return nil
			},
			compose.State{"": "p2", "a": "a2", "b": "b1"},
			2,
		},
		"moved from one to another": {
			"A project that two have is refused, and one that moved is never missing: there is no state without it.", accepted, "p1",
			map[string]string{"a": "without", "b": "with"},
			func(s compose.State) []string {
				if s["a"] == "a1" && s["b"] == "with" {
					return []string{"b"}
				}
				return nil
			},
			compose.State{"": "p1", "a": "without", "b": "with"},
			1,
		},
		"not fetched":      {"A source that was never fetched is not in the state.", nil, "p1", map[string]string{"a": "a1"}, fine, compose.State{"": "p1", "a": "a1"}, 1},
		"away":             {"One that may not count stays where it was.", accepted, "p1", map[string]string{"b": "b2"}, fine, compose.State{"": "p1", "a": "a1", "b": "b2"}, 1},
		"platform away":    {"So does the platform.", accepted, "", map[string]string{"a": "a2", "b": "b1"}, fine, compose.State{"": "p1", "a": "a2", "b": "b1"}, 1},
		"left out":         {"A source that is not included any more is not in the state.", accepted, "one", map[string]string{"a": "a1", "b": "b2"}, fine, compose.State{"": "one", "a": "a1"}, 1},
		"all left out":     {"Nor any.", accepted, "alone", map[string]string{"a": "a2", "b": "b2"}, fine, compose.State{"": "alone"}, 1},
		"leaving is bad":   {"If that is refused, they stay.", accepted, "alone", map[string]string{"a": "a1", "b": "b1"}, breaks("", "alone", ""), accepted, 1},
		"a new one is bad": {"A source that is new and bad is not known, and the platform counts.", compose.State{"": "one", "a": "a1"}, "p2", map[string]string{"a": "a1", "b": "b2"}, breaks("b", "b2", "b"), compose.State{"": "p2", "a": "a1"}, 2},
		"all new, one bad": {"As after the loss of the store.", nil, "p1", map[string]string{"a": "a1", "b": "b1"}, breaks("b", "b1", "b"), compose.State{"": "p1", "a": "a1"}, 2},
		"all new, all bad": {"Nothing is accepted.", nil, "p1", map[string]string{"a": "a1", "b": "b1"}, breaks("", "p1", ""), nil, 2},
		"fixed by a source": {"A platform that was refused counts once a source has moved.", accepted, "p2", map[string]string{"a": "a2", "b": "b1"}, func(s compose.State) []string {
			if s[""] == "p2" && s["a"] == "a1" {
				return []string{"a"}
			}
			return nil
		}, compose.State{"": "p2", "a": "a2", "b": "b1"}, 1},
	}
	for name, tc := range cases {
		got, tried := world{tc.platform, includes, tc.heads, tc.fails}.run(tc.accepted)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s\n-want +got:\n%s\ntried %q", name, tc.reason, diff, tried)
		}
		if len(tried) != tc.tried {
			t.Errorf("%s: %d states were judged, want %d: %q", name, len(tried), tc.tried, tried)
		}
	}
}

// TestNextEnds: whatever goes together, judging ends; what is accepted was judged so; and nothing that is left could be taken by itself.
func TestNextEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c"}
		w := world{platform: "p2", includes: map[string][]string{}, heads: map[string]string{}}
		for _, p := range []string{"p1", "p2"} {
			w.includes[p] = rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, p)
		}
		accepted := compose.State{"": "p1"}
		for _, name := range w.includes["p1"] {
			accepted[name] = name + "1"
		}
		for _, name := range names {
			w.heads[name] = name + fmt.Sprint(rapid.IntRange(1, 2).Draw(t, name))
		}
		verdicts := map[string][]string{}
		w.fails = func(s compose.State) []string {
			v, known := verdicts[s.Key()]
			if !known {
				if rapid.Bool().Draw(t, s.Key()) {
					v = append([]string{}, rapid.SliceOfDistinct(rapid.SampledFrom(append([]string{""}, names...)), rapid.ID).Draw(t, "blamed")...)
				}
				verdicts[s.Key()] = v
			}
			return v
		}
		got, tried := w.run(maps.Clone(accepted))
		if len(tried) > 0 && tried[len(tried)-1] == "without end" {
			t.Fatal("it does not end")
		}
		if got.Key() != accepted.Key() && !slices.Contains(tried, got.Key()) {
			t.Fatalf("%v is accepted and was not judged", got)
		}
		for _, name := range w.includes[got[""]] {
			alone := maps.Clone(got)
			if alone[name] = w.heads[name]; alone.Key() != got.Key() && verdicts[alone.Key()] == nil {
				t.Fatalf("%s could be at its head: %v", name, alone)
			}
		}
		// Asked again, nothing is left to do.
		again, more := w.run(got)
		if again.Key() != got.Key() {
			t.Fatalf("judged again it is %v, and was %v: %q", again, got, more)
		}
	})
}

// TestOrder: where whether a head is good is seen from it and from what the platform says of it, as with names that the platform gives to one
// source each, the same is accepted in each order in which heads come, one by one or together. Names that two sources may have go to whoever
// came first.
func TestOrder(t *testing.T) {
	names := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		// Each head declares some names of projects; the platform gives each name to one source.
		projects := []string{"x", "y", "z"}
		given := map[string]string{}
		for _, p := range projects {
			given[p] = rapid.SampledFrom(names).Draw(t, "whose "+p)
		}
		declares := map[string][]string{}
		for _, name := range names {
			declares[name+"1"] = nil
			declares[name+"2"] = rapid.SliceOfDistinct(rapid.SampledFrom(projects), rapid.ID).Draw(t, name)
		}
		fails := func(s compose.State) (blamed []string) {
			by := map[string][]string{}
			for _, name := range names {
				for _, p := range declares[s[name]] {
					by[p] = append(by[p], name)
					if given[p] != name {
						blamed = append(blamed, name)
					}
				}
			}
			for _, claims := range by {
				if len(claims) > 1 {
					blamed = append(blamed, claims...)
				}
			}
			slices.Sort(blamed)
			return slices.Compact(blamed)
		}
		outcome := func(order []string, together int) string {
			heads := map[string]string{"a": "a1", "b": "b1", "c": "c1"}
			accepted := compose.State{"": "p", "a": "a1", "b": "b1", "c": "c1"}
			for i, name := range order {
				if heads[name] = name + "2"; i+1 < together {
					continue
				}
				accepted, _ = world{"p", map[string][]string{"p": names}, heads, fails}.run(accepted)
			}
			return accepted.Key()
		}
		first := outcome(names, 1)
		order, together := rapid.Permutation(names).Draw(t, "order"), rapid.IntRange(1, 3).Draw(t, "together")
		if again := outcome(order, together); again != first {
			t.Fatalf("in the order %q, %d together, it is %s, and otherwise %s", order, together, again, first)
		}
	})
	// What is given to nobody goes to whoever came first: why it has to be given.
	both := func(s compose.State) []string {
		if s["a"] == "a2" && s["b"] == "b2" {
			return []string{"a", "b"}
		}
		return nil
	}
	for first, want := range map[string]string{"a": " a=a2 b=b1 ", "b": " a=a1 b=b2 "} {
		heads := map[string]string{"a": "a1", "b": "b1"}
		heads[first] = first + "2"
		w := world{"p", map[string][]string{"p": {"a", "b"}}, heads, both}
		accepted, _ := w.run(compose.State{"": "p", "a": "a1", "b": "b1"})
		heads["a"], heads["b"] = "a2", "b2"
		if accepted, _ = w.run(accepted); accepted.Key() != "=p"+want {
			t.Errorf("%s came first, and it is %q", first, accepted.Key())
		}
	}
}
