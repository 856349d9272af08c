// SPDX-License-Identifier: Apache-2.0

// Package setup registers a GitHub App with the permissions that Trunkline needs and no others, by GitHub's manifest flow.
//
// [Register] serves a page on the loopback interface; the pages of the daemon do the same by [Options.Offer] and [Options.Exchange]. Its button sends a [Manifest] to GitHub, in the browser of a person
// who may register Apps there; GitHub sends the browser back with a code, which is exchanged, once, for the App's private
// key and the secret of its webhook. [Reserve] makes the files for these before anything is asked for. Nothing else has
// them: they are in no page, log, error or output.
//
// Of Trunkline it imports nothing.
package setup

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// stopTimeout bounds how long the last page may take to reach the browser.
const stopTimeout = 2 * time.Second

// Register registers an App. Show is told where the page for the browser is. It ends when the App is there, when it cannot
// be, or when nobody pressed the button in time.
func Register(ctx context.Context, o Options, show func(page string)) (App, error) {
	o, err := o.Check()
	if err != nil {
		return App{}, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port)))
	if err != nil {
		return App{}, fmt.Errorf("serving a page for the browser: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	d := &desk{
		options: o, host: listener.Addr().String(), start: rand.Text(), state: rand.Text(), done: make(chan outcome, 1),
		exchange: func(code string) (App, error) { return o.Exchange(ctx, code) },
	}
	server := &http.Server{Handler: d, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	show("http://" + d.host + "/" + d.start)
	app, err := d.wait(ctx, ended)
	// The last page is still on its way; whoever keeps a connection open is not waited for longer.
	bounded, stop := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer stop()
	if server.Shutdown(bounded) != nil {
		_ = server.Close()
	}
	return app, err
}

// outcome is how it ended.
type outcome struct {
	app App
	err error
}

// desk is what the browser talks to.
type desk struct {
	options Options
	// host is the only one by which it is called: a page elsewhere that had a name of its own lead here is refused.
	host string
	// start and state are what only the person at the terminal, and then GitHub, know.
	start, state string
	exchange     func(code string) (App, error)
	done         chan outcome

	mu   sync.Mutex
	used bool
}

// wait waits for the outcome.
func (d *desk) wait(ctx context.Context, ended <-chan error) (App, error) {
	select {
	case out := <-d.done:
		return out.app, out.err
	case err := <-ended:
		return App{}, fmt.Errorf("serving a page for the browser: %w", err)
	case <-ctx.Done():
	}
	d.mu.Lock()
	began := d.used
	d.used = true // what comes now is too late
	d.mu.Unlock()
	if began { // the exchange ends with ctx too, and its outcome is what counts
		out := <-d.done
		return out.app, out.err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return App{}, fmt.Errorf("nobody registered the App within %s: nothing was changed; run the command again, or give it longer", d.options.Timeout)
	}
	return App{}, errors.New("ended before the App was registered: nothing was changed")
}

// ServeHTTP implements [http.Handler].
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Host != d.host:
		problem(w, http.StatusMisdirectedRequest, "This page is at another address: open the one that the terminal shows.")
	case r.Method != http.MethodGet: // HEAD too: what looks at links must not use the code up
		w.Header().Set("Allow", http.MethodGet)
		problem(w, http.StatusMethodNotAllowed, "This page is only looked at.")
	case r.URL.Path == "/created":
		d.created(w, r)
	case same(r.URL.Path, "/"+d.start):
		d.offer(w)
	default:
		problem(w, http.StatusNotFound, "There is nothing here: open the address that the terminal shows.")
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// created is where GitHub sends the browser.
func (d *desk) created(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code := q.Get("code")
	switch {
	case !same(q.Get("state"), d.state):
		problem(w, http.StatusForbidden, "This does not come from the page that the terminal shows. Nothing was done: open that page, and start there.")
		return
	case !IsCode(code):
		problem(w, http.StatusBadRequest, "GitHub sent no code. Nothing was done: open the page that the terminal shows, and start there.")
		return
	case !d.claim():
		problem(w, http.StatusGone, "This was used already: what came of it is in the terminal.")
		return
	}
	app, err := d.exchange(code)
	if err != nil {
		problem(w, http.StatusBadGateway, "The App could not be registered: the terminal says why.")
	} else {
		render(w, http.StatusOK, donePage, app)
	}
	d.done <- outcome{app, err}
}

// claim reports whether this is the first that may exchange a code.
func (d *desk) claim() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := !d.used
	d.used = true
	return first
}
