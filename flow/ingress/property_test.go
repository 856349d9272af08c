// SPDX-License-Identifier: Apache-2.0

package ingress

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// TestProperties plays a bucket in which objects arrive, late and again, are written once more and removed, and a boundary that looks now
// and then, is stopped in the middle of what it writes, and finds manifests of another system.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := some(t, rapid.SampledFrom([]map[string]any{
			nil,
			{"lateness": "70m"},
			{"arrival": "immediate"},
			{"filter": map[string]any{"excludes": []any{"k1*"}}},
			{"lotSource": "key", "keyTime": `(?<year>2026)-(?<month>\d\d)-(?<day>\d\d)T(?<hour>\d\d)`},
		}).Draw(t, "params"))
		objects, seen, foreign, now := map[string]Object{}, map[lot.Lot]Seen{}, map[string]bool{}, at("09:00")
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
			switch rapid.SampledFrom([]string{"arrives", "arrives", "arrives", "goes", "foreign"}).Draw(t, "what") {
			case "arrives":
				key := fmt.Sprintf("k%d-2026-01-02T%02d", rapid.IntRange(0, 4).Draw(t, "key"), rapid.IntRange(8, 14).Draw(t, "hour"))
				late := time.Duration(rapid.IntRange(0, 180).Draw(t, "late")) * time.Minute
				objects[key] = Object{key, now.Add(-late), fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "content"))}
			case "goes":
				if len(objects) > 0 {
					delete(objects, rapid.SampledFrom(slices.Sorted(maps.Keys(objects))).Draw(t, "gone"))
				}
			case "foreign":
				l := lot.Hourly.At(now.Add(-time.Hour))
				if _, there := seen[l]; !there && len(objects) > 0 {
					key := rapid.SampledFrom(slices.Sorted(maps.Keys(objects))).Draw(t, "foreign")
					if foreign[key] {
						break // it puts an object into one lot, too
					}
					foreign[key] = true
					seen[l] = Seen{manifest.Complete, now, manifest.Manifest{
						State: manifest.Complete, LotID: l.ID(), URIType: manifest.Identifier, URIs: []string{b.Location + key},
					}}
				}
			}
			all := slices.SortedFunc(maps.Values(objects), func(x, y Object) int { return strings.Compare(x.Key, y.Key) })
			plan := func(objects []Object) (Arrived, Plan) {
				a, err := b.Sort(each(objects), now)
				if err != nil {
					t.Fatal(err)
				}
				return a, b.Plan(a, seen, now)
			}
			_, p := plan(all)
			if _, other := plan(rapid.Permutation(all).Draw(t, "order")); !cmp.Equal(p, other) {
				t.Fatalf("the order matters:\n%s", cmp.Diff(p, other))
			}
			if len(p.Writes) > 0 && rapid.Bool().Draw(t, "stopped") {
				p.Writes = p.Writes[:rapid.IntRange(0, len(p.Writes)-1).Draw(t, "after")]
				seen = written(seen, p, now)
				continue
			}
			seen = written(seen, p, now)
			a, again := plan(all)
			if len(again.Writes) > 0 {
				t.Fatalf("what was written is written again: %+v", again.Writes)
			}
			check(t, b, a, seen, now)
		}
	})
}

// check holds what is there to what it has to be once a plan was followed.
func check(t *rapid.T, b Boundary, a Arrived, seen map[lot.Lot]Seen, now time.Time) {
	in := map[string]int{}
	for l, s := range seen {
		if s.State == manifest.Empty && len(s.Manifest.URIs) > 0 || s.Manifest.Within(b.key(l, s.State), b.Location) != nil {
			t.Fatalf("the manifest of %s does not count: %+v", l, s.Manifest)
		}
		for key := range b.listed(a, s.Manifest) {
			in[key]++
		}
	}
	for l, data := range a.lots {
		for _, o := range data {
			if n := in[o.Key]; b.due(l, now) && n != 1 {
				t.Fatalf("%s of %s is in %d lots", o.Key, l, n)
			}
		}
	}
	if b.Arrival == "interval" {
		for l := range lot.Range(b.Unit, b.Since, now) {
			if _, there := seen[l]; !there && b.due(l, now) {
				t.Fatalf("%s has ended, and there is nothing of it", l)
			}
		}
	}
}
