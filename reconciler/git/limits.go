// SPDX-License-Identifier: Apache-2.0

package git

import "fmt"

// Limits bounds what a repository can make this package hold or do. A zero field means its default.
type Limits struct {
	// MaxFile is the largest file that is read, in bytes. Default 32 MiB.
	MaxFile int64
	// MaxFiles is how many files one tree may hold, counted along every path. A few hundred bytes of
	// nested tree objects can name billions of paths, which would keep any walk busy for ever. Default 1,000,000.
	MaxFiles int64
	// MaxDepth is how many folders deep a tree may be. Default 128.
	MaxDepth int
	// MaxPath is the longest path that is looked up, in bytes. Default 4096.
	MaxPath int
	// MaxObject is the largest object a fetch accepts, in bytes after decompression. Default 512 MiB.
	MaxObject int64
	// MaxPack is the most bytes one fetch downloads. Default 4 GiB.
	MaxPack int64
}

// withDefaults fills the fields that were left at zero.
func (l Limits) withDefaults() Limits {
	l.MaxFile = orDefault(l.MaxFile, 32<<20)
	l.MaxFiles = orDefault(l.MaxFiles, 1_000_000)
	l.MaxDepth = orDefault(l.MaxDepth, 128)
	l.MaxPath = orDefault(l.MaxPath, 4096)
	l.MaxObject = orDefault(l.MaxObject, 512<<20)
	l.MaxPack = orDefault(l.MaxPack, 4<<30)
	return l
}

func orDefault[T int | int64](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// LimitError is something larger than one of the [Limits].
type LimitError struct {
	// Subject is what was too large, such as `file "big.bin"`.
	Subject string
	// Got is the size found; 0 when counting stopped at the limit.
	Got int64
	// Limit is the bound that was exceeded, Unit what both numbers count.
	Limit int64
	Unit  string
	// Field is the field of [Limits] that raises the bound.
	Field string
}

func (e *LimitError) Error() string {
	if e.Got > 0 {
		return fmt.Sprintf("%s has %d %s, and %d are the most", e.Subject, e.Got, e.Unit, e.Limit)
	}
	return fmt.Sprintf("%s has more than %d %s, which are the most", e.Subject, e.Limit, e.Unit)
}

// Option changes how a store or a tree is opened.
type Option func(*Limits)

func limitsOf(opts []Option) Limits {
	var l Limits
	for _, opt := range opts {
		opt(&l)
	}
	return l.withDefaults()
}
