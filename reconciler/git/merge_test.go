// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// fetchAll fetches commits, all in one as parents of another.
func fetchAll(t testing.TB, s *git.Store, repo *gittest.Repo, commits ...string) {
	t.Helper()
	repo.SetBranch(t, "all", repo.CommitWith(t, commits, "all", nil))
	tr, err := s.Track("all")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Fetch(t.Context(), git.Remote{URL: repo.URL(), Branch: "all"}); err != nil {
		t.Fatal(err)
	}
}

// distinct has each path in every line of its content, so that no file looks like another one that was renamed.
func distinct(files map[string]string) map[string]string {
	all := map[string]string{}
	for path, value := range files {
		kind, content := "", value
		for _, prefix := range []string{gittest.Symlink(""), gittest.Executable(""), gittest.Submodule("")} {
			if rest, ok := strings.CutPrefix(value, prefix); ok {
				kind, content = prefix, rest
			}
		}
		switch {
		case value == gittest.Delete || content == "":
		case kind == gittest.Submodule(""):
			content = fmt.Sprintf("%x", sha1.Sum([]byte(path+content)))
		default:
			var lines []string
			for l := range strings.Lines(content) {
				lines = append(lines, path+":"+l)
			}
			content = strings.Join(lines, "")
		}
		all[path] = kind + content
	}
	return all
}

// mergeAsGit merges two commits, and holds the outcome against that of git.
func mergeAsGit(rt rapid.TB, t *testing.T, s *git.Store, repo *gittest.Repo, ours, theirs string) git.Merged {
	got, err := s.Merge(t.Context(), ours, theirs)
	if err != nil {
		rt.Fatal(err)
	}
	want := repo.GitMerge(t, ours, theirs)
	var paths []string
	for _, c := range got.Conflicts {
		paths = append(paths, c.Path)
	}
	if diff := cmp.Diff(want.Conflicts, paths); diff != "" {
		rt.Fatalf("conflicts (-git +got):\n%s%v", diff, got.Conflicts)
	}
	if len(paths) > 0 {
		if got.Tree != nil || got.Commit != "" {
			rt.Fatalf("there is a tree although there are conflicts: %+v", got)
		}
		return got
	}
	if hash, _ := got.Tree.Hash("."); hash != want.Tree {
		rt.Fatalf("tree: got %s, git makes %s", hash, want.Tree)
	}
	return got
}

