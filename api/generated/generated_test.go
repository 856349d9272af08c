// SPDX-License-Identifier: Apache-2.0

package generated_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/generated"
)

type table = map[string]any

func secret(revision string, keys ...string) table {
	data := table{}
	for _, k := range keys {
		data[k] = "eA=="
	}
	o := table{"apiVersion": "v1", "kind": "Secret", "metadata": table{"name": "s"}, "data": data}
	if revision != "" {
		o["metadata"].(table)["annotations"] = table{generated.MadeAnnotation: revision}
	}
	return o
}

// TestPending has Secrets as they are found, and what is to be made of them.
func TestPending(t *testing.T) {
	ab := []string{"a", "b"}
	for name, tc := range map[string]struct {
		reason   string
		revision int
		live     table
		want     generated.Pending
	}{
		"Missing":     {"It is not there: all are made.", 0, nil, generated.Pending{Keys: ab, Due: true}},
		"MissingLate": {"Whatever its revision.", 3, nil, generated.Pending{Keys: ab, Revision: 3, Due: true}},
		"Made":        {"All is there.", 0, secret("0", "a", "b"), generated.Pending{}},
		"KeyAdded":    {"The new one is made, and the other kept.", 0, secret("0", "a"), generated.Pending{Keys: []string{"b"}, Due: true}},
		"More":        {"What else it has is not ours.", 0, secret("0", "a", "b", "c"), generated.Pending{}},
		"Raised":      {"All are made again.", 2, secret("1", "a", "b"), generated.Pending{Keys: ab, Revision: 2, Due: true}},
		"Lowered":     {"To go back to an older declaration makes nothing again.", 1, secret("2", "a", "b"), generated.Pending{Revision: 2}},
		"Adopted":     {"What others have made is kept, and counts from now on.", 0, secret("", "a", "b"), generated.Pending{Due: true}},
		"AdoptedLate": {"As the revision that is declared.", 2, secret("", "a"), generated.Pending{Keys: []string{"b"}, Revision: 2, Due: true}},
		"Unreadable":  {"Who has changed the mark loses no value.", 2, secret("two", "a", "b"), generated.Pending{Revision: 2, Due: true}},
		"NoData":      {"One without any.", 0, table{"metadata": table{"annotations": table{generated.MadeAnnotation: "0"}}}, generated.Pending{Keys: ab, Due: true}},
		"LoweredMore": {"A key that is new then does not count for an older one.", 1, secret("2", "a"), generated.Pending{Keys: []string{"b"}, Revision: 2, Due: true}},
		"OddData":     {"One with something else in the place of values.", 0, table{"data": "x"}, generated.Pending{Keys: ab, Due: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := generated.Spec{Keys: map[string]generated.Key{"a": {}, "b": {}}, Revision: tc.revision}
			if diff := cmp.Diff(tc.want, s.Pending(tc.live)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestWhatIsMadeStays follows a Secret through declarations: after what is pending was made nothing is, and a value is made again
// only if a higher revision than ever before is declared.
func TestWhatIsMadeStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var live table
		made, highest := map[string]int{}, 0 // how often each key was made, and the highest revision
		for range rapid.IntRange(1, 12).Draw(t, "commits") {
			s := generated.Spec{Keys: map[string]generated.Key{}, Revision: rapid.IntRange(0, 4).Draw(t, "revision")}
			for _, k := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.ID).Draw(t, "keys") {
				s.Keys[k] = generated.Key{}
			}
			pending := s.Pending(live)
			for _, k := range pending.Keys {
				if made[k]++; made[k] > 1 && s.Revision <= highest {
					t.Fatalf("%s was made again for revision %d after %d", k, s.Revision, highest)
				}
			}
			if pending.Due {
				have := slices.Clone(pending.Keys)
				if live != nil {
					for k := range live["data"].(table) {
						have = append(have, k)
					}
				}
				live = secret(strconv.Itoa(pending.Revision), have...)
				highest = max(highest, s.Revision)
			}
			if again := s.Pending(live); again.Due || len(again.Keys) > 0 {
				t.Fatalf("right after they were made %v are pending", again.Keys)
			}
		}
	})
}

func TestOf(t *testing.T) {
	spec := generated.Spec{Keys: map[string]generated.Key{"a": {Length: 32, Alphabet: "ab"}}, Revision: 2}
	annotated := func(kind, text string) table {
		return table{"apiVersion": "v1", "kind": kind, "metadata": table{"annotations": table{generated.Annotation: text}}}
	}
	got, err := generated.Of(annotated("Secret", spec.String()))
	if diff := cmp.Diff(&spec, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if got, err := generated.Of(annotated("ConfigMap", spec.String())); got != nil || err != nil {
		t.Errorf("a ConfigMap: %v, %v", got, err)
	}
	if got, err := generated.Of(table{"apiVersion": "v1", "kind": "Secret"}); got != nil || err != nil {
		t.Errorf("a Secret like any other: %v, %v", got, err)
	}
	if _, err := generated.Of(annotated("Secret", "password")); err == nil {
		t.Error("a text that says nothing is accepted")
	}
}
