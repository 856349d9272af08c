// SPDX-License-Identifier: Apache-2.0

package githubtest_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// browse asks for a page, or presses a button, and returns the page that comes of it.
func browse(t *testing.T, method, address string, form url.Values, header ...string) (int, string) {
	t.Helper()
	req := must(http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode())))
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, string(must(io.ReadAll(resp.Body)))
}

// TestPages shows a pull request with its check and its comment, and merges it with a button.
func TestPages(t *testing.T) {
	b := newBench(t, githubtest.Options{Dir: t.TempDir(), Viewer: "alice"}, githubtest.RepoSpec{Git: true, Private: true})
	b.repo.Grant("alice", "admin")
	must(b.repo.Push("main", "first", m2{"file": "one\n"}, "alice"))
	b.repo.Require("main", "trunkline")
	number, sha := b.open(githubtest.PullSpec{Title: `<script>alert("title")</script>`, Body: "Please **look**."})
	at := b.hub.URL() + "/acme/data/pull/1"
	see := func(address string, wants ...string) string {
		t.Helper()
		status, body := browse(t, "GET", address, nil)
		if status != http.StatusOK {
			t.Errorf("%s: got %d", address, status)
		}
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not say %q:\n%s", address, want, body)
			}
		}
		if strings.Contains(body, "<script") {
			t.Errorf("%s has a script", address)
		}
		return body
	}
	see(b.hub.URL(), "acme/data")
	see(b.hub.URL()+"/acme/data", "#1 by alice into main")
	if body := see(at, "<strong>look</strong>", "expected: waiting for status to be reported", "disabled"); !strings.Contains(body, "Merge pull request") {
		t.Error("there is no button")
	}
	see(at+"/files", "&#43;changed", "−1")
	if status, body := browse(t, "POST", at+"/merge", nil); status != http.StatusConflict || !strings.Contains(body, "is expected") {
		t.Errorf("got %d %s", status, body)
	}
	_, check, _ := b.ask("POST", "/check-runs", b.token, m{
		"name": "trunkline", "head_sha": sha, "conclusion": "success",
		"output": m{"title": "This merge changes 1 release", "summary": "## Summary\n\n@bob", "annotations": []m{{"path": "file", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "<b>careful</b>", "title": "image-digest"}}},
	})
	b.ask("POST", "/issues/1/comments", b.token, m{"body": "### ✅ Trunkline\n\n```mermaid\nflowchart LR\n  a --> b\n```\n\n<details><summary>Diffs</summary>\n\nmore\n</details>"})
	b.ask("POST", "/deployments", b.token, m{"ref": sha, "environment": "dev", "auto_merge": false, "required_contexts": []string{}})
	see(at, "<svg", "<details><summary>Diffs</summary>", "This merge changes 1 release", "trunkline[bot]", "queued")
	see(strings.Replace(at, "/pull/1", "", 1)+"/runs/"+strings.TrimSuffix(strings.TrimPrefix(check["html_url"].(string), b.hub.URL()+"/acme/data/runs/"), "/"), "Summary</h2>", "&lt;b&gt;careful&lt;/b&gt;", "file:1")
	if status, _ := browse(t, "POST", at+"/merge", nil, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("a page of another origin has pressed the button: %d", status)
	}
	if status, body := browse(t, "POST", at+"/comment", url.Values{"body": {"/trunkline help"}}); status != http.StatusOK || !strings.Contains(body, "/trunkline help") {
		t.Errorf("got %d %s", status, body)
	}
	if status, body := browse(t, "POST", at+"/merge", nil); status != http.StatusOK || !strings.Contains(body, "successfully merged") {
		t.Errorf("got %d %s", status, body)
	}
	if got := b.repo.Head("main"); !strings.Contains(b.git("show", "-s", "--format=%s%P", got), sha) {
		t.Errorf("main is at %s, which does not have pull request %d", got, number)
	}
	for _, nothing := range []string{"/acme/data/pull/9", "/acme/none", "/acme/data/runs/1", "/acme/data/pull/x"} {
		if status, _ := browse(t, "GET", b.hub.URL()+nothing, nil); status != http.StatusNotFound {
			t.Errorf("%s: got %d", nothing, status)
		}
	}
}

// TestStrangersSeeNothing has nobody look at a private repository.
func TestStrangersSeeNothing(t *testing.T) {
	b := newBench(t, githubtest.Options{}, githubtest.RepoSpec{Private: true})
	b.open(githubtest.PullSpec{Title: "secret"})
	for _, path := range []string{"/acme/data", "/acme/data/pull/1", "/acme/data/pull/1/files"} {
		if status, body := browse(t, "GET", b.hub.URL()+path, nil); status != http.StatusNotFound || strings.Contains(body, "secret") {
			t.Errorf("%s: got %d", path, status)
		}
	}
}
