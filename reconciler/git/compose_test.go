// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// several is a platform with sources, in repositories of their own.
type several struct {
	platform *gittest.Repo
	sources  map[string]*gittest.Repo
}

func newSeveral(t testing.TB, names ...string) *several {
	t.Helper()
	w := &several{platform: gittest.New(t), sources: map[string]*gittest.Repo{}}
	w.platform.Commit(t, "platform", map[string]string{"trunkline.yaml": "platform", "projects/own/project.yaml": "own"})
	for _, name := range names {
		w.sources[name] = gittest.New(t)
		w.sources[name].Commit(t, name, map[string]string{"project.yaml": name, "deploy/x.yaml": "x of " + name})
	}
	return w
}

// fetchAll brings everything into a store, in an order, and returns the heads.
func (w *several) fetchAll(t testing.TB, s *git.Store, order []string) map[string]string {
	t.Helper()
	heads := map[string]string{}
	for _, name := range order {
		if name == "" {
			heads[""] = fetch(t, s, mainOf(w.platform)).Commit
			continue
		}
		heads[name] = fetchSource(t, s, name, mainOf(w.sources[name])).Commit
	}
	return heads
}

func fetchSource(t testing.TB, s *git.Store, name string, r git.Remote) git.Head {
	t.Helper()
	tr, err := s.Track(git.SourceTrack(name))
	if err != nil {
		t.Fatal(err)
	}
	head, err := tr.Fetch(t.Context(), r)
	if err != nil {
		t.Fatalf("fetching source %s: %v", name, err)
	}
	return head
}

func composition(heads map[string]string) git.Composition {
	c := git.Composition{Platform: heads[""]}
	for _, name := range slices.Sorted(maps.Keys(heads)) {
		if name != "" {
			c.Sources = append(c.Sources, git.Part{Name: name, Commit: heads[name]})
		}
	}
	return c
}

func compose(t testing.TB, s *git.Store, c git.Composition) string {
	t.Helper()
	commit, err := s.Compose(t.Context(), c)
	if err != nil {
		t.Fatalf("composing: %v", err)
	}
	return commit
}

func filesOf(t testing.TB, tree fs.FS) (names []string) {
	t.Helper()
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestCompose joins two sources with a platform, and reads what came of it.
func TestCompose(t *testing.T) {
	w, s := newSeveral(t, "billing", "orders"), openStore(t)
	heads := w.fetchAll(t, s, []string{"orders", "", "billing"})
	c := composition(heads)
	c.Sources[1].Path = "deploy"
	commit := compose(t, s, c)
	tree := openAt(t, s, commit)
	want := []string{"projects/own/project.yaml", "sources/billing/deploy/x.yaml", "sources/billing/project.yaml", "sources/orders/x.yaml", "trunkline.yaml"}
	if diff := cmp.Diff(want, filesOf(t, tree)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := fstest.TestFS(tree, want...); err != nil {
		t.Error(err)
	}
	parents, err := s.Parents(commit)
	if diff := cmp.Diff([]string{heads[""], heads["billing"], heads["orders"]}, parents); diff != "" || err != nil {
		t.Errorf("parents: %v\n%s", err, diff)
	}
	got, ok, err := s.Composition(commit)
	if diff := cmp.Diff(c, got); diff != "" || !ok || err != nil {
		t.Errorf("read back: %t %v\n%s", ok, err, diff)
	}
	if again := compose(t, s, c); again != commit {
		t.Errorf("the same again is %s, and was %s", again, commit)
	}
	if head, err := s.Describe(commit); err != nil || head.Subject != fmt.Sprintf("Compose %.8s with billing %.8s, orders %.8s", heads[""], heads["billing"], heads["orders"]) {
		t.Errorf("described as %q: %v", head.Subject, err)
	}
	// What changes in one source is what differs.
	next := maps.Clone(heads)
	w.sources["orders"].Commit(t, "more", map[string]string{"deploy/y.yaml": "y"})
	next["orders"] = fetchSource(t, s, "orders", mainOf(w.sources["orders"])).Commit
	d := composition(next)
	d.Sources[1].Path = "deploy"
	changed, err := git.Changed(tree, openAt(t, s, compose(t, s, d)))
	if diff := cmp.Diff([]string{"sources/orders/y.yaml"}, changed); diff != "" || err != nil {
		t.Errorf("changed: %v\n%s", err, diff)
	}
}

// TestComposeInAFolder has the platform in a folder of its repository.
func TestComposeInAFolder(t *testing.T) {
	w, s := newSeveral(t, "orders"), openStore(t)
	w.platform.Commit(t, "moved", map[string]string{"a/b/trunkline.yaml": "p", "sources/x": "not of the platform", "link": gittest.Symlink("a/b")})
	heads := w.fetchAll(t, s, []string{"", "orders"})
	for _, dir := range []string{"a/b", "link"} {
		c := composition(heads)
		c.Dir = dir
		tree, err := openAt(t, s, compose(t, s, c)).At(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"sources/orders/deploy/x.yaml", "sources/orders/project.yaml", "trunkline.yaml"}, filesOf(t, tree)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", dir, diff)
		}
	}
}

// TestComposeTheSameEverywhere: whatever the order in which heads arrive, and the store, the same parts have the same commit.
func TestComposeTheSameEverywhere(t *testing.T) {
	w := newSeveral(t, "a", "b")
	want := ""
	for i, order := range [][]string{{"", "a", "b"}, {"", "b", "a"}, {"a", "", "b"}, {"a", "b", ""}, {"b", "", "a"}, {"b", "a", ""}} {
		s := openStore(t)
		c := composition(w.fetchAll(t, s, order))
		if i%2 == 0 {
			slices.Reverse(c.Sources)
			compose(t, s, git.Composition{Platform: c.Platform, Sources: c.Sources[:1]})
		}
		got := compose(t, s, c)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("fetched as %q it is %s, and %s before", order, got, want)
		}
	}
}

