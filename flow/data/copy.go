// SPDX-License-Identifier: Apache-2.0

package data

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/filter"
	"trunkline.dev/trunkline/flow/given"
)

// CopyParams are the params of the blueprint "copy".
type CopyParams struct {
	// From and To are the roles; empty: the only one, or else "main".
	From string `json:"from"`
	To   string `json:"to"`
	// Filter chooses objects by their paths.
	Filter filter.Spec `json:"filter"`
	// FailOnPartialPercent is the part of the objects, of 1, that may fail before the copy ends: of n, that many times n, rounded up. If it
	// is 0, the first failure ends it.
	FailOnPartialPercent float64 `json:"failOnPartialPercent"`
	// Parallel is how many objects are copied at a time; 0: [DefaultParallel].
	Parallel int `json:"parallel"`
}

const (
	// DefaultParallel is how many objects are copied at a time. Each may take 15 MiB of memory on its way to an object store.
	DefaultParallel = 8
	maxParallel     = 64
)

// ParseCopy reads the params. Those of the chart are among them, and passed over.
func ParseCopy(params json.RawMessage) (CopyParams, error) {
	p := CopyParams{}
	if err := json.Unmarshal(params, &p); err != nil {
		return CopyParams{}, fmt.Errorf("the params of the workload: %w", err)
	}
	if p.Parallel == 0 {
		p.Parallel = DefaultParallel
	}
	switch {
	case !(p.FailOnPartialPercent >= 0 && p.FailOnPartialPercent <= 1):
		return CopyParams{}, fmt.Errorf("failOnPartialPercent is %v; it is a part of 1, such as 0.05", p.FailOnPartialPercent)
	case p.Parallel < 1 || p.Parallel > maxParallel:
		return CopyParams{}, fmt.Errorf("parallel is %d; it is 1 to %d", p.Parallel, maxParallel)
	}
	return p, nil
}

// Copied is what came of a copy.
type Copied struct {
	// Chosen is how many objects there were to copy, and Objects how many were.
	Chosen, Objects int
	// Failures are why others were not, in the order of the objects.
	Failures []error
	// Aborted reports that the rest was not tried: too much failed, or the store refuses access.
	Aborted bool
}

// Partial says for people what was not copied; empty if all was.
func (c Copied) Partial() string {
	if len(c.Failures) == 0 {
		return ""
	}
	texts := make([]string, 0, maxTold)
	for _, err := range c.Failures[:min(len(c.Failures), maxTold)] {
		texts = append(texts, err.Error())
	}
	more := ""
	if n := len(c.Failures) - maxTold; n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	rest := ""
	if c.Aborted {
		rest = ", and the rest was not tried"
	}
	return fmt.Sprintf("%d of %d objects were copied%s: %s%s", c.Objects, c.Chosen, rest, strings.Join(texts, "; "), more)
}

// maxTold is how many failures are told.
const maxTold = 3

// errAborted ends a copy.
var errAborted = errors.New("the copy was aborted")

// Copy copies the objects of an input that the filter chooses to a folder, by their paths. The error is that of what concerns
// all of them; what concerns one is in Copied, which is valid in either case.
func (s *Stores) Copy(ctx context.Context, in given.Input, folder string, p CopyParams) (Copied, error) {
	choose, err := filter.New(p.Filter)
	if err != nil {
		return Copied{}, fmt.Errorf("the params of the workload: filter.%w", err)
	}
	objects, err := s.Objects(ctx, in)
	if err != nil {
		return Copied{}, err
	}
	objects = slices.DeleteFunc(objects, func(o Object) bool { return !choose.Match(o.Path) })
	out := Copied{Chosen: len(objects)}
	allowed := int(math.Ceil(float64(len(objects)) * p.FailOnPartialPercent))
	if twice := twin(objects); twice != "" {
		return out, fmt.Errorf("%s: two objects would be copied to %s", in.Role, twice)
	}
	failed := make([]error, len(objects))
	var mu sync.Mutex
	group, stop := errgroup.WithContext(ctx)
	group.SetLimit(p.Parallel)
	failures := 0
	for i, o := range objects {
		if stop.Err() != nil {
			break
		}
		group.Go(func() error {
			err := s.copy(stop, o, folder, o.Path)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				out.Objects++
				return nil
			case stop.Err() != nil:
				return stop.Err() // it was ended, and says nothing of the object
			}
			failed[i] = err
			if failures++; failures > allowed || bucket.ClassOf(err) == bucket.Denied {
				return errAborted
			}
			return nil
		})
	}
	err = group.Wait()
	out.Failures = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	if out.Aborted = errors.Is(err, errAborted); out.Aborted {
		return out, ctx.Err()
	}
	return out, errors.Join(err, ctx.Err())
}

// twin is a path that two objects have.
func twin(objects []Object) string {
	seen := make(map[string]bool, len(objects))
	for _, o := range objects {
		if seen[o.Path] {
			return o.Path
		}
		seen[o.Path] = true
	}
	return ""
}
