// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/webhooks/github/githubtest/contract"
)

const hookSecret = "whsec-0123456789"

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// deliver sends a body to the hook as GitHub does, which asks by the public name.
func deliver(t *testing.T, d *consoletest.Daemon, body, event, signature string) response {
	t.Helper()
	got, _ := ask(t, d, request{
		method: "POST", path: "/hooks/sync", host: "trunkline.example.com", body: body,
		header: map[string]string{"Content-Type": "application/json", "X-GitHub-Event": event, "X-Hub-Signature-256": signature},
	})
	return got
}

func TestDeliveries(t *testing.T) {
	const push = `{"ref":"refs/heads/main","repository":{"full_name":"acme/data"},"head_commit":{"id":"1"},"commits":[]}`
	large := `{"ref":"` + strings.Repeat("x", 5<<20) + `"}`
	cases := map[string]struct {
		reason, secret, event, body, signature string
		code, syncs                            int
	}{
		"Push":          {"A push that GitHub signed needs no token.", hookSecret, "push", push, sign(hookSecret, push), 202, 1},
		"Ping":          {"GitHub asks once whether anybody is there.", hookSecret, "ping", `{"zen":"x","hook_id":1}`, sign(hookSecret, `{"zen":"x","hook_id":1}`), 200, 0},
		"OtherEvent":    {"A pull request of a fork that is gone is nothing to fetch for.", hookSecret, "pull_request", `{"pull_request":{"head":{"repo":null}}}`, sign(hookSecret, `{"pull_request":{"head":{"repo":null}}}`), 200, 0},
		"DeletedBranch": {"A branch that was deleted has no head.", hookSecret, "push", `{"ref":"refs/heads/x","deleted":true,"head_commit":null,"commits":null,"repository":{"full_name":"a/b"}}`, sign(hookSecret, `{"ref":"refs/heads/x","deleted":true,"head_commit":null,"commits":null,"repository":{"full_name":"a/b"}}`), 202, 1},
		"NoSecret":      {"Without a secret the hook refuses, and is not open.", "", "push", push, sign("", push), 403, 0},
		"NoSignature":   {"An event without a signature is nobody's.", hookSecret, "push", push, "", 401, 0},
		"WrongSecret":   {"Another secret is none.", hookSecret, "push", push, sign("another", push), 401, 0},
		"WrongBody":     {"A signature is that of one body.", hookSecret, "push", push + " ", sign(hookSecret, push), 401, 0},
		"Truncated":     {"The beginning of a signature is none.", hookSecret, "push", push, sign(hookSecret, push)[:40], 401, 0},
		"SHA1":          {"The old algorithm is none.", hookSecret, "push", push, "sha1=" + strings.Repeat("0", 40), 401, 0},
		"NoHex":         {"What is no signature is none.", hookSecret, "push", push, "sha256=" + strings.Repeat("z", 64), 401, 0},
		"Large":         {"The limit comes before the hash.", hookSecret, "push", large, sign(hookSecret, large), 413, 0},
		"NoEvent":       {"A delivery says what it is.", hookSecret, "", push, sign(hookSecret, push), 400, 0},
		"NotJSON":       {"A form is not what is expected.", hookSecret, "push", "payload=%7B%7D", sign(hookSecret, "payload=%7B%7D"), 400, 0},
		"Empty":         {"Nothing is no payload.", hookSecret, "push", "", sign(hookSecret, ""), 400, 0},
		"Null":          {"Null is no push.", hookSecret, "push", "null", sign(hookSecret, "null"), 400, 0},
		"NullPing":      {"Null is no ping.", hookSecret, "ping", "null", sign(hookSecret, "null"), 400, 0},
		"List":          {"A list is no push.", hookSecret, "push", "[]", sign(hookSecret, "[]"), 400, 0},
		"NoRepository":  {"A push without a repository.", hookSecret, "push", `{"ref":"refs/heads/main"}`, sign(hookSecret, `{"ref":"refs/heads/main"}`), 400, 0},
		"NullRepo":      {"A push with a repository of null.", hookSecret, "push", `{"ref":"x","repository":null}`, sign(hookSecret, `{"ref":"x","repository":null}`), 400, 0},
		"WrongRepo":     {"A push with a repository that is a text.", hookSecret, "push", `{"ref":"x","repository":"y"}`, sign(hookSecret, `{"ref":"x","repository":"y"}`), 400, 0},
		"WrongName":     {"A push with a name that is a list.", hookSecret, "push", `{"ref":"x","repository":{"full_name":[]}}`, sign(hookSecret, `{"ref":"x","repository":{"full_name":[]}}`), 400, 0},
		"NoRef":         {"A push without a ref.", hookSecret, "push", `{"repository":{"full_name":"a/b"}}`, sign(hookSecret, `{"repository":{"full_name":"a/b"}}`), 400, 0},
	}
	for name, tc := range cases {
		for sign, change := range map[string]func(*console.Options){"": open, "Token": consoletest.WithToken} {
			t.Run(name+sign, func(t *testing.T) { // a signature is needed, and enough
				d := consoletest.Start(t, change, func(o *console.Options) { o.HookSecret = func() string { return tc.secret } })
				got := deliver(t, d, tc.body, tc.event, tc.signature)
				if got.Code != tc.code || len(d.Asked()) != tc.syncs {
					t.Errorf("%s got %+v and %d fetches, want %d and %d", tc.reason, got, len(d.Asked()), tc.code, tc.syncs)
				}
				if strings.Contains(got.Body, hookSecret) {
					t.Errorf("the answer has the secret: %s", got.Body)
				}
			})
		}
	}
}