// TestComposeRefuses has commits that cannot be joined.
func TestComposeRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		make   func(t *testing.T, w *several, c *git.Composition)
		source string
		says   string
	}{
		"own folder": {"What is there would be hidden, or would hide the source.", func(t *testing.T, w *several, _ *git.Composition) {
			w.platform.Commit(t, "x", map[string]string{"sources/orders/x": "x"})
		}, "", `"sources" is where the repositories are`},
		"other folder": {"Whatever its name.", func(t *testing.T, w *several, _ *git.Composition) {
			w.platform.Commit(t, "x", map[string]string{"sources/zzz/x": "x"})
		}, "", `"sources" is where`},
		"own file": {"Nor is it a file.", func(t *testing.T, w *several, _ *git.Composition) {
			w.platform.Commit(t, "x", map[string]string{"sources": "x"})
		}, "", `"sources" is where`},
		"own link": {"Nor a link.", func(t *testing.T, w *several, _ *git.Composition) {
			w.platform.Commit(t, "x", map[string]string{"sources": gittest.Symlink("projects")})
		}, "", `"sources" is where`},
		"own module": {"Nor a submodule.", func(t *testing.T, w *several, _ *git.Composition) {
			w.platform.Commit(t, "x", map[string]string{"sources": gittest.Submodule(strings.Repeat("a", 40))})
		}, "", `"sources" is where`},
		"no path":        {"A folder that the source does not have.", func(_ *testing.T, _ *several, c *git.Composition) { c.Sources[0].Path = "elsewhere" }, "orders", `source orders has no folder "elsewhere"`},
		"path of a file": {"A file is no folder.", func(_ *testing.T, _ *several, c *git.Composition) { c.Sources[0].Path = "project.yaml" }, "orders", `source orders has no folder "project.yaml"`},
		"path leaves": {"A link that leaves the repository.", func(t *testing.T, w *several, c *git.Composition) {
			w.sources["orders"].Commit(t, "x", map[string]string{"out": gittest.Symlink("../..")})
			c.Sources[0].Path = "out"
		}, "orders", `source orders has no folder "out"`},
		"path of a module": {"A submodule has nothing in it.", func(t *testing.T, w *several, c *git.Composition) {
			w.sources["orders"].Commit(t, "x", map[string]string{"sub": gittest.Submodule(strings.Repeat("b", 40))})
			c.Sources[0].Path = "sub"
		}, "orders", `source orders has no folder "sub"`},
		"no platform": {"The platform's folder is not there.", func(_ *testing.T, _ *several, c *git.Composition) { c.Dir = "elsewhere" }, "", `no folder "elsewhere", which holds the platform`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w, s := newSeveral(t, "orders"), openStore(t)
			c := git.Composition{Sources: []git.Part{{Name: "orders"}}}
			tc.make(t, w, &c)
			heads := w.fetchAll(t, s, []string{"", "orders"})
			c.Platform, c.Sources[0].Commit = heads[""], heads["orders"]
			_, err := s.Compose(t.Context(), c)
			wrong, ok := errors.AsType[*git.ComposeError](err)
			if !ok || wrong.Source != tc.source || !strings.Contains(err.Error(), tc.says) || wrong.Class() != git.Terminal {
				t.Errorf("%s: got %v", tc.reason, err)
			}
		})
	}
}

