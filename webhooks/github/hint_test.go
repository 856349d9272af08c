// SPDX-License-Identifier: Apache-2.0

package github_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
	"trunkline.dev/trunkline/webhooks/github/githubtest/contract"
)

const hookSecret = "whsec-0123456789abcdef"

const (
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestHints(t *testing.T) {
	const repository = `"repository":{"full_name":"acme/data"}`
	cases := map[string]struct {
		reason, event, body string
		want                webhooks.Hint
	}{
		"Push":           {"A branch moved.", "push", `{"ref":"refs/heads/main",` + repository + `}`, webhooks.Hint{Push: true}},
		"Tag":            {"A tag is followed by nobody.", "push", `{"ref":"refs/tags/v1",` + repository + `}`, webhooks.Hint{}},
		"DeletedBranch":  {"A branch that is gone moved, too.", "push", `{"ref":"refs/heads/x","deleted":true,"head_commit":null,"commits":null,` + repository + `}`, webhooks.Hint{Push: true}},
		"Opened":         {"The pull request is to be looked at.", "pull_request", `{"action":"opened","number":7,"pull_request":{"number":7},` + repository + `}`, webhooks.Hint{Pull: 7}},
		"Pushed":         {"Its head moved; work for the one before is for nothing.", "pull_request", `{"action":"synchronize","number":7,"pull_request":{"number":7,"head":{"sha":"` + shaA + `"}},` + repository + `}`, webhooks.Hint{Pull: 7, SHA: shaA}},
		"Labelled":       {"That says nothing of its head, which may be an older one by now.", "pull_request", `{"action":"labeled","number":7,"pull_request":{"number":7,"head":{"sha":"` + shaA + `"}},` + repository + `}`, webhooks.Hint{Pull: 7}},
		"NoCommit":       {"A head that is no commit is not known.", "pull_request", `{"action":"synchronize","number":7,"pull_request":{"number":7,"head":{"sha":"../x"}},` + repository + `}`, webhooks.Hint{Pull: 7}},
		"CommentEdited":  {"Which comment it is tells whether it is ours.", "issue_comment", `{"action":"edited","issue":{"number":7,"pull_request":{}},"comment":{"id":12},` + repository + `}`, webhooks.Hint{Pull: 7, Comment: true, CommentID: 12}},
		"DeletedFork":    {"A fork that is gone changes nothing of that.", "pull_request", `{"action":"synchronize","number":7,"pull_request":{"number":7,"head":{"repo":null}},` + repository + `}`, webhooks.Hint{Pull: 7}},
		"Review":         {"Somebody may have approved.", "pull_request_review", `{"action":"submitted","pull_request":{"number":7},` + repository + `}`, webhooks.Hint{Pull: 7}},
		"Comment":        {"There may be a command.", "issue_comment", `{"action":"created","issue":{"number":7,"pull_request":{}},"comment":{"body":"/trunkline approve"},` + repository + `}`, webhooks.Hint{Pull: 7, Comment: true}},
		"CommentDeleted": {"It may have been ours.", "issue_comment", `{"action":"deleted","issue":{"number":7,"pull_request":{}},` + repository + `}`, webhooks.Hint{Pull: 7}},
		"Issue":          {"An issue is no pull request.", "issue_comment", `{"action":"created","issue":{"number":7},` + repository + `}`, webhooks.Hint{}},
		"NullPull":       {"Likewise.", "issue_comment", `{"action":"created","issue":{"number":7,"pull_request":null},` + repository + `}`, webhooks.Hint{}},
		"Rerun":          {"Somebody wants it again; a fork's check names no pull request and no branch.", "check_run", `{"action":"rerequested","check_run":{"head_sha":"` + shaA + `","pull_requests":[],"check_suite":{"head_branch":null}},` + repository + `}`, webhooks.Hint{SHA: shaA, Rerun: true}},
		"OurCheck":       {"What we wrote is no news.", "check_run", `{"action":"completed","check_run":{"head_sha":"` + shaA + `"},` + repository + `}`, webhooks.Hint{}},
		"SuiteRerun":     {"All checks again.", "check_suite", `{"action":"rerequested","check_suite":{"head_sha":"` + shaA + `"},` + repository + `}`, webhooks.Hint{SHA: shaA, Rerun: true}},
		"SuiteRequested": {"A commit to check.", "check_suite", `{"action":"requested","check_suite":{"head_sha":"` + shaA + `"},` + repository + `}`, webhooks.Hint{SHA: shaA}},
		"Queue":          {"A group to check.", "merge_group", `{"action":"checks_requested","merge_group":{"head_sha":"` + shaA + `","head_ref":"refs/heads/gh-readonly-queue/main/pr-1-x","base_sha":"` + shaB + `"},` + repository + `}`, webhooks.Hint{Queue: &webhooks.MergeGroup{Head: shaA, HeadRef: "gh-readonly-queue/main/pr-1-x", Base: shaB}}},
		"QueueDestroyed": {"Nothing to check any more.", "merge_group", `{"action":"destroyed","reason":"merged","merge_group":{"head_sha":"` + shaA + `","head_ref":"refs/heads/q","base_sha":"` + shaB + `"},` + repository + `}`, webhooks.Hint{Queue: &webhooks.MergeGroup{Head: shaA, HeadRef: "q", Base: shaB, Destroyed: true}}},
		"Ping":           {"GitHub asks whether anybody is there.", "ping", `{"zen":"x","hook_id":1}`, webhooks.Hint{}},
		"Unknown":        {"An event that comes next year.", "quantum_merge", `{"pull_request":7}`, webhooks.Hint{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := github.ParseHint(tc.event, "guid-1", []byte(tc.body))
			if err != nil {
				t.Fatalf("%s %v", tc.reason, err)
			}
			got.Hint.Delivery = ""
			diff(t, tc.want, got.Hint, tc.reason)
			diff(t, tc.want != webhooks.Hint{}, got.Look, tc.reason)
			if got.Look && (!got.Of("ACME/data") || got.Of("acme/dat.") || got.Of("evil/acme/data")) {
				t.Errorf("it is of %q", got.Repository)
			}
		})
	}
}

func TestFormerNames(t *testing.T) {
	for name, tc := range map[string]struct{ body, former string }{
		"Renamed":     {`{"action":"renamed","repository":{"full_name":"acme/new"},"changes":{"repository":{"name":{"from":"old"}}}}`, "acme/old"},
		"Transferred": {`{"action":"transferred","repository":{"full_name":"new/data"},"changes":{"owner":{"from":{"user":{"login":"old"}}}}}`, "old/data"},
		"Organised":   {`{"action":"transferred","repository":{"full_name":"new/data"},"changes":{"owner":{"from":{"organization":{"login":"old"}}}}}`, "old/data"},
		"Nothing":     {`{"action":"edited","repository":{"full_name":"new/data"},"changes":null}`, ""},
		"Hostile":     {`{"action":"renamed","repository":{"full_name":"acme/new"},"changes":{"repository":{"name":{"from":"../../x"}}}}`, ""},
		"WrongType":   {`{"action":"renamed","repository":{"full_name":"acme/new"},"changes":[]}`, ""},
	} {
		got, err := github.ParseHint("repository", "", []byte(tc.body))
		if err != nil || got.Former != tc.former || got.Look {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

// TestWrongPayloads takes a part of a good payload away, or makes it null or of another type, for every event: none panics,
// none is accepted where a part that is read is wrong.
func TestWrongPayloads(t *testing.T) {
	good := map[string]string{
		"push":                `{"ref":"refs/heads/main","repository":{"full_name":"acme/data"}}`,
		"pull_request":        `{"action":"opened","pull_request":{"number":7},"repository":{"full_name":"acme/data"}}`,
		"pull_request_review": `{"pull_request":{"number":7},"repository":{"full_name":"acme/data"}}`,
		"issue_comment":       `{"issue":{"number":7},"repository":{"full_name":"acme/data"}}`,
		"check_run":           `{"check_run":{"head_sha":"` + shaA + `"},"repository":{"full_name":"acme/data"}}`,
		"check_suite":         `{"check_suite":{"head_sha":"` + shaA + `"},"repository":{"full_name":"acme/data"}}`,
		"merge_group":         `{"merge_group":{"head_sha":"` + shaA + `","base_sha":"` + shaB + `"},"repository":{"full_name":"acme/data"}}`,
		"repository":          `{"repository":{"full_name":"acme/data"}}`,
	}
	wrong := []any{nil, "text", "", 1.5, -1, 0, 1e300, true, []any{}, []any{1}, map[string]any{}, map[string]any{"full_name": map[string]any{}}, strings.Repeat("a", 41)}
	for event, body := range good {
		if _, err := github.ParseHint(event, "", []byte(body)); err != nil {
			t.Fatalf("%s: %v", event, err)
		}
		for _, path := range paths(t, body) {
			for _, value := range append(wrong, "missing!") {
				changed := change(t, body, path, value)
				got, err := github.ParseHint(event, "", changed)
				if path == "action" && (value == nil || isText(value) || value == "") || path == "ref" && value == "text" || path == "ref" && value == "missing!" || strings.HasSuffix(path, "ref") && isText(value) {
					continue // any text is one
				}
				if err == nil {
					t.Errorf("%s accepts %s as %+v", event, changed, got)
				} else if !errors.Is(err, github.ErrPayload) {
					t.Errorf("%s of %s: %v", event, changed, err)
				}
			}
		}
	}
	for _, body := range []string{"", "null", "[]", "1", `"x"`, "{", "{}x", "\xff\xfe", strings.Repeat("[", 100000), strings.Repeat(`{"a":`, 100000), "payload=%7B%7D", "{}"} {
		for event := range good {
			if _, err := github.ParseHint(event, "", []byte(body)); !errors.Is(err, github.ErrPayload) {
				t.Errorf("%s accepts %.40s: %v", event, body, err)
			}
		}
	}
	for _, name := range []string{"acme", "acme/", "/data", "acme/data/x", "acme/..", "../data", "acme/da ta", "acme/data\n", ".*/.*", "(acme|evil)/data", "acme/data?x=1", strings.Repeat("a", 200) + "/data"} {
		body := must(json.Marshal(map[string]any{"ref": "refs/heads/main", "repository": map[string]any{"full_name": name}}))
		if got, err := github.ParseHint("push", "", body); err == nil && got.Of("acme/data") {
			t.Errorf("%q is taken for acme/data", name)
		}
	}
}

func isText(v any) bool { s, ok := v.(string); return ok && s != "" }

// paths are the parts of a payload, such as "repository.full_name".
func paths(t *testing.T, body string) []string {
	var value map[string]any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatal(err)
	}
	var out []string
	for key, inner := range value {
		out = append(out, key)
		if o, ok := inner.(map[string]any); ok {
			for k := range o {
				out = append(out, key+"."+k)
			}
		}
	}
	return out
}

func change(t *testing.T, body, path string, to any) []byte {
	var value map[string]any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatal(err)
	}
	at, key := value, path
	if outer, inner, ok := strings.Cut(path, "."); ok {
		at, key = value[outer].(map[string]any), inner
	}
	at[key] = to
	if to == "missing!" {
		delete(at, key)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestReceive sends deliveries as GitHub does, and as others do.
func TestReceive(t *testing.T) {
	body := []byte(`{"ref":"refs/heads/main","repository":{"full_name":"acme/data"}}`)
	cases := map[string]struct {
		reason, secret, signature, event string
		body                             io.Reader
		status                           int
	}{
		"Right":       {"GitHub signed it.", hookSecret, githubtest.Sign(hookSecret, body), "push", bytes.NewReader(body), 202},
		"NoSecret":    {"Without a secret the endpoint is shut, not open.", "", githubtest.Sign("", body), "push", bytes.NewReader(body), 403},
		"Unsigned":    {"An event without a signature is nobody's.", hookSecret, "", "push", bytes.NewReader(body), 401},
		"WrongSecret": {"Another secret is none.", hookSecret, githubtest.Sign("other", body), "push", bytes.NewReader(body), 401},
		"OtherBody":   {"A signature is that of one body.", hookSecret, githubtest.Sign(hookSecret, body), "push", strings.NewReader("{}"), 401},
		"SHA1":        {"The old algorithm is none.", hookSecret, "sha1=" + strings.Repeat("0", 40), "push", bytes.NewReader(body), 401},
		"Cut":         {"The beginning of a signature is none.", hookSecret, githubtest.Sign(hookSecret, body)[:50], "push", bytes.NewReader(body), 401},
		"Endless":     {"The limit comes before the hash.", hookSecret, githubtest.Sign(hookSecret, body), "push", endless{}, 413},
		"NoEvent":     {"A delivery says what it is.", hookSecret, githubtest.Sign(hookSecret, body), "", bytes.NewReader(body), 400},
		"NotJSON":     {"A form is not what is expected.", hookSecret, githubtest.Sign(hookSecret, []byte("payload=x")), "push", strings.NewReader("payload=x"), 400},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/hooks/sync", tc.body)
			r.Header.Set("X-Hub-Signature-256", tc.signature)
			r.Header.Set("X-GitHub-Event", tc.event)
			_, err := github.Receive(httptest.NewRecorder(), r, []byte(tc.secret))
			diff(t, tc.status, github.StatusOf(err), tc.reason, fmt.Sprint(err))
			if err != nil && strings.Contains(err.Error(), hookSecret) {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestExamples reads all payloads that GitHub gives as examples: each is understood, and those of which something follows
// say what.
func TestExamples(t *testing.T) {
	valid, looked := 0, map[string]int{}
	for _, e := range contract.Examples(t) {
		got, err := github.ParseHint(e.Event, "guid", e.Payload)
		if err != nil {
			t.Errorf("%s %s: %v", e.Event, e.Action, err)
			continue
		}
		if e.Valid {
			valid++
		}
		if got.Look {
			looked[e.Event]++
			if got.Repository == "" {
				t.Errorf("%s %s: of no repository", e.Event, e.Action)
			}
		}
	}
	if valid < 240 {
		t.Errorf("%d examples are as their schemas say; there were 244", valid)
	}
	for _, event := range []string{"push", "pull_request", "check_run", "check_suite", "merge_group", "pull_request_review"} {
		if looked[event] == 0 {
			t.Errorf("no example of %s says where to look", event)
		}
	}
}

func FuzzParseHint(f *testing.F) {
	for _, event := range []string{"push", "pull_request", "check_run", "check_suite", "merge_group", "repository", "ping", ""} {
		for _, body := range []string{
			"", "null", "{}", `{"ref":1}`, `{"action":"renamed","repository":{"full_name":"a/b"},"changes":{}}`,
			`{"action":"created","number":1,"ref":"refs/heads/x","pull_request":{"number":1},"issue":{"number":1,"pull_request":{}},"check_run":{"head_sha":"` + shaA + `"},"check_suite":{"head_sha":"` + shaA + `"},"merge_group":{"head_sha":"` + shaA + `","base_sha":"` + shaB + `"},"repository":{"full_name":"a/b"}}`,
		} {
			f.Add(event, body)
		}
	}
	f.Fuzz(func(t *testing.T, event, body string) {
		got, err := github.ParseHint(event, "x", []byte(body))
		if err != nil {
			if !errors.Is(err, github.ErrPayload) || got.Look {
				t.Errorf("got %+v, %v", got, err)
			}
			return
		}
		if got.Look && (got.Repository == "" || got.Hint.Pull < 0 || got.Hint.SHA != "" && len(got.Hint.SHA) != 40 && len(got.Hint.SHA) != 64) {
			t.Errorf("got %+v", got)
		}
	})
}

// deliverTo has a handler receive the deliveries of an App.
func receiver(t *testing.T, w world) (events func() []github.Event) {
	t.Helper()
	var got []github.Event
	url := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		e, err := github.Receive(rw, r, []byte(hookSecret))
		if err == nil {
			got = append(got, e)
		}
		rw.WriteHeader(github.StatusOf(err))
	})
	w.hub.SetHook(w.app, url, hookSecret)
	return func() []github.Event {
		if err := w.hub.Delivered(context.Background()); err != nil {
			t.Fatal(err)
		}
		out := got
		got = nil
		return out
	}
}
