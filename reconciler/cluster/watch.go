// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

const (
	// Between these, the wait before another attempt to watch doubles, and is up to half as long again. It begins again only after
	// two minutes without a failure, and nothing of the kind is seen while it lasts, so it is short: an API server in trouble gets
	// a few requests a second from all kinds of a usual platform together.
	firstWatch = 250 * time.Millisecond
	lastWatch  = 8 * time.Second
	// watchSteps is how often it doubles.
	watchSteps = 6
)

// kindWatch is the watch of one kind. It is the store of a reflector.
type kindWatch struct {
	observer *observer
	kind     schema.GroupKind
	version  string
	synced   chan struct{}
	once     sync.Once

	// gone is closed when the kind is no longer served.
	gone chan struct{}

	mu  sync.Mutex
	err error // why the first list has not come yet
}

// Watch makes sure that members of the kinds are seen, and waits until those that are there have been. Kinds
// that the cluster does not know have no members; they are watched once they are known and asked for again. A kind that
// cannot be watched keeps no other from being watched.
func (conn *Conn) Watch(ctx context.Context, kinds []schema.GroupKind) error {
	var watches []*kindWatch
	var errs []error
	for _, kind := range kinds {
		w, err := conn.observer.watch(ctx, kind)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		watches = append(watches, w)
	}
	for _, w := range watches {
		if err := w.wait(ctx); err != nil && !errors.Is(err, errUnserved) {
			errs = append(errs, fmt.Errorf("watching %s: %w", w.kind, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (o *observer) watch(ctx context.Context, kind schema.GroupKind) (*kindWatch, error) {
	o.mu.Lock()
	w, ok := o.kinds[kind]
	o.mu.Unlock()
	if ok {
		return w, nil
	}
	// Looking up a kind may take a while, and events must go on meanwhile.
	m, err := o.conn.resource(ctx, kind)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if w, ok := o.kinds[kind]; ok {
		return w, nil
	}
	w = &kindWatch{observer: o, kind: kind, version: m.GroupVersionKind.Version, synced: make(chan struct{}), gone: make(chan struct{})}
	o.kinds[kind] = w
	from := o.conn.sourceOf(m)
	lw := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			opts.LabelSelector = labelPartOf
			ctx, cancel := context.WithTimeout(ctx, listTimeout)
			defer cancel()
			list, err := from.list(ctx, opts)
			w.answered(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			opts.LabelSelector = labelPartOf
			stream, err := openStream(ctx, opts, from.watch, w.answered)
			w.answered(err)
			return stream, err
		},
	}, o.conn.client)
	reflector := cache.NewReflectorWithOptions(lw, from.expected, w, cache.ReflectorOptions{
		Name: "trunkline " + kind.String(), Backoff: &wait.Backoff{Duration: firstWatch, Factor: 2, Steps: watchSteps, Cap: lastWatch, Jitter: 0.5},
	})
	o.spawn(func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go reflector.RunWithContext(ctx)
		select {
		case <-w.gone:
		case <-ctx.Done():
		}
	})
	return w, nil
}

// answered records how a list or a watch ended. A kind that is no longer served, since its definition was
// deleted, is no longer watched either.
func (w *kindWatch) answered(err error) {
	w.mu.Lock()
	w.err = err
	w.mu.Unlock()
	if apierrors.IsNotFound(err) {
		w.observer.unserved(w)
	}
	w.observer.conn.cluster.answered(w.observer.conn, err)
}

// unserved ends the watch of a kind that is gone, and has the kind looked up again when it is asked for again.
// Its members are gone with it.
func (o *observer) unserved(w *kindWatch) {
	o.mu.Lock()
	var events []Event
	if o.kinds[w.kind] == w {
		delete(o.kinds, w.kind)
		o.conn.kinds.forget(w.kind)
		close(w.gone)
		events = o.unsetKind(w.kind, nil)
	}
	o.mu.Unlock()
	for _, e := range events {
		o.conn.cluster.changed(e)
	}
}

// again lists the objects of a kind again, if it is watched.
func (o *observer) again(kind schema.GroupKind) {
	o.mu.Lock()
	w, ok := o.kinds[kind]
	if ok {
		delete(o.kinds, kind)
		close(w.gone)
	}
	o.mu.Unlock()
	if ok {
		o.spawn(func(ctx context.Context) { _, _ = o.watch(ctx, kind) }) // who needs the kind watches it, and is told the error
	}
}

// errUnserved says that the cluster does not know the kind any more.
var errUnserved = errors.New("the kind is not served any more")

// errClosed says that the connection was given up meanwhile; with the next one it will work.
var errClosed = errors.New("the connection to the cluster was given up")

// wait for the first list. When it does not come in time, what the API server said is the better error.
func (w *kindWatch) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	select {
	case <-w.synced:
		return nil
	case <-w.gone:
		return errUnserved
	case <-w.observer.closed:
		return errClosed
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		return errors.Join(ctx.Err(), w.err)
	}
}