// TestAPlatformKeepsThePlaceFree is about a platform of whose sources none is known.
func TestAPlatformKeepsThePlaceFree(t *testing.T) {
	w, s := newSeveral(t), openStore(t)
	head := fetch(t, s, mainOf(w.platform)).Commit
	if got := compose(t, s, git.Composition{Platform: head}); got != head {
		t.Errorf("without sources it is %s and not the commit itself", got)
	}
	w.platform.Commit(t, "x", map[string]string{"sources/orders/project.yaml": "forged"})
	if _, err := s.Compose(t.Context(), git.Composition{Platform: fetch(t, s, mainOf(w.platform)).Commit}); err == nil {
		t.Error("the platform has a source of its own making")
	}
}

// TestALookalikeIsNoComposition: what others have made to look like what the daemon makes is a commit like any other.
func TestALookalikeIsNoComposition(t *testing.T) {
	w, s := newSeveral(t, "orders"), openStore(t)
	c := composition(w.fetchAll(t, s, []string{"", "orders"}))
	commit := compose(t, s, c)
	raw, err := s.RawCommit(commit)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw.Raw)
	for name, forged := range map[string]string{
		"another author":        strings.Replace(text, "author Trunkline <compose@trunkline.dev>", "author Ann <ann@example.com>", 1),
		"another name":          strings.Replace(text, "author Trunkline <", "author Trunkl1ne <", 1),
		"another subject":       strings.Replace(text, "Compose ", "Composes ", 1),
		"other parents":         strings.Replace(text, "parent "+c.Platform+"\n", "", 1),
		"parents the other way": strings.Replace(strings.Replace(text, "parent "+c.Platform+"\n", "", 1), "\nauthor", "\nparent "+c.Platform+"\nauthor", 1),
		"more of a text":        text + "more\n",
		"a part left out":       strings.Replace(text, " orders="+c.Sources[0].Commit, "", 1),
		"short hashes":          strings.Replace(text, "orders="+c.Sources[0].Commit, "orders="+c.Sources[0].Commit[:12], 1),
	} {
		if forged == text {
			t.Fatalf("%s: nothing was changed", name)
		}
		if git.IsComposition([]byte(forged)) {
			t.Errorf("%s counts as a composition", name)
		}
	}
	if !git.IsComposition(raw.Raw) {
		t.Error("and the real one does not")
	}
}