func TestMergeOfTrees(t *testing.T) {
	text := func(lines ...string) string { return strings.Join(lines, "\n") + "\n" }
	one, two, three := strings.Repeat("1", 40), strings.Repeat("2", 40), strings.Repeat("3", 40)
	abc := text("a", "b", "c")
	for name, tc := range map[string]struct {
		base, ours, theirs map[string]string
		want               map[string]git.ConflictKind
	}{
		"different files":                {files{"a": "1", "b": "1"}, files{"a": "2"}, files{"b": "2"}, nil},
		"the same change":                {files{"a": "1"}, files{"a": "2"}, files{"a": "2"}, nil},
		"different lines of a file":      {files{"d/a": abc}, files{"d/a": text("A", "b", "c")}, files{"d/a": text("a", "b", "C")}, nil},
		"the same line":                  {files{"d/a": abc}, files{"d/a": text("A", "b", "c")}, files{"d/a": text("X", "b", "c")}, kinds{"d/a": git.BothChanged}},
		"no newline at the end":          {files{"a": "a\nb\nc"}, files{"a": "A\nb\nc"}, files{"a": "a\nb\nC"}, nil},
		"ends of lines":                  {files{"a": abc}, files{"a": "a\r\nb\r\nc\r\n"}, files{"a": text("a", "b", "C")}, kinds{"a": git.BothChanged}},
		"ends of Windows":                {files{"a": "a\r\nb\r\nc\r\n"}, files{"a": "A\r\nb\r\nc\r\n"}, files{"a": "a\r\nb\r\nC\r\n"}, nil},
		"added by each":                  {files{"k": "1"}, files{"a": "1"}, files{"b": "1"}, nil},
		"added by both, the same":        {files{"k": "1"}, files{"d/a": "1"}, files{"d/a": "1"}, nil},
		"added by both, not the same":    {files{"k": "1"}, files{"d/a": "1"}, files{"d/a": "2"}, kinds{"d/a": git.BothAdded}},
		"added by both, one is empty":    {files{"k": "1"}, files{"a": ""}, files{"a": "1\n"}, nil},
		"emptied and changed":            {files{"a": abc}, files{"a": ""}, files{"a": text("A", "b", "c")}, kinds{"a": git.BothChanged}},
		"deleted by both":                {files{"a": "1", "k": "1"}, files{"a": gittest.Delete, "x": "1"}, files{"a": gittest.Delete, "y": "1"}, nil},
		"deleted by one":                 {files{"d/a": "1", "k": "1"}, files{"d": gittest.Delete}, files{"y": "1"}, nil},
		"deleted here, changed there":    {files{"d/a": "1", "k": "1"}, files{"d": gittest.Delete}, files{"d/a": "2"}, kinds{"d/a": git.OursDeleted}},
		"changed here, deleted there":    {files{"d/a": "1", "k": "1"}, files{"d/a": "2"}, files{"d": gittest.Delete}, kinds{"d/a": git.TheirsDeleted}},
		"a folder deleted, added to":     {files{"d/a": "1", "k": "1"}, files{"d": gittest.Delete}, files{"d/b": "2"}, nil},
		"everything deleted by both":     {files{"a": "1", "b": "1", "k": "1"}, files{"a": gittest.Delete, "k": gittest.Delete}, files{"b": gittest.Delete, "k": gittest.Delete}, nil},
		"mode by one, content by other":  {files{"a": "1"}, files{"a": gittest.Executable("1")}, files{"a": "2"}, nil},
		"mode by both":                   {files{"a": "1", "k": "1"}, files{"a": gittest.Executable("1"), "k": "2"}, files{"a": gittest.Executable("1")}, nil},
		"mode and content by both":       {files{"a": abc}, files{"a": gittest.Executable(text("A", "b", "c"))}, files{"a": gittest.Executable(text("a", "b", "C"))}, nil},
		"added, executable by one":       {files{"k": "1"}, files{"a": gittest.Executable("1")}, files{"a": "1"}, kinds{"a": git.ModeChanged}},
		"a link by each":                 {files{"l": gittest.Symlink("x"), "m": gittest.Symlink("x")}, files{"l": gittest.Symlink("y")}, files{"m": gittest.Symlink("y")}, nil},
		"a link by both":                 {files{"l": gittest.Symlink("x")}, files{"l": gittest.Symlink("y")}, files{"l": gittest.Symlink("z")}, kinds{"l": git.LinkChanged}},
		"a link, the same by both":       {files{"l": gittest.Symlink("x"), "k": "1"}, files{"l": gittest.Symlink("y"), "k": "2"}, files{"l": gittest.Symlink("y")}, nil},
		"a file becomes a link":          {files{"a": "1", "k": "1"}, files{"a": gittest.Symlink("k")}, files{"k": "2"}, nil},
		"a link here, changed there":     {files{"a": "1"}, files{"a": gittest.Symlink("k")}, files{"a": "2"}, kinds{"a": git.KindsDiffer}},
		"a file that reads as a link":    {files{"a": "x"}, files{"a": gittest.Symlink("x")}, files{"a": gittest.Symlink("y")}, nil},
		"a submodule by one":             {files{"m": gittest.Submodule(one), "k": "1"}, files{"m": gittest.Submodule(two)}, files{"k": "2"}, nil},
		"a submodule by both":            {files{"m": gittest.Submodule(one), "k": "1"}, files{"m": gittest.Submodule(two)}, files{"m": gittest.Submodule(three)}, kinds{"m": git.ModuleChanged}},
		"a submodule deleted, moved":     {files{"m": gittest.Submodule(one), "k": "1"}, files{"m": gittest.Delete}, files{"m": gittest.Submodule(three)}, kinds{"m": git.OursDeleted}},
		"a file becomes a folder":        {files{"a": "1", "k": "1"}, files{"a/b": "1"}, files{"k": "2"}, nil},
		"a folder becomes a file":        {files{"a/b": "1", "k": "1"}, files{"k": "2"}, files{"a": "1"}, nil},
		"a file there, a folder here":    {files{"k": "1"}, files{"a/b": "1"}, files{"a": "1"}, kinds{"a": git.FileAndFolder}},
		"a folder here, changed there":   {files{"a": "1", "k": "1"}, files{"a/b": "1"}, files{"a": "2"}, kinds{"a": git.OursDeleted}},
		"a file here, added to there":    {files{"a/b": "1", "k": "1"}, files{"a": "1"}, files{"a/c": "1"}, kinds{"a": git.FileAndFolder}},
		"a file here, changed there":     {files{"a/b": "1", "k": "1"}, files{"a": "1"}, files{"a/b": "2"}, kinds{"a": git.FileAndFolder, "a/b": git.OursDeleted}},
		"a folder by both, of a file":    {files{"a": "1", "k": "1"}, files{"a/b": "1"}, files{"a/c": "1"}, nil},
		"binary by one":                  {files{"a": "\x001", "k": "1"}, files{"a": "\x002"}, files{"k": "2"}, nil},
		"binary by both":                 {files{"a": "\x001"}, files{"a": "\x002"}, files{"a": "\x003"}, kinds{"a": git.BinaryChanged}},
		"names that sort by a slash":     {files{"a/x": "1", "a-b": "1", "a0": "1"}, files{"a/x": "2"}, files{"a-b": "2", "a0": "2", "a.c": "1"}, nil},
		"names that are not UTF-8":       {files{"\xff/\xfe": "1", "k": "1"}, files{"\xff/\xfe": "2"}, files{"\xff/x": "1"}, nil},
		"deep below what nobody touched": {files{"a/b/c/d/e": abc, "a/b/x": "1", "z": "1"}, files{"a/b/c/d/e": text("A", "b", "c")}, files{"a/b/c/d/f": "1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo, store := gittest.New(t), openStore(t)
			base := repo.CommitWith(t, nil, "base", distinct(tc.base))
			ours := repo.CommitWith(t, []string{base}, "ours", distinct(tc.ours))
			theirs := repo.CommitWith(t, []string{base}, "theirs", distinct(tc.theirs))
			fetchAll(t, store, repo, ours, theirs)
			got := mergeAsGit(t, t, store, repo, ours, theirs)
			var want []git.Conflict
			for _, path := range slices.Sorted(maps.Keys(tc.want)) {
				want = append(want, git.Conflict{Path: path, Kind: tc.want[path]})
			}
			if diff := cmp.Diff(want, got.Conflicts); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{base}, got.Bases); diff != "" {
				t.Errorf("bases (-want +got):\n%s", diff)
			}
		})
	}
}

