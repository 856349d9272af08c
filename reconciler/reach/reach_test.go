// SPDX-License-Identifier: Apache-2.0

package reach

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

var (
	id  = catalog.ReleaseID{Project: "engine", Environment: "dev", Cluster: "edge"}
	now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
)

// Open is how many connections are open.
func (c *Cluster) Open() int { return int(c.open.Load()) }

// cell are pods of a cluster: servers on this machine.
type cell struct {
	mu       sync.Mutex
	listener net.Listener
	asked    []tunnel.As
	fails    error
}

func (c *cell) DialService(ctx context.Context, as tunnel.As, _, _ string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, as)
	if c.fails != nil {
		return nil, c.fails
	}
	return new(net.Dialer).DialContext(ctx, "tcp", c.listener.Addr().String())
}

func (c *cell) Secret(_ context.Context, as tunnel.As, name, key string) (string, error) {
	return as.Namespace + "/" + name + "/" + key, c.fails
}

// direct leads to a gate without an agent in between.
type direct struct {
	server *httptest.Server
	err    error
}

func (d *direct) Reachable() error { return d.err }
func (d *direct) Reach(context.Context) (http.RoundTripper, error) {
	return aimed{d.server}, d.err
}

type aimed struct{ server *httptest.Server }

func (a aimed) RoundTrip(r *http.Request) (*http.Response, error) {
	r.URL.Scheme, r.URL.Host = "http", a.server.Listener.Addr().String()
	return a.server.Client().Transport.RoundTrip(r)
}

func object(kind, namespace, name string, port any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name, "namespace": namespace},
		"spec": map[string]any{"ports": []any{map[string]any{"name": "http", "port": port}}},
	}}
}

// newCell makes a cluster whose pods do what is said with each connection.
func newCell(t *testing.T, serve func(net.Conn)) (*Cluster, *cell, *direct) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	c := &cell{listener: listener}
	kept := func(asked catalog.ReleaseID) (Kept, error) {
		if asked != id {
			return Kept{}, fmt.Errorf("the agent keeps no release %s", asked)
		}
		return Kept{Namespace: "engine-dev", Account: "deployer", Objects: []*unstructured.Unstructured{
			object("ConfigMap", "engine-dev", "settings", int64(80)), object("Service", "other", "elsewhere", int64(80)), object("Service", "engine-dev", "broken", "x"),
			object("Service", "engine-dev", "airflow", int64(80)),
		}}, nil
	}
	server := httptest.NewUnstartedServer(newGate(c, kept, slog.New(slog.DiscardHandler), func() time.Time { return now }))
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server.Config.Protocols = protocols
	server.Start()
	server.Client().Transport.(*http.Transport).Protocols = protocols //nolint:forcetypeassert // it is one
	t.Cleanup(server.Close)
	way := &direct{server: server}
	return New("edge", way, 40), c, way
}

var airflowHTTP = To{id, "airflow", "http"}

