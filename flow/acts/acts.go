// SPDX-License-Identifier: Apache-2.0

// Package acts writes down what people ask for about the lots of an environment, in the folder in which that is remembered: which
// workloads are disabled, and which failed lots are to be tried again. Whichever replica is asked writes it down; the one that keeps the
// lots reads it.
//
// Of Trunkline it imports flow/bucket only. Errors have a class, by [bucket.ClassOf].
package acts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
)

// Folder is where it is written down.
type Folder interface {
	List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error]
	Read(ctx context.Context, key string, max int64) ([]byte, error)
	Create(ctx context.Context, key string, data []byte) error
	Delete(ctx context.Context, key string) error
}

// By is who asked for something, why, and when by their replica's clock.
type By struct {
	By  string    `json:"by"`
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

// String says it in a few words, such as "ann since 2026-01-31T12:00:00Z: the input is wrong".
func (b By) String() string {
	text := b.By
	if text == "" {
		text = "someone"
	}
	if !b.At.IsZero() {
		text += " since " + b.At.UTC().Format(time.RFC3339)
	}
	if b.Why != "" {
		text += ": " + b.Why
	}
	return text
}

// Disabled is a workload that makes no lots until it is enabled again.
type Disabled struct {
	// Workload is the id, "project/name".
	Workload string `json:"workload"`
	By
}

// Retry asks for lots of a workload that have failed to be tried again at once.
type Retry struct {
	// Workload is the id, "project/name".
	Workload string `json:"workload"`
	// From and Until bound the starts of the lots; Until does not belong to it. What is zero does not bound.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	By
}

// Of reports whether a lot of a workload that starts at a time is asked for.
func (r Retry) Of(workload string, start time.Time) bool {
	return r.Workload == workload && !start.Before(r.From) && (r.Until.IsZero() || start.Before(r.Until))
}

// Written is all that is written down.
type Written struct {
	// Disabled are by the workload, and Retries by their names.
	Disabled map[string]Disabled
	Retries  map[string]Retry
	// Damaged are where requests to try again are that cannot be read, and that count for nothing.
	Damaged []string
}

const (
	disabledFolder, retriesFolder = "disabled/", "retries/"
	ending                        = ".json"
	// maxSize bounds what is read, in bytes, and maxRecords how many of each kind are.
	maxSize, maxRecords = 64 << 10, 10_000
)

// DisabledError is a workload that is disabled already.
type DisabledError struct{ Disabled }

// Error says by whom.
func (e *DisabledError) Error() string {
	return e.Workload + " is disabled already, by " + e.String()
}

// ErrEnabled is what is said of a workload that is to be enabled, and is not disabled.
var ErrEnabled = errors.New("it is not disabled")

// Disable has a workload make no lots. One that is disabled already stays so as it is, which is a [DisabledError].
func Disable(ctx context.Context, f Folder, d Disabled) error {
	err := create(ctx, f, disabledKey(d.Workload), d)
	if bucket.ClassOf(err) != bucket.Exists {
		return err
	}
	was, err := disabled(ctx, f, disabledKey(d.Workload))
	if err != nil {
		return err
	}
	return &DisabledError{was}
}

// Enable has a workload make lots again, and returns how it was disabled. One that is not is [ErrEnabled].
func Enable(ctx context.Context, f Folder, workload string) (Disabled, error) {
	if !fs.ValidPath(workload) { // on a disk, it would be another record
		return Disabled{}, fmt.Errorf("%s makes lots: %w", workload, ErrEnabled)
	}
	was, err := disabled(ctx, f, disabledKey(workload))
	if class := bucket.ClassOf(err); class == bucket.NotFound || class == bucket.NoStore {
		return was, fmt.Errorf("%s makes lots: %w", workload, ErrEnabled)
	}
	if err != nil {
		return was, err
	}
	return was, f.Delete(ctx, disabledKey(workload))
}

// Ask writes down that lots are to be tried again, and returns the name of that.
func Ask(ctx context.Context, f Folder, r Retry) (name string, err error) {
	data, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("writing down what is asked for: %w", err)
	}
	sum := sha256.Sum256(data)
	name = fmt.Sprintf("%d-%s", r.At.UnixMilli(), hex.EncodeToString(sum[:8]))
	err = create(ctx, f, retriesFolder+name+ending, r)
	if bucket.ClassOf(err) == bucket.Exists {
		err = nil // the same was asked for in the same instant
	}
	return name, err
}

// Done takes out what was asked for.
func Done(ctx context.Context, f Folder, name string) error {
	return f.Delete(ctx, retriesFolder+name+ending)
}

// Read reads all that is written down. A record that is damaged is one all the same where it says that a workload is disabled, since
// its place says of which.
func Read(ctx context.Context, f Folder) (Written, error) {
	out := Written{Disabled: map[string]Disabled{}, Retries: map[string]Retry{}}
	err := each(ctx, f, disabledFolder, func(key, name string) error {
		d, err := disabled(ctx, f, key)
		if bucket.ClassOf(err) == bucket.NotFound {
			return nil // it was enabled meanwhile
		}
		out.Disabled[name] = d
		return err
	})
	if err != nil {
		return out, err
	}
	err = each(ctx, f, retriesFolder, func(key, name string) error {
		data, err := f.Read(ctx, key, maxSize)
		switch bucket.ClassOf(err) { //nolint:exhaustive // what else is an error
		case bucket.NotFound:
			return nil
		case bucket.Invalid:
			out.Damaged = append(out.Damaged, key)
			return nil
		}
		if err != nil {
			return err
		}
		var r Retry
		if err := json.Unmarshal(data, &r); err != nil || r.Workload == "" {
			out.Damaged = append(out.Damaged, key)
			return nil //nolint:nilerr // it is said of it that it is damaged
		}
		out.Retries[name] = r
		return nil
	})
	return out, err
}

// each lists what is in a folder, by its key and its name.
func each(ctx context.Context, f Folder, folder string, do func(key, name string) error) error {
	n := 0
	for o, err := range f.List(ctx, folder) {
		if bucket.ClassOf(err) == bucket.NoStore {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutSuffix(strings.TrimPrefix(o.Key, folder), ending)
		if !ok {
			continue
		}
		if n++; n > maxRecords {
			return fmt.Errorf("there are more than %d records in %s: delete those that nobody needs", maxRecords, folder)
		}
		if err := do(o.Key, name); err != nil {
			return err
		}
	}
	return nil
}

// disabled reads how a workload is disabled. What is damaged says nothing but that it is.
func disabled(ctx context.Context, f Folder, key string) (Disabled, error) {
	workload := strings.TrimSuffix(strings.TrimPrefix(key, disabledFolder), ending)
	data, err := f.Read(ctx, key, maxSize)
	if err != nil && bucket.ClassOf(err) != bucket.Invalid {
		return Disabled{Workload: workload}, err
	}
	var d Disabled
	if err != nil || json.Unmarshal(data, &d) != nil || d.Workload != workload {
		return Disabled{Workload: workload, By: By{Why: "its record is damaged"}}, nil //nolint:nilerr // it is there, which is what counts
	}
	return d, nil
}

func disabledKey(workload string) string { return disabledFolder + workload + ending }

func create(ctx context.Context, f Folder, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	return f.Create(ctx, key, append(data, '\n'))
}