// TestLinksStayInTheirRepository: in a joint tree a link leads where it leads in its own repository, or nowhere.
func TestLinksStayInTheirRepository(t *testing.T) {
	w, s := newSeveral(t, "billing", "orders"), openStore(t)
	w.platform.Commit(t, "links", map[string]string{
		"secret": "of the platform", "in": gittest.Symlink("sources/orders/project.yaml"), "infolder": gittest.Symlink("sources/orders"), "insources": gittest.Symlink("sources"),
		"own": gittest.Symlink("secret"), "projects/up": gittest.Symlink("../secret"), "around": gittest.Symlink("sources/../secret"),
	})
	w.sources["orders"].Commit(t, "links", map[string]string{
		"a/out": gittest.Symlink("../../../secret"), "out": gittest.Symlink("../../secret"), "root": gittest.Symlink("../.."), "siblings": gittest.Symlink(".."),
		"sibling": gittest.Symlink("../billing/project.yaml"), "back": gittest.Symlink("../orders/project.yaml"), "absolute": gittest.Symlink("/sources/billing/project.yaml"),
		"fine": gittest.Symlink("project.yaml"), "a/fine": gittest.Symlink("../deploy/x.yaml"), "a/folder": gittest.Symlink("../deploy"), "chain": gittest.Symlink("a/out"),
		"dangling": gittest.Symlink("nothing"), "self": gittest.Symlink("self"),
	})
	tree := openAt(t, s, compose(t, s, composition(w.fetchAll(t, s, []string{"", "billing", "orders"}))))
	for path, want := range map[string]error{
		"own": nil, "projects/up": nil, "around": nil,
		"in": git.ErrOtherPart, "infolder/project.yaml": git.ErrOtherPart, "infolder": git.ErrOtherPart, "insources/orders/project.yaml": git.ErrOtherPart,
		"sources/orders/fine": nil, "sources/orders/a/fine": nil, "sources/orders/a/folder/x.yaml": nil, "sources/billing/project.yaml": nil,
		"sources/orders/out": git.ErrLeavesTree, "sources/orders/a/out": git.ErrLeavesTree, "sources/orders/root/secret": git.ErrLeavesTree,
		"sources/orders/siblings/billing/project.yaml": git.ErrLeavesTree, "sources/orders/sibling": git.ErrLeavesTree, "sources/orders/back": git.ErrLeavesTree,
		"sources/orders/absolute": git.ErrLeavesTree, "sources/orders/chain": git.ErrLeavesTree, "sources/orders/dangling": fs.ErrNotExist, "sources/orders/self": git.ErrLinkLoop,
	} {
		if path == "infolder" { // the folder itself is in the source as well
			if _, err := tree.ReadDir(path); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", path, err, want)
			}
			continue
		}
		if _, err := tree.ReadFile(path); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", path, err, want)
		}
	}
	inside, err := tree.At("sources/orders")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inside.ReadFile("out"); !errors.Is(err, git.ErrLeavesTree) {
		t.Errorf("in the tree of the source alone: %v", err)
	}
}

// TestNewerPartByPart compares commits that join others.
func TestNewerPartByPart(t *testing.T) {
	w, s := newSeveral(t, "a", "b"), openStore(t)
	order := []string{"", "a", "b"}
	first := w.fetchAll(t, s, order)
	w.platform.Commit(t, "second", map[string]string{"x": "2"})
	w.sources["a"].Commit(t, "second", map[string]string{"x": "2"})
	w.sources["b"].Commit(t, "second", map[string]string{"x": "2"})
	second := w.fetchAll(t, s, order)
	of := func(platform, a, b map[string]string) string {
		c := git.Composition{Platform: platform[""]}
		for _, one := range []struct {
			name string
			of   map[string]string
		}{{"a", a}, {"b", b}} {
			if one.of != nil {
				c.Sources = append(c.Sources, git.Part{Name: one.name, Commit: one.of[one.name]})
			}
		}
		return compose(t, s, c)
	}
	unknown := strings.Repeat("e", 40)
	cases := map[string]struct {
		tip, other     string
		newer, outside bool
	}{
		"the same":                        {of(first, first, first), of(first, first, first), false, false},
		"older in one":                    {of(first, second, first), of(first, first, first), false, false},
		"older in all":                    {of(second, second, second), of(first, first, first), false, false},
		"newer in one":                    {of(first, first, first), of(first, first, second), true, true},
		"newer in the platform":           {of(first, first, first), of(second, first, first), true, true},
		"newer in different ones":         {of(first, second, first), of(first, first, second), true, true},
		"the other way round":             {of(first, first, second), of(first, second, first), true, true},
		"a plain one before":              {of(second, first, first), first[""], false, false},
		"a plain one after":               {of(first, first, first), second[""], true, true},
		"from a plain one, newer":         {first[""], of(second, first, first), true, true},
		"from a plain one, as old":        {first[""], of(first, second, second), false, false},
		"a source that the tip has not":   {of(first, first, nil), of(first, first, second), false, false},
		"a source that the other has not": {of(first, first, second), of(first, first, nil), false, false},
		"not known":                       {of(first, first, first), unknown, true, true},
		"no hash":                         {of(first, first, first), "x", false, true},
	}
	for name, tc := range cases {
		newer, err := s.Newer(t.Context(), tc.tip, []string{tc.other})
		if got := len(newer) > 0; got != tc.newer || err != nil {
			t.Errorf("%s: newer is %t %v", name, got, err)
		}
		outside, err := s.Outside(t.Context(), tc.tip, []string{tc.other})
		if got := len(outside) > 0; got != tc.outside || err != nil {
			t.Errorf("%s: outside is %t %v", name, got, err)
		}
	}
	newer, err := s.NewerIn(t.Context(), of(first, first, first), []string{of(first, second, first)}, func(name string) bool { return name != "a" })
	if len(newer) > 0 || err != nil {
		t.Errorf("in the others than a: %v %v", newer, err)
	}
}

