// SPDX-License-Identifier: Apache-2.0

package run_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

const (
	good = "s3://lake/orders/clean/lot=20260102P1D000/attempt=7/"
	bad  = "s3://lake/orders/bad/lot=20260102P1D000/attempt=7/"
)

// left is what lies at a sink.
func left(location string, paths ...string) run.Left {
	var l run.Left
	for _, path := range paths {
		l.Objects = append(l.Objects, location+path)
	}
	return l
}

// returns adds a manifest that the program wrote at the sink "main".
func returns(l run.Left, state manifest.State, kind manifest.URIType, uris ...string) run.Left {
	key := manifest.Key{Dataset: manifest.Dataset{Name: "clean", Version: "1"}, Lot: lot.Daily.At(noon.AddDate(0, 0, -1)), State: state}
	if state.Attempted() {
		key.Attempt = "x"
	}
	l.Returned = append(l.Returned, run.Returned{Path: key.Path(), Key: key, Manifest: manifest.Manifest{State: state, LotID: key.Lot.ID(), URIType: kind, URIs: uris}})
	l.Objects = append(l.Objects, good+"_manifests/"+key.Path())
	return l
}

func TestConclude(t *testing.T) {
	r := of(t, platformOf(t, rates, orders), "clean")
	id := manifest.Identifier
	lies := func(l run.Left, change func(*run.Returned)) run.Left {
		change(&l.Returned[0])
		return l
	}
	failed := run.Ended{Failed: run.Exit(3)}
	some := left(bad, "x")
	cases := map[string]struct {
		reason    string
		ended     run.Ended
		main, bad run.Left
		state     run.State
		// want are the manifests of main and bad, and why holds a part of why it failed.
		want [2]string
		why  string
	}{
		"Data":  {"a plain program that ended well has made what is there", run.Ended{}, left(good, "a.csv", "day=1/b.csv"), some, run.Complete, [2]string{"complete a.csv day=1/b.csv", "complete x"}, ""},
		"None":  {"and where nothing is, the lot has nothing", run.Ended{}, left(good, "a.csv"), run.Left{}, run.Complete, [2]string{"complete a.csv", "empty"}, ""},
		"Empty": {"all may be empty", run.Ended{}, run.Left{}, run.Left{}, run.Complete, [2]string{"empty", "empty"}, ""},
		"Marks": {"marks are no data", run.Ended{}, left(good, "_SUCCESS", "_temporary/0/a.csv", ".b.crc", "a.csv"), left(bad, "_SUCCESS"), run.Complete, [2]string{"complete a.csv", "empty"}, ""},

		"Failed":  {"what a run wrote that failed does not count, at any sink", failed, left(good, "a.csv"), left(bad, "x"), run.Partial, [2]string{"partial a.csv", "partial x"}, "it ended with exit code 3"},
		"Half":    {"nor if it wrote to one of them only", failed, left(good, "a.csv"), run.Left{}, run.Partial, [2]string{"partial a.csv", ""}, "exit code 3"},
		"Nothing": {"one that wrote nothing leaves nothing", failed, run.Left{}, run.Left{}, run.Missing, [2]string{}, "exit code 3"},
		"Claims":  {"also if it says that all is there", failed, returns(left(good, "a.csv"), "complete", id, good+"a.csv"), run.Left{}, run.Partial, [2]string{"partial a.csv", ""}, "exit code 3"},

		"Own":        {"a manifest of the program's own counts", run.Ended{}, returns(left(good, "a.csv"), "complete", id, good+"a.csv"), some, run.Complete, [2]string{"complete a.csv", "complete x"}, ""},
		"OwnEmpty":   {"so does one that is empty", run.Ended{}, returns(run.Left{}, "empty", id), some, run.Complete, [2]string{"empty", "complete x"}, ""},
		"OwnPath":    {"and one that names folders", run.Ended{}, returns(left(good, "d/a.csv", "e/b.csv"), "complete", manifest.Path, good+"d/", good+"e/"), some, run.Complete, [2]string{"complete d/ e/", "complete x"}, ""},
		"OwnPrefix":  {"or beginnings of names", run.Ended{}, returns(left(good, "part-0", "part-1"), "complete", manifest.Prefix, good+"part-"), some, run.Complete, [2]string{"complete part-", "complete x"}, ""},
		"OwnHidden":  {"what is no data need not be listed, and may be", run.Ended{}, returns(left(good, "_SUCCESS", "_index", "a.csv"), "complete", id, good+"a.csv", good+"_index"), some, run.Complete, [2]string{"complete a.csv _index", "complete x"}, ""},
		"OwnHadoop":  {"Spark calls S3 s3a", run.Ended{}, returns(left(good, "a.csv"), "complete", id, "s3a"+good[2:]+"a.csv"), some, run.Complete, [2]string{"complete s3a" + good[2:] + "a.csv", "complete x"}, ""},
		"OwnCoded":   {"a URI is written with codes", run.Ended{}, returns(left(good, "a%20b.csv"), "complete", id, good+"a%20b.csv"), some, run.Complete, [2]string{"complete a%20b.csv", "complete x"}, ""},
		"OwnPlain":   {"many programs write names as they are", run.Ended{}, returns(left(good, "a%20b.csv"), "complete", id, good+"a b.csv"), some, run.Complete, [2]string{"complete a b.csv", "complete x"}, ""},
		"OwnPartial": {"it may say itself that it failed", run.Ended{}, lies(returns(left(good, "a.csv", "b.csv"), "partial", id, good+"a.csv"), func(b *run.Returned) { b.Comment = new("no more disk") }), some, run.Partial, [2]string{"partial a.csv b.csv", "partial x"}, "the program says that it is partial: no more disk"},

		"Lists":    {"a manifest lists what is there", run.Ended{}, returns(left(good, "a.csv"), "complete", id, good+"a.csv", good+"b.csv"), some, run.Partial, [2]string{"partial a.csv", "partial x"}, `it lists "` + good + `b.csv", and nothing is there`},
		"Folder":   {"also of folders", run.Ended{}, returns(left(good, "a.csv"), "complete", manifest.Path, good, good+"d/"), some, run.Partial, [2]string{"partial a.csv", "partial x"}, `it lists "` + good + `d/", and nothing is there`},
		"Leaves":   {"and leaves nothing out, so that a folder is what its manifest says", run.Ended{}, returns(left(good, "a.csv", "b.csv"), "complete", id, good+"a.csv"), some, run.Partial, [2]string{"partial a.csv b.csv", "partial x"}, `it leaves out "` + good + `b.csv", which is there`},
		"NotEmpty": {"a lot with data is not empty", run.Ended{}, returns(left(good, "a.csv"), "empty", id), some, run.Partial, [2]string{"partial a.csv", "partial x"}, `it leaves out "` + good + `a.csv"`},
		"Outside":  {"nothing of another attempt", run.Ended{}, returns(left(good, "a.csv"), "complete", id, good+"a.csv", strings.Replace(good, "=7", "=6", 1)+"b.csv"), some, run.Partial, [2]string{"partial a.csv", "partial x"}, `attempt=6/b.csv", and nothing is there`},
		"Damaged":  {"one that cannot be read says nothing", run.Ended{}, lies(returns(left(good, "a.csv"), "complete", id, good+"a.csv"), func(b *run.Returned) { b.Damaged = errors.New("it is not UTF-8") }), some, run.Partial, [2]string{"partial a.csv", "partial x"}, "does not count: it is not UTF-8"},
		"OtherLot": {"one of another lot says nothing of this one", run.Ended{}, lies(returns(left(good, "a.csv"), "complete", id, good+"a.csv"), func(b *run.Returned) { b.Key.Lot = b.Key.Lot.Next() }), some, run.Partial, [2]string{"partial a.csv", "partial x"}, "it is of clean@1 20260103P1D000, and the run makes clean@1 20260102P1D000"},
		"Other":    {"nor one of another dataset", run.Ended{}, lies(returns(left(good, "a.csv"), "complete", id, good+"a.csv"), func(b *run.Returned) { b.Key.Name = "x" }), some, run.Partial, [2]string{"partial a.csv", "partial x"}, "it is of x@1 20260102P1D000"},
		"Removed":  {"a run removes nothing", run.Ended{}, returns(run.Left{}, "removed", id), some, run.Partial, [2]string{"partial", "partial x"}, "a run removes nothing"},
		"Two":      {"two manifests contradict each other", run.Ended{}, returns(returns(left(good, "a.csv"), "complete", id, good+"a.csv"), "empty", id), some, run.Partial, [2]string{"partial a.csv", "partial x"}, "the program wrote several manifests"},
		"Folders":  {"looking has a bound", run.Ended{}, returns(left(good, "a.csv"), "complete", manifest.Path, strings.Split(strings.Repeat(good+" ", 1001), " ")[:1001]...), some, run.Partial, [2]string{"partial a.csv", "partial x"}, "it lists 1001 folders or prefixes; the limit is 1000"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out := r.Conclude(tc.ended, map[string]run.Left{"main": tc.main, "bad-rows": tc.bad})
			var got [2]string
			for _, made := range out.Sinks {
				i, location := 0, good
				if made.Role == "bad-rows" {
					i, location = 1, bad
				}
				if made.Manifest != nil {
					got[i] = shown(*made.Manifest, location)
					if made.Key.State != made.Manifest.State || made.Key.State.Attempted() != (made.Key.Attempt == "7") || made.Key.Check() != nil || made.Manifest.Check() != nil {
						t.Errorf("%s is no manifest for its place: %v %v", made.Role, made.Key, made.Manifest)
					}
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || out.State != tc.state || !strings.Contains(out.Failed, tc.why) || (tc.why == "") != (out.Failed == "") {
				t.Errorf("%s: %s, %q (-want +got)\n%s", tc.reason, out.State, out.Failed, diff)
			}
			if !run.Running.May(out.State) {
				t.Errorf("nothing gets from running to %s", out.State)
			}
		})
	}
}

// shown is a manifest without what is the same in all.
func shown(m manifest.Manifest, location string) string {
	text := string(m.State)
	for _, uri := range m.URIs {
		text += " " + strings.TrimPrefix(uri, location)
	}
	return text
}

func TestConcludeMany(t *testing.T) {
	r := of(t, platformOf(t, rates, orders), "clean")
	l := run.Left{}
	for i := range given.MaxListed + 1 {
		l.Objects = append(l.Objects, fmt.Sprintf("%s%06d", good, i))
	}
	conclude := func(l run.Left) run.Outcome { return r.Conclude(run.Ended{}, map[string]run.Left{"main": l}) }
	listed := func(o run.Outcome) (kind manifest.URIType, uris []string) {
		m := o.Sinks[len(o.Sinks)-1].Manifest
		return m.URIType, m.URIs
	}
	if kind, uris := listed(conclude(run.Left{Objects: l.Objects[1:]})); kind != manifest.Identifier || len(uris) != given.MaxListed {
		t.Errorf("%d %s are listed", len(uris), kind)
	}
	if kind, uris := listed(conclude(l)); kind != manifest.Path || !cmp.Equal(uris, []string{good}) {
		t.Errorf("of more than a manifest should list it names the folder: %s %s", kind, uris)
	}
	for len(l.Objects) <= run.MaxObjects {
		l.Objects = append(l.Objects, fmt.Sprintf("%s%06d", good, len(l.Objects)))
	}
	if o := conclude(returns(l, "complete", manifest.Identifier, good+"000001")); !strings.Contains(o.Failed, "too many to look for each") {
		t.Errorf("what cannot be seen to be true does not count: %s", o.Failed)
	}
	if o := conclude(returns(l, "complete", manifest.Path, good)); o.State != run.Complete {
		t.Errorf("their folder is true: %s", o.Failed)
	}
}

// TestOnlyWholeRunsCount: whatever a program leaves, a lot counts only if it ended well, and then only with what is there.
func TestOnlyWholeRunsCount(t *testing.T) {
	r := of(t, platformOf(t, rates, orders), "clean")
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "_c", "d/e", "d/_f"}), 0, 4, rapid.ID[string])
		there := names.Draw(t, "there")
		main := left(good, there...)
		for range rapid.IntRange(0, 2).Draw(t, "manifests") {
			var uris []string
			for _, name := range names.Draw(t, "listed") {
				uris = append(uris, rapid.SampledFrom([]string{good, bad, "s3://lake/orders/clean/"}).Draw(t, "where")+name)
			}
			main = returns(main, rapid.SampledFrom([]manifest.State{"complete", "empty", "partial", "removed"}).Draw(t, "state"),
				rapid.SampledFrom([]manifest.URIType{manifest.Identifier, manifest.Prefix}).Draw(t, "type"), uris...)
		}
		ended := run.Ended{Failed: rapid.SampledFrom([]string{"", "", "it failed"}).Draw(t, "failed")}
		out := r.Conclude(ended, map[string]run.Left{"main": main, "bad-rows": left(bad, names.Draw(t, "bad")...)})
		if (out.State == run.Complete) != (out.Failed == "") || ended.Failed != "" && out.State == run.Complete {
			t.Fatalf("%s, %q", out.State, out.Failed)
		}
		for _, made := range out.Sinks {
			if made.Manifest == nil {
				continue
			}
			if made.Key.State.Counts() != (out.State == run.Complete) {
				t.Fatalf("%s is %s of a run that is %s", made.Role, made.Key.State, out.State)
			}
			if err := made.Manifest.Within(made.Key, made.Attempt); err != nil {
				t.Fatalf("%s: %v", made.Role, err)
			}
		}
	})
}
