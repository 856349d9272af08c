// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/notify"
	"trunkline.dev/trunkline/notify/channel"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// hostile is a text that would mean something to each of the channels.
const hostile = "<!channel> <@U1> *b* [x](https://evil.example) <script>alert(1)</script> <b>&amp;\r\nBcc: a@b.c\u202e\x1b[31m @all"

func text(s string) func() (string, error) { return func() (string, error) { return s, nil } }

func failed() notify.Item {
	c := notify.Condition{
		Topic: notify.ReleaseFailed, Subject: notify.Subject{Project: "orders", Environment: "prod", Cluster: "eu"}, Owner: "team-orders",
		Commit: "4f2a9c1d0b7e66aa11bb22cc33dd44ee55ff6677", Reason: hostile, Link: "https://trunkline.example.com/releases/orders/prod/eu", Since: noon,
	}
	return notify.Item{Condition: c, Key: c.Key(), Standing: notify.Firing}
}

func messages() map[string]notify.Message {
	over := failed()
	over.Standing, over.Over = notify.Resolved, noon.Add(time.Hour)
	late := notify.Item{Condition: notify.Condition{Topic: notify.LotLate, Subject: notify.Subject{Project: "orders", Environment: "prod", Name: "raw@1"}}, Key: "late", Standing: notify.Firing, Flaps: 3}
	return map[string]notify.Message{
		"one":  {ID: "o-1", At: noon, Items: []notify.Item{failed()}},
		"over": {ID: "o-2", At: noon, Items: []notify.Item{over}},
		"some": {ID: "o-3", At: noon, Items: []notify.Item{failed(), late}, Suppressed: []notify.Suppressed{{Topic: notify.Held, Count: 4}}},
	}
}

var platform = channel.Platform{Name: "acme", Console: "https://trunkline.example.com/"}

// kept is what a server was sent.
type kept struct {
	path   string
	header http.Header
	body   []byte
}

func server(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *[]kept) {
	t.Helper()
	var got []kept
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, kept{r.URL.String(), r.Header, body})
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s, &got
}

