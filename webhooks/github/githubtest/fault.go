// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// Fault is how the REST API breaks down. One of Status, Hang, Reset, Half and Lost is set.
type Fault struct {
	// Method and Path are of the requests that it is for: a path contains Path. Empty: all.
	Method, Path string
	// Skip is how many of them pass first, and Times how many break; 0: all that follow.
	Skip, Times int

	// Status is answered instead, such as 502, with Retry-After where it is not 0, and nothing is done.
	Status, RetryAfter int
	// Hang answers nothing until the client goes away.
	Hang bool
	// Reset ends the connection, and nothing is done.
	Reset bool
	// Half does what is asked for and sends half of the answer.
	Half bool
	// Lost does what is asked for and ends the connection without an answer.
	Lost bool
}

type fault struct {
	Fault
	seen int
}

// Fail has requests break down until stop is called.
func (g *GitHub) Fail(f Fault) (stop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	added := &fault{Fault: f}
	g.faults = append(g.faults, added)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		for i, each := range g.faults {
			if each == added {
				g.faults = append(g.faults[:i:i], g.faults[i+1:]...)
				return
			}
		}
	}
}

// faultFor finds what happens to a request; nil: it is answered.
func (g *GitHub) faultFor(r *http.Request) *fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.faults {
		if f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		f.seen++
		if f.seen > f.Skip && (f.Times == 0 || f.seen <= f.Skip+f.Times) {
			return f
		}
	}
	return nil
}

// before breaks a request before anything is done, and reports whether it did.
func (f *fault) before(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.Status != 0:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8") // what stands before GitHub's API answers so
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte("<html><body><h1>" + http.StatusText(f.Status) + "</h1></body></html>"))
	case f.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case f.Reset:
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

// after breaks the answer to what was done, and reports whether it did.
func (f *fault) after(w http.ResponseWriter, _ *http.Request, status int, header http.Header, body []byte) bool {
	switch {
	case f.Lost:
		panic(http.ErrAbortHandler)
	case f.Half:
		maps.Copy(w.Header(), header)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body[:len(body)/2])
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
		panic(http.ErrAbortHandler)
	default:
		return false
	}
}
