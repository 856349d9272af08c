// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
)

// WorkloadError says why a workload does not render, or cannot be part of its release.
type WorkloadError struct {
	Workload string
	// Blueprint is the name of the workload's blueprint; empty where it is not to blame.
	Blueprint string
	Err       error
	// named reports whether Err names the workload itself.
	named bool
}

// Error implements error.
func (e *WorkloadError) Error() string {
	switch {
	case e.named:
		return e.Err.Error()
	case e.Blueprint == "":
		return fmt.Sprintf("workload %q: %v", e.Workload, e.Err)
	}
	return fmt.Sprintf("workload %q (blueprint %s): %v", e.Workload, e.Blueprint, e.Err)
}

// Unwrap returns why.
func (e *WorkloadError) Unwrap() error { return e.Err }

// Failures returns what is wrong with the workloads of a release that does not render, one by one and in their order; what is of
// none of them has no workload.
func Failures(err error) []*WorkloadError {
	if _, ok := errors.AsType[*WorkloadError](err); ok {
		return failures(err)
	}
	return []*WorkloadError{{Err: err}}
}

func failures(err error) (out []*WorkloadError) {
	switch e := err.(type) { //nolint:errorlint // each error of the chain is looked at
	case *WorkloadError:
		var joined interface{ Unwrap() []error }
		if !errors.As(e.Err, &joined) {
			return []*WorkloadError{e}
		}
		for _, part := range joined.Unwrap() {
			out = append(out, &WorkloadError{Workload: e.Workload, Blueprint: e.Blueprint, Err: part})
		}
		return out
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			out = append(out, failures(part)...)
		}
		return out
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return failures(inner)
		}
	}
	return []*WorkloadError{{Err: err}}
}