func channels(url string) map[string]channel.Channel {
	return map[string]channel.Channel{
		"slack":       {Kind: channel.Slack, URL: text(url + "/services/T0/B0/secret")},
		"slackbot":    {Kind: channel.Slack, URL: text(url), Token: text("xoxb-secret"), To: []string{"#data"}},
		"teams":       {Kind: channel.Teams, URL: text(url + "/workflows/secret")},
		"pagerduty":   {Kind: channel.PagerDuty, URL: text(url), Token: text("routing-secret")},
		"opsgenie":    {Kind: channel.Opsgenie, URL: text(url), Token: text("genie-secret")},
		"webhook":     {Kind: channel.Webhook, URL: text(url), Secret: text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")},
		"cloudevents": {Kind: channel.CloudEvents, URL: text(url), Token: text("bearer-secret")},
	}
}

// TestWhatIsSent holds what each channel is sent to files, which TestWhatVendorsTake holds to what vendors take.
func TestWhatIsSent(t *testing.T) {
	s, got := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok": true}`) })
	for name, c := range channels(s.URL) {
		for what, m := range messages() {
			if c.Limit().Each {
				m.Items = m.Items[:1]
			}
			*got = nil
			if diff := cmp.Diff(egress.Answer{Done: true}, c.Send(t.Context(), deliver.NewClient(), platform, m, noon)); diff != "" {
				t.Errorf("%s %s:\n%s", name, what, diff)
				continue
			}
			var body any
			if err := json.Unmarshal((*got)[0].body, &body); err != nil {
				t.Fatal(err)
			}
			indented, err := json.MarshalIndent(map[string]any{"path": (*got)[0].path, "body": body}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+"-"+what+".json")
			if *update {
				if err := os.WriteFile(file, append(indented, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(indented)+"\n"); diff != "" {
				t.Errorf("%s: -want +got:\n%s", file, diff)
			}
			for _, never := range []string{"\u202e", "\x1b"} {
				if strings.Contains(string((*got)[0].body), never) {
					t.Errorf("%s: %q is sent", file, never)
				}
			}
		}
	}
}

func TestWhoSignsOn(t *testing.T) {
	s, got := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok": true}`) })
	for name, want := range map[string]string{
		"slackbot": "Bearer xoxb-secret", "opsgenie": "GenieKey genie-secret", "cloudevents": "Bearer bearer-secret", "pagerduty": "", "slack": "", "teams": "", "webhook": "",
	} {
		*got = nil
		channels(s.URL)[name].Send(t.Context(), deliver.NewClient(), platform, messages()["one"], noon)
		if diff := cmp.Diff(want, (*got)[0].header.Get("Authorization")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if name != "webhook" {
			continue
		}
		if id := (*got)[0].header.Get("webhook-id"); id != "o-1" {
			t.Errorf("a receiver cannot tell that a message comes twice: its id is %q", id)
		}
		hook, err := standardwebhooks.NewWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		if err != nil {
			t.Fatal(err)
		}
		if err := hook.VerifyIgnoringTimestamp((*got)[0].body, (*got)[0].header); err != nil {
			t.Errorf("the signature is wrong: %v", err)
		}
	}
}

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   egress.Answer
	}{
		"too many": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusTooManyRequests)
		}, egress.Answer{Failed: "it answered 429 Too Many Requests", After: 30 * time.Second}},
		"gone": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, egress.Answer{Refused: "it answered 404 Not Found"}},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusTemporaryRedirect)
		}, egress.Answer{Refused: "it answered 307 Temporary Redirect: redirections are not followed"}},
		"down": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, egress.Answer{Failed: "it answered 502 Bad Gateway"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, got := server(t, test.answer)
			if diff := cmp.Diff(test.want, channels(s.URL)["slack"].Send(t.Context(), deliver.NewClient(), platform, messages()["one"], noon)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(*got) != 1 {
				t.Errorf("it is asked %d times", len(*got))
			}
		})
	}
	s, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"ok": false, "error": "channel_not_found"}`)
	})
	got := channels(s.URL)["slackbot"].Send(t.Context(), deliver.NewClient(), platform, messages()["one"], noon)
	if diff := cmp.Diff(egress.Answer{Refused: "Slack answered channel_not_found"}, got); diff != "" {
		t.Errorf("Slack's API says in the body that it did not take a message: %s", diff)
	}
}

// TestNoAddressInErrors: whoever has the URL of Slack or Teams can write there.
func TestNoAddressInErrors(t *testing.T) {
	for name, c := range map[string]channel.Channel{
		"unreachable": {Kind: channel.Slack, URL: text("http://127.0.0.1:1/services/secret")},
		"in clear":    {Kind: channel.Teams, URL: text("http://example.com/secret")},
		"credentials": {Kind: channel.Webhook, URL: text("https://user:secret@example.com/")},
		"no URL":      {Kind: channel.Slack, URL: text("::secret")},
		"mail":        {Kind: channel.Mail, URL: text("smtp://127.0.0.1:1"), From: "a@b.c", To: []string{"d@e.f"}, Username: "u", Token: text("secret")},
	} {
		got := c.Send(t.Context(), deliver.NewClient(), platform, messages()["one"], noon)
		if said := got.Failed + got.Refused; said == "" || strings.Contains(said, "secret") || got.Done {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		c    channel.Channel
		want string
	}{
		"no kind":        {channel.Channel{Kind: "fax"}, "no kind of channel"},
		"no URL":         {channel.Channel{Kind: channel.Slack}, "no URL"},
		"bot":            {channel.Channel{Kind: channel.Slack, Token: text("x")}, "one channel"},
		"no key":         {channel.Channel{Kind: channel.PagerDuty}, "no token"},
		"no server":      {channel.Channel{Kind: channel.Mail}, "no server"},
		"to nobody":      {channel.Channel{Kind: channel.Mail, URL: text("smtp://m"), From: "a@b.c"}, "to someone"},
		"no address":     {channel.Channel{Kind: channel.Mail, URL: text("smtp://m"), From: "a@b.c", To: []string{"x\r\nBcc: y@z"}}, "no address"},
		"user, no token": {channel.Channel{Kind: channel.Mail, URL: text("smtp://m"), From: "a@b.c", To: []string{"d@e.f"}, Username: "u"}, "with neither"},
		"fine":           {channel.Channel{Kind: channel.Opsgenie, Token: text("x")}, ""},
	} {
		err := test.c.Check()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
