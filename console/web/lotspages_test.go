// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/console/web/webtest"
)

// TestLotsProblems: what is asked for wrongly is said, and is a text.
func TestLotsProblems(t *testing.T) {
	d := webtest.Start(t)
	cases := map[string]struct {
		reason, path string
		code         int
		text         string
	}{
		"Environment": {"It keeps no lots.", "/lots/nowhere/orders/clean@1", 404, "there is no environment &#34;nowhere&#34; that keeps lots"},
		"Dataset":     {"What is meant is suggested.", "/lots/prod/orders/clen@1", 404, "did you mean &#34;orders/clean@1&#34;"},
		"Lot":         {"It is no id.", "/lots/prod/orders/clean@1/%3Cscript%3Ealert(1)%3C%2Fscript%3E", 404, "there is no lot &#34;&lt;script&gt;"},
		"Escape":      {"Commands of terminals are no ids.", "/lots/prod/orders/clean@1/%1b%5B31m", 404, "is not the id of a lot"},
		"Unit":        {"The dataset has others.", "/lots/prod/orders/clean@1/20260101P1D000", 404, "is no lot of orders/clean@1, whose lots are hourly"},
		"Time":        {"It is none.", "/lots/prod/orders/clean@1?from=yesterday", 400, "from is no time"},
		"Order":       {"A range has an end after its beginning.", "/lots/prod/orders/clean@1?from=2026-01-02&until=2026-01-01", 400, "until is not after from"},
		"Rule":        {"There is none.", "/rules/dag-cicle", 404, "did you mean &#34;dag-cycle&#34;"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := get(t, d, tc.path)
			if got.code != tc.code || !strings.Contains(got.body, tc.text) || strings.Contains(got.body, "<script>") {
				t.Errorf("%s Got %d, want %d and %s\n%s", tc.reason, got.code, tc.code, tc.text, got.body)
			}
		})
	}
}

// TestLotsNotKnown: a replica that does not keep lots says so on the page, and one whose own failure it is says nothing of it.
func TestLotsNotKnown(t *testing.T) {
	d := webtest.Start(t)
	d.Err = fmt.Errorf("ask the replica that leads: %w", console.ErrNotKnown)
	if got := get(t, d, "/lots"); got.code != http.StatusOK || !strings.Contains(got.body, "ask the replica that leads") {
		t.Errorf("got %d\n%s", got.code, got.body)
	}
	if got := get(t, d, "/lots/prod/orders/clean@1"); got.code != http.StatusServiceUnavailable {
		t.Errorf("a dataset of which nothing is known is answered with %d", got.code)
	}
	d.Err = errors.New("s3cret")
	if got := get(t, d, "/lots"); got.code != http.StatusInternalServerError || strings.Contains(got.body, "s3cret") {
		t.Errorf("got %d\n%s", got.code, got.body)
	}
	none := consoletest.Start(t, func(o *console.Options) { o.Lots = nil }, webtest.Pages)
	if got := get(t, none, "/lots"); got.code != http.StatusOK || !strings.Contains(got.body, "keeps no lots") {
		t.Errorf("without a keeper: %d\n%s", got.code, got.body)
	}
}
