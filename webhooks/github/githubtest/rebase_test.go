// SPDX-License-Identifier: Apache-2.0

package githubtest_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// TestRebase makes each commit of a pull request again on the base branch, and says of each which pull request brought it.
func TestRebase(t *testing.T) {
	b := newBench(t, githubtest.Options{Dir: t.TempDir()}, githubtest.RepoSpec{Git: true})
	must(b.repo.Push("main", "first", m2{"file": "one\n"}, "alice"))
	b.open(githubtest.PullSpec{Title: "change"})
	head := must(b.repo.Push("change", "second of two", m2{"third": "x\n"}, "alice"))
	base := must(b.repo.Push("main", "meanwhile", m2{"other": "y\n"}, "bob"))
	status, answer, _ := b.ask("PUT", "/pulls/1/merge", b.token, m{"merge_method": "rebase"})
	if status != 200 {
		t.Fatalf("got %d: %v", status, answer)
	}
	commits := strings.Fields(b.git("rev-list", "--parents", "--first-parent", base+"..main"))
	if len(commits) != 4 || commits[3] != base {
		t.Fatalf("the branch has %v since %s", commits, base)
	}
	diff(t, "second of two", b.git("show", "-s", "--format=%s", "main"), "Messages stay.")
	diff(t, b.git("show", head+":third"), b.git("show", "main:third"), "So do files.")
	for _, sha := range []string{commits[0], commits[2]} {
		_, list, _ := b.ask("GET", "/commits/"+sha+"/pulls", b.token, nil)
		if got := list["list"].([]any); len(got) != 1 || got[0].(m)["number"] != float64(1) {
			t.Errorf("%s is of %v", sha, got)
		}
	}
	_, list, _ := b.ask("GET", "/commits/"+base+"/pulls", b.token, nil)
	diff(t, []any{}, list["list"].([]any), "What was there before is of none.")
}
