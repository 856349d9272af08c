// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/sync/singleflight"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/reconciler/oci"
)

const (
	// within bounds all attempts for one artifact, and attempts how many there are.
	within   = 90 * time.Second
	attempts = 4
	// remember is for how long a server that does not answer is not asked again: many releases may want something of it.
	// A server that says for how long is left alone for that, up to maxRemember.
	remember    = 5 * time.Second
	maxRemember = 5 * time.Minute
	// maxBody bounds each response.
	maxBody = 48 << 20
	// most is the default of Options.Most, and mostTrees bounds what is kept unpacked in memory.
	most      = 1 << 30
	mostTrees = 128 << 20
)

// Options are how artifacts are fetched. Dir, Keys and Now are required.
type Options struct {
	// Dir is the folder for what was fetched.
	Dir string
	// Hosts may be asked, such as "ghcr.io"; nil: any may be.
	Hosts []string
	// Allow says to people how a host is allowed, with a place for it.
	Allow string
	// Keys has the credentials.
	Keys authn.Keychain
	// Most bounds what is kept in the folder, in bytes; default: 1 GiB.
	Most int64
	Now  func() time.Time
	// Waits returns the waits between attempts; default: from a fifth of a second on.
	Waits func() backoff.BackOff
}

// Store has the artifacts. It may be used by several goroutines, and its folder by several processes.
type Store struct {
	opts      Options
	transport http.RoundTripper
	disk      *disk
	flights   singleflight.Group

	mu     sync.Mutex
	trees  []unpacked // the one that was used last is the last one
	failed map[string]failure
}

// unpacked is an artifact in memory.
type unpacked struct {
	key  string
	tree *tree
}

type failure struct {
	until time.Time
	err   error
}

// New makes a store.
func New(opts Options) (*Store, error) {
	if opts.Most == 0 {
		opts.Most = most
	}
	if opts.Waits == nil {
		opts.Waits = func() backoff.BackOff {
			return &backoff.ExponentialBackOff{InitialInterval: 200 * time.Millisecond, MaxInterval: 10 * time.Second, Multiplier: 3, RandomizationFactor: 0.2}
		}
	}
	transport, err := oci.NewTransport(maxBody)
	if err != nil {
		return nil, err
	}
	disk, err := openDisk(opts.Dir, opts.Most, opts.Now)
	if err != nil {
		return nil, fmt.Errorf("making the folder for artifacts: %w", err)
	}
	return &Store{opts: opts, transport: transport, disk: disk, failed: map[string]failure{}}, nil
}

// Open returns the content of an artifact, if it is signed as it has to be. What was fetched before is not fetched again. The
// error is an [Error], or that of the context.
func (s *Store) Open(ctx context.Context, ref artifact.Ref) (fs.FS, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	key, err := keyOf(ref)
	if err != nil {
		return nil, err
	}
	if t := s.unpacked(key); t != nil {
		return t, nil
	}
	// Who waits for another's fetch goes away with the own context, and leaves it to the others.
	done := s.flights.DoChan(key, func() (any, error) {
		fetching, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
		defer cancel()
		t, err := s.open(fetching, ref)
		if err != nil {
			return nil, err
		}
		s.keepTree(key, t)
		return t, nil
	})
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case out := <-done:
		if out.Err != nil {
			_, broken := errors.AsType[unfit](out.Err)
			return nil, &Error{ref, out.Err, !broken}
		}
		t, _ := out.Val.(*tree)
		return t, nil
	}
}

// keyOf tells artifacts apart, with who has to have signed them.
func keyOf(ref artifact.Ref) (string, error) {
	key, err := json.Marshal(ref)
	return string(key), err
}