type (
	files = map[string]string
	kinds = map[string]git.ConflictKind
)

// drawFiles draws changes to a few paths, among them files and folders of the same name.
func drawFiles(t *rapid.T, label string, most int) map[string]string {
	name := rapid.SampledFrom([]string{"a", "a-b", "a.b", "b"})
	line := rapid.SampledFrom([]string{"1", "2", "3", "4"})
	drawn := map[string]string{}
	for range rapid.IntRange(0, most).Draw(t, label) {
		path := strings.Join(rapid.SliceOfN(name, 1, 3).Draw(t, "path"), "/")
		content := strings.Join(rapid.SliceOfN(line, 0, 6).Draw(t, "lines"), "\n")
		switch rapid.IntRange(0, 12).Draw(t, "what") {
		case 0, 1:
			drawn[path] = gittest.Delete
		case 2:
			drawn[path] = gittest.Executable(content)
		case 3:
			drawn[path] = gittest.Symlink(rapid.SampledFrom([]string{"a", "1"}).Draw(t, "target"))
		case 4:
			drawn[path] = gittest.Submodule(strings.Repeat(line.Draw(t, "module"), 40))
		default:
			drawn[path] = content
		}
	}
	for path := range drawn { // a path that is also a folder of another one cannot be both
		for other := range drawn {
			if strings.HasPrefix(other, path+"/") {
				delete(drawn, path)
			}
		}
	}
	return distinct(drawn)
}

