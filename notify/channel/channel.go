// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/notify"
)

// Kind is what a channel is.
type Kind string

// The kinds.
const (
	Slack       Kind = "slack"
	Teams       Kind = "teams"
	Mail        Kind = "mail"
	PagerDuty   Kind = "pagerduty"
	Opsgenie    Kind = "opsgenie"
	Webhook     Kind = "webhook"
	CloudEvents Kind = "cloudevents"
)

// Kinds are all kinds.
func Kinds() []Kind { return []Kind{Slack, Teams, Mail, PagerDuty, Opsgenie, Webhook, CloudEvents} }

// Channel is where messages go. Whoever runs the daemon says where that is, and no repository.
type Channel struct {
	Kind Kind
	// URL is the address; nil: that of the service, which PagerDuty, Opsgenie and Slack with a token have. It is a secret where whoever
	// has it can write, as with Slack and Teams.
	URL func() (string, error)
	// Token is a bearer token, a key, or the password of mail; Secret is what webhooks are signed with; nil: none.
	Token, Secret func() (string, error)
	// To are addresses of mail, or the channel of Slack that a bot writes to. From is who mail is from, and Username who signs on.
	To             []string
	From, Username string
	PerHour        int
	// Roots are whom TLS trusts; nil: whom the system does.
	Roots *x509.CertPool
}

// Limit is what holds for the channel.
func (c Channel) Limit() notify.Limit {
	return notify.Limit{PerHour: c.PerHour, Each: c.Kind == PagerDuty || c.Kind == Opsgenie}
}

// Check returns what is wrong with a channel, as far as can be said without its secrets.
func (c Channel) Check() error {
	switch {
	case !slices.Contains(Kinds(), c.Kind):
		return fmt.Errorf("%.40q is no kind of channel: use one of %s", c.Kind, strings.Trim(fmt.Sprint(Kinds()), "[]"))
	case c.PerHour < 0:
		return errors.New("it is sent one message an hour at least")
	case c.Kind == Mail:
		return c.checkMail()
	case c.Kind == Slack && c.Token != nil && len(c.To) != 1:
		return errors.New("a bot of Slack writes to one channel: say which, as in #data-team")
	case c.URL == nil && (c.Kind == Teams || c.Kind == Webhook || c.Kind == CloudEvents || c.Kind == Slack && c.Token == nil):
		return errors.New("it has no URL")
	case c.Token == nil && (c.Kind == PagerDuty || c.Kind == Opsgenie):
		return errors.New("it has no token: PagerDuty calls it integration key, Opsgenie API key")
	}
	return nil
}

func (c Channel) checkMail() error {
	switch {
	case c.URL == nil:
		return errors.New("it has no server: smtp://HOST:587 or smtps://HOST:465")
	case c.From == "" || len(c.To) == 0:
		return errors.New("mail is from someone, and to someone")
	case (c.Username == "") != (c.Token == nil):
		return errors.New("mail is signed on to with a user name and a password, or with neither")
	}
	for _, address := range append([]string{c.From}, c.To...) {
		if _, err := mail.ParseAddress(address); err != nil {
			return fmt.Errorf("%.80q is no address of mail", address)
		}
	}
	return nil
}

// Platform is what messages are about.
type Platform struct {
	Name string
	// Console is where people reach the daemon; empty: nowhere.
	Console string
}

// Send sends a message, and says what came of it.
func (c Channel) Send(ctx context.Context, client *http.Client, p Platform, m notify.Message, now time.Time) egress.Answer {
	m = clipped(m)
	if c.Kind == Mail {
		return c.mail(ctx, p, m)
	}
	r, err := c.request(ctx, p, m, now)
	if err != nil {
		return egress.Answer{Failed: err.Error()}
	}
	answer, err := client.Do(r)
	if err != nil {
		return egress.Answer{Failed: "it cannot be reached: " + deliver.Plain(err)}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	out := deliver.Judge(answer, now)
	if err == nil && out.Done && c.Kind == Slack && c.Token != nil {
		return bot(body)
	}
	return out
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

// request makes the request that tells a message.
func (c Channel) request(ctx context.Context, p Platform, m notify.Message, now time.Time) (*http.Request, error) {
	address, err := c.address()
	if err != nil {
		return nil, err
	}
	token := ""
	if c.Token != nil {
		if token, err = c.Token(); err != nil {
			return nil, fmt.Errorf("reading the token: %w", err)
		}
	}
	content, scheme := "application/json", "Bearer "
	var body any
	switch c.Kind {
	case Slack:
		body = slackOf(p, m, c.To, token != "")
	case Teams:
		body = teamsOf(p, m)
	case PagerDuty:
		body, token = pagerOf(p, m, token), "" // the key is in the body
	case Opsgenie:
		var path string
		path, body = genieOf(p, m)
		address, scheme = strings.TrimSuffix(address, "/")+path, "GenieKey "
	case CloudEvents:
		content = "application/cloudevents+json"
		body, err = eventOf(p, m)
	default:
		body = noticeOf(p, m)
	}
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, errors.New("the message cannot be written down")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("its URL cannot be used")
	}
	r.Header.Set("Content-Type", content)
	r.Header.Set("User-Agent", "trunkline")
	if token != "" {
		r.Header.Set("Authorization", scheme+token)
	}
	return r, deliver.Sign(c.Secret, r, m.ID, text, now)
}

// services are where channels are that need no URL.
var services = map[Kind]string{
	Slack: "https://slack.com/api/chat.postMessage", PagerDuty: "https://events.pagerduty.com/v2/enqueue", Opsgenie: "https://api.opsgenie.com",
}

// address returns the URL. Nothing of it comes into an error.
func (c Channel) address() (string, error) {
	if c.URL == nil {
		return services[c.Kind], nil
	}
	text, err := c.URL()
	if err != nil {
		return "", fmt.Errorf("reading the URL: %w", err)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("its URL is not http:// or https://, with a host")
	case u.User != nil:
		return "", errors.New("its URL has credentials: put a token into a file")
	case u.Scheme == "http" && !local(u.Hostname()) && (c.Token != nil || c.Kind == Slack || c.Kind == Teams):
		return "", errors.New("messages are sent by https:// only")
	}
	return text, nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
