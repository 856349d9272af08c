// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestWideningIsRecorded: what a commit lets projects do that the one before did not is on the board, and in the history with the
// commit, its author and its subject.
func TestWideningIsRecorded(t *testing.T) {
	env := func(more string) string {
		return "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test]" + more + "}\n"
	}
	const (
		allow = ", allow: [{namespaces: [monitoring]}]"
		what  = `every project in "dev" may have objects in the namespace monitoring`
	)
	refuse := func(context.Context) error { return errors.New("no space left on device") }
	cases := map[string]struct {
		reason        string
		before, after string
		// restarted is set if another daemon has accepted the commit before, and base returns its tree then.
		restarted bool
		base      func(fs.FS) (fs.FS, error)
		persist   func(context.Context) error
		want      []string
	}{
		"Wider":      {reason: "It allows more.", after: allow, want: []string{what}},
		"Same":       {reason: "It allows the same.", before: allow, after: allow},
		"Narrower":   {reason: "It allows less.", before: allow},
		"Restarted":  {reason: "It comes while the daemon is not there.", after: allow, restarted: true, base: func(f fs.FS) (fs.FS, error) { return f, nil }, want: []string{what}},
		"First":      {reason: "There was no commit before.", after: allow, restarted: true, base: func(fs.FS) (fs.FS, error) { return nil, nil }},
		"Lost":       {reason: "What was accepted before cannot be read any more.", after: allow, restarted: true, base: func(fs.FS) (fs.FS, error) { return nil, errors.New("object not found") }},
		"NotActedOn": {reason: "A commit that is not acted on widens nothing.", after: allow, persist: refuse},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			l.project("orders", "a")
			l.write("env.yaml", env(tc.before))
			rev := Revision{Commit: status.Commit{Hash: "c2", Author: "Ann", Subject: "let them"}, Persist: tc.persist}
			before := maps.Clone(l.files)
			if tc.restarted {
				rev.Base = func(context.Context) (fs.FS, error) { return tc.base(before) }
			} else {
				l.accept()
			}
			l.write("env.yaml", env(tc.after))
			rev.Tree = maps.Clone(l.files)
			if err := l.Accept(t.Context(), rev); (err == nil) != (tc.persist == nil) {
				t.Fatal(err)
			}
			var want []history.Event
			for _, what := range tc.want {
				want = append(want, history.Event{Kind: history.Widened, Commit: "c2", By: "Ann", Why: "let them", Object: "env.yaml:4:34", Message: what})
			}
			if diff := cmp.Diff(want, l.told(history.Widened), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\nThe history (-want +got):\n%s", tc.reason, diff)
			}
			for _, what := range tc.want {
				if board := fmt.Sprint(l.board.Snapshot().Source.Problems); !strings.Contains(board, what) {
					t.Errorf("%s\nThe board has %s", tc.reason, board)
				}
			}
		})
	}
}