func dial(t *testing.T, c *Cluster) net.Conn {
	t.Helper()
	conn, err := c.Dial(t.Context(), airflowHTTP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func echo(c net.Conn) {
	_, _ = io.Copy(c, c)
	_ = c.Close()
}

// TestBytesGoThrough: bytes come through as they are, in both directions at once and to the end, of many connections at a time; one side may end before the other has
// said all.
func TestBytesGoThrough(t *testing.T) {
	c, cell, _ := newCell(t, echo)
	var all sync.WaitGroup
	for range 20 {
		conn := dial(t, c)
		all.Go(func() {
			sent := make([]byte, 1<<20+17)
			_, _ = rand.Read(sent) // it never fails
			wrote := make(chan error, 1)
			go func() {
				_, err := conn.Write(sent)
				wrote <- errors.Join(err, conn.(interface{ CloseWrite() error }).CloseWrite())
			}()
			got, err := io.ReadAll(conn)
			if err := errors.Join(err, <-wrote); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d bytes came back of %d: %v", len(got), len(sent), err)
			}
		})
	}
	all.Wait()
	if want := (tunnel.As{Namespace: "engine-dev", Account: "deployer"}); cell.asked[0] != want {
		t.Errorf("it is reached as %+v, want %+v", cell.asked[0], want)
	}
}

// TestTheLastAnswer: who has said all is still answered, also much later than that.
func TestTheLastAnswer(t *testing.T) {
	c, _, _ := newCell(t, func(conn net.Conn) {
		text, err := io.ReadAll(conn)
		fmt.Fprint(conn, "heard ", string(text), err)
		_ = conn.Close()
	})
	conn := dial(t, c)
	_, err := io.WriteString(conn, "all")
	if err := errors.Join(err, conn.(interface{ CloseWrite() error }).CloseWrite()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != "heard all<nil>" || err != nil {
		t.Errorf("the answer is %q, %v", got, err)
	}
}

// TestThePodSpeaksFirst: a pod that says something before it is asked is heard.
func TestThePodSpeaksFirst(t *testing.T) {
	c, _, _ := newCell(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "hello") })
	got := make([]byte, 5)
	if _, err := io.ReadFull(dial(t, c), got); string(got) != "hello" || err != nil {
		t.Errorf("it says %q, %v", got, err)
	}
}

// TestWhatThePodEnds: what a pod has ended has ended, in order or not, and it is known which; and nothing can be written to it.
func TestWhatThePodEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		serve  func(net.Conn)
		want   error
	}{
		"Ended": {"It has said all.", func(c net.Conn) { _, _ = io.WriteString(c, "x"); _ = c.Close() }, nil},
		"Reset": {"Its process was killed.", func(c net.Conn) {
			_, _ = io.WriteString(c, "x")
			_, _ = c.Read(make([]byte, 1))
			_ = c.(*net.TCPConn).SetLinger(0) // it is one
			_ = c.Close()
		}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, _ := newCell(t, tc.serve)
			conn := dial(t, c)
			if n, err := conn.Read(make([]byte, 9)); n != 1 || err != nil {
				t.Fatalf("%d bytes are read, %v", n, err)
			}
			if tc.want != nil {
				if _, err := conn.Write([]byte("y")); err != nil {
					t.Fatal(err)
				}
			}
			got, err := io.ReadAll(conn)
			if len(got) > 0 || !errors.Is(err, tc.want) || tc.want != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("%s It ends with %q, %v", tc.reason, got, err)
			}
			for err = nil; err == nil; { // what is under way is lost
				_, err = conn.Write([]byte("y"))
			}
		})
	}
}

// TestWhatIsClosedHere: a connection that is closed here has ended for the pod, whether it was at reading or at writing, and is not counted any more.
func TestWhatIsClosedHere(t *testing.T) {
	ended := make(chan error, 1)
	block := bytes.Repeat([]byte("x"), 1<<20)
	for name, serve := range map[string]func(net.Conn){
		"Reads": func(c net.Conn) { _, err := io.ReadAll(c); ended <- err },
		"Writes": func(c net.Conn) {
			for {
				if _, err := c.Write(block); err != nil {
					ended <- err
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, _ := newCell(t, serve)
			conn := dial(t, c)
			if c.Open() != 1 {
				t.Errorf("%d are open", c.Open())
			}
			_ = conn.Close()
			_ = conn.Close() // once more, which is not counted twice
			<-ended
			if c.Open() != 0 {
				t.Errorf("%d are open after it was closed", c.Open())
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("it is read from what is closed: %v", err)
			}
		})
	}
}

// TestConnectionsAreCounted: so many are open as may be, and those that failed are none.
func TestConnectionsAreCounted(t *testing.T) {
	c, cell, way := newCell(t, echo)
	for range 40 {
		dial(t, c)
	}
	if _, err := c.Dial(t.Context(), airflowHTTP); !errors.Is(err, tunnel.ErrTooMany) || c.Open() != 40 {
		t.Errorf("%d are open, and one more: %v", c.Open(), err)
	}
	c, _, _ = newCell(t, echo)
	c.way = way
	cell.fails = fmt.Errorf("the API server says: %w", tunnel.ErrForbidden)
	if _, err := c.Dial(t.Context(), airflowHTTP); !errors.Is(err, tunnel.ErrForbidden) || !strings.Contains(err.Error(), "the API server says") || !strings.Contains(err.Error(), `"edge"`) {
		t.Errorf("the account may not: %v", err)
	}
	way.err = errors.New("its agent was not seen")
	if _, err := c.Dial(t.Context(), airflowHTTP); err == nil || !strings.Contains(err.Error(), "was not seen") {
		t.Errorf("the agent is away: %v", err)
	}
	if err := c.Reachable(); err == nil || err.Error() != `the cluster "edge" is kept by an agent: its agent was not seen` {
		t.Errorf("the agent is away: %v", err)
	}
	over, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	way.err = nil
	if _, err := c.Dial(over, airflowHTTP); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a request that is over: %v", err)
	}
	if c.Open() != 0 {
		t.Errorf("%d are open after attempts that failed", c.Open())
	}
}

