package console_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
)

// actor remembers what it was asked for.
type actor struct {
	asked []string
	err   error
}

func (a *actor) Do(_ context.Context, id catalog.ReleaseID, act, by, why string) error {
	a.asked = append(a.asked, fmt.Sprintf("%s %s by %s: %s", act, id, by, why))
	return a.err
}

func (a *actor) Approve(environment, by, why string) error {
	a.asked = append(a.asked, fmt.Sprintf("approve %s by %s: %s", environment, by, why))
	return a.err
}

func TestActs(t *testing.T) {
	const path, good = "/api/v1/releases/orders/prod/eu/suspend", `{"by":"ann","why":"incident 7"}`
	cases := map[string]struct {
		reason, path, kind, body, token string
		err                             error
		code                            int
		asked                           []string
	}{
		"Suspend":      {"A release is named by its three parts.", path, "application/json", good, token, nil, 202, []string{"suspend orders/prod@eu by ann: incident 7"}},
		"Approve":      {"An environment by its name.", "/api/v1/environments/prod/approve", "application/json; charset=utf-8", good, token, nil, 202, []string{"approve prod by ann: incident 7"}},
		"NoToken":      {"Nobody acts without the token.", path, "application/json", good, "", nil, 401, nil},
		"Form":         {"A page of somebody else's can send a form, and nothing else.", path, "text/plain", good, token, nil, 415, nil},
		"NoType":       {"A body of no type is not JSON.", path, "", good, token, nil, 415, nil},
		"Nobody":       {"Somebody must have asked.", path, "application/json", `{"by":" ","why":"x"}`, token, nil, 400, nil},
		"Long":         {"What is kept is bounded.", path, "application/json", `{"by":"ann","why":"` + strings.Repeat("x", 501) + `"}`, token, nil, 400, nil},
		"Large":        {"What is read is bounded.", path, "application/json", `{"by":"ann","why":"` + strings.Repeat("x", 5000) + `"}`, token, nil, 400, nil},
		"Wrong":        {"A wrong type is an error.", path, "application/json", `{"by":["ann"]}`, token, nil, 400, nil},
		"Null":         {"Null is nobody.", path, "application/json", `null`, token, nil, 400, nil},
		"UnknownField": {"What is not known is not ignored.", path, "application/json", `{"by":"ann","how":"x"}`, token, nil, 400, nil},
		"NotFound":     {"A release that is not there is said to be.", path, "application/json", good, token, fmt.Errorf("%w: x", console.ErrNotFound), 404, []string{"suspend orders/prod@eu by ann: incident 7"}},
		"Conflict":     {"What cannot be done is said to be.", path, "application/json", good, token, console.ErrConflict, 409, []string{"suspend orders/prod@eu by ann: incident 7"}},
		"Unsaved":      {"What may be forgotten is said to be.", path, "application/json", good, token, console.ErrUnsaved, 503, []string{"suspend orders/prod@eu by ann: incident 7"}},
		"Broken":       {"What goes wrong inside stays inside.", path, "application/json", good, token, errors.New("secret"), 500, []string{"suspend orders/prod@eu by ann: incident 7"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := &actor{err: tc.err}
			s := start(t, func(o *console.Options) { o.Token, o.Actor = token, a })
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+tc.token)
			if tc.kind != "" {
				req.Header.Set("Content-Type", tc.kind)
			}
			resp, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tc.code || strings.Contains(string(body), "secret") {
				t.Errorf("%s: got %d %s, want %d", tc.reason, resp.StatusCode, body, tc.code)
			}
			if diff := cmp.Diff(tc.asked, a.asked); diff != "" {
				t.Errorf("%s: asked: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