// TestMergeOfTreesIsGits merges random trees, and has git do the same.
func TestMergeOfTreesIsGits(t *testing.T) {
	repo := gittest.New(t)
	store := openStore(t)
	rapid.Check(t, func(rt *rapid.T) {
		base := repo.CommitWith(t, nil, "base", drawFiles(rt, "base", 12))
		ours := repo.CommitWith(t, []string{base}, "ours", drawFiles(rt, "ours", 4))
		theirs := repo.CommitWith(t, []string{base}, "theirs", drawFiles(rt, "theirs", 4))
		fetchAll(t, store, repo, ours, theirs)
		got := mergeAsGit(rt, t, store, repo, ours, theirs)
		if again := mergeAsGit(rt, t, store, repo, ours, theirs); again.Commit != got.Commit {
			rt.Fatalf("the same merge is commit %q and then %q", got.Commit, again.Commit)
		}
	})
}

// TestCrossedHistories merges lines that were merged into each other before.
func TestCrossedHistories(t *testing.T) {
	repo := gittest.New(t)
	store := openStore(t)
	rapid.Check(t, func(rt *rapid.T) {
		root := repo.CommitWith(t, nil, "root", drawFiles(rt, "root", 8))
		commits := []string{root}
		for i := range rapid.IntRange(2, 9).Draw(rt, "commits") {
			parents := []string{rapid.SampledFrom(commits).Draw(rt, "parent")}
			if second := rapid.SampledFrom(commits).Draw(rt, "second"); second != parents[0] && rapid.Bool().Draw(rt, "merge") {
				parents = append(parents, second)
			}
			commits = append(commits, repo.CommitWith(t, parents, fmt.Sprint(i), drawFiles(rt, "changed", 3)))
		}
		fetchAll(t, store, repo, commits...)
		ours, theirs := rapid.SampledFrom(commits).Draw(rt, "ours"), rapid.SampledFrom(commits).Draw(rt, "theirs")
		bases, err := store.MergeBases(t.Context(), ours, theirs)
		if err != nil {
			rt.Fatal(err)
		}
		want := repo.GitMergeBases(t, ours, theirs)
		slices.Sort(bases)
		if diff := cmp.Diff(want, bases); diff != "" {
			rt.Fatalf("merge bases (-git +got):\n%s", diff)
		}
		mergeCrossed(rt, t, store, repo, ours, theirs)
	})
}

// mergeCrossed is mergeAsGit where a path that was in conflict between the merge bases may be one more conflict.
func mergeCrossed(rt *rapid.T, t *testing.T, s *git.Store, repo *gittest.Repo, ours, theirs string) {
	got, err := s.Merge(t.Context(), ours, theirs)
	if err != nil {
		rt.Fatal(err)
	}
	want := repo.GitMerge(t, ours, theirs)
	if len(got.Conflicts) == 0 && len(want.Conflicts) == 0 {
		if hash, _ := got.Tree.Hash("."); hash != want.Tree {
			rt.Fatalf("tree: got %s, git makes %s", hash, want.Tree)
		}
		return
	}
	if len(got.Bases) < 2 {
		mergeAsGit(rt, t, s, repo, ours, theirs)
		return
	}
	for _, path := range want.Conflicts {
		if !slices.ContainsFunc(got.Conflicts, func(c git.Conflict) bool { return c.Path == path }) {
			rt.Fatalf("git has a conflict at %q that was not found: %v", path, got.Conflicts)
		}
	}
}

