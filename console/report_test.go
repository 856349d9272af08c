// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
)

// reports have one behind the link "right", and one behind "gone" that is not kept any more.
type reports struct{}

func (reports) Read(link string, markdown bool) ([]byte, error) {
	switch {
	case link == "right" && markdown:
		return []byte("### whole\n"), nil
	case link == "right":
		return []byte("<h1>whole</h1>"), nil
	case link == "gone":
		return nil, console.ErrGone
	case link == "broken":
		return nil, errors.New("disk on fire")
	}
	return nil, console.ErrNotFound
}

func (reports) Policy() string { return "default-src 'none'; style-src 'sha256-x'" }

// TestReports: whoever has the link reads the report, with a token or without, and of every other link nothing is said.
func TestReports(t *testing.T) {
	const nowhere = "there is no such route; GET /api/v1/openapi.json lists them"
	with := func(o *console.Options) { consoletest.WithToken(o); o.Reports = reports{} }
	for name, tc := range map[string]struct {
		reason string
		change func(*console.Options)
		req    request
		want   response
		kind   string
	}{
		"Page":       {"The link is enough.", with, request{path: "/reports/right"}, response{200, "<h1>whole</h1>"}, "text/html; charset=utf-8"},
		"ByName":     {"By whatever name people reach the daemon.", func(o *console.Options) { o.Reports = reports{} }, request{path: "/reports/right", host: "trunkline.example"}, response{200, "<h1>whole</h1>"}, "text/html; charset=utf-8"},
		"Markdown":   {"Programs read Markdown.", with, request{path: "/reports/right", header: map[string]string{"Accept": "text/markdown"}}, response{200, "### whole"}, "text/markdown; charset=utf-8"},
		"Wrong":      {"Another link is no route.", with, request{path: "/reports/wrong"}, response{404, nowhere}, "application/problem+json"},
		"WrongToken": {"Also for who may call.", with, request{path: "/reports/wrong", token: token}, response{404, nowhere}, "application/problem+json"},
		"None":       {"Nor is any where there are no reports.", consoletest.WithToken, request{path: "/reports/right"}, response{404, nowhere}, "application/problem+json"},
		"Gone":       {"What was there is said to be gone.", with, request{path: "/reports/gone"}, response{410, `the report is not kept any more: comment "/trunkline retry" on the pull request, and its comment has a new link`}, "application/problem+json"},
		"Broken":     {"What failed is in the log.", with, request{path: "/reports/broken"}, response{500, "internal error; see the daemon's log"}, "application/problem+json"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.req.method = http.MethodGet
			got, header := ask(t, consoletest.Start(t, tc.change), tc.req)
			if got != tc.want || header.Get("Content-Type") != tc.kind {
				t.Errorf("%s got %+v, %s", tc.reason, got, header.Get("Content-Type"))
			}
			policy := header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "sha256") != strings.HasPrefix(tc.kind, "text/html") {
				t.Errorf("%s the policy is %q", tc.reason, policy)
			}
			if header.Get("Referrer-Policy") != "no-referrer" || header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s the link is told to others, or the page kept: %v", tc.reason, header)
			}
		})
	}
}
