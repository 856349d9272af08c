// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/webhooks/report"
)

// TestPromotionBody: what a pull request of a promotion says, of values that are hostile.
func TestPromotionBody(t *testing.T) {
	p := report.Promotion{
		Project: "orders", From: "staging", To: "prod", By: "olga",
		Change: promotion.Change{Before: "111111111111111", After: "222222222222222", Moved: []promotion.Moved{
			{Workload: "land", From: "i@sha256:1", To: "i@sha256:2"},
			{Workload: "land", Param: "limit", From: int64(3), To: nil},
			{Workload: "land", Param: "@olga | x", From: nil, To: "`<b>@olga</b>`\n| https://evil.example | " + strings.Repeat("x", 500)},
		}},
	}
	body := p.Body()
	for _, line := range []string{
		"| <code>land</code> | image | <code>i&#64;sha256:1</code> | <code>i&#64;sha256:2</code> |",
		"| <code>land</code> | param <code>limit</code> | <code>3</code> | none |",
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("there is no %s in\n%s", line, body)
		}
	}
	for _, bad := range []string{"@olga", "<b>", "\n| https", strings.Repeat("x", 200), "newer build"} {
		if strings.Contains(body, bad) {
			t.Errorf("%q is in\n%s", bad, body)
		}
	}
	rows := 0
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "|") {
			rows++
			if got := strings.Count(line, "|"); got != 5 {
				t.Errorf("a row has %d lines between its cells: %s", got, line)
			}
		}
	}
	if diff := cmp.Diff(5, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	p.By, p.Note = "", "orders/staging@eu is not healthy with it"
	if body := p.Body(); !strings.Contains(body, "newer build") || !strings.Contains(body, "rule of the environment") || !strings.Contains(body, "⚠️") {
		t.Errorf("it says\n%s", body)
	}
	whole := report.Restoration{Project: "orders", Environment: "prod", Commit: "0123456789abcdef", By: "olga", Whole: true, Change: p.Change}.Body()
	if !strings.Contains(whole, "in all environments") || strings.Contains(whole, "| workload |") {
		t.Errorf("it says\n%s", whole)
	}
}