func (s *Store) open(ctx context.Context, ref artifact.Ref) (*tree, error) {
	source, err := artifact.Parse(ref.Source)
	if err != nil {
		return nil, unfit{err}
	}
	if !track.IsDigest(ref.Digest) {
		return nil, unfitf("it is not resolved to a digest: run trunkline lock")
	}
	k, there := s.disk.get(ref.Digest, source.Repository != "")
	if !there {
		k, err = asked(ctx, s, source.Host, func(ctx context.Context) (kept, error) {
			if source.Repository == "" {
				return s.fetchChart(ctx, source, ref)
			}
			return s.fetchOCI(ctx, source, ref)
		})
		if err != nil {
			return nil, err
		}
		if err := s.disk.put(ref.Digest, k); err != nil {
			return nil, fmt.Errorf("keeping it on the disk: %w", err)
		}
	}
	if err := s.verify(ctx, source, ref, k.manifest); err != nil {
		return nil, err
	}
	chart := source.Repository == ""
	if !chart {
		l, err := contentOf(k.manifest)
		if err != nil {
			return nil, err
		}
		chart = l.chart
	}
	return unpack(k.content, chart)
}

// Found is what is followed, as it is now.
type Found struct{ Tag, Digest string }

// Find returns what a track of a source is now. It asks its server, always. The error is for people.
func (s *Store) Find(ctx context.Context, ref artifact.Ref, follow string) (Found, error) {
	source, err := artifact.Parse(ref.Source)
	if err != nil {
		return Found{}, err
	}
	t, err := track.Parse(follow)
	if err != nil {
		return Found{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return asked(ctx, s, source.Host, func(ctx context.Context) (Found, error) {
		if source.Repository == "" {
			return s.findChart(ctx, source, ref.Chart, t)
		}
		return s.findOCI(ctx, source, t)
	})
}

// allowed refuses hosts that may not be asked.
func (s *Store) allowed(host string) error {
	if s.opts.Hosts == nil || slices.Contains(s.opts.Hosts, host) {
		return nil
	}
	return fmt.Errorf("%s may not be asked; "+s.opts.Allow, host, host)
}

// asked asks a server, and again while it is busy, unless it was so a moment ago.
func asked[T any](ctx context.Context, s *Store, host string, ask func(context.Context) (T, error)) (out T, err error) {
	if err := s.allowed(host); err != nil {
		return out, err
	}
	s.mu.Lock()
	last, known := s.failed[host]
	s.mu.Unlock()
	if known && s.opts.Now().Before(last.until) {
		return out, last.err
	}
	out, err = backoff.Retry(ctx, func() (T, error) {
		out, err := ask(ctx)
		again, ok := errors.AsType[*oci.BusyError](err)
		switch {
		case err == nil || ok && again.After == 0:
			return out, err
		case ok && again.After <= 10*time.Second:
			return out, errors.Join(err, backoff.RetryAfter(int(again.After/time.Second)))
		}
		return out, backoff.Permanent(err)
	}, backoff.WithBackOff(s.opts.Waits()), backoff.WithMaxTries(attempts))
	if permanent, ok := errors.AsType[*backoff.PermanentError](err); ok {
		err = permanent.Unwrap()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, host)
	if again, ok := errors.AsType[*oci.BusyError](err); ok {
		err = again // without the wait that it was to be tried again after
		s.failed[host] = failure{s.opts.Now().Add(max(remember, min(again.After, maxRemember))), err}
	}
	return out, err
}

func (s *Store) unpacked(key string) *tree {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.trees, func(u unpacked) bool { return u.key == key })
	if i < 0 {
		return nil
	}
	u := s.trees[i]
	s.trees = append(slices.Delete(s.trees, i, i+1), u)
	return u.tree
}

func (s *Store) keepTree(key string, t *tree) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trees = append(s.trees, unpacked{key, t})
	total := int64(0)
	for i, u := range slices.Backward(s.trees) {
		if total += u.tree.size; total > mostTrees && i < len(s.trees)-1 {
			s.trees = slices.Delete(s.trees, 0, i+1)
			return
		}
	}
}
