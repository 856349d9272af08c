// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sync/semaphore"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestStoresThatDoNotAnswer: a store that does not answer for a moment is asked again soon, and a run that it says something else of waits as one
// that has failed.
func TestStoresThatDoNotAnswer(t *testing.T) {
	answers := func(code int, name string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + name + `</Code><Message>no</Message></Error>`))
		}
	}
	for name, tc := range map[string]struct {
		answer  func(http.ResponseWriter)
		passing bool
	}{
		"it is too much":          {answers(http.StatusServiceUnavailable, "SlowDown"), true},
		"something is wrong":      {answers(http.StatusInternalServerError, "InternalError"), true},
		"the connection ends":     {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, true},
		"it is not allowed":       {answers(http.StatusForbidden, "AccessDenied"), false},
		"there is no such bucket": {answers(http.StatusNotFound, "NoSuchBucket"), false},
		"nobody knows why":        {answers(http.StatusTeapot, "Teapot"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_MAX_ATTEMPTS", "1") // what the client does by itself takes time
			c := newCounter(t)
			if got := c.run("raw", hourOf(0), 1, false); got != cameMade {
				t.Fatalf("what is read is %s", got)
			}
			c.restart() // it has to be read once more
			todo, _ := c.state.starts(c.now)
			one := todo[0]
			for _, w := range todo {
				if w.key == (arcLot{"orders/clean", hourOf(0)}) {
					one = w
				}
			}
			var asked atomic.Int64
			c.s3.Fail(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
				if asked.Add(1) > 1 && tc.passing {
					return false
				}
				tc.answer(rw)
				return true
			})
			l := &loop{Keeper: New(Options{Log: slog.New(slog.DiscardHandler)}), ctx: t.Context(), events: make(chan any, 1)}
			l.startRun(c.worker, one, semaphore.NewWeighted(1))
			d := (<-l.events).(done)
			if want := map[bool]came{true: cameStarted, false: cameNot}[tc.passing]; d.came != want || d.passing {
				t.Errorf("it is %s, want %s: %s", d.came, want, d.why)
			}
		})
	}
}

// TestAPIServersThatDoNotAnswer: so it is with API servers.
func TestAPIServersThatDoNotAnswer(t *testing.T) {
	of := schema.GroupResource{Group: "batch", Resource: "jobs"}
	for name, tc := range map[string]struct {
		err     error
		passing bool
	}{
		"it is too much":             {apierrors.NewTooManyRequests("later", 1), true},
		"it is not there yet":        {apierrors.NewServiceUnavailable("starting"), true},
		"it took too long":           {apierrors.NewTimeoutError("etcd", 1), true},
		"something is wrong":         {apierrors.NewInternalError(errors.New("failed calling webhook")), true},
		"the connection ends":        {&url.Error{Op: "Post", URL: "https://cluster", Err: io.ErrUnexpectedEOF}, true},
		"nobody listens":             {&url.Error{Op: "Post", URL: "https://cluster", Err: syscall.ECONNREFUSED}, true},
		"it is not allowed":          {apierrors.NewForbidden(of, "x", errors.New("no")), false},
		"it does not know who asks":  {apierrors.NewUnauthorized("who"), false},
		"the Job is none":            {apierrors.NewInvalid(schema.GroupKind{Group: "batch", Kind: "Job"}, "x", nil), false},
		"the namespace is not there": {apierrors.NewNotFound(of, "x"), false},
		"nobody knows why":           {errors.New("boom"), false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCounter(t)
			todo, _ := c.state.starts(c.now)
			if len(todo) == 0 {
				t.Fatal("nothing is to be started")
			}
			c.cluster.errs = []error{fmt.Errorf("creating the Job: %w", tc.err)}
			l := &loop{Keeper: New(Options{Log: slog.New(slog.DiscardHandler)}), ctx: t.Context(), events: make(chan any, 1)}
			l.startRun(c.worker, todo[0], semaphore.NewWeighted(1))
			d := (<-l.events).(done)
			if want := map[bool]came{true: cameStarted, false: cameNot}[tc.passing]; d.came != want || d.passing {
				t.Errorf("it is %s, want %s: %s", d.came, want, d.why)
			}
		})
	}
}

// TestAStoreThatStaysAway: in the end a run could not be started, and why is said.
func TestAStoreThatStaysAway(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	c := newCounter(t)
	if got := c.run("raw", hourOf(0), 1, false); got != cameMade {
		t.Fatalf("what is read is %s", got)
	}
	c.restart()
	c.s3.Fail(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	todo, _ := c.state.starts(c.now)
	for _, w := range todo {
		if w.key != (arcLot{"orders/clean", hourOf(0)}) {
			continue
		}
		d := c.worker.start(t.Context(), w)
		if d.came != cameNot || !d.passing || !strings.Contains(d.why, "503") {
			t.Errorf("it is %s, passing: %t: %s", d.came, d.passing, d.why)
		}
		return
	}
	t.Fatal("clean is not to be started")
}
