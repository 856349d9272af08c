// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/flow/egress"
)

// broker is a connection to what keeps messages for others. Its methods may be called by any goroutine.
type broker interface {
	// put returns once the message is kept. A [refusedError] says that it never will be.
	put(ctx context.Context, m message) error
	close()
}

// message is what a broker keeps.
type message struct {
	id string
	// key has messages of one dataset, or run, stay in order.
	key    string
	header map[string]string
	body   []byte
}

// refusedError says that it is of no use to try again.
type refusedError struct{ error }

// Unwrap returns what is wrong.
func (e refusedError) Unwrap() error { return e.error }

// brokerSchemes are how the URLs of brokers begin, with TLS and without.
var brokerSchemes = map[string]func(u *url.URL, token func() (string, error)) (broker, error){
	"nats": openNATS, "nats+tls": openNATS, "kafka": openKafka, "kafka+tls": openKafka,
}

// brokers are the connections of a dispatcher, by the names of the targets. Each is made when it is needed, and waited for by those only
// that need it.
type brokers struct {
	mu   sync.Mutex
	open map[string]*connection
}

type connection struct {
	mu   sync.Mutex
	made broker
}

// of returns the connection to a target.
func (b *brokers) of(name string, t Target) (broker, error) {
	b.mu.Lock()
	c := b.open[name]
	if c == nil {
		c = &connection{}
		b.open[name] = c
	}
	b.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made != nil {
		return c.made, nil
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, errors.New("the target's URL cannot be used")
	}
	c.made, err = brokerSchemes[u.Scheme](u, t.Token)
	return c.made, err
}

// close ends all connections. Nothing is put any more.
func (b *brokers) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.open {
		if c.made != nil {
			c.made.close()
		}
	}
	clear(b.open)
}

// brokered reports whether a target is a broker.
func (t Target) brokered() bool {
	scheme, _, _ := strings.Cut(t.URL, "://")
	return brokerSchemes[scheme] != nil
}

// checkBroker returns what is wrong with a target that is a broker.
func (t Target) checkBroker(u *url.URL) error {
	if !builtWithBrokers {
		_, err := brokerSchemes[u.Scheme](u, t.Token)
		return err
	}
	subject := strings.TrimPrefix(u.Path, "/")
	switch {
	case subject == "" || strings.ContainsAny(subject, "/ *>"), u.RawQuery != "", u.Fragment != "":
		return errors.New("the URL of a broker ends in one subject or topic, as in nats://nats.data:4222/lots")
	case t.Format == CloudEventsBinary:
		return errors.New("brokers are told by messages that are whole events: use the format cloudevents")
	case t.Token != nil && !strings.HasSuffix(u.Scheme, "+tls") && !local(u.Hostname()):
		return fmt.Errorf("a token is sent by %s+tls:// only", u.Scheme)
	}
	return nil
}

// put tells a fact to a broker. Headers are those that HTTP has, in the small letters in which bindings of CloudEvents have them.
func (t Target) put(ctx context.Context, name string, open *brokers, f egress.Fact, now time.Time) egress.Answer {
	r, body, err := t.Format.request(ctx, "http://localhost/", f)
	if err != nil {
		return egress.Answer{Refused: err.Error()}
	}
	if err := Sign(t.Secret, r, f.ID(), body, now); err != nil {
		return egress.Answer{Failed: err.Error()}
	}
	to, err := open.of(name, t)
	if err != nil {
		return egress.Answer{Failed: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err = to.put(ctx, message{f.ID(), f.Lane(), lowered(r.Header), body})
	switch _, refused := errors.AsType[refusedError](err); {
	case refused:
		return egress.Answer{Refused: err.Error()}
	case err != nil:
		return egress.Answer{Failed: err.Error()}
	}
	return egress.Answer{Done: true}
}

func lowered(h http.Header) map[string]string {
	out := map[string]string{}
	for name := range h {
		out[strings.ToLower(name)] = h.Get(name)
	}
	return out
}
