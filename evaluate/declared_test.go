// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/preview"
)

// TestMovesAndShared: an object that goes over to another release, and one that several want.
func TestMovesAndShared(t *testing.T) {
	type objects = map[string][]string
	for _, tc := range []struct {
		reason       string
		base, head   objects
		baseErr      map[string]error
		headErr      map[string]error
		moves, share []string
	}{
		{reason: "Nothing moves between a state and itself.", base: objects{"p0/dev@one": {"a"}}, head: objects{"p0/dev@one": {"a"}}},
		{
			reason: "It moves to another project.", base: objects{"p0/dev@one": {"a"}}, head: objects{"p1/dev@one": {"a"}},
			moves: []string{"ConfigMap shared/a moves from p0/dev@one to p1/dev@one"},
		},
		{
			reason: "It moves to another environment on the same cluster.", base: objects{"p0/dev@one": {"a"}}, head: objects{"p0/prod@one": {"a"}},
			moves: []string{"ConfigMap shared/a moves from p0/dev@one to p0/prod@one"},
		},
		{reason: "On another cluster it is another object.", base: objects{"p0/prod@one": {"a"}}, head: objects{"p0/prod@two": {"a"}}},
		{reason: "What is only removed does not move.", base: objects{"p0/dev@one": {"a"}}, head: objects{}},
		{
			reason: "What both have from now on does not move, and is shared.", base: objects{"p0/dev@one": {"a"}}, head: objects{"p0/dev@one": {"a"}, "p1/dev@one": {"a"}},
			share: []string{"ConfigMap shared/a is declared by 2 releases, and only one of them can have it: p0/dev@one, p1/dev@one"},
		},
		{
			reason: "What both had stays with the one that keeps it.", base: objects{"p0/dev@one": {"a"}, "p1/dev@one": {"a"}}, head: objects{"p1/dev@one": {"a"}},
		},
		{
			reason: "Two swap.", base: objects{"p0/dev@one": {"a"}, "p1/dev@one": {"b"}}, head: objects{"p0/dev@one": {"b"}, "p1/dev@one": {"a"}},
			moves: []string{"ConfigMap shared/a moves from p0/dev@one to p1/dev@one", "ConfigMap shared/b moves from p1/dev@one to p0/dev@one"},
		},
		{
			reason: "It moves to two at once.", base: objects{"p0/dev@one": {"a"}}, head: objects{"p0/prod@one": {"a"}, "p1/dev@one": {"a"}},
			moves: []string{"ConfigMap shared/a moves from p0/dev@one to p0/prod@one", "ConfigMap shared/a moves from p0/dev@one to p1/dev@one"},
			share: []string{"ConfigMap shared/a is declared by 2 releases, and only one of them can have it: p0/prod@one, p1/dev@one"},
		},
		{
			reason: "A release that does not render any more gives nothing up.", base: objects{"p0/dev@one": {"a"}}, head: objects{"p1/dev@one": {"a"}},
			headErr: map[string]error{"p0/dev@one": errors.New("boom")},
		},
		{reason: "Twice in one release is that release's own mistake.", base: objects{}, head: objects{"p0/dev@one": {"a", "a"}}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			base := evaluated(t, firstCommit(), &stub{more: tc.base, errs: tc.baseErr}, nil)
			head := evaluated(t, firstCommit(), &stub{more: tc.head, errs: tc.headErr}, nil)
			if diff := cmp.Diff(tc.moves, MoveNotes(base, head)); diff != "" {
				t.Errorf("moves, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tc.share, head.Notes()); diff != "" {
				t.Errorf("shared, -want +got:\n%s", diff)
			}
		})
	}
}

// TestMergeSaysWhatMoves: the steps of either release name the other one.
func TestMergeSaysWhatMoves(t *testing.T) {
	base := evaluated(t, firstCommit(), &stub{more: map[string][]string{"p0/dev@one": {"a"}}}, nil)
	head := evaluated(t, firstCommit(), &stub{more: map[string][]string{"p1/dev@one": {"a"}}}, nil)
	merged, err := Merge(base, head, now)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range merged.Releases {
		for _, s := range r.Steps {
			got = append(got, r.ID.String()+": "+string(s.Action)+" "+s.Ref.Name+", "+s.Note)
		}
	}
	want := []string{"p0/dev@one: delete a, it moves to p1/dev@one", "p1/dev@one: create a, it moves here from p0/dev@one"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ConfigMap shared/a moves from p0/dev@one to p1/dev@one"}, merged.Notes); diff != "" {
		t.Errorf("notes, -want +got:\n%s", diff)
	}
}

// TestMergeKnowsAllReleases: those that do not render and those that are suspended are there, too.
func TestMergeKnowsAllReleases(t *testing.T) {
	next := firstCommit()
	next["a/p1/project.yaml"] = strings.Replace(next["a/p1/project.yaml"], "  owner: team\n", "  owner: team\n  suspend: true\n", 1)
	delete(next, "a/p0/project.yaml")
	base := evaluated(t, firstCommit(), &stub{}, nil)
	head := evaluated(t, next, &stub{errs: map[string]error{"p1/dev@one": errors.New("boom")}}, nil)
	merged, err := Merge(base, head, now)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]preview.Action{}
	for _, r := range merged.Releases {
		got[r.ID.String()] = r.Action
	}
	want := map[string]preview.Action{
		"p0/dev@one": preview.Remove, "p0/prod@one": preview.Remove, "p0/prod@two": preview.Remove, "p1/dev@one": preview.Fail,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	side, err := head.Side()
	if err != nil || !side.Releases[catalog.ReleaseID{Project: "p1", Environment: "dev", Cluster: "one"}].Suspended {
		t.Errorf("a suspended release is not: %v", err)
	}
}

// TestNotesAreFew: a folder that moves is not a list of all that is in it.
func TestNotesAreFew(t *testing.T) {
	var names []string
	for _, r := range "abcdefghijklmnopq" {
		names = append(names, string(r))
	}
	base := evaluated(t, firstCommit(), &stub{more: map[string][]string{"p0/dev@one": names}}, nil)
	head := evaluated(t, firstCommit(), &stub{more: map[string][]string{"p1/dev@one": names}}, nil)
	got := MoveNotes(base, head)
	if len(got) != maxNotes+1 || got[maxNotes] != "7 more objects move" {
		t.Errorf("got %d notes, the last of which is %q", len(got), got[len(got)-1])
	}
}
