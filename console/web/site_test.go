// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/console/web"
	"trunkline.dev/trunkline/console/web/webtest"
)

// answer is what a browser gets.
type answer struct {
	code   int
	header http.Header
	body   string
}

// get asks for a page as a browser does.
func get(t *testing.T, d *consoletest.Daemon, path string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9")
	resp, err := d.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// TestEveryPageIsLookedAt: a page that is added has an address that tests and the browser look at.
func TestEveryPageIsLookedAt(t *testing.T) {
	want := map[string]bool{}
	for _, route := range web.New(web.Sources{}).Routes() {
		if route.Pattern == "GET "+console.AppMadePath {
			continue // only whom GitHub sends back gets there: see TestAnApp
		}
		if strings.HasPrefix(route.Pattern, "GET ") && !strings.HasPrefix(route.Pattern, "GET /static/") {
			want[route.Pattern] = true
		}
	}
	got := map[string]bool{}
	for pattern, paths := range webtest.Paths() {
		got[pattern] = len(paths) > 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("webtest.Paths and the table of pages, -want +got:\n%s", diff)
	}
}

// forbidden is what no page may have: whatever the policy would have the browser refuse, and what is of another host.
var forbidden = map[string]*regexp.Regexp{
	"a style attribute":       regexp.MustCompile(`<[^>]* style=`),
	"a style element":         regexp.MustCompile(`<style`),
	"a handler":               regexp.MustCompile(`<[a-z][^>]* on[a-z]+=`),
	"a script of its own":     regexp.MustCompile(`<script>|<script[^>]*[^r]></script>alert`),
	"an image":                regexp.MustCompile(`<img`),
	"an address that runs":    regexp.MustCompile(`(href|src|action)="\s*(javascript|data|vbscript):`),
	"a file of another host":  regexp.MustCompile(`<(script|link|img|iframe)[^>]* (src|href)="(https?:)?//`),
	"html/template's refusal": regexp.MustCompile(`ZgotmplZ`),
	"no value":                regexp.MustCompile(`&lt;nil&gt;|%!`),
	"a command of a terminal": regexp.MustCompile("\x1b"),
	"a turn of direction":     regexp.MustCompile("\u202e"),
}

// TestPages: all are answered, as HTML that nothing of others gets into, with the policy, and small.
func TestPages(t *testing.T) {
	d := webtest.Start(t)
	for _, paths := range webtest.Paths() {
		for _, path := range paths {
			t.Run(path, func(t *testing.T) {
				got := get(t, d, path)
				if got.code != http.StatusOK || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
					t.Fatalf("got %d %v\n%s", got.code, got.header, got.body)
				}
				if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") {
					t.Errorf("the policy is %s", policy)
				}
				goes := strings.HasSuffix(got.header.Get("Content-Security-Policy"), "form-action 'self' "+consoletest.Forge)
				if form := strings.HasPrefix(path, "/setup/github/new"); goes != form || !form && !strings.HasSuffix(got.header.Get("Content-Security-Policy"), "form-action 'self'") {
					t.Errorf("forms go to %s", got.header.Get("Content-Security-Policy"))
				}
				for what, pattern := range forbidden {
					if found := pattern.FindString(got.body); found != "" {
						t.Errorf("the page has %s: %s", what, found)
					}
				}
				if !strings.Contains(got.body, "As of <time ") && !strings.Contains(got.body, "Made <time ") {
					t.Error("the page does not say how old it is")
				}
			})
		}
	}
}

// maxPage is how much a page may need before it has data, in bytes.
const maxPage = 100 << 10

// TestSize counts what a page needs before it has data: its own HTML without any, and all files that there are.
func TestSize(t *testing.T) {
	empty := consoletest.Start(t, webtest.Pages)
	files := 0
	for _, route := range web.New(web.Sources{}).Routes() {
		path := strings.TrimPrefix(route.Pattern, "GET ")
		if !strings.HasPrefix(path, "/static/") {
			continue
		}
		file := get(t, empty, path)
		if file.code != http.StatusOK || !strings.Contains(file.header.Get("Cache-Control"), "immutable") || file.header.Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", path, file.code, file.header)
		}
		files += len(file.body)
	}
	for _, paths := range webtest.Paths() {
		page := get(t, empty, paths[0])
		for _, m := range regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`).FindAllStringSubmatch(page.body, -1) {
			if code := get(t, empty, m[1]).code; code != http.StatusOK {
				t.Errorf("%s needs %s, which is answered with %d", paths[0], m[1], code)
			}
		}
		if total := len(page.body) + files; total > maxPage {
			t.Errorf("%s needs %d bytes, of %d", paths[0], total, maxPage)
		}
	}
}

// TestProblemsArePages: a browser gets a page of what is wrong, and a program what it got before.
func TestProblemsArePages(t *testing.T) {
	d := webtest.Start(t)
	cases := map[string]struct {
		reason, path string
		code         int
		text         string
	}{
		"NoPage":    {"There is no such page.", "/nowhere", 404, "there is no such route"},
		"Parameter": {"A parameter that no page asks for is said to be none.", "/?stat=busy", 400, "there is no parameter &#34;stat&#34;: did you mean &#34;state&#34;"},
		"Value":     {"A value that there is none of.", "/?state=bsy", 400, "there is no state &#34;bsy&#34;"},
		"Long":      {"Nobody searches for so much.", "/?q=" + strings.Repeat("x", 301), 400, "q is longer than 300 bytes"},
		"Hostile":   {"What was asked for is a text.", "/?state=" + "%3Cscript%3E", 400, "&lt;script&gt;"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := get(t, d, tc.path)
			if got.code != tc.code || !strings.Contains(got.body, tc.text) || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
				t.Errorf("%s Got %d %s\n%s", tc.reason, got.code, got.header.Get("Content-Type"), got.body)
			}
		})
	}
	if got := get(t, d, "/api/v1/nowhere"); got.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the API answers a browser with %v", got.header)
	}
}

// TestSignOn: pages need one, as the API does; their files do not.
func TestSignOn(t *testing.T) {
	d := webtest.Start(t, consoletest.WithToken)
	for _, route := range web.New(web.Sources{}).Routes() {
		path := strings.TrimPrefix(route.Pattern, "GET ")
		if paths := webtest.Paths()[route.Pattern]; len(paths) > 0 {
			path = paths[0]
		}
		got, want := get(t, d, path).code, http.StatusUnauthorized
		if route.Open {
			want = http.StatusOK
		}
		if got != want {
			t.Errorf("%s without a token: %d, want %d", route.Pattern, got, want)
		}
	}
}

var _ console.Pages = (*web.Site)(nil)
