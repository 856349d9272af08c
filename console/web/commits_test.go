// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/console/web/webtest"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestCommitsOfARelease: the page of a release names the commits that were applied, and what each changed is fetched by itself.
func TestCommitsOfARelease(t *testing.T) {
	const release = "/releases/orders/staging/west"
	d := webtest.Start(t)
	got := get(t, d, release)
	for _, want := range []string{
		`<details id="commit-9b8a7c6d-1f0c5a7d" data-loads="` + release + "/commits/" + webtest.New + "?before=" + webtest.Old + `">`, "what 9b8a7c6d does", "by Ann Example", "3 objects written, 1 object deleted",
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page does not have %s\n%s", want, got.body)
		}
	}
	if asked := d.Asked(); len(asked) > 0 {
		t.Errorf("before anybody wants it, %v is asked for", asked)
	}
	for reason, tc := range map[string]struct {
		path string
		code int
		has  []string
	}{
		"a change":                             {"/commits/" + webtest.New, 200, []string{"data-fragment", `<span class="added">&#43;  image: registry.example.com/orders:4`, "(redacted, changed)", "3 objects changed", "5 objects as before", "Left out for want of room", "trunkline plan --base 1f0c5a7d --head 9b8a7c6d orders/staging/west"}},
		"one that cannot be rendered any more": {"/commits/" + webtest.Old, 200, []string{"it does not render any more: "}},
		"the first":                            {"/commits/" + webtest.Denied, 200, []string{"data-fragment"}},
		"one that nobody applied":              {"/commits/" + strings.Repeat("0", 40), 404, []string{"was not applied to orders/staging@west"}},
	} {
		got := get(t, d, release+tc.path)
		if got.code != tc.code {
			t.Errorf("%s: got %d\n%s", reason, got.code, got.body)
		}
		for _, want := range tc.has {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: the page does not have %s\n%s", reason, want, got.body)
			}
		}
	}
	d.Err = errors.New("s3cret")
	if got := get(t, d, release); got.code != http.StatusOK || !strings.Contains(got.body, "They cannot be read at the moment") || strings.Contains(got.body, "s3cret") {
		t.Errorf("without a history: %d\n%s", got.code, got.body)
	}
	if got := get(t, d, release+"/commits/"+webtest.New); got.code != http.StatusServiceUnavailable || strings.Contains(got.body, "s3cret") {
		t.Errorf("without a history: %d\n%s", got.code, got.body)
	}
	none := consoletest.Start(t, func(o *console.Options) { o.Commits = nil }, webtest.Pages)
	none.Board.SetRelease(catalog.ReleaseID{Project: "orders", Environment: "staging", Cluster: "west"}, func(r *status.Release) { r.Result = status.Applied })
	if got := get(t, none, release); got.code != http.StatusOK || strings.Contains(got.body, `id="commits"`) {
		t.Errorf("a daemon that does not compare: %d\n%s", got.code, got.body)
	}
}

// TestRunsAreFound: the pages of a lot, a project and a release lead to runs, and the page of a run back.
func TestRunsAreFound(t *testing.T) {
	const run = "/runs/prod/orders/clean/20260101PT1H004.r1aaaaabbbbbbb"
	d := webtest.Start(t)
	d.Members = append(d.Members, status.Object{Kind: "Job", Name: "clean-29382840", Health: status.Progressing}, status.Object{Kind: "Job", Name: "others-1", Health: status.Progressing})
	for path, wants := range map[string][]string{
		"/lots/prod/orders/clean@1/20260101PT1H004": {run},
		"/projects/orders":                          {run},
		"/releases/orders/prod/west":                {run, "/runs/prod/orders/clean/clean-29382840"},
		run:                                         {"/lots/prod/orders/clean@1/20260101PT1H004", "/projects/orders", "/releases/orders/prod/west", "/releases/orders/prod/east", "/lots/prod/orders/raw@1/20260101PT1H004", "<svg", "Cost", "(redacted)", `href="https://spark.acme.example/history/clean-r1-x7k2p/"`, "data-address=\"/api/v1/workloads/prod/orders/clean/runs/20260101PT1H004.r1aaaaabbbbbbb/log\""},
	} {
		got := get(t, d, path)
		for _, want := range wants {
			if got.code != http.StatusOK || !strings.Contains(got.body, want) {
				t.Errorf("%s is answered with %d, and does not have %s\n%s", path, got.code, want, got.body)
			}
		}
		if strings.Contains(got.body, "/runs/prod/orders/others") || strings.Contains(got.body, `href="/runs/prod/orders/clean/others`) {
			t.Errorf("%s leads to the run of nobody", path)
		}
	}
	if got := get(t, d, "/runs/prod/orders/clean/clean-7"); got.code != http.StatusNotFound || !strings.Contains(got.body, "nothing is known of the run clean-7") {
		t.Errorf("a run of which nothing is known: %d\n%s", got.code, got.body)
	}
	bare := webtest.Start(t, func(o *console.Options) { o.Costs, o.Lots, o.Objects = nil, nil, nil })
	if got := get(t, bare, run); got.code != http.StatusOK || !strings.Contains(got.body, "started without --usage") {
		t.Errorf("without anything else that is known: %d\n%s", got.code, got.body)
	}
}