// TestRenames: no renames are looked for. What git sees through, or takes for a conflict because of one, is what it is
// without.
func TestRenames(t *testing.T) {
	long := strings.Repeat("a line of a file that is long enough\n", 20)
	base := files{"a": long, "k": "1"}
	for name, tc := range map[string]struct {
		ours, theirs files
		want         []git.Conflict
	}{
		"renamed here, changed there": {files{"a": gittest.Delete, "b": long}, files{"a": long + "x\n"}, []git.Conflict{{Path: "a", Kind: git.OursDeleted}}},
		"changed here, renamed there": {files{"a": long + "x\n"}, files{"a": gittest.Delete, "b": long}, []git.Conflict{{Path: "a", Kind: git.TheirsDeleted}}},
		"renamed by both":             {files{"a": gittest.Delete, "b": long}, files{"a": gittest.Delete, "b": long}, nil},
		"renamed by both, changed":    {files{"a": gittest.Delete, "b": long + "x\n"}, files{"a": gittest.Delete, "b": long + "y\n"}, []git.Conflict{{Path: "b", Kind: git.BothAdded}}},
		"renamed by both, otherwise":  {files{"a": gittest.Delete, "b": long}, files{"a": gittest.Delete, "c": long}, nil},
		"renamed here, deleted there": {files{"a": gittest.Delete, "b": long}, files{"a": gittest.Delete, "k": "2"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			repo, store := gittest.New(t), openStore(t)
			root := repo.CommitWith(t, nil, "base", base)
			ours, theirs := repo.CommitWith(t, []string{root}, "ours", tc.ours), repo.CommitWith(t, []string{root}, "theirs", tc.theirs)
			fetchAll(t, store, repo, ours, theirs)
			got, err := store.Merge(t.Context(), ours, theirs)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Conflicts); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
			// Where both merge, they make the same.
			if git := repo.GitMerge(t, ours, theirs); len(git.Conflicts) == 0 && got.Tree != nil {
				if hash, _ := got.Tree.Hash("."); hash != git.Tree {
					t.Errorf("tree: got %s, git makes %s", hash, git.Tree)
				}
			}
		})
	}
}

func TestMergeOfWhatIsMergedAlready(t *testing.T) {
	repo, store := gittest.New(t), openStore(t)
	base := repo.CommitWith(t, nil, "base", files{"a": "1"})
	next := repo.CommitWith(t, []string{base}, "next", files{"a": "2"})
	stranger := repo.CommitWith(t, nil, "stranger", files{"a": "3"})
	fetchAll(t, store, repo, next, stranger)
	for name, tc := range map[string]struct{ ours, theirs, want string }{
		"the head is the base":     {next, next, next},
		"the head is behind":       {next, base, next},
		"the base has not moved":   {base, next, next},
		"neither: the first again": {base, base, base},
	} {
		before := size(t, store)
		got, err := store.Merge(t.Context(), tc.ours, tc.theirs)
		if err != nil || got.Commit != tc.want || got.Tree.Commit() != tc.want || len(got.Conflicts) > 0 {
			t.Errorf("%s: got %+v, %v, want %s", name, got, err, tc.want)
		}
		if after := size(t, store); after != before {
			t.Errorf("%s: something was written: %+v, then %+v", name, before, after)
		}
	}
	_, err := store.Merge(t.Context(), next, stranger)
	if e, ok := errors.AsType[*git.UnrelatedError](err); !ok || git.ClassOf(err) != git.Terminal || e.Theirs != stranger {
		t.Errorf("unrelated histories: got %v", err)
	}
	if bases, err := store.MergeBases(t.Context(), next, stranger); err != nil || len(bases) != 0 {
		t.Errorf("bases of unrelated histories: %v, %v", bases, err)
	}
}
