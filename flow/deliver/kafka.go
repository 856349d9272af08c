// SPDX-License-Identifier: Apache-2.0

//go:build events_brokers

package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	saslplain "github.com/twmb/franz-go/pkg/sasl/plain"
)

// builtWithBrokers says that the clients of brokers are there.
const builtWithBrokers = true

// kafkaBroker produces to a topic, and waits until all replicas that are in step have it.
type kafkaBroker struct{ client *kgo.Client }

// openKafka makes a client of Kafka, which connects when it has to, and learns of the other brokers from the one that is named. A token is "user:password", for SASL/PLAIN.
func openKafka(u *url.URL, token func() (string, error)) (broker, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(u.Host), kgo.DefaultProduceTopic(strings.TrimPrefix(u.Path, "/")), kgo.ClientID("trunkline"),
		kgo.RecordDeliveryTimeout(sendTimeout), kgo.ProducerLinger(0),
	}
	if strings.HasSuffix(u.Scheme, "+tls") {
		options = append(options, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	if token != nil {
		options = append(options, kgo.SASL(saslplain.Plain(func(context.Context) (saslplain.Auth, error) {
			read, err := token()
			user, password, ok := strings.Cut(read, ":")
			if err == nil && !ok {
				err = errors.New("the token for Kafka is user:password")
			}
			return saslplain.Auth{User: user, Pass: password}, err
		})))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, err
	}
	return &kafkaBroker{client}, nil
}

func (b *kafkaBroker) put(ctx context.Context, m message) error {
	record := &kgo.Record{Key: []byte(m.key), Value: m.body}
	for _, name := range slices.Sorted(maps.Keys(m.header)) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(m.header[name])})
	}
	err := b.client.ProduceSync(ctx, record).FirstErr()
	if errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.InvalidRecord) {
		return refusedError{err}
	}
	return err
}

func (b *kafkaBroker) close() { b.client.Close() }
