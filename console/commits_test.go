// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/webhooks/report"
)

// ran are runs of a release, the newest first: each is a commit, or one with how many objects it wrote, and "!" if it failed.
func ran(words ...string) (out []history.Event) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for i, word := range words {
		e := history.Event{Kind: history.Ran, Release: id("orders", "dev", "c"), Time: at.Add(-time.Duration(i) * time.Minute), Commit: strings.Trim(word, "0123456789!")}
		if _, err := fmt.Sscan(strings.Trim(word, "abcdefghijklmnopqrstuvwxyz!"), &e.Applied); err != nil {
			e.Applied = 1
		}
		if strings.HasSuffix(word, "!") {
			e.Kind, e.Message = history.Failed, "it failed"
		}
		out = append(out, e)
	}
	return out
}

// TestAppliedCommits: the commits of a release are those by which something was written, each with the one before it.
func TestAppliedCommits(t *testing.T) {
	other := ran("x")[0]
	other.Release = id("ledger", "dev", "c")
	many := make([]string, 120)
	for i := range many {
		many[i] = strings.Repeat("z", i+1)
	}
	for name, tc := range map[string]struct {
		reason string
		events []history.Event
		next   int64
		want   []string
	}{
		"None":    {"Nothing is known.", nil, 0, nil},
		"One":     {"Before the first nothing is known.", ran("a"), 0, []string{"a after , 1 written"}},
		"Drift":   {"What is corrected is of the commit that is in place.", ran("b", "b", "b", "a"), 0, []string{"b after a, 3 written", "a after , 1 written"}},
		"Back":    {"A commit that was gone back to is there twice.", ran("a", "b", "a"), 0, []string{"a after b, 1 written", "b after a, 1 written", "a after , 1 written"}},
		"Failed":  {"That the last run failed is said, and what it wrote counts.", ran("b!", "b2", "a!", "a"), 0, []string{"b after a, 3 written: it failed", "a after , 2 written: it failed"}},
		"Again":   {"One that failed and was applied then has not failed.", ran("b", "b!", "a"), 0, []string{"b after a, 2 written", "a after , 1 written"}},
		"Nothing": {"A run that wrote nothing leaves no trace.", ran("c0", "b", "a0!"), 0, []string{"b after , 1 written"}},
		"Others":  {"What is of another release is not this one's.", append(ran("a"), other), 0, []string{"a after , 1 written"}},
		"Cut":     {"Where the history goes on, what was before the last is not known.", ran("b", "a"), 7, []string{"b after a, 1 written"}},
		"No name": {"Some runs are of no commit.", ran("b", ""), 0, []string{"b after , 1 written"}},
		"Too many": {"There is an end.", ran(many...), 0, func() (out []string) {
			for i := range 50 {
				out = append(out, fmt.Sprintf("%s after %s, 1 written", many[i], many[i+1]))
			}
			return out
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			d := consoletest.Start(t)
			d.Page = history.Page{Events: tc.events, Next: tc.next}
			var got []string
			for _, c := range get[console.AppliedCommits](t, d, "/api/v1/releases/orders/dev/c/commits").Items {
				text := fmt.Sprintf("%s after %s, %d written", c.Commit.Hash, c.Before, c.Written)
				if c.Failed != "" {
					text += ": " + c.Failed
				}
				got = append(got, text)
				if !strings.HasPrefix(c.Commit.Subject, "what ") || c.Last.Before(c.First) {
					t.Errorf("%s Got %+v", tc.reason, c)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestCommitChange: a commit is compared with the one before it, and only if it was applied to the release: others may be anybody's.
func TestCommitChange(t *testing.T) {
	const path = "/api/v1/releases/orders/dev/c/commits/"
	d := consoletest.Start(t)
	d.Page = history.Page{Events: ran("a", "b", "a")}
	d.Changed = map[string]console.Difference{"b": {Action: "change", Unchanged: 3, Steps: []report.FactStep{{Object: "ConfigMap n/x", Does: "update", Diff: "+a\n"}}}}
	if got := get[console.CommitChange](t, d, path+"b"); got.Action != "change" || len(got.Steps) != 1 || got.Before != "a" || got.Unchanged != 3 {
		t.Errorf("got %+v", got)
	}
	get[console.CommitChange](t, d, path+"a")
	get[console.CommitChange](t, d, path+"a?before=b")
	want := []string{"compare orders/dev@c at a and b", "compare orders/dev@c at b and a", "compare orders/dev@c at b and a"}
	if diff := cmp.Diff(want, d.Asked()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for reason, path := range map[string]string{
		"a commit that nobody applied": path + "c", "a commit after another one": path + "b?before=c", "a part of one": path + "", "a release of another project": "/api/v1/releases/ledger/dev/c/commits/b",
	} {
		if got, _ := ask(t, d, request{method: http.MethodGet, path: path}); got.Code != http.StatusNotFound {
			t.Errorf("%s: got %d %s", reason, got.Code, got.Body)
		}
	}
	if diff := cmp.Diff(want, d.Asked()); diff != "" {
		t.Errorf("what was not applied is compared, -want +got:\n%s", diff)
	}
	d.Err = errors.New("s3cret database")
	got, _ := ask(t, d, request{method: http.MethodGet, path: path + "b"})
	if got.Code != http.StatusServiceUnavailable || strings.Contains(got.Body, "s3cret") {
		t.Errorf("a history that cannot be read: got %d %s", got.Code, got.Body)
	}
	none := consoletest.Start(t, func(o *console.Options) { o.Commits = nil })
	if got, _ := ask(t, none, request{method: http.MethodGet, path: path + "b"}); got.Code != http.StatusNotFound {
		t.Errorf("a daemon that does not compare: got %d %s", got.Code, got.Body)
	}
}

// TestCommitsAreSeen: who sees a release sees its commits, and what those say of other projects only who sees all.
func TestCommitsAreSeen(t *testing.T) {
	p := newGuarded(t)
	p.Page.Events = ran("b", "a")
	const path = "/api/v1/releases/orders/dev/c/commits"
	pat, ada := p.issuer.Token("pat@acme.example", map[string]any{"groups": nil}), p.issuer.Token("ada@acme.example", map[string]any{"groups": nil})
	if got := list[console.AppliedCommits](t, p, path, pat).Items; len(got) != 2 || got[0].Commit.Subject != "" || got[0].Commit.Author != "" {
		t.Errorf("who contributes to orders is told %+v", got)
	}
	if got := list[console.AppliedCommits](t, p, path, ada).Items; len(got) != 2 || got[0].Commit.Subject == "" {
		t.Errorf("an admin is told %+v", got)
	}
	for _, path := range []string{path, path + "/b"} {
		there, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: strings.Replace(path, "orders", "ledger", 1), token: pat})
		missing, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: strings.Replace(path, "orders", "nothing", 1), token: pat})
		if diff := cmp.Diff(there, missing); diff != "" || there.Code != http.StatusNotFound {
			t.Errorf("commits of another project are answered with %d, and differ from what is not there:\n%s", there.Code, diff)
		}
	}
}