// endless is a body without an end, which counts what was read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

// TestAnEndlessDeliveryIsCutOff sends a body of unknown length: no more than the limit is read before it is refused.
func TestAnEndlessDeliveryIsCutOff(t *testing.T) {
	body := &endless{}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/sync", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-Hub-Signature-256", sign(hookSecret, "x"))
	w := &answer{header: http.Header{}}
	_, handler := consoletest.New(func(o *console.Options) { o.HookSecret = func() string { return hookSecret } })
	handler.ServeHTTP(w, req)
	if w.code != http.StatusRequestEntityTooLarge || body.read > 6<<20 {
		t.Errorf("got %d after %d bytes were read", w.code, body.read)
	}
}

// TestADeliveryThatIsPlayedAgainIsHarmless sends the same delivery three times: each asks for a fetch, and says nothing else.
func TestADeliveryThatIsPlayedAgainIsHarmless(t *testing.T) {
	const push = `{"ref":"refs/heads/evil","repository":{"full_name":"other/repo","clone_url":"https://evil.example"},"after":"feed"}`
	d := consoletest.Start(t, func(o *console.Options) { o.HookSecret = func() string { return hookSecret } })
	before := d.Board.Snapshot()
	for range 3 {
		if got := deliver(t, d, push, "push", sign(hookSecret, push)); got.Code != http.StatusAccepted {
			t.Fatalf("got %+v", got)
		}
	}
	if after := d.Board.Snapshot(); len(d.Asked()) != 3 || after.Revision != before.Revision {
		t.Errorf("got %d fetches, and the state %+v", len(d.Asked()), after.Source)
	}
}

// TestExamplesOfGitHub delivers every payload that GitHub gives as an example: a push is a reason to fetch, and nothing else is.
func TestExamplesOfGitHub(t *testing.T) {
	examples := contract.Examples(t)
	d := consoletest.Start(t, func(o *console.Options) { o.HookSecret = func() string { return hookSecret } })
	for _, e := range examples {
		before, want := len(d.Asked()), http.StatusOK
		if e.Event == "push" {
			want = http.StatusAccepted
		}
		got := deliver(t, d, string(e.Payload), e.Event, sign(hookSecret, string(e.Payload)))
		if got.Code != want || len(d.Asked())-before != map[int]int{http.StatusAccepted: 1}[want] {
			t.Errorf("%s %s got %+v and %d fetches", e.Event, e.Action, got, len(d.Asked())-before)
		}
	}
}

func FuzzDelivery(f *testing.F) {
	for _, body := range []string{"", "null", "{}", `{"ref":1}`, `{"ref":"x","repository":{"full_name":"a/b"}}`, "[[[[", "\xff"} {
		f.Add("push", body)
		f.Add("ping", body)
	}
	f.Fuzz(func(t *testing.T, event, body string) {
		d, handler := consoletest.New(func(o *console.Options) { o.HookSecret = func() string { return hookSecret } })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/sync", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header["X-Github-Event"] = []string{event}
		req.Header.Set("X-Hub-Signature-256", sign(hookSecret, body))
		w := &answer{header: http.Header{}}
		handler.ServeHTTP(w, req)
		syncs := len(d.Asked())
		if w.code != 200 && w.code != 202 && w.code != 400 || (w.code == 202) != (syncs == 1) || syncs > 1 {
			t.Errorf("got %d and %d fetches", w.code, syncs)
		}
	})
}
