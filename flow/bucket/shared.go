// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"errors"
	"sync"
	"time"

	"gocloud.dev/blob"

	"trunkline.dev/trunkline/api/location"
)

// sharedAge is how long one client of a store is used. Credentials in files and in the environment are read when a client is made, and never
// again by it; those that end by themselves it renews in time.
const sharedAge = time.Minute

// Shared has the clients of stores used again, by all whose [Options] have it: making one takes longer than many a request, and each has
// connections of its own. Any goroutine may use it. Who makes it closes it.
type Shared struct {
	now func() time.Time

	mu     sync.Mutex
	open   map[sharedKey]*client
	closed bool
}

// sharedKey is what has a client of its own.
type sharedKey struct{ scheme, bucket, endpoint string }

// client is that of a store.
type client struct {
	bucket *blob.Bucket
	// remove deletes an object by its key in the bucket.
	remove func(ctx context.Context, key string) error

	// The rest is only used if it is shared. Made is closed once it is made, or err says why it could not be.
	made chan struct{}
	err  error
	// since is when it began to be made. users is how many folders of it are open; old says that no other one will be.
	since time.Time
	users int
	old   bool
}

// NewShared returns one without clients, which are as old as the clock says.
func NewShared(now func() time.Time) *Shared { return &Shared{now: now, open: map[sharedKey]*client{}} }

// Close closes what nobody uses, and the rest as soon as nobody does. From then on each folder has a client of its own.
func (s *Shared) Close() error {
	s.mu.Lock()
	s.closed = true
	var idle []*client
	for key, c := range s.open {
		idle = append(idle, s.retire(key, c)...)
	}
	s.mu.Unlock()
	return closeAll(idle)
}

// folder opens a folder with the client that is there, or makes one.
func (s *Shared) folder(ctx context.Context, l location.Location, opts Options) (Folder, error) {
	key := sharedKey{l.Scheme, l.Bucket, opts.Endpoint}
	s.mu.Lock()
	c, is := s.open[key]
	var idle []*client
	if is && s.now().Sub(c.since).Abs() >= sharedAge {
		idle, is = s.retire(key, c), false
	}
	if s.closed {
		s.mu.Unlock()
		return openOwn(ctx, l, opts)
	}
	if !is {
		c = &client{made: make(chan struct{}), since: s.now(), users: 1} // who makes it is one of them
		s.open[key] = c
		// Others use it as well: it does not end with who asked first.
		go func(ctx context.Context) {
			c.bucket, c.remove, c.err = openBucket(ctx, l, opts, sharedConnections)
			close(c.made)
			_ = s.release(c) // it is only closed here if nobody waits for it
		}(context.WithoutCancel(ctx))
	}
	c.users++
	s.mu.Unlock()
	err := closeAll(idle)
	select {
	case <-c.made:
		if c.err != nil {
			s.refused(key, c)
		}
		err = errors.Join(err, c.err)
	case <-ctx.Done():
		err = wrap(ctx.Err(), "opening "+l.String())
	}
	if err != nil {
		return nil, errors.Join(err, s.release(c))
	}
	return &objects{
		place: l, client: c, denied: func() { s.refused(key, c) }, release: sync.OnceValue(func() error { return s.release(c) }),
	}, nil
}

// refused has a client used no more that a store refuses, or that could not be made: its credentials may be others by now.
func (s *Shared) refused(key sharedKey, c *client) {
	s.mu.Lock()
	idle := s.retire(key, c)
	s.mu.Unlock()
	_ = closeAll(idle) // what is refused is what is told
}

// retire has no other folder opened by a client. It returns it if it is to be closed.
func (s *Shared) retire(key sharedKey, c *client) []*client {
	if s.open[key] == c {
		delete(s.open, key)
	}
	if c.old || c.users > 0 {
		c.old = true
		return nil
	}
	c.old = true
	return []*client{c}
}

// release notes that a folder was closed.
func (s *Shared) release(c *client) error {
	s.mu.Lock()
	c.users--
	last := c.old && c.users == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	return closeAll([]*client{c})
}

// closeAll closes clients that nobody uses any more.
func closeAll(all []*client) (err error) {
	for _, c := range all {
		if c.bucket != nil {
			err = errors.Join(err, wrap(c.bucket.Close(), "closing a store"))
		}
	}
	return err
}
