// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// TestWhatIsWrongIsFound shows exchanges to the descriptions that are not as GitHub's: each is found.
func TestWhatIsWrongIsFound(t *testing.T) {
	rest, _ := need(t)
	cases := map[string]struct {
		method, path, sent string
		status             int
		received, want     string
	}{
		"Good":        {"GET", "/repos/a/b/issues/1/labels", "", 200, `[]`, ""},
		"NoSuchPath":  {"GET", "/repos/a/b/nothing", "", 200, `[]`, "no such operation"},
		"NoMethod":    {"PUT", "/repos/a/b/issues/1/labels", "", 200, `[]`, "no such operation"},
		"NoName":      {"POST", "/repos/a/b/check-runs", `{"head_sha":"x"}`, 201, `{}`, "request"},
		"WrongType":   {"POST", "/repos/a/b/issues/1/comments", `{"body":7}`, 201, `{}`, "request"},
		"NoBody":      {"POST", "/repos/a/b/issues/1/comments", "", 201, `{}`, "request"},
		"BadQuery":    {"GET", "/repos/a/b/pulls?state=green", "", 200, `[]`, "request"},
		"BadAnswer":   {"GET", "/repos/a/b/issues/1/labels", "", 200, `[{"id":"x"}]`, "answer"},
		"Incomplete":  {"POST", "/repos/a/b/issues/1/comments", `{"body":"x"}`, 201, `{"id":1}`, "answer"},
		"WrongStatus": {"POST", "/repos/a/b/issues/1/comments", `{"body":"x"}`, 299, `{}`, "answer"},
		"NoMessage":   {"GET", "/repos/a/b/pulls", "", 404, `{}`, "refusal"},
		"Refusal":     {"POST", "/repos/a/b/check-runs", `{}`, 422, `{"message":"no"}`, ""},
		"Slashes":     {"GET", "/repos/a/b/git/ref/heads/x/y", "", 404, `{"message":"Not Found"}`, ""},
	}
	for name, tc := range cases {
		request := httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.sent))
		err := rest.check(githubtest.Exchange{
			Request: request, Sent: []byte(tc.sent), Status: tc.status, Header: http.Header{"Content-Type": {"application/json"}}, Received: []byte(tc.received),
		})
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v does not say %q", name, err, tc.want)
		}
	}
}

// TestWrongPayloadsAreFound takes something away from good payloads, and adds something.
func TestWrongPayloadsAreFound(t *testing.T) {
	_, hooks := need(t)
	changed := 0
	for _, e := range Examples(t) {
		if !e.Valid || !strings.Contains(string(e.Payload), `"repository"`) {
			continue
		}
		for _, replaced := range [][2]string{{`"sender"`, `"sent_by"`}, {`"full_name"`, `"name_full"`}} {
			wrong := strings.ReplaceAll(string(e.Payload), replaced[0], replaced[1])
			if wrong == string(e.Payload) {
				continue
			}
			changed++
			if hooks.check(e.Event, []byte(wrong)) == nil {
				t.Errorf("%s %s without %s passes", e.Event, e.Action, replaced[0])
			}
		}
	}
	if changed < 100 {
		t.Errorf("%d payloads were changed only", changed)
	}
	for _, wrong := range []string{`{"action":"exploded"}`, `[]`, `{`} {
		if hooks.check("pull_request", []byte(wrong)) == nil || hooks.check("nothing", []byte(wrong)) == nil {
			t.Errorf("%s passes", wrong)
		}
	}
}
