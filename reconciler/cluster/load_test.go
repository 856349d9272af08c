// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// busy is an API server of which the test says how it answers.
type busy struct {
	*httptest.Server

	answer atomic.Pointer[http.HandlerFunc]
}

func newBusy(t *testing.T, answer http.HandlerFunc) (*busy, *Cluster, chan Event) {
	t.Helper()
	b := &busy{}
	b.answer.Store(&answer)
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*b.answer.Load())(w, r) }))
	t.Cleanup(b.Close)
	file := filepath.Join(t.TempDir(), "config")
	write(t, file, fmt.Sprintf("{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}], clusters: [{name: x, cluster: {server: %q}}], users: [{name: x, user: {token: t}}]}", b.URL))
	events := make(chan Event, 1000)
	c := New(Config{Name: "x", Kubeconfig: file}, func(e Event) { events <- e })
	t.Cleanup(c.Close)
	return b, c, events
}

func status(w http.ResponseWriter, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"a fault of the test","code":%d}`, code)
}

// TestAServerThatIsBusyIsThere: an API server whose own check fails while it answers others does not count as gone, so that
// nobody runs again when it has less to do.
func TestAServerThatIsBusyIsThere(t *testing.T) {
	cases := map[string]struct {
		reason string
		// meanwhile is how a call ends while the check is under way.
		meanwhile func(c *Cluster, conn *Conn)
		code      int
		gone      bool
	}{
		"Answers":      {"It answers others.", func(c *Cluster, conn *Conn) { c.answered(conn, nil) }, http.StatusInternalServerError, false},
		"Refuses":      {"To refuse a request is to answer it.", func(c *Cluster, conn *Conn) { c.answered(conn, answer(403, "Forbidden", "no")) }, http.StatusInternalServerError, false},
		"Silent":       {"Nobody is answered.", func(*Cluster, *Conn) {}, http.StatusInternalServerError, true},
		"Fails":        {"Others are told the same.", func(c *Cluster, conn *Conn) { c.answered(conn, answer(503, "ServiceUnavailable", "no")) }, http.StatusInternalServerError, true},
		"Cancelled":    {"A call that we ended ourselves says nothing.", func(c *Cluster, conn *Conn) { c.answered(conn, context.Canceled) }, http.StatusInternalServerError, true},
		"Unauthorized": {"Whom it does not know any more it does not serve, whatever it answered a moment ago.", func(c *Cluster, conn *Conn) { c.answered(conn, nil) }, http.StatusUnauthorized, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b, c, _ := newBusy(t, discover)
			conn, err := c.Connect(t.Context(), t.Context())
			if err != nil {
				t.Fatal(err)
			}
			asked, second := make(chan State, 1), make(chan struct{}, 100)
			var n atomic.Int64
			check := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if n.Add(1) > 1 {
					asked <- c.State() // what the first answer has made of it
					w.WriteHeader(http.StatusOK)
					second <- struct{}{}
					return
				}
				tc.meanwhile(c, conn)
				status(w, tc.code)
			})
			b.answer.Store(&check)
			conn.doubt()
			if s := <-asked; s.Reachable == tc.gone {
				t.Errorf("%s\nthe state is %+v", tc.reason, s)
			}
			<-second
		})
	}
}

// TestSlowRequests: a request that is slow has the API server asked whether it is there only if it answers nothing else.
func TestSlowRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		answers bool
		doubted bool
	}{
		"Busy":    {"It answers others: it is busy, with us perhaps.", true, false},
		"Hanging": {"It answers nobody.", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var probed atomic.Bool
				conn := &Conn{cluster: New(Config{Name: "x"}, func(Event) {}), sign: make(chan struct{}, 1)}
				conn.observer = newObserver(ctx, conn)
				conn.observer.spawn = func(f func(context.Context)) {
					if conn.doubted.Load() {
						probed.Store(true) // and there is nobody to ask
						return
					}
					go f(ctx)
				}
				conn.places = newPlaces(conn.suspect)
				conn.life.seen()
				stop := make(chan struct{})
				var all sync.WaitGroup
				all.Go(func() { request(t, conn.places, "slow", 10*time.Second, func() { close(stop) }) })
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(300 * time.Millisecond):
						}
						if tc.answers {
							conn.cluster.answered(conn, nil)
						}
					}
				})
				all.Wait()
				if probed.Load() != tc.doubted {
					t.Errorf("%s\nprobed: %t", tc.reason, probed.Load())
				}
			})
		})
	}
}

// TestTheFirstInventories: of many releases that are recorded at once in a new cluster, one finds that the namespace is not
// there, and makes it.
func TestTheFirstInventories(t *testing.T) {
	var made, namespaces, refused, written atomic.Int64
	_, c, _ := newBusy(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method != http.MethodPatch:
			discoverWithNamespaces(w, r)
		case strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/"+catalog.SystemNamespace+"/"):
			if made.Load() == 0 {
				refused.Add(1)
				notFound(w)
				return
			}
			written.Add(1)
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"n","resourceVersion":"1"}}`)
		default:
			namespaces.Add(1)
			made.Add(1)
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n","resourceVersion":"1"}}`)
		}
	})
	conn, err := c.Connect(t.Context(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const releases = 100
	var all sync.WaitGroup
	for i := range releases {
		all.Go(func() {
			id := catalog.ReleaseID{Project: fmt.Sprintf("p%d", i), Environment: "dev", Cluster: "x"}
			if err := conn.Record(t.Context(), Inventory{Platform: "acme", Release: id}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if namespaces.Load() != 1 || refused.Load() != 1 || written.Load() != releases {
		t.Errorf("the namespace was applied %d times, %d inventories were refused and %d written", namespaces.Load(), refused.Load(), written.Load())
	}
	made.Store(0) // someone deletes it
	if err := conn.Record(t.Context(), Inventory{Platform: "acme", Release: catalog.ReleaseID{Project: "p", Environment: "dev", Cluster: "x"}}); err != nil {
		t.Errorf("after the namespace was deleted: %v", err)
	}
}

// TestAFirstInventoryThatHangs holds nobody up for long.
func TestAFirstInventoryThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := systemGate{turn: make(chan struct{}, 1)}
		hang := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			_ = g.with(t.Context(), func() error { <-hang; return errors.New("it hung") })
		})
		synctest.Wait()
		began := time.Now()
		for range 5 {
			if err := g.with(t.Context(), func() error { return nil }); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > 6*slowAfter {
			t.Errorf("five others took %s", took)
		}
		close(hang)
		all.Wait()
	})
}

func notFound(w http.ResponseWriter) {
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"namespaces not found","reason":"NotFound","code":404}`)
}

// discoverWithNamespaces answers as an API server that has namespaces and ConfigMaps.
func discoverWithNamespaces(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v1" {
		discover(w, r)
		return
	}
	fmt.Fprint(w, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"v1","resources":[`+
		`{"name":"configmaps","singularName":"configmap","namespaced":true,"kind":"ConfigMap","verbs":["delete","get","list","patch","watch"]},`+
		`{"name":"namespaces","singularName":"namespace","namespaced":false,"kind":"Namespace","verbs":["delete","get","list","patch","watch"]}]}`)
}
