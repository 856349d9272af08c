// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"fmt"

	"trunkline.dev/trunkline/api/artifact"
)

// Error is why an artifact is not there. Its text is for people, and has no secrets.
type Error struct {
	Ref artifact.Ref
	Err error
	// passing says that it can be otherwise with the same commit: the registry answers again, or the artifact is pushed or signed.
	passing bool
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Ref, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Transient reports whether another attempt may end otherwise.
func (e *Error) Transient() bool { return e.passing }

// unfit is what is wrong with the content of an artifact, which its digest says for good.
type unfit struct{ error }

func unfitf(format string, args ...any) error { return unfit{fmt.Errorf(format, args...)} }