// TestALostCompositionIsMadeAgain: with what inventories have recorded, a store that was lost has the commits of before.
func TestALostCompositionIsMadeAgain(t *testing.T) {
	w, before := newSeveral(t, "orders"), openStore(t)
	c := composition(w.fetchAll(t, before, []string{"", "orders"}))
	c.Sources[0].Path = "deploy"
	commit := compose(t, before, c)

	s := openStore(t)
	w.fetchAll(t, s, []string{"", "orders"})
	if _, err := s.Tree(t.Context(), commit); err == nil {
		t.Fatal("the commit is in a store in which nobody has made it")
	}
	s = openStore(t)
	w.fetchAll(t, s, []string{"", "orders"})
	parsed, err := git.ParseComposition(c.String())
	if err != nil {
		t.Fatal(err)
	}
	s.Recall(commit, parsed)
	if newer, err := s.Newer(t.Context(), compose(t, s, git.Composition{Platform: c.Platform, Sources: []git.Part{{Name: "orders", Commit: c.Sources[0].Commit}}}), []string{commit}); len(newer) > 0 || err != nil {
		t.Errorf("what was recalled counts as newer: %v %v", newer, err)
	}
	if got := read(t, openAt(t, s, commit), "sources/orders/x.yaml"); got != "x of orders" {
		t.Errorf("it holds %q", got)
	}
	// What an inventory has recorded wrongly makes no other commit.
	forged := strings.Repeat("d", 40)
	s.Recall(forged, git.Composition{Platform: c.Platform, Sources: []git.Part{{Name: "orders", Commit: c.Sources[0].Commit}}})
	if _, err := s.Tree(t.Context(), forged); err == nil {
		t.Error("a commit that was recorded wrongly is there")
	}
}

