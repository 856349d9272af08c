// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// What one render of one chart may take. The numbers are some hundred times what a large chart needs.
const (
	// MaxSteps bounds function calls, rounds of loops and executions of templates, so that the outcome of a
	// render that goes on forever is the same on a slow machine and on a fast one.
	MaxSteps = 1_000_000
	// entrySteps is what executing a template costs: it takes as long as so many calls.
	entrySteps = 10
	// maxNesting bounds templates that execute templates, and maxStack the blocks of all that are being executed, one
	// template counted as entryBlocks of them: each takes stack. Helm takes a thousand levels.
	maxNesting  = 2000
	maxStack    = 120_000
	entryBlocks = 10
	// maxText bounds one text, list or table that a template makes, in bytes.
	maxText = 16 << 20
	// maxWritten bounds all that a render writes, partials included.
	maxWritten = 64 << 20
)

// sandbox counts what a render takes and stops it: with its budget or its context, whichever ends first.
type sandbox struct {
	ctx     context.Context //nolint:containedctx // the sandbox lives as long as one call, and template functions take no context
	limit   int
	steps   int
	depth   int
	blocks  int
	written int
	chance  *chance
}

func newSandbox(ctx context.Context, limit int, c *chance) *sandbox {
	if limit <= 0 || limit > MaxSteps {
		limit = MaxSteps
	}
	return &sandbox{ctx: ctx, limit: limit, chance: c}
}

// spend takes n steps from the budget.
func (s *sandbox) spend(n int) error {
	before := s.steps
	s.steps += n
	if s.steps > s.limit || s.steps < before {
		return fmt.Errorf("the chart takes more than %d steps to render", s.limit)
	}
	// Asking the context takes a lock; every so often is enough.
	if s.steps>>8 != before>>8 {
		if err := s.ctx.Err(); err != nil {
			return fmt.Errorf("rendering stopped: %w", context.Cause(s.ctx))
		}
	}
	return nil
}

// enter, leave, tick and print are called from where [instrument] puts them. They write nothing.

func (s *sandbox) enter(blocks int) (string, error) {
	s.depth++
	s.blocks += blocks + entryBlocks
	if s.depth > maxNesting || s.blocks > maxStack {
		return "", fmt.Errorf("templates nest %d levels deep, which is too much: does one include itself?", s.depth)
	}
	return "", s.spend(entrySteps)
}

func (s *sandbox) leave(blocks int) string {
	s.depth--
	s.blocks -= blocks + entryBlocks
	return ""
}

func (s *sandbox) tick() (string, error) { return "", s.spend(1) }

// print stands at the end of each pipeline whose value is written out.
// It takes and returns the value as text/template has it: whether it can be addressed decides how it is printed.
func (s *sandbox) print(v reflect.Value) (reflect.Value, error) {
	if !v.IsValid() {
		return v, nil
	}
	w := weight{}
	return v, w.add(v, 0)
}

// output is where a template writes to.
type output struct {
	*sandbox

	strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.written += len(p)
	if o.Len()+len(p) > maxText || o.written > maxWritten {
		return 0, fmt.Errorf("the chart renders to more than %d MiB", maxText>>20)
	}
	return o.Builder.Write(p)
}

// guard wraps a function: each call takes a step, and none is made whose result could be too large. A panic
// here is turned by text/template into an error that names the template and the line.
func (s *sandbox) guard(name string, fn any) any {
	v := reflect.ValueOf(fn)
	t := v.Type()
	cost, special := costs[name]
	steps := 1
	if name == "derivePassword" {
		steps = s.limit / 4 // scrypt: 32 MiB of memory and almost half a second
	}
	return reflect.MakeFunc(t, func(args []reflect.Value) []reflect.Value {
		if err := s.spend(steps); err != nil {
			panic(err)
		}
		if !special {
			cost = weights
		}
		if cost != nil {
			size, err := cost(args)
			if err == nil && (size < 0 || size > maxText) {
				err = fmt.Errorf("the result would have more than %d MiB", maxText>>20)
			}
			if err != nil {
				panic(err)
			}
			// A large argument costs as much as many calls: walking it a million times is work too.
			if err := s.spend(size >> 8); err != nil {
				panic(err)
			}
		}
		if t.IsVariadic() {
			return v.CallSlice(args)
		}
		return v.Call(args)
	}).Interface()
}

var errTooDeep = errors.New("the value contains itself or is nested deeper than 200 levels")

// weight is the size that values have when they are written out, shared parts counted as often as they
// appear. Adding to it stops at the limit, so that it is cheap for a value that has no end.
type weight struct{ size int }

func (w *weight) add(v reflect.Value, depth int) error {
	if depth > 200 {
		return errTooDeep
	}
	w.size += 8
	switch v.Kind() { //nolint:exhaustive // the rest has a fixed size
	case reflect.String:
		w.size += v.Len()
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			return w.add(v.Elem(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			w.size += 4 * v.Len() // printed as numbers
			break
		}
		for i := range v.Len() {
			if err := w.add(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			if err := w.add(iter.Key(), depth+1); err != nil {
				return err
			}
			if err := w.add(iter.Value(), depth+1); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if err := w.add(field, depth+1); err != nil {
				return err
			}
		}
	}
	// Indentation makes what is nested larger when it is written as YAML.
	w.size += 2 * depth
	if w.size > maxText {
		return fmt.Errorf("a value has more than %d MiB", maxText>>20)
	}
	return nil
}
