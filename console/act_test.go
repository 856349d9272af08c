// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/status"
)

func TestActs(t *testing.T) {
	const path, approve, good = "/api/v1/releases/orders/prod/eu/suspend", "/api/v1/environments/prod/approve", `{"why":"incident 7"}`
	const asked = "suspend orders/prod@eu by bob: incident 7"
	cases := map[string]struct {
		reason, path, kind, body, token, claim string
		err                                    error
		code                                   int
		asked                                  []string
	}{
		"Suspend":        {"A release is named by its three parts, and who acts by the sign-on.", path, "application/json", good, bob, "", nil, 202, []string{asked}},
		"Approve":        {"An environment by its name, and what is approved by its digest.", approve, "application/json; charset=utf-8", `{"digest":"d1","why":"old"}`, bob, "", nil, 202, []string{"approve d1 of prod by bob: old"}},
		"NoDigest":       {"An approval of whatever comes is none.", approve, "application/json", good, bob, "", nil, 400, nil},
		"NoReason":       {"Nobody has to say why.", path, "application/json", `{}`, bob, "", nil, 202, []string{"suspend orders/prod@eu by bob: "}},
		"NoToken":        {"Nobody acts without a token.", path, "application/json", good, "", "ann", nil, 401, nil},
		"Claim":          {"Whoever has a token that is shared says who they are.", path, "application/json", good, token, "ann", nil, 202, []string{"suspend orders/prod@eu by ann (unverified): incident 7"}},
		"NoClaim":        {"Or does not act.", path, "application/json", good, token, " ", nil, 400, nil},
		"UselessClaim":   {"Whoever is known by name is not believed to be another.", path, "application/json", good, bob, "ann", nil, 202, []string{asked}},
		"HostileClaim":   {"A claim is a name, and nothing that a terminal obeys.", path, "application/json", good, token, "ann\u202e", nil, 400, nil},
		"By":             {"A name in the body is nobody's.", path, "application/json", `{"by":"ann","why":"x"}`, bob, "", nil, 400, nil},
		"Form":           {"A page of another origin can send a form, and nothing else.", path, "text/plain", good, bob, "", nil, 415, nil},
		"NoType":         {"A body of no type is not JSON.", path, "", good, bob, "", nil, 415, nil},
		"Long":           {"What is kept is bounded.", path, "application/json", `{"why":"` + strings.Repeat("x", 501) + `"}`, bob, "", nil, 400, nil},
		"Large":          {"What is read is bounded.", path, "application/json", `{"why":"` + strings.Repeat("x", 5000) + `"}`, bob, "", nil, 400, nil},
		"Wrong":          {"A wrong type is an error.", path, "application/json", `{"why":["x"]}`, bob, "", nil, 400, nil},
		"Empty":          {"Nothing is no body.", path, "application/json", ``, bob, "", nil, 400, nil},
		"UnknownField":   {"What is not known is not ignored.", path, "application/json", `{"how":"x"}`, bob, "", nil, 400, nil},
		"NotFound":       {"A release that is not there is said to be.", path, "application/json", good, bob, "", fmt.Errorf("no: %w", console.ErrNotFound), 404, []string{asked}},
		"Conflict":       {"What cannot be done is said to be.", path, "application/json", good, bob, "", console.ErrConflict, 409, []string{asked}},
		"Unsaved":        {"What may be lost is said to be.", path, "application/json", good, bob, "", console.ErrUnsaved, 503, []string{asked}},
		"Broken":         {"What goes wrong inside stays inside.", path, "application/json", good, bob, "", errors.New("secret"), 500, []string{asked}},
		"ApproveNothing": {"An approval can be refused, too.", approve, "application/json", `{"digest":""}`, bob, "", console.ErrConflict, 409, []string{"approve  of prod by bob: "}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := consoletest.Start(t, named)
			d.Err = tc.err
			got, _ := ask(t, d, request{
				method: "POST", path: tc.path, token: tc.token, body: tc.body, header: map[string]string{"Content-Type": tc.kind, "Trunkline-Claim": tc.claim},
			})
			if got.Code != tc.code || strings.Contains(got.Body, "secret") {
				t.Errorf("%s: got %d %s, want %d", tc.reason, got.Code, got.Body, tc.code)
			}
			if diff := cmp.Diff(tc.asked, d.Asked()); diff != "" {
				t.Errorf("%s: asked: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestActsOfTheLoopback: without a token nobody is known by name, and the name that is claimed is recorded as that.
func TestActsOfTheLoopback(t *testing.T) {
	post := func(header map[string]string) (response, []string) {
		d := consoletest.Start(t)
		header["Content-Type"] = "application/json"
		got, _ := ask(t, d, request{method: "POST", path: "/api/v1/releases/a/b/c/resume", body: "{}", header: header})
		return got, d.Asked()
	}
	got, asked := post(map[string]string{"Trunkline-Claim": "Ann Ø"})
	if diff := cmp.Diff([]string{"resume a/b@c by Ann Ø (unverified): "}, asked); diff != "" || got.Code != 202 {
		t.Errorf("got %+v\n%s", got, diff)
	}
	// The header is also what keeps a page in a browser on this machine out: it cannot send it to another origin.
	got, asked = post(map[string]string{})
	if want := (response{400, "name the caller in the header Trunkline-Claim: this sign-on has no name"}); got != want || len(asked) != 0 {
		t.Errorf("without a claim: got %+v, asked %v", got, asked)
	}
	got, asked = post(map[string]string{"Trunkline-Claim": "ann", "Origin": "https://evil.example"})
	if got.Code != 403 || len(asked) != 0 {
		t.Errorf("from another origin: got %+v, asked %v", got, asked)
	}
}

// TestAnActAnswersWithTheRelease, so that whoever acts sees what holds it.
func TestAnActAnswersWithTheRelease(t *testing.T) {
	d := consoletest.Start(t, named)
	id := catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "eu"}
	d.Board.SetRelease(id, func(r *status.Release) { r.Held = &status.Held{Rule: "freeze", Reason: "it is cold"} })
	got, _ := ask(t, d, request{
		method: "POST", path: "/api/v1/releases/orders/prod/eu/reconcile", token: bob, body: "{}", header: map[string]string{"Content-Type": "application/json"},
	})
	if got.Code != 202 || !strings.Contains(got.Body, `"reason":"it is cold"`) {
		t.Errorf("got %+v", got)
	}
}

func TestParseTokens(t *testing.T) {
	const long = "0123456789abcdef"
	cases := map[string]struct {
		reason, text string
		want         []console.Token
		err          string
	}{
		"Two":       {"A line for each.", "ann: " + long + "0\nci@example.com: " + long + "1\n", []console.Token{{Name: "ann", Secret: long + "0"}, {Name: "ci@example.com", Secret: long + "1"}}, ""},
		"Comment":   {"It is YAML.", "# who\nann: '" + long + "'\n", []console.Token{{Name: "ann", Secret: long}}, ""},
		"Number":    {"A token of digits is a text.", "ann: 12345678901234567\n", []console.Token{{Name: "ann", Secret: "12345678901234567"}}, ""},
		"Reserved":  {"Whoever has the one shared token is called that, and may do everything.", "token: " + long + "\n", nil, "f:1: the name token is reserved: choose another one"},
		"Empty":     {"No tokens would be no sign-on.", "", nil, `f holds no tokens: write "name: token" on each line`},
		"List":      {"A list has no names.", "- " + long, nil, `f holds no tokens: write "name: token" on each line`},
		"NotYAML":   {"What is quoted could be a token.", "ann: [" + long, nil, `f is not valid YAML: write "name: token" on each line`},
		"Short":     {"A short one can be guessed.", "ann: secret\n", nil, `f:1: the token of ann has to be one word of at least 16 characters, such as "openssl rand -hex 32" prints`},
		"Words":     {"A token is a word.", "ann: " + long + " x\n", nil, `f:1: the token of ann has to be one word of at least 16 characters, such as "openssl rand -hex 32" prints`},
		"Nested":    {"A token is no mapping.", "ann: {token: x}\n", nil, `f:1: the token of ann has to be one word of at least 16 characters, such as "openssl rand -hex 32" prints`},
		"SameName":  {"Nobody has two.", "ann: " + long + "0\nann: " + long + "1\n", nil, `f:2: ann has a token already`},
		"SameToken": {"A token is one person's.", "ann: " + long + "\nbob: " + long + "\n", nil, `f:2: the token of bob is also that of another name`},
		"Claim":     {"No name looks like a claim.", "ann (unverified): " + long + "\n", nil, `f:1: a name has at most 100 letters, digits and . _ @ + -`},
		"NoName":    {"Nor is it empty.", "'': " + long + "\n", nil, `f:1: a name has at most 100 letters, digits and . _ @ + -`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := console.ParseTokens("f", []byte(tc.text))
			if text := fmt.Sprint(err); err != nil && text != tc.err || err == nil && tc.err != "" {
				t.Errorf("%s the error is %v, want %s", tc.reason, err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