// TestCollectKeepsCompositions collects a store of which the accepted commit joins others.
func TestCollectKeepsCompositions(t *testing.T) {
	w, s := newSeveral(t, "orders"), openStore(t)
	c := composition(w.fetchAll(t, s, []string{"", "orders"}))
	commit := compose(t, s, c)
	if err := s.SetAccepted(commit); err != nil {
		t.Fatal(err)
	}
	if err := track(t, s, git.SourceTrack("orders")).SetAccepted(c.Sources[0].Commit); err != nil {
		t.Fatal(err)
	}
	for i := range 30 { // all of which are refused
		w.sources["orders"].Commit(t, "ahead", map[string]string{"project.yaml": fmt.Sprint("ahead ", i)})
	}
	fetchSource(t, s, "orders", mainOf(w.sources["orders"]))
	if _, err := s.Collect(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := read(t, openAt(t, s, commit), "sources/orders/project.yaml"); got != "orders" {
		t.Errorf("it holds %q", got)
	}
	// It can still be joined with the platform's next commit, although its own branch is far ahead.
	w.platform.Commit(t, "next", map[string]string{"x": "x"})
	c.Platform = fetch(t, s, mainOf(w.platform)).Commit
	compose(t, s, c)
}

// TestTagsAndCommits follows what is no branch.
func TestTagsAndCommits(t *testing.T) {
	annotated := func(t *testing.T, r *gittest.Repo, commit string) string {
		return r.Object(t, plumbing.TagObject, []byte("object "+commit+"\ntype commit\ntag v1\ntagger Ann <ann@example.com> 1767225600 +0000\n\nv1\n"))
	}
	for name, url := range map[string]func(t *testing.T, r *gittest.Repo) string{
		"file": func(_ *testing.T, r *gittest.Repo) string { return r.URL() },
		"http": func(t *testing.T, r *gittest.Repo) string { return gittest.ServeHTTP(t, r) },
	} {
		t.Run(name, func(t *testing.T) {
			r, s := gittest.New(t), openStore(t)
			first := r.Commit(t, "first", map[string]string{"x": "1"})
			r.SetRef(t, "refs/tags/v1", annotated(t, r, first))
			r.SetRef(t, "refs/tags/light", first)
			second := r.Commit(t, "second", map[string]string{"x": "2"})
			elsewhere := r.CommitTo(t, "other", "elsewhere", map[string]string{"x": "3"})
			at := url(t, r)
			for want, remote := range map[string]git.Remote{
				first:     {URL: at, Branch: "refs/tags/v1"},
				second:    {URL: at, Branch: gittest.Main},
				elsewhere: {URL: at, Commit: elsewhere},
			} {
				head := fetchSource(t, s, "orders", remote)
				if head.Commit != want {
					t.Errorf("%s: got %s, want %s", remote, head.Commit, want)
				}
				openAt(t, s, head.Commit)
				if picked, known, err := track(t, s, git.SourceTrack("orders")).Picked(remote); !known || err != nil || picked.Commit != want {
					t.Errorf("%s: picked %v %t %v", remote, picked, known, err)
				}
			}
			if got := fetchSource(t, s, "light", git.Remote{URL: at, Branch: "refs/tags/light"}).Commit; got != first {
				t.Errorf("a tag without a text is at %s", got)
			}
			// One that is the tip of nothing, in a store that has nothing yet.
			if got := fetchSource(t, openStore(t), "orders", git.Remote{URL: at, Commit: first}).Commit; got != first {
				t.Errorf("an older commit: %s", got)
			}
			// A tag that is moved is followed.
			r.SetRef(t, "refs/tags/v1", annotated(t, r, second))
			if got := fetchSource(t, s, "orders", git.Remote{URL: at, Branch: "refs/tags/v1"}); got.Commit != second || got.Rewritten {
				t.Errorf("the tag was moved, and is at %s, rewritten: %t", got.Commit, got.Rewritten)
			}
			tr := track(t, s, git.SourceTrack("orders"))
			if _, err := tr.Fetch(t.Context(), git.Remote{URL: at, Commit: strings.Repeat("a", 40)}); err == nil {
				t.Error("a commit that nobody has was fetched")
			}
			if _, err := tr.Fetch(t.Context(), git.Remote{URL: at, Branch: "refs/tags/v2"}); err == nil {
				t.Error("a tag that is not there was fetched")
			}
			for _, commit := range []string{"abc", "HEAD", strings.Repeat("A", 40), "refs/heads/main"} {
				if _, ok := errors.AsType[*git.RefusedError](git.Remote{URL: at, Commit: commit}.Validate()); !ok {
					t.Errorf("commit %q is not refused", commit)
				}
			}
			// A commit that is here is not asked for again: its server may be gone.
			r.Hide(t)
			if got := fetchSource(t, s, "orders", git.Remote{URL: at, Commit: elsewhere}).Commit; got != elsewhere {
				t.Errorf("with the server away: %s", got)
			}
		})
	}
}

// TestServersHearNothingOfOthers records what is said to the servers of a platform and of a source.
func TestServersHearNothingOfOthers(t *testing.T) {
	w, s := newSeveral(t, "orders"), openStore(t)
	said := map[string]*strings.Builder{}
	serve := func(name string, r *gittest.Repo) git.Remote {
		said[name] = &strings.Builder{}
		h := gittest.HTTPHandler(t, r)
		return git.Remote{Branch: gittest.Main, URL: gittest.Serve(t, http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			body, _ := io.ReadAll(req.Body)
			said[name].Write(body)
			req.Body = io.NopCloser(strings.NewReader(string(body)))
			h.ServeHTTP(rw, req)
		}))}
	}
	platform, orders := serve("platform", w.platform), serve("orders", w.sources["orders"])
	c := git.Composition{Platform: fetch(t, s, platform).Commit}
	c.Sources = []git.Part{{Name: "orders", Commit: fetchSource(t, s, "orders", orders).Commit}}
	if err := s.SetAccepted(compose(t, s, c)); err != nil {
		t.Fatal(err)
	}
	w.platform.Commit(t, "next", map[string]string{"x": "x"})
	w.sources["orders"].Commit(t, "next", map[string]string{"x": "x"})
	fetch(t, s, platform)
	fetchSource(t, s, "orders", orders)
	if strings.Contains(said["platform"].String(), c.Sources[0].Commit) || strings.Contains(said["orders"].String(), c.Platform) {
		t.Error("a server was told of commits that are not its own")
	}
	if !strings.Contains(said["platform"].String(), "have "+c.Platform) || !strings.Contains(said["orders"].String(), "have "+c.Sources[0].Commit) {
		t.Error("a server was not told what is here of its own, and sends all again")
	}
}

