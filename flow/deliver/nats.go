// SPDX-License-Identifier: Apache-2.0

//go:build events_brokers

package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsBroker publishes to a subject that a stream of JetStream keeps, which knows a message that comes twice by its id.
type natsBroker struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	subject string
}

// connectTimeout is how long it is tried to connect; it is tried again.
const connectTimeout = 5 * time.Second

// openNATS connects to NATS, again and again if it has to, as it is said by its client.
func openNATS(u *url.URL, token func() (string, error)) (broker, error) {
	options := []nats.Option{nats.Name("trunkline"), nats.MaxReconnects(-1), nats.Timeout(connectTimeout)}
	if strings.HasSuffix(u.Scheme, "+tls") {
		options = append(options, nats.Secure())
	}
	if token != nil {
		options = append(options, nats.TokenHandler(func() string {
			read, _ := token() // without one, the server says so
			return read
		}))
	}
	conn, err := nats.Connect("nats://"+u.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("it cannot be reached: %w", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &natsBroker{conn, js, strings.TrimPrefix(u.Path, "/")}, nil
}

func (b *natsBroker) put(ctx context.Context, m message) error {
	msg := nats.NewMsg(b.subject)
	msg.Data = m.body
	for name, value := range m.header {
		msg.Header.Set(name, value)
	}
	_, err := b.js.PublishMsg(ctx, msg, jetstream.WithMsgID(m.id))
	switch {
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject):
		return refusedError{err}
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("no stream keeps the subject %q: %w", b.subject, err)
	}
	return err
}

func (b *natsBroker) close() { b.conn.Close() }
