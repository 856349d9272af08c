// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"trunkline.dev/trunkline/flow/egress"
)

// Target is where messages are sent. Whoever runs the daemon says where that is, and no repository.
type Target struct {
	// URL accepts requests by POST; or it is that of a broker, NATS or Kafka, with the subject or topic.
	URL    string
	Format Format
	// Secret returns what messages are signed with as Standard Webhooks have it, "whsec_…" or the same without; nil: they are not.
	Secret func() (string, error)
	// Send tells a fact, where that is not by a message to a URL; nil: it is.
	Send func(ctx context.Context, f egress.Fact, now time.Time) egress.Answer
	// Token returns a bearer token to send along; nil: none.
	Token func() (string, error)
}

// Check returns what is wrong with a target.
func (t Target) Check() error {
	u, err := url.Parse(t.URL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https" && !t.brokered(), u.Host == "":
		return errors.New("the URL of a target is http://, https://, nats:// or kafka://, with a host")
	case u.User != nil:
		return errors.New("the URL of a target has no credentials: put a token into a file")
	case t.brokered():
		return t.checkBroker(u)
	case t.Token != nil && u.Scheme != "https" && !local(u.Hostname()):
		return errors.New("a token is sent by https:// only")
	}
	return nil
}

func local(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// sendTimeout is how long a target may take to answer, and maxAnswer how much of an answer is read.
const (
	sendTimeout = 30 * time.Second
	maxAnswer   = 4 << 10
	// shortestSecret is that of 24 bytes in base64.
	shortestSecret = 32
)

// NewClient makes the client for targets. It follows no redirection: whoever runs the daemon says where messages go.
func NewClient() *http.Client {
	return &http.Client{
		Timeout:       sendTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send tells a fact to a target.
func (t Target) send(ctx context.Context, client *http.Client, f egress.Fact, now time.Time) egress.Answer {
	r, body, err := t.Format.request(ctx, t.URL, f)
	if err != nil {
		return egress.Answer{Refused: err.Error()}
	}
	if err := t.authenticate(r, f.ID(), body, now); err != nil {
		return egress.Answer{Failed: err.Error()}
	}
	answer, err := client.Do(r)
	if err != nil {
		return egress.Answer{Failed: "it cannot be reached: " + Plain(err)}
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // so that the connection can be used again; it says nothing that counts
	_ = answer.Body.Close()
	return Judge(answer, now)
}

// Plain is what went wrong, without the URL.
func Plain(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return err.Error()
}

// authenticate says who sends a message: it signs it, and adds the token.
func (t Target) authenticate(r *http.Request, id string, body []byte, now time.Time) error {
	r.Header.Set("User-Agent", "trunkline")
	if t.Token != nil {
		token, err := t.Token()
		if err != nil {
			return fmt.Errorf("reading the token: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return Sign(t.Secret, r, id, body, now)
}

// Sign signs a message as Standard Webhooks have it, if there is a secret.
func Sign(from func() (string, error), r *http.Request, id string, body []byte, now time.Time) error {
	if from == nil {
		return nil
	}
	secret, err := from()
	if err != nil {
		return fmt.Errorf("reading the secret: %w", err)
	}
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil || len(secret) < shortestSecret {
		return errors.New(`the secret is not of the form of Standard Webhooks: "whsec_" and at least 24 bytes in base64`)
	}
	signature, err := signer.Sign(id, now, body)
	if err != nil {
		return errors.New("the message cannot be signed")
	}
	r.Header.Set(standardwebhooks.HeaderWebhookID, id)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return nil
}

// Judge says what an answer means: whether it is of use to send the same again.
func Judge(answer *http.Response, now time.Time) egress.Answer {
	code := answer.StatusCode
	said := fmt.Sprintf("it answered %d %s", code, http.StatusText(code))
	switch {
	case code >= 200 && code < 300:
		return egress.Answer{Done: true}
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return egress.Answer{Failed: said, After: retryAfter(answer.Header.Get("Retry-After"), now)}
	case code >= 300 && code < 400:
		return egress.Answer{Refused: said + ": redirections are not followed"}
	}
	return egress.Answer{Refused: said}
}

// retryAfter reads how long to wait: seconds, or a time; 0 if it says neither.
func retryAfter(text string, now time.Time) time.Duration {
	const longest = 1 << 20 // seconds; more is none the longer
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		return time.Duration(min(seconds, longest)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
