// SPDX-License-Identifier: Apache-2.0

package commits_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/commits"
)

// TestPullRequestsAreJoined: a pull request of a platform that includes other repositories is looked at with these, so that it changes what it
// changes and removes nothing of theirs.
func TestPullRequestsAreJoined(t *testing.T) {
	platform, orders := gittest.New(t), gittest.New(t)
	base := platform.Commit(t, "base", map[string]string{"a/trunkline.yaml": "1", "a/x": "1"})
	source := orders.Commit(t, "orders", map[string]string{"project.yaml": "orders"})
	store, err := git.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	remote := git.Remote{URL: platform.URL(), Branch: "main"}
	track, err := store.Track(git.SourceTrack("orders"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := track.Fetch(t.Context(), git.Remote{URL: orders.URL(), Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	r := &commits.Repository{
		Store: store, Dir: "a", Remote: func(context.Context) (git.Remote, error) { return remote, nil },
		Join: func(ctx context.Context, commit string, _ compose.State) (string, error) {
			return store.Compose(ctx, git.Composition{Platform: commit, Dir: "a", Sources: []git.Part{{Name: "orders", Commit: source}}})
		},
	}
	trunk, err := r.Commit(t.Context(), base, "main", nil)
	if err != nil || trunk.SHA != base || trunk.Parent != "" {
		t.Fatalf("the trunk is %+v, %v", trunk, err)
	}
	platform.SetBranch(t, "topic", base)
	head := platform.CommitTo(t, "topic", "change", map[string]string{"a/x": "2"})
	platform.SetRef(t, "refs/pull/1/head", head)
	merge, err := r.Merge(t.Context(), webhooks.Pull{Number: 1, Head: webhooks.Branch{SHA: head}}, base)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(merge.Tree, "sources/orders/project.yaml"); err != nil || string(text) != "orders" {
		t.Errorf("the source has %q, %v", text, err)
	}
	changed, err := r.Changed(t.Context(), trunk.Tree, merge.Tree)
	if diff := cmp.Diff([]string{"x"}, changed); diff != "" || err != nil {
		t.Errorf("it changes: %v\n%s", err, diff)
	}
	// One that takes the place of the sources is at fault itself.
	platform.SetBranch(t, "forged", base)
	forged := platform.CommitTo(t, "forged", "forged", map[string]string{"a/sources/orders/project.yaml": "forged"})
	platform.SetRef(t, "refs/pull/2/head", forged)
	_, err = r.Merge(t.Context(), webhooks.Pull{Number: 2, Head: webhooks.Branch{SHA: forged}}, base)
	if _, refused := errors.AsType[*webhooks.RefusalError](err); !refused {
		t.Errorf("a pull request with a source of its own making: %v", err)
	}
}

// TestPullRequestsOfASource: a pull request of a source is looked at in its place beside the platform, whatever that repository has at the same number.
func TestPullRequestsOfASource(t *testing.T) {
	platform, orders := gittest.New(t), gittest.New(t)
	own := platform.Commit(t, "base", map[string]string{"a/trunkline.yaml": "1"})
	base := orders.Commit(t, "orders", map[string]string{"deploy/project.yaml": "1", "README.md": "1"})
	store, err := git.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.Fetch(t.Context(), git.Remote{URL: platform.URL(), Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	r := &commits.Repository{
		Store: store, Source: "orders", Dir: "a", Folder: func() string { return "deploy" },
		Remote: func(context.Context) (git.Remote, error) { return git.Remote{URL: orders.URL(), Branch: "main"}, nil },
		Join: func(ctx context.Context, commit string, beside compose.State) (string, error) {
			if beside == nil {
				beside = compose.State{"": own}
			}
			return store.Compose(ctx, git.Composition{Platform: beside[""], Dir: "a", Sources: []git.Part{{Name: "orders", Commit: commit, Path: "deploy"}}})
		},
	}
	trunk, err := r.Commit(t.Context(), base, "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	orders.SetBranch(t, "topic", base)
	head := orders.CommitTo(t, "topic", "change", map[string]string{"deploy/project.yaml": "2"})
	orders.SetRef(t, "refs/pull/1/head", head)
	newer := orders.Commit(t, "meanwhile", map[string]string{"deploy/other.yaml": "1"})
	platform.SetBranch(t, "topic", own)
	platform.SetRef(t, "refs/pull/1/head", platform.CommitTo(t, "topic", "another", map[string]string{"a/x": "2"}))
	merge, err := r.Merge(t.Context(), webhooks.Pull{Number: 1, Head: webhooks.Branch{SHA: head}}, newer)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(merge.Tree, "trunkline.yaml"); err != nil || string(text) != "1" {
		t.Errorf("the platform has %q, %v", text, err)
	}
	changed, err := r.Changed(t.Context(), trunk.Tree, merge.Tree)
	if diff := cmp.Diff([]string{"sources/orders/other.yaml", "sources/orders/project.yaml"}, changed); diff != "" || err != nil {
		t.Errorf("it changes: %v\n%s", err, diff)
	}
	for file, want := range map[string]string{
		"sources/orders/project.yaml": "deploy/project.yaml", "trunkline.yaml": "", "sources/billing/project.yaml": "", "sources/orders": "", "sources/orders/a/b": "deploy/a/b",
	} {
		if got := r.Path(file); got != want {
			t.Errorf("%s is at %q, want %q", file, got, want)
		}
	}
	if fetched, err := r.Fetched(1); err != nil || fetched != head {
		t.Errorf("fetched is %q, %v", fetched, err)
	}
	if names, err := store.Tracks(); err != nil || !slices.Contains(names, git.PullTrack("orders", 1)) || slices.Contains(names, git.PullTrack("", 1)) {
		t.Errorf("the tracks are %q, %v", names, err)
	}
	if err := r.Forget(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if fetched, err := r.Fetched(1); err != nil || fetched != "" {
		t.Errorf("forgotten is %q, %v", fetched, err)
	}
}
