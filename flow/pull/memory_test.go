// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/manifest"
)

// versions is a source that has one version at a time, by ETag or by time.
type versions struct {
	*source

	now, asked string
	byTime     bool
}

func newVersions(t *testing.T) *versions {
	v := &versions{now: "one"}
	v.source = serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) {
		if v.byTime {
			v.asked = r.Header.Get("If-Modified-Since")
			w.Header().Set("Last-Modified", v.now)
		} else {
			v.asked = r.Header.Get("If-None-Match")
			w.Header().Set("ETag", `"`+v.now+`"`)
		}
		w.Header().Set("Content-Type", "text/plain")
		if v.asked != "" && (v.asked == `"`+v.now+`"` || v.asked == v.now) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(v.now))
	})
	return v
}

// TestUnchanged: a lot is empty only if what the lot before it has, or stands for, is what there is; in whatever order they are made, and whatever
// is removed or made again.
func TestUnchanged(t *testing.T) {
	const tuesday, wednesday, thursday = "20260106P1D000", "20260107P1D000", "20260108P1D000"
	type step struct {
		reason, lot, now string
		remove           string
		params           object
		asked            string
		want             manifest.State
		file             string
	}
	for name, steps := range map[string][]step{
		"InOrder": {
			{"the first is fetched", monday, "one", "", nil, "", manifest.Complete, "one"},
			{"nothing changed", tuesday, "one", "", nil, `"one"`, manifest.Empty, ""},
			{"nothing changed still, since Monday", wednesday, "one", "", nil, `"one"`, manifest.Empty, ""},
			{"then it did", thursday, "two", "", nil, `"one"`, manifest.Complete, "two"},
		},
		"Backwards": {
			{"nothing is known of the day before", wednesday, "one", "", nil, "", manifest.Complete, "one"},
			{"a later one says nothing", tuesday, "one", "", nil, "", manifest.Complete, "one"},
			{"between two, it goes by the one before", thursday, "one", "", nil, `"one"`, manifest.Empty, ""},
		},
		"Gap": {
			{"the first", monday, "one", "", nil, "", manifest.Complete, "one"},
			{"the day before is not there: it may have been another", wednesday, "one", "", nil, "", manifest.Complete, "one"},
			{"a change comes to the day that was left out", tuesday, "two", "", nil, `"one"`, manifest.Complete, "two"},
			{"the next goes by its own day before", thursday, "two", "", nil, `"one"`, manifest.Complete, "two"},
		},
		"Removed": {
			{"the first", monday, "one", "", nil, "", manifest.Complete, "one"},
			{"is as it was", tuesday, "one", "", nil, `"one"`, manifest.Empty, ""},
			{"what has the data is not there any more", wednesday, "one", monday, nil, "", manifest.Complete, "one"},
		},
		"Replayed": {
			{"the first", monday, "one", "", nil, "", manifest.Complete, "one"},
			{"is as it was", tuesday, "one", "", nil, `"one"`, manifest.Empty, ""},
			{"is made again, of something else", monday, "two", monday, nil, "", manifest.Complete, "two"},
			{"the day before stands for what is not there", wednesday, "one", "", nil, "", manifest.Complete, "one"},
		},
		"Copied": {
			{"the first", monday, "one", "", object{"unchanged": "copy"}, "", manifest.Complete, "one"},
			{"a copy", tuesday, "one", "", object{"unchanged": "copy"}, `"one"`, manifest.Complete, "one"},
			{"a copy of a copy, which needs no other", wednesday, "one", monday, object{"unchanged": "copy"}, `"one"`, manifest.Complete, "one"},
		},
		"Fetched": {
			{"the first", monday, "one", "", object{"unchanged": "fetch"}, "", manifest.Complete, "one"},
			{"it is not asked", tuesday, "one", "", object{"unchanged": "fetch"}, "", manifest.Complete, "one"},
		},
		"Another": {
			{"the first", monday, "one", "", nil, "", manifest.Complete, "one"},
			{"something else is asked for, of which nothing is known", tuesday, "one", "", object{"query": object{"q": "x"}}, "", manifest.Complete, "one"},
			{"of each lot there is something else", wednesday, "one", "", object{"query": object{"q": "{lot}"}}, "", manifest.Complete, "one"},
			{"and so it never is the same", thursday, "one", "", object{"query": object{"q": "{lot}"}}, "", manifest.Complete, "one"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, l := newVersions(t), newLake(t)
			for i, s := range steps {
				v.now = s.now
				if s.remove != "" {
					l.remove(s.remove)
				}
				asks := object{"url": v.URL + "/x"}
				maps.Copy(asks, s.params)
				attempt := string(rune('1' + i))
				got, err := l.pull(s.lot, attempt, object{"http": asks})
				if err != nil || got.State != s.want || v.asked != s.asked {
					t.Fatalf("%s: it is %s (%s), and %q was asked, want %s and %q; %v", s.reason, got.State, got.Told, v.asked, s.want, s.asked, err)
				}
				want := map[string]string{}
				if s.file != "" {
					want["part-"+s.lot+".txt"] = s.file
				}
				files := l.files(s.lot, attempt)
				if len(files) == 1 && len(want) == 1 { // a copy keeps its name
					for _, text := range files {
						files = map[string]string{"part-" + s.lot + ".txt": text}
					}
				}
				if diff := cmp.Diff(want, files); diff != "" {
					t.Errorf("%s: -want +got:\n%s", s.reason, diff)
				}
				l.count(s.lot, attempt)
			}
		})
	}
}

// TestByTime: a server without ETags is asked by time.
func TestByTime(t *testing.T) {
	v, l := newVersions(t), newLake(t)
	v.byTime, v.now = true, "Mon, 05 Jan 2026 00:00:00 GMT"
	for lot, want := range map[string]manifest.State{monday: manifest.Complete} {
		if got, err := l.pull(lot, "1", object{"http": object{"url": v.URL}}); err != nil || got.State != want {
			t.Fatalf("%+v, %v", got, err)
		}
		l.count(lot, "1")
	}
	if got, err := l.pull("20260106P1D000", "1", object{"http": object{"url": v.URL}}); err != nil || got.State != manifest.Empty || v.asked != v.now {
		t.Errorf("%+v, %v; it was asked %q", got, err, v.asked)
	}
}

// TestNoLot: a workload that runs once fetches what depends on no lot.
func TestNoLot(t *testing.T) {
	v, l := newVersions(t), newLake(t)
	if got, err := l.pull("", "", object{"http": object{"url": v.URL}}); err != nil || got.State != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if diff := cmp.Diff(map[string]string{"part-all.txt": "one"}, l.files("", "")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err := l.pull("", "", object{"http": object{"url": v.URL + "/{lot}"}})
	if want := "http.url: it has {lot}, and this run is of no lot: here the workload runs once, and not for each"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
