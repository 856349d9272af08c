// SPDX-License-Identifier: Apache-2.0

//go:build events_brokers

package deliver_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/flow/egress"
)

// brokerEvents tells a broker of three lots, one of them twice as after a crash, and returns what is told.
func brokerEvents(t *testing.T, address string) (want []string) {
	t.Helper()
	w := newWorld(t)
	w.targets["one"] = deliver.Target{URL: address, Format: deliver.CloudEvents, Secret: func() (string, error) { return secret, nil }}
	d, stop := w.tell()
	w.ready()
	for n := range 3 {
		d.Tell("prod", []egress.Fact{w.happens("raw", n)}, false)
		want = append(want, event("raw", n))
	}
	await(t, "all to be settled", func() bool { return w.settled("one") == 3 })
	stop()
	return want
}

// settled is how many facts are settled, as is written down.
func (w *world) settled(target string) int {
	most := 0
	cursors, _ := filepath.Glob(filepath.Join(w.dir, "outbox", target, "cursor/*"))
	for _, file := range cursors {
		var c egress.Cursor
		data, _ := os.ReadFile(file)
		_ = json.Unmarshal(data, &c)
		most = max(most, len(c.Told))
	}
	return most
}

func eventIn(t *testing.T, body []byte) string {
	t.Helper()
	var e struct{ Type, Subject string }
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(e.Type, "dev.trunkline.lot.") + " " + e.Subject
}

// TestNATS: events are kept by a stream, in order, with their ids.
func TestNATS(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(waitTimeout) {
		t.Fatal("the server does not start")
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "LOTS", Subjects: []string{"lots"}, Storage: jetstream.MemoryStorage})
	if err != nil {
		t.Fatal(err)
	}
	want := brokerEvents(t, s.ClientURL()+"/lots")
	var got []string
	for n := range want {
		m, err := stream.GetMsg(t.Context(), uint64(n)+1)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, eventIn(t, m.Data))
		if m.Header.Get("content-type") != "application/cloudevents+json" || m.Header.Get("webhook-signature") == "" || m.Header.Get(nats.MsgIdHdr) != m.Header.Get("webhook-id") {
			t.Errorf("the header is %v", m.Header)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestKafka: events are in a topic, those of a dataset in one partition and in order.
func TestKafka(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "lots"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	want := brokerEvents(t, "kafka://"+cluster.ListenAddrs()[0]+"/lots")
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("lots"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var got []string
	for len(got) < len(want) {
		fetched := client.PollFetches(t.Context())
		if err := fetched.Err(); err != nil {
			t.Fatal(err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			got = append(got, eventIn(t, r.Value))
			header := map[string]string{}
			for _, h := range r.Headers {
				header[h.Key] = string(h.Value)
			}
			if string(r.Key) != "orders/raw@1" || header["content-type"] != "application/cloudevents+json" || header["webhook-id"] == "" {
				t.Errorf("the record has the key %s and the header %v", r.Key, header)
			}
		})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestBrokerIsDown: what cannot be put anywhere waits, and the rest of the daemon goes on.
func TestBrokerIsDown(t *testing.T) {
	w, good := newWorld(t), listen(t)
	w.to("good", good, deliver.CloudEvents)
	w.targets["nats"] = deliver.Target{URL: "nats://127.0.0.1:1/lots", Format: deliver.CloudEvents}
	w.targets["kafka"] = deliver.Target{URL: "kafka://127.0.0.1:1/lots", Format: deliver.CloudEvents}
	d, stop := w.tell()
	w.ready()
	d.Tell("prod", []egress.Fact{w.happens("raw", 0)}, false)
	good.await(t, "the other target", func(told []string) bool { return len(told) == 1 })
	stop()
	if n := w.records()["dead"]; n > 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestBrokerChecks(t *testing.T) {
	token := func() (string, error) { return "", nil }
	for name, tc := range map[string]struct {
		target deliver.Target
		want   string
	}{
		"nats":             {deliver.Target{URL: "nats://nats.data:4222/lots.prod"}, ""},
		"kafka":            {deliver.Target{URL: "kafka+tls://a:9092,b:9092/lots", Token: token}, ""},
		"no topic":         {deliver.Target{URL: "kafka://a:9092/"}, "the URL of a broker ends in one subject or topic, as in nats://nats.data:4222/lots"},
		"a wildcard":       {deliver.Target{URL: "nats://a:4222/lots.>"}, "the URL of a broker ends in one subject or topic, as in nats://nats.data:4222/lots"},
		"token in clear":   {deliver.Target{URL: "nats://a:4222/lots", Token: token}, "a token is sent by nats+tls:// only"},
		"binary":           {deliver.Target{URL: "nats://a:4222/lots", Format: deliver.CloudEventsBinary}, "brokers are told by messages that are whole events: use the format cloudevents"},
		"with credentials": {deliver.Target{URL: "nats://ann:pw@a:4222/lots"}, "the URL of a target has no credentials: put a token into a file"},
	} {
		got := ""
		if err := tc.target.Check(); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}