// TestSourceTracks: every name of a source has a track of its own.
func TestSourceTracks(t *testing.T) {
	s, seen := openStore(t), map[string]string{}
	for _, name := range []string{"orders", "accepted", "fetched", "previous", "a", "0", "main", "pr", "source", strings.Repeat("x", 63)} {
		tr := track(t, s, git.SourceTrack(name))
		if before, twice := seen[tr.Name()]; twice {
			t.Errorf("%s and %s share a track", before, name)
		}
		seen[tr.Name()] = name
	}
}

// FuzzComposition reads what is no composition, and writes what is one as it was.
func FuzzComposition(f *testing.F) {
	hash := strings.Repeat("a", 40)
	for _, s := range []string{hash, hash + " orders=" + hash, hash + ":a%2Fb a=" + hash + " b=" + hash + ":x", hash + " b=" + hash + " a=" + hash, hash + "  a=" + hash, hash + " a=" + hash + ":..%2Fx", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := git.ParseComposition(s)
		if err != nil {
			return
		}
		if c.String() != s {
			t.Errorf("%q is written as %q", s, c.String())
		}
		if strings.ContainsAny(s, "\n\x00") || c.Of("") == "" {
			t.Errorf("%q counts", s)
		}
	})
}

// TestMount has the offline commands see the tree that the daemon sees.
func TestMount(t *testing.T) {
	w, s := newSeveral(t, "orders"), openStore(t)
	w.sources["orders"].Commit(t, "links", map[string]string{"out": gittest.Symlink("../../trunkline.yaml"), "fine": gittest.Symlink("project.yaml")})
	heads := w.fetchAll(t, s, []string{"", "orders"})
	joint := openAt(t, s, compose(t, s, composition(heads)))
	tree, err := git.Mount(openAt(t, s, heads[""]), map[string]fs.FS{"orders": openAt(t, s, heads["orders"])})
	if err != nil {
		t.Fatal(err)
	}
	want := filesOf(t, joint)
	if diff := cmp.Diff(want, filesOf(t, tree)); diff != "" {
		t.Errorf("-joint +mounted:\n%s", diff)
	}
	for _, name := range append(want, "sources", "sources/orders", "sources/other", "sources/orders/nothing", "nothing", ".", "sources/orders/out", "../x", "") {
		a, err1 := fs.ReadFile(joint, name)
		b, err2 := fs.ReadFile(tree, name)
		if string(a) != string(b) || (err1 == nil) != (err2 == nil) || errors.Is(err1, fs.ErrNotExist) != errors.Is(err2, fs.ErrNotExist) {
			t.Errorf("%s: %q %v, mounted %q %v", name, a, err1, b, err2)
		}
		x, err1 := fs.Stat(joint, name)
		y, err2 := fs.Stat(tree, name)
		if (err1 == nil) != (err2 == nil) || err1 == nil && (x.Name() != y.Name() || x.Mode() != y.Mode()) {
			t.Errorf("%s: stat %v %v, mounted %v %v", name, x, err1, y, err2)
		}
	}
	if err := fstest.TestFS(tree, "sources/orders/project.yaml"); err != nil && !strings.Contains(err.Error(), "out") {
		t.Error(err)
	}
	disk := t.TempDir()
	if err := os.MkdirAll(disk+"/sources/x", 0o755); err != nil {
		t.Fatal(err)
	}
	taken, err := git.OpenDir(disk)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := git.Mount(taken, nil); err == nil {
		t.Error("the place is taken, and nobody says so")
	}
}
