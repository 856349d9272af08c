// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// listTimeout bounds one page of a list. An API server itself gives up after a minute by default.
	listTimeout = time.Minute
	// silence is how long a watch may bring nothing. An API server tells the watches that ask for it about once a minute how
	// far it has come, so a watch that brings nothing for twice as long has lost its server, although the connection may be
	// alive: that may be one to a proxy. Servers that do not tell are asked again this often, which costs one request a kind.
	silence = 150 * time.Second
)

// openStream opens a watch that ends, or fails to open, when it brings nothing for too long: nobody else would ever
// notice. One that is to bring first what is there already has callTimeout to begin and between its events, since a
// server has no reason to wait. The function quiet is called when such a one was silent; later, a silence is not unusual enough.
func openStream(ctx context.Context, opts metav1.ListOptions, open func(context.Context, metav1.ListOptions) (watch.Interface, error), quiet func(error)) (watch.Interface, error) {
	ctx, cancel := context.WithCancel(ctx)
	catchingUp := opts.SendInitialEvents != nil && *opts.SendInitialEvents
	// What stands between may hold back even the head of the answer until the first event.
	late := time.AfterFunc(silenceLimit(catchingUp), cancel)
	inner, err := open(ctx, opts)
	if !late.Stop() && ctx.Err() != nil {
		if err == nil {
			inner.Stop()
		}
		return nil, fmt.Errorf("opening a watch: no answer for %s: %w", silenceLimit(catchingUp), context.DeadlineExceeded)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	s := &stream{inner: inner, events: make(chan watch.Event), stopped: make(chan struct{})}
	s.stop = sync.OnceFunc(func() {
		close(s.stopped)
		cancel()
	})
	go s.pass(catchingUp, quiet)
	return s, nil
}

// stream is a watch that ends when it is silent.
type stream struct {
	inner   watch.Interface
	events  chan watch.Event
	stopped chan struct{}
	stop    func()
}

// ResultChan implements [watch.Interface].
func (s *stream) ResultChan() <-chan watch.Event { return s.events }

// Stop implements [watch.Interface].
func (s *stream) Stop() { s.stop() }

// pass hands events on until one side ends.
func (s *stream) pass(catchingUp bool, quiet func(error)) {
	defer close(s.events)
	defer s.stop()
	defer s.inner.Stop()
	for {
		alarm := time.NewTimer(silenceLimit(catchingUp))
		select {
		case <-s.stopped:
			alarm.Stop()
			return
		case <-alarm.C:
			if catchingUp {
				quiet(fmt.Errorf("a watch brought nothing for %s: %w", callTimeout, context.DeadlineExceeded))
			}
			return
		case e, ok := <-s.inner.ResultChan():
			alarm.Stop()
			if !ok {
				return
			}
			catchingUp = catchingUp && e.Type != watch.Bookmark
			select {
			case s.events <- e:
			case <-s.stopped:
				return
			}
		}
	}
}

// silenceLimit is how long a watch may be silent.
func silenceLimit(catchingUp bool) time.Duration {
	if catchingUp {
		return callTimeout
	}
	return silence
}
