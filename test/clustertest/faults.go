// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Fault is what goes wrong with one request. The zero value is none: the request is passed on.
type Fault struct {
	// Status answers with this code instead of asking the server, with the body of a Kubernetes Status.
	Status int
	// RetryAfter is said beside Status, in seconds; 0 says nothing.
	RetryAfter int
	// Reset drops the request without an answer: by the connection's end in HTTP/1.1, by the stream's in HTTP/2.
	Reset bool
	// Hang holds the request until the channel is closed or the client gives up, and then goes on with it.
	Hang <-chan struct{}
	// Half has the server do what it was asked, and cuts its answer in the middle.
	Half bool
	// Answer is sent with status 200 instead of asking the server: a page of a list, or all that a watch brings before it ends.
	Answer *string
}

// Faults stands between a client and an API server as an HTTP proxy and does to each request what Choose says.
// It ends TLS with a certificate of its own. A token of the client is passed on; a client certificate cannot be,
// so requests without a token are made with the credentials of the cluster.
type Faults struct {
	// Kubeconfig is like the cluster's, but leads through the proxy. It is empty for a proxy of [NewFaults].
	Kubeconfig string
	// URL of the proxy.
	URL string

	server *httptest.Server
	cutter *cutter
	choose atomic.Pointer[Choose]
	closed chan struct{}

	mu     sync.Mutex
	counts map[string]int
}

// Choose says what goes wrong with a request. It is called by many goroutines at once; n is the number of the
// request among those of its method, from 1, so that a choice by it does not depend on what is asked meanwhile.
type Choose func(r *http.Request, n int) Fault

// Faults starts a proxy without faults that ends with the test.
func (c *Cluster) Faults(tb testing.TB) *Faults {
	tb.Helper()
	transport, err := rest.TransportFor(c.Config)
	if err != nil {
		tb.Fatal(err)
	}
	f := NewFaults(tb, c.Config.Host, transport)
	f.Kubeconfig = filepath.Join(tb.TempDir(), "kubeconfig")
	cfg, err := clientcmd.LoadFromFile(c.Kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	for _, cluster := range cfg.Clusters {
		cluster.Server = f.URL
		cluster.CertificateAuthority, cluster.TLSServerName = "", ""
		cluster.CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.server.Certificate().Raw})
	}
	if err := clientcmd.WriteToFile(*cfg, f.Kubeconfig); err != nil {
		tb.Fatal(err)
	}
	return f
}

// NewFaults starts a proxy before any server, without faults, that ends with the test.
func NewFaults(tb testing.TB, target string, transport http.RoundTripper) *Faults {
	tb.Helper()
	u, err := url.Parse(target)
	if err != nil {
		tb.Fatal(err)
	}
	f := &Faults{counts: map[string]int{}, closed: make(chan struct{})}
	f.Set(nil)
	quiet := log.New(io.Discard, "", 0) // requests that are cut short are what the proxy is for
	pass := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(u) },
		Transport:      transport,
		FlushInterval:  -1, // events of a watch are passed on as they come
		ErrorLog:       quiet,
		ModifyResponse: halve,
		// The client sees what it would see without a proxy: a server that does not answer.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	f.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, pass) }))
	f.cutter = &cutter{Listener: f.server.Listener, conns: map[*cuttable]bool{}}
	f.server.Listener = f.cutter
	f.server.EnableHTTP2 = true
	f.server.Config.ErrorLog = quiet
	f.server.StartTLS()
	f.URL = f.server.URL
	tb.Cleanup(func() {
		close(f.closed)
		f.server.CloseClientConnections()
		f.server.Close()
	})
	return f
}

// Set replaces the choice of faults for the requests from now on; nil is no faults.
func (f *Faults) Set(choose Choose) {
	if choose == nil {
		choose = func(*http.Request, int) Fault { return Fault{} }
	}
	f.choose.Store(&choose)
}

// Seen returns how many requests of a method have come in.
func (f *Faults) Seen(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[method]
}

// Cut ends all connections of clients, and with them all watches. They are not kept from coming back.
func (f *Faults) Cut() { f.cutter.cut() }

// IsWatch reports whether a request opens a watch.
func IsWatch(r *http.Request) bool {
	watch, err := strconv.ParseBool(r.URL.Query().Get("watch"))
	return err == nil && watch
}

func (f *Faults) serve(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	f.mu.Lock()
	f.counts[r.Method]++
	n := f.counts[r.Method]
	f.mu.Unlock()
	fault := (*f.choose.Load())(r, n)
	if fault.Hang != nil {
		select {
		case <-fault.Hang:
		case <-f.closed:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	switch {
	case fault.Reset:
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		answer(w, fault)
	case fault.Answer != nil:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, *fault.Answer)
	case fault.Half:
		pass.ServeHTTP(w, r.WithContext(withHalf(r.Context())))
	default:
		pass.ServeHTTP(w, r)
	}
}

// reasons are what an API server sends beside the codes that clients decide by.
var reasons = map[int]string{
	http.StatusUnauthorized: "Unauthorized", http.StatusConflict: "Conflict", http.StatusGone: "Expired",
	http.StatusTooManyRequests: "TooManyRequests", http.StatusInternalServerError: "InternalError",
}

func answer(w http.ResponseWriter, fault Fault) {
	if fault.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfter))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(fault.Status)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"a fault of the test","reason":%q,"code":%d}`,
		reasons[fault.Status], fault.Status)
}