// TestWhatIsLetThrough: a gate lets through to declared ports of Services of releases that its agent keeps, in their namespaces, whatever the daemon asks for.
func TestWhatIsLetThrough(t *testing.T) {
	c, cell, _ := newCell(t, echo)
	for name, tc := range map[string]struct {
		reason string
		to     To
		let    bool
	}{
		"Named":     {"The port has a name.", airflowHTTP, true},
		"Number":    {"It has a number, too.", To{id, "airflow", "80"}, true},
		"Port":      {"The Service declares no such port, whatever its pods listen on.", To{id, "airflow", "5432"}, false},
		"Service":   {"There may be such a Service, of someone else.", To{id, "postgres", "http"}, false},
		"Kind":      {"It is no Service.", To{id, "settings", "http"}, false},
		"Namespace": {"A release may declare Services in other namespaces, where its account is none.", To{id, "elsewhere", "http"}, false},
		"Broken":    {"What cannot be read leads nowhere.", To{id, "broken", "http"}, false},
		"Release":   {"The agent keeps no such release.", To{catalog.ReleaseID{Project: "kube", Environment: "system", Cluster: "edge"}, "airflow", "http"}, false},
		"Cluster":   {"It is a release of another cluster.", To{catalog.ReleaseID{Project: "engine", Environment: "dev", Cluster: "home"}, "airflow", "http"}, false},
		"Nothing":   {"Nothing is asked for.", To{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(cell.asked)
			conn, err := c.Dial(t.Context(), tc.to)
			if err == nil {
				_ = conn.Close()
			}
			if let := err == nil; let != tc.let || !let && !errors.Is(err, tunnel.ErrNotThere) || len(cell.asked) > before != tc.let {
				t.Errorf("%s Got %v, and %d attempts", tc.reason, err, len(cell.asked)-before)
			}
		})
	}
}

// TestTokens: an agent makes tokens by the keys of Airflows of releases that it keeps, for the roles that there are, and no key is told.
func TestTokens(t *testing.T) {
	c, cell, _ := newCell(t, echo)
	want, err := airflow.Token("engine-dev/airflow-keys/jwt", "carol", airflow.User, now)
	if err != nil {
		t.Fatal(err)
	}
	e := Entrance{id, "airflow", "carol", airflow.User}
	if got, err := c.Token(t.Context(), e); got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for name, other := range map[string]Entrance{
		"another release": {catalog.ReleaseID{Project: "x"}, "airflow", "carol", airflow.User}, "another workload": {id, "postgres", "carol", airflow.User},
		"nobody": {id, "airflow", "", airflow.User}, "no role": {id, "airflow", "carol", "GOD"},
	} {
		if got, err := c.Token(t.Context(), other); err == nil {
			t.Errorf("%s gets %q", name, got)
		}
	}
	cell.fails = errors.New("the key\r\nis away")
	if _, err := c.Token(t.Context(), e); err == nil || !strings.Contains(err.Error(), "the key is away") {
		t.Errorf("without a key: %v", err)
	}
	if c.Open() != 0 {
		t.Errorf("%d are open", c.Open())
	}
}
