// SPDX-License-Identifier: Apache-2.0

package commits_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		Join: func(ctx context.Context, commit string) (string, error) {
			return store.Compose(ctx, git.Composition{Platform: commit, Dir: "a", Sources: []git.Part{{Name: "orders", Commit: source}}})
		},
	}
	trunk, err := r.Commit(t.Context(), base, "main")
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
