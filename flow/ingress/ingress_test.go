// SPDX-License-Identifier: Apache-2.0

package ingress

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/boundary"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// noon is when all is looked at.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// at is a time of the day.
func at(text string) time.Time {
	t, err := time.Parse("15:04", text)
	if err != nil {
		panic(err)
	}
	return noon.Truncate(24 * time.Hour).Add(t.Sub(t.Truncate(24 * time.Hour)))
}

// some is a boundary of hourly lots since 09:00, with some params.
func some(t interface{ Fatal(args ...any) }, params map[string]any) Boundary {
	spec, err := boundary.Parse(params, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return Boundary{
		ID: "orders/land", Spec: spec, Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Unit: lot.Hourly, Since: at("09:00"),
		Location: "s3://lake/raw/", Apart: []string{"datasets/"},
	}
}

func each(objects []Object) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for _, o := range objects {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// object is one by its key, when it was written, and its content.
func object(key, written, etag string) Object { return Object{key, at(written), etag} }

// plans says in words what is written: the lot's hour, its state and what it lists.
func plans(t *testing.T, b Boundary, objects []Object, seen map[lot.Lot]Seen, now time.Time) (words []string, p Plan) {
	t.Helper()
	a, err := b.Sort(each(objects), now)
	if err != nil {
		t.Fatal(err)
	}
	p = b.Plan(a, seen, now)
	for _, w := range p.Writes {
		if err := errors.Join(w.Key.Check(), w.Manifest.Check(), w.Manifest.Within(w.Key, b.Location)); err != nil {
			t.Errorf("a manifest that does not count: %v", err)
		}
		text := w.Key.Lot.Start.Format("15h ") + string(w.Key.State)
		for _, uri := range w.Manifest.URIs {
			text += " " + strings.TrimPrefix(uri, b.Location)
		}
		if w.Why != "" {
			text += " (" + w.Why + ")"
		}
		words = append(words, text)
	}
	return words, p
}

// written is what is there once a plan was followed.
func written(seen map[lot.Lot]Seen, p Plan, now time.Time) map[lot.Lot]Seen {
	out := maps.Clone(seen)
	if out == nil {
		out = map[lot.Lot]Seen{}
	}
	for _, w := range p.Writes {
		out[w.Key.Lot] = Seen{w.Key.State, now, w.Manifest}
	}
	return out
}

// TestArrivals follows a boundary as objects come and go: each step is planned on what the steps before have written.
func TestArrivals(t *testing.T) {
	type step struct {
		reason  string
		now     string
		objects []Object
		want    []string
	}
	a, b, c := object("a", "09:10", "1"), object("b", "09:20", "1"), object("c", "10:00", "1")
	for name, tc := range map[string]struct {
		params map[string]any
		steps  []step
	}{
		"interval": {nil, []step{
			{"a lot that has not ended is not written", "09:30", []Object{a}, nil},
			{"one that has is", "10:00", []Object{a}, []string{"09h complete a"}},
			{"an object at the end of a lot is of the next one", "11:00", []Object{a, c}, []string{"10h complete c"}},
			{"one without data is empty", "12:00", []Object{a, c}, []string{"11h empty"}},
			{"what is late makes the lot once more", "12:00", []Object{a, b, c}, []string{"09h complete a b (one more object arrived)"}},
			{"also one that was empty", "12:00", []Object{a, b, c, object("d", "11:59", "1")}, []string{"11h complete d (data arrived late)"}},
			{"what has gone stays listed", "12:00", []Object{b, c}, nil},
			{"what is written again makes its lot once more", "12:00", []Object{b, object("c", "10:59", "2"), object("d", "11:59", "1")}, []string{"10h complete c (what it lists was written again, or is of another lot now)"}},
			{"and leaves the one that it was of", "13:00", []Object{b, object("c", "12:30", "3"), object("d", "11:59", "1")}, []string{"12h complete c", "10h empty (what it lists was written again, or is of another lot now)"}},
		}},
		"late data are waited for": {map[string]any{"lateness": "30m"}, []step{
			{"as long as that takes", "10:29", []Object{a}, nil},
			{"and no longer", "10:30", []Object{a, b}, []string{"09h complete a b"}},
		}},
		"immediate": {map[string]any{"arrival": "immediate"}, []step{
			{"nothing has arrived", "09:30", nil, nil},
			{"what arrives counts at once", "09:30", []Object{a}, []string{"09h complete a"}},
			{"a second object is another attempt", "09:30", []Object{a, b}, []string{"09h complete a b (one more object arrived)"}},
			{"one goes and the other is written again", "09:50", []Object{object("b", "09:40", "2")}, []string{"09h complete b (what it lists was written again, or is of another lot now)"}},
			{"nothing is written for a lot without data", "12:00", []Object{object("b", "09:40", "2")}, nil},
		}},
		"what is no data": {nil, []step{
			{"folders, markers, manifests, and what a URI cannot say", "10:00", []Object{
				object("folder/", "09:10", "1"), object("_SUCCESS", "09:10", "1"), object("x/_tmp/y", "09:10", "1"), object("datasets/name=raw/m", "09:10", "1"),
				object("a\nb", "09:10", "1"), object("../up", "09:10", "1"), object(`a\b`, "09:10", "1"), object("x/./y", "09:10", "1"), object("früh 1%.csv", "09:10", "1"),
			}, []string{"09h complete fr%C3%BCh%201%25.csv"}},
			{"what came before the first lot", "10:00", []Object{object("old", "08:59", "1"), object("früh 1%.csv", "09:10", "1")}, nil},
		}},
		"by key": {map[string]any{"lotSource": "key", "keyTime": `(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)T(?<hour>\d\d)`}, []step{
			{"whenever it is written", "11:00", []Object{object("2026-01-02T09.csv", "10:59", "1"), object("x.csv", "09:10", "1")}, []string{"10h empty", "09h complete 2026-01-02T09.csv"}},
			{"again if it is written again", "11:00", []Object{object("2026-01-02T09.csv", "10:59", "2")}, []string{"09h complete 2026-01-02T09.csv (what it lists was written again, or is of another lot now)"}},
			{"and not before its lot begins", "11:00", []Object{object("2026-01-02T09.csv", "10:59", "2"), object("2027-01-01T00.csv", "10:59", "1")}, nil},
		}},
		"a filter": {map[string]any{"filter": map[string]any{"includes": []any{"in/**"}, "excludes": []any{"**/*.tmp"}}}, []step{
			{"says what is data", "10:00", []Object{object("in/a", "09:10", "1"), object("in/a.tmp", "09:10", "1"), object("out/a", "09:10", "1")}, []string{"09h complete in/a"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bound := some(t, tc.params)
			var seen map[lot.Lot]Seen
			for _, s := range tc.steps {
				got, p := plans(t, bound, s.objects, seen, at(s.now))
				if diff := cmp.Diff(s.want, got); diff != "" {
					t.Errorf("%s: -want +got:\n%s", s.reason, diff)
				}
				seen = written(seen, p, at(s.now))
			}
		})
	}
}

// TestFilterThatChanges: what is no data any more leaves the manifests.
func TestFilterThatChanges(t *testing.T) {
	objects := []Object{object("a", "09:10", "1"), object("b", "09:10", "1")}
	_, p := plans(t, some(t, nil), objects, nil, at("10:00"))
	seen := written(nil, p, at("10:00"))
	only := some(t, map[string]any{"filter": map[string]any{"includes": []any{"b"}}})
	got, _ := plans(t, only, objects, seen, at("10:00"))
	if diff := cmp.Diff([]string{"09h complete b (what it lists was written again, or is of another lot now)"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestTakingOver: manifests of another system stand, with what they have put into which lot, until something new arrives of theirs.
func TestTakingOver(t *testing.T) {
	b := some(t, nil)
	foreign := func(hour string, keys ...string) Seen {
		m := manifest.Manifest{State: manifest.Complete, LotID: lot.Hourly.At(at(hour)).ID(), URIType: manifest.Identifier}
		for _, key := range keys {
			m.URIs = append(m.URIs, b.Location+key)
		}
		return Seen{manifest.Complete, at(hour).Add(time.Hour), m}
	}
	nine, ten := lot.Hourly.At(at("09:00")), lot.Hourly.At(at("10:00"))
	// b was written in the last second of its lot, and the other system was told of it in the next.
	objects := []Object{object("a", "09:10", "1"), object("b", "09:59", "1"), object("c", "10:30", "1")}
	seen := map[lot.Lot]Seen{nine: foreign("09:00", "a"), ten: foreign("10:00", "b", "c")}
	if got, _ := plans(t, b, objects, seen, at("11:00")); len(got) > 0 {
		t.Errorf("nothing arrived, and %q are written", got)
	}
	got, p := plans(t, b, append(objects, object("d", "10:40", "1")), seen, at("11:00"))
	want := []string{"10h complete c d (one more object arrived)", "09h complete a b (one more object arrived)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, _ := plans(t, b, append(objects, object("d", "10:40", "1")), written(seen, p, at("11:00")), at("11:00")); len(got) > 0 {
		t.Errorf("it is written already, and %q are again", got)
	}
}

// TestOldBuckets: what is older than the first lot, or than what is kept, costs no manifest, and is counted.
func TestOldBuckets(t *testing.T) {
	b := some(t, nil)
	b.Since, b.Retention = noon.Add(-1000*time.Hour), 2*time.Hour
	objects := []Object{object("old", "09:10", "1"), object("new", "11:10", "1"), {"ancient", noon.Add(-9000 * time.Hour), "1"}}
	got, _ := plans(t, b, objects, nil, noon)
	if diff := cmp.Diff([]string{"11h complete new", "10h empty"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	a, err := b.Sort(each(append(objects, object("bad\n", "11:10", "1"))), noon)
	if err != nil || !cmp.Equal(a.Passed, map[string]int{noURI: 1}) {
		t.Errorf("%v are passed over, %v", a.Passed, err)
	}
}

// TestNext is when it is looked again although nothing is told.
func TestNext(t *testing.T) {
	for _, tc := range []struct {
		reason string
		params map[string]any
		now    string
		want   string
	}{
		{"the lot ends", nil, "10:20", "11:00"},
		{"a lot has just ended, and the next one does", nil, "11:00", "12:00"},
		{"late data are waited for", map[string]any{"lateness": "30m"}, "11:10", "11:30"},
		{"also for longer than a lot", map[string]any{"lateness": "90m"}, "11:10", "11:30"},
		{"nothing but what arrives", map[string]any{"arrival": "immediate"}, "11:10", ""},
	} {
		_, p := plans(t, some(t, tc.params), nil, nil, at(tc.now))
		if got := p.Next; tc.want == "" && !got.IsZero() || tc.want != "" && !got.Equal(at(tc.want)) {
			t.Errorf("%s: %v, want %s", tc.reason, got, tc.want)
		}
	}
}

// TestTooMany: of more than can be looked at nothing is said, and a lot that has more than a manifest can list is refused.
func TestTooMany(t *testing.T) {
	b := some(t, nil)
	many := func(n int) iter.Seq2[Object, error] {
		return func(yield func(Object, error) bool) {
			for i := range n {
				if !yield(Object{Key: "o" + string(rune('a'+i%26)) + time.Duration(i).String(), Written: at("09:10")}, nil) {
					return
				}
			}
		}
	}
	a, err := b.Sort(many(MaxListed+1), noon)
	if err != nil {
		t.Fatal(err)
	}
	p := b.Plan(a, nil, noon)
	if len(p.Refused) != 1 || slices.ContainsFunc(p.Writes, func(w Write) bool { return w.Key.State == manifest.Complete }) {
		t.Errorf("refused are %v, and %d are written", p.Refused, len(p.Writes))
	}
	a.More = true
	if p := b.Plan(a, nil, noon); len(p.Writes) > 0 {
		t.Errorf("not all was seen, and %d are written", len(p.Writes))
	}
	boom := errors.New("boom")
	if _, err := b.Sort(func(yield func(Object, error) bool) { yield(Object{}, boom) }, noon); !errors.Is(err, boom) {
		t.Errorf("the error is %v", err)
	}
}
