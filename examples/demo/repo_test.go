// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/test/stage"
)

const example = "../acme"

func seeded(t *testing.T) (*repository, string) {
	t.Helper()
	dir := t.TempDir()
	bare := filepath.Join(dir, "acme.git")
	r, hash, err := seed(t.Context(), bare, bare, filepath.Join(dir, "work"), example, "The platform", func(work string) error {
		return settle(work, "/demo/lake", (&demo{today: clock()}).day(firstDay))
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, hash
}

// pushed returns a file of the branch main of the bare repository.
func pushed(t *testing.T, r *repository, file string) string {
	t.Helper()
	out, err := r.Git(t.Context(), "-C", r.Bare, "show", "main:"+file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSeedGivesTheExampleAsOneCommit(t *testing.T) {
	r, hash := seeded(t)
	log, err := r.Git(t.Context(), "-C", r.Bare, "log", "--format=%H %an %s", "main")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hash+" Demo The platform\n", log); diff != "" {
		t.Errorf("log of main (-want +got):\n%s", diff)
	}
	want, err := os.ReadFile(filepath.Join(example, "trunkline.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pushed(t, r, "trunkline.yaml")); diff != "" {
		t.Errorf("trunkline.yaml (-want +got):\n%s", diff)
	}
	projects, err := r.projects()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"alerts", "orders", "rates", "revenue", "storefront"}, projects); diff != "" {
		t.Errorf("projects (-want +got):\n%s", diff)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	if _, err := r.Git(t.Context(), "clone", "--quiet", r.Bare, clone); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(clone, "trunkline.yaml")); err != nil {
		t.Errorf("a clone has no files, so that nobody can make a commit of their own: %v", err)
	}
}

func TestTheStoryFitsTheExample(t *testing.T) {
	r, first := seeded(t)
	if err := r.apply(changeEdits()); err != nil {
		t.Fatal(err)
	}
	if err := r.remove("projects/" + removedProject); err != nil {
		t.Fatal(err)
	}
	if err := r.apply(mistakeEdits()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Commit(t.Context(), "All of it"); err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := pushed(t, r, mistakeFile); !strings.Contains(got, "\n      reads: {revenue: revenue/revenue-daily@1}\n") {
		t.Errorf("%s lacks the mistake:\n%s", mistakeFile, got)
	}
	if _, err := r.Revert(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, err := r.Git(t.Context(), "-C", r.Work, "diff", "--stat", first); err != nil || out != "" {
		t.Errorf("after the revert this differs from the first commit (error %v):\n%s", err, out)
	}
}

func TestThePullRequestsFitTheExample(t *testing.T) {
	r, _ := seeded(t)
	for name, edits := range map[string][]edit{"the change": pullEdits(), "the fix": fixEdits()} {
		files, err := r.edited(edits)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, e := range edits {
			if !strings.Contains(files[e.file], e.new) || e.new == e.old {
				t.Errorf("%s: %s lacks %q", name, e.file, e.new)
			}
		}
	}
	if fixEdits()[0].new == mistakeEdits()[0].new {
		t.Error("the fix is the mistake")
	}
}

func TestTheLotsFitTheExample(t *testing.T) {
	r, _ := seeded(t)
	if err := r.apply(suspendEdits()); err != nil {
		t.Error(err)
	}
	d := &demo{dir: filepath.Dir(r.Work), today: clock()}
	files, err := d.sinceFiles()
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{"orders": 2, "rates": 2, "revenue": 1} {
		if got := strings.Count(files["projects/"+name+"/project.yaml"], "since: 2025-12-27T00:00:00Z"); got != n {
			t.Errorf("%d datasets of %s begin five days before, want %d", got, name, n)
		}
	}
	for _, environment := range []string{"dev", "staging", "prod"} {
		text := pushed(t, r, "environments/"+environment+".yaml")
		if !strings.Contains(text, "lake: file:///demo/lake/"+environment) || !strings.Contains(text, "manifests: file:///demo/lake/manifests/<environment>/<project>/") {
			t.Errorf("the data of %s are elsewhere:\n%s", environment, text)
		}
	}
	for ago := lateDay; ago <= backfillDay; ago++ {
		if err := d.arrive(t.Context(), ago); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(d.path("lake", "dev", "rates", "quotes", "2025-12-27.csv"))
	if want := "day,currency,eur\n2025-12-27,GBP,1.1445\n2025-12-27,USD,0.9175\n2025-12-27,CHF,1.0430\n"; err != nil || string(data) != want {
		t.Errorf("the quotes of the third day of the week are %q (error %v), want %q", data, err, want)
	}
}

func TestApplyRefusesWhatDoesNotFit(t *testing.T) {
	for name, tc := range map[string]struct {
		edit edit
		want string
	}{
		"a text that is not there":   {edit{"trunkline.yaml", "nowhere", "x"}, `"nowhere" is 0 times in trunkline.yaml, want once`},
		"a text that is there twice": {edit{"trunkline.yaml", "m", "x"}, "times in trunkline.yaml, want once"},
		"a file that is not there":   {edit{"nowhere.yaml", "a", "b"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &repository{&stage.Repository{Work: t.TempDir()}}
			if err := os.CopyFS(r.Work, os.DirFS(example)); err != nil {
				t.Fatal(err)
			}
			err := r.apply([]edit{tc.edit})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestRemoveRefusesAFolderThatIsNotThere(t *testing.T) {
	r := &repository{&stage.Repository{Work: t.TempDir()}}
	if err := r.remove("projects/nowhere"); err == nil {
		t.Error("no error")
	}
}

func TestChangedLines(t *testing.T) {
	removed, added := changedLines(edit{old: "a\nb\nc\n", new: "a\nB\nB2\nc\n"})
	if diff := cmp.Diff([][]string{{"b"}, {"B", "B2"}}, [][]string{removed, added}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
