// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// Fault is what goes wrong with a request.
type Fault string

// The faults. The zero value is none: the request is passed on.
const (
	// Down is a server that cannot be reached: nothing is done, and the connection ends.
	Down Fault = "down"
	// Slow is an answer that takes a while.
	Slow Fault = "slow"
	// Refused is an InternalError, and nothing was done.
	Refused Fault = "refused"
	// Busy is a SlowDown, and nothing was done.
	Busy Fault = "busy"
	// Lost is done, and nobody hears of it: the connection ends before the answer.
	Lost Fault = "lost"
	// Late is done, and answered by an InternalError.
	Late Fault = "late"
	// HalfSent is a request of which half arrives. The connection ends.
	HalfSent Fault = "half sent"
	// HalfAnswered is done, and half of the answer arrives. The connection ends.
	HalfAnswered Fault = "half answered"
	// Loses is a conditional write that loses against another one that is under way, and is to be tried again; other requests are passed
	// on. Nothing was done.
	Loses Fault = "loses"
)

// All are the faults.
func All() []Fault {
	return []Fault{Down, Slow, Refused, Busy, Lost, Late, HalfSent, HalfAnswered, Loses}
}

// slow is how long a slow answer takes.
const slow = 300 * time.Millisecond

// Faults is a proxy before a server.
type Faults struct {
	// URL is its endpoint.
	URL string

	choose atomic.Pointer[Choose]
	pass   *httputil.ReverseProxy
}

// Choose says what goes wrong with a request. Many goroutines call it at once.
type Choose func(r *http.Request) Fault

// Faults starts a proxy without faults that ends with the test.
func (s *Server) Faults(tb testing.TB) *Faults {
	tb.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		tb.Fatal(err)
	}
	quiet := stdlog.New(io.Discard, "", 0) // requests that are cut short are what the proxy is for
	f := &Faults{pass: &httputil.ReverseProxy{
		// The name of the host is signed, and stays.
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
		ErrorLog:  quiet,
		// The client sees what it would see without a proxy: a server that does not answer.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	f.Set(nil)
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = quiet
	server.Start()
	f.URL = server.URL
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return f
}

// Set replaces the choice of faults for the requests from now on; nil is no faults.
func (f *Faults) Set(choose Choose) {
	if choose == nil {
		choose = func(*http.Request) Fault { return "" }
	}
	f.choose.Store(&choose)
}

// ServeHTTP hands requests on, or does not.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch fault := (*f.choose.Load())(r); fault {
	case Down:
		panic(http.ErrAbortHandler)
	case Slow:
		select {
		case <-time.After(slow):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
		f.pass.ServeHTTP(w, r)
	case Refused:
		fail(w, http.StatusInternalServerError, "InternalError")
	case Busy:
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, "SlowDown")
	case Lost:
		f.done(r)
		panic(http.ErrAbortHandler)
	case Late:
		f.done(r)
		fail(w, http.StatusInternalServerError, "InternalError")
	case HalfSent:
		f.half(r)
		panic(http.ErrAbortHandler)
	case HalfAnswered:
		answer := f.done(r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len())) // that of the whole
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Loses:
		if r.Method == http.MethodPut && r.Header.Get("If-None-Match") != "" {
			fail(w, http.StatusConflict, "ConditionalRequestConflict")
			return
		}
		f.pass.ServeHTTP(w, r)
	default:
		f.pass.ServeHTTP(w, r)
	}
}

// done has the server do what it is asked, whatever becomes of who asks, and returns what it answers.
func (f *Faults) done(r *http.Request) *httptest.ResponseRecorder {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	f.pass.ServeHTTP(answer, r)
	return answer
}

var errCut = errors.New("cut by the test")

// half has the first half of a request arrive at the server.
func (f *Faults) half(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{}))
	f.pass.ServeHTTP(httptest.NewRecorder(), r)
}

// broken is a reader that fails at once.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }

func fail(w http.ResponseWriter, code int, name string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>a fault of the test</Message></Error>", name)
}
