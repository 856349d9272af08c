// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/flow/asking"
	plans "trunkline.dev/trunkline/plan/workspace"
)

// TestUse: when a workspace was used last is what its own server says, in the words that code-server and Jupyter have for it. Who says nothing that
// can be read is not known to be idle, and is stopped once that has been so for long.
func TestUse(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	beat := func(status string, after time.Duration) http.HandlerFunc {
		return says(fmt.Sprintf(`{"status":%q,"lastHeartbeat":%d}`, status, began.Add(after).UnixMilli()))
	}
	code := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	// Each is asked an hour and a half after it was opened; it is stopped after an hour without use.
	const at = 90 * time.Minute
	ide, notebook := workspace.IDE, workspace.Notebook
	for name, tc := range map[string]struct {
		reason  string
		kind    string
		answers http.HandlerFunc
		phase   plans.Phase
		used    time.Duration
		act     plans.Act
	}{
		"alive":          {"a page is open", ide, beat("alive", at-10*time.Second), plans.Running, at, plans.Nothing},
		"just expired":   {"the last beat is as old as it gets while a page is open", ide, beat("expired", at-61*time.Second), plans.Running, at - time.Second, plans.Nothing},
		"used":           {"it was used within the hour", ide, beat("expired", at-59*time.Minute), plans.Running, at - 58*time.Minute, plans.Nothing},
		"idle":           {"it was not", ide, beat("expired", 20*time.Minute), plans.Idle, 21 * time.Minute, plans.Stop},
		"never":          {"before anybody has opened it there is no beat", ide, says(`{"status":"expired","lastHeartbeat":0}`), plans.Idle, 0, plans.Stop},
		"ahead":          {"what will be is as good as now", ide, beat("alive", 1000*time.Hour), plans.Running, at, plans.Nothing},
		"vast":           {"also if it is no time at all", ide, says(`{"status":"alive","lastHeartbeat":9223372036854775807}`), plans.Running, at, plans.Nothing},
		"before all":     {"what was before it was opened is no use", ide, says(`{"status":"expired","lastHeartbeat":-62135596800000}`), plans.Idle, 0, plans.Stop},
		"more":           {"a later version may say more", ide, says(`{"status":"alive","lastHeartbeat":` + fmt.Sprint(began.Add(at).UnixMilli()) + `,"version":"9"}`), plans.Running, at, plans.Nothing},
		"no beat":        {"an answer without it says nothing", ide, says(`{"status":"alive"}`), plans.Starting, 0, plans.Nothing},
		"no status":      {"nor one of something else", ide, says(`{"lastHeartbeat":1}`), plans.Starting, 0, plans.Nothing},
		"another status": {"nor one that is not known", ide, says(`{"status":"ok","lastHeartbeat":1}`), plans.Starting, 0, plans.Nothing},
		"a word":         {"nor a beat that is no number", ide, says(`{"status":"alive","lastHeartbeat":"now"}`), plans.Starting, 0, plans.Nothing},
		"a fraction":     {"of milliseconds", ide, says(`{"status":"alive","lastHeartbeat":1.5}`), plans.Starting, 0, plans.Nothing},
		"page":           {"nor a page", ide, says("<!doctype html><title>code-server</title>"), plans.Starting, 0, plans.Nothing},
		"nothing":        {"nor nothing", ide, says(""), plans.Starting, 0, plans.Nothing},
		"old":            {"a version without it leads to its page of signing on", ide, http.RedirectHandler("./login", http.StatusFound).ServeHTTP, plans.Starting, 0, plans.Nothing},
		"not found":      {"or has no such path", ide, code(http.StatusNotFound), plans.Starting, 0, plans.Nothing},
		"broken":         {"or is broken", ide, code(http.StatusInternalServerError), plans.Starting, 0, plans.Nothing},
		"endless": {"an answer that does not end is not read for ever", ide, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":"`+strings.Repeat("x", 2*maxAnswer))
		}, plans.Starting, 0, plans.Nothing},
		"slow":            {"nor waited for", ide, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, plans.Starting, 0, plans.Nothing},
		"closed":          {"a connection that ends is no answer", ide, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, plans.Starting, 0, plans.Nothing},
		"jupyter's":       {"Jupyter says when", notebook, nil, plans.Running, at - 30*time.Minute, plans.Nothing},
		"no jupyter's":    {"and something else does not", notebook, says("{}"), plans.Starting, 0, plans.Nothing},
		"jupyter's login": {"one that does not let us in is not asked again by another way", notebook, code(http.StatusForbidden), plans.Starting, 0, plans.Nothing},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.limit = 200 * time.Millisecond
			workload := map[string]string{ide: "editor", notebook: "lab"}[tc.kind]
			if _, err := b.Open(t.Context(), ask("ada", workload)); err != nil {
				t.Fatal(err)
			}
			b.settle()
			s := b.pods["orders-dev/"+nameOf("ada", workload)+"-0"]
			s.answers, s.last = tc.answers, began.Add(at-30*time.Minute)
			b.pass(at - time.Second)
			c, all, err := b.all(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b.pass(time.Second)
			got, err := b.look(t.Context(), c, all[0], true)
			if err != nil || got.Phase != tc.phase || got.act != tc.act || !got.Used.Equal(began.Add(tc.used)) {
				t.Errorf("%s: it is %s, used after %s, to do: %d (%s), %v; want %s, %s, %d", tc.reason, got.Phase, got.Used.Sub(began), got.act, got.Why, err, tc.phase, tc.used, tc.act)
			}
		})
	}
}

// TestSilence: a server that does not answer once is not stopped for it, however long ago it said that it was used; one that does not for long is, since it
// costs what it requests.
func TestSilence(t *testing.T) {
	b := newBench(t)
	if _, err := b.Open(t.Context(), ask("ada", "lab")); err != nil {
		t.Fatal(err)
	}
	b.settle()
	s := b.pods["orders-dev/"+nameOf("ada", "lab")+"-0"]
	s.busy = true
	for range 6 { // a kernel is at work for hours, and says nothing
		b.pass(time.Hour)
		b.swept(t)
		if mine, err := b.List(t.Context(), "ada"); err != nil || len(mine) != 1 || mine[0].Phase != plans.Running {
			t.Fatalf("a kernel is at work, and its workspace is %+v: %v", mine, err)
		}
	}
	s.answers = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	for _, step := range []struct {
		reason   string
		pass     time.Duration
		restart  bool
		happened int
	}{
		{"it is silent for a moment", 0, false, 1},
		{"or when the daemon comes back that was away", 5 * time.Hour, true, 1},
		{"or for less than half an hour", 29 * time.Minute, false, 1},
		{"then it is stopped", time.Minute, false, 2},
	} {
		if b.pass(step.pass); step.restart {
			b.restart(t, declared)
		}
		if _, err := b.List(t.Context(), "ada"); err != nil { // who lists does not ask it, and does not know better
			t.Fatal(err)
		}
		if b.swept(t); len(b.said) != step.happened {
			t.Fatalf("%s: %q", step.reason, b.said)
		}
	}
	if !strings.Contains(b.said[1], "it does not answer") {
		t.Errorf("the history has %q", b.said)
	}
	if _, err := b.Open(t.Context(), ask("ada", "lab")); err != nil {
		t.Fatal(err)
	}
	b.pass(time.Minute)
	if b.swept(t); len(b.said) != 3 {
		t.Errorf("it was woken, and %q", b.said)
	}
}

// TestWhoeverAdministers: whoever administers the platform stops and deletes what is of others, and enters nothing.
func TestWhoeverAdministers(t *testing.T) {
	b := newBench(t)
	if _, err := b.Open(t.Context(), ask("ada", "lab")); err != nil {
		t.Fatal(err)
	}
	b.settle()
	if owner, err := whose(t.Context(), b, workspace.Notebook, "lab", "ada", ""); err == nil {
		t.Errorf("without a name one comes to %q", owner)
	}
	if owner, err := whose(t.Context(), b, workspace.IDE, "lab", "ada", "ada"); err == nil {
		t.Errorf("a notebook is entered as an editor: %q", owner)
	}
	if said, err := b.Stop(t.Context(), "dev", "orders", nameOf("ada", "lab"), "", asking.By{Name: "root"}); err != nil || !strings.Contains(said, "stopped") {
		t.Error(said, err)
	}
	if said, err := b.Delete(t.Context(), "dev", "orders", nameOf("ada", "lab"), "", asking.By{Name: "root"}); err != nil || !strings.Contains(said, "deleted") {
		t.Error(said, err)
	}
}
