// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"trunkline.dev/trunkline/api/pull"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
)

// Options are what a puller is given of the machine.
type Options struct {
	// Env are the variables of the process: those that templates name, and those that say which proxy is asked.
	Env map[string]string
	// Log is told for people what fails and is tried again; nil: nobody is.
	Log func(text string)
	// Now is the time; nil: that of the machine.
	Now func() time.Time
	// Pause is how long is waited before something is tried again for the first time, and is doubled after that; 0: a second.
	Pause time.Duration
}

// Puller fetches what one run writes.
type Puller struct {
	Options

	run    given.Run
	to     given.Sink
	spec   pull.Spec
	stores *data.Stores
	// left is how many bytes may still be written.
	left int64
}

// New returns a puller of a run.
func New(run given.Run, stores *data.Stores, spec pull.Spec, opts Options) (*Puller, error) {
	to, err := run.Sink(spec.To)
	if err != nil {
		return nil, err
	}
	if opts.Log == nil {
		opts.Log = func(string) {}
	}
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the clock of a puller that was given none
	}
	opts.Pause = cmp.Or(opts.Pause, time.Second)
	return &Puller{Options: opts, run: run, to: to, spec: spec, stores: stores, left: spec.MaxBytes}, nil
}

// Pulled is what came of it.
type Pulled struct {
	// State is that of the lot; empty for a run of no lot.
	State manifest.State
	// Told says for people what was fetched.
	Told string
}

// Pull fetches what there is, and writes the manifest of the lot: of what failed, one that is partial and says why, and the error is that.
func (p *Puller) Pull(ctx context.Context) (Pulled, error) {
	told, note, err := p.fetch(ctx)
	switch {
	case p.to.Store == "", ctx.Err() != nil:
		return Pulled{Told: told}, err
	case err != nil:
		_, failed := p.stores.Tell(ctx, p.run, p.to, err.Error())
		return Pulled{}, errors.Join(err, failed)
	}
	m, err := p.stores.Note(ctx, p.run, p.to, note)
	return Pulled{m.State, told}, err
}

func (p *Puller) fetch(ctx context.Context) (told, note string, err error) {
	if p.spec.Database != nil {
		told, err = p.query(ctx)
		return told, "", err
	}
	return p.request(ctx)
}

// lookup finds a variable of the process.
func (p *Puller) lookup(name string) (string, bool) {
	value, ok := p.Env[name]
	return value, ok
}

func asItIs(text string) string { return text }

// file is the name of a file, by what it ends in.
func (p *Puller) file(number int, ending string) (string, error) {
	var name string
	if p.run.Lot.IsZero() {
		name = strings.ReplaceAll(p.spec.Filename.Shown(p.run.Lot), "{lot}", "all")
	} else {
		var err error
		if name, err = p.spec.Filename.Fill(p.run.Lot, p.lookup, asItIs); err != nil {
			return "", fmt.Errorf("filename: %w", err)
		}
	}
	if strings.ContainsAny(name, "{}/") || given.Hidden(name) {
		return "", fmt.Errorf("no file of a lot can be called %q", name)
	}
	if number > 0 {
		name += fmt.Sprintf("-%04d", number)
	}
	return name + ending, nil
}

// write writes a file as a whole, or not at all if reading it fails, or if there is more than may be.
func (p *Puller) write(ctx context.Context, name string, content io.Reader) (int64, error) {
	bounded := &bounded{Reader: content, most: p.left, bound: p.spec.MaxBytes}
	if err := p.stores.Write(ctx, p.to.Folder, name, bounded); err != nil {
		switch class := bucket.ClassOf(err); {
		case bounded.failed != nil:
			return 0, bounded.failed // what the store says of it hides its kind
		case class == bucket.Denied, class == bucket.Invalid, class == bucket.NoStore:
			return 0, final(err)
		}
		return 0, err
	}
	p.left -= bounded.n
	return bounded.n, nil
}

// bounded is a reader of so many bytes at most, which remembers why it failed.
type bounded struct {
	io.Reader

	n, most, bound int64
	failed         error
}

// Read reads.
func (b *bounded) Read(into []byte) (int, error) {
	n, err := b.Reader.Read(into)
	if b.n += int64(n); b.n > b.most {
		n, err = 0, final(fmt.Errorf("it is more than %d MiB, which is the limit: raise maxMiB", b.bound>>20))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("it ended before it was whole: %w", err)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}

// longestPause is the longest that something is waited for before it is tried again. What is to wait longer fails, and the lot is tried again later.
const longestPause = 10 * time.Minute

// again does something until it succeeds, fails for good, or has been tried often enough.
func again[T any](ctx context.Context, p *Puller, do func() (T, error)) (T, error) {
	pace := &pacing{ExponentialBackOff: backoff.ExponentialBackOff{InitialInterval: p.Pause, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: time.Minute}}
	out, err := backoff.Retry(ctx, func() (T, error) {
		out, err := do()
		if later, ok := errors.AsType[*laterError](err); ok {
			if pace.after = later.after; pace.after > longestPause {
				err = final(fmt.Errorf("%w, and asks to wait for %s", err, later.after.Round(time.Second)))
			}
		}
		if _, ended := errors.AsType[*finalError](err); ended {
			err = backoff.Permanent(err)
		}
		return out, err
	}, backoff.WithBackOff(pace), backoff.WithMaxTries(uint(max(0, p.spec.Retries))+1), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, wait time.Duration) {
			p.Log(fmt.Sprintf("%s; it is tried again in %s", strings.ReplaceAll(err.Error(), "\n", " "), wait.Round(time.Millisecond)))
		}))
	if permanent, ok := errors.AsType[*backoff.PermanentError](err); ok {
		err = permanent.Err
	}
	return out, err
}

// finalError is what no other try would do better.
type finalError struct{ error }

// Unwrap returns why.
func (e *finalError) Unwrap() error { return e.error }

func final(err error) error { return &finalError{err} }

// pacing is how long is waited: longer each time, and as long as a server asks for.
type pacing struct {
	backoff.ExponentialBackOff

	after time.Duration
}

// NextBackOff is how long is waited now.
func (p *pacing) NextBackOff() time.Duration {
	next := max(p.ExponentialBackOff.NextBackOff(), p.after)
	p.after = 0
	return next
}

// laterError is what a server does not do now.
type laterError struct {
	error

	// after is how long it asks to be left alone; 0 if it does not say.
	after time.Duration
}

// Unwrap returns why.
func (e *laterError) Unwrap() error { return e.error }
