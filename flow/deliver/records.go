// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/egress"
)

const (
	outboxFolder = "outbox/"
	cursorFolder = "cursor/"
	deadFolder   = "dead/"
	againFolder  = "again/"
	suffix       = ".json"
	// maxRecord bounds a record.
	maxRecord = 16 << 20
)

// Letter is a fact that a target did not accept.
type Letter struct {
	ID      string      `json:"id"`
	Target  string      `json:"target"`
	Refused string      `json:"refused"`
	At      time.Time   `json:"at"`
	Fact    egress.Fact `json:"fact"`
	// Again is set if it is to be sent once more.
	Again bool `json:"again,omitempty"`
}

// Records are what is kept of what is told, in the folder of the records of an environment. Each is created once, and deleted.
type Records struct{ folder bucket.Folder }

// OpenRecords opens those of an environment, by the address of its records.
func OpenRecords(ctx context.Context, address string, opts bucket.Options) (*Records, error) {
	folder, err := bucket.Open(ctx, address, opts)
	if err != nil {
		return nil, err
	}
	return &Records{folder}, nil
}

// Close releases what was opened.
func (r *Records) Close() error { return r.folder.Close() }

// kept is what a listing says of a target.
type kept struct {
	// cursors are the keys of all that there are, the newest last, and number is its number; 0 if there is none.
	cursors []string
	number  uint64
	// letters are the ids of dead letters, and true for those that are to be sent once more.
	letters map[string]bool
}

// list lists what is kept of a target.
func (r *Records) list(ctx context.Context, target string) (kept, error) {
	prefix := outboxFolder + target + "/"
	out := kept{letters: map[string]bool{}}
	var again []string
	for o, err := range r.folder.List(ctx, prefix) {
		if err != nil {
			return kept{}, fmt.Errorf("listing what was told to %s: %w", target, err)
		}
		kind, id, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(o.Key, prefix), suffix), "/")
		switch kind + "/" {
		case cursorFolder:
			if n, err := strconv.ParseUint(id, 10, 64); err == nil && n > out.number {
				out.cursors, out.number = append(out.cursors, o.Key), n
			}
		case deadFolder:
			out.letters[id] = false
		case againFolder:
			again = append(again, id)
		}
	}
	for _, id := range again {
		if _, dead := out.letters[id]; dead {
			out.letters[id] = true
		}
	}
	return out, nil
}

func cursorKey(target string, number uint64) string {
	return fmt.Sprintf("%s%s/%s%020d%s", outboxFolder, target, cursorFolder, number, suffix)
}

func letterKey(target, folder, id string) string {
	return outboxFolder + target + "/" + folder + id + suffix
}

// read reads a record.
func (r *Records) read(ctx context.Context, key string, into any) error {
	data, err := r.folder.Read(ctx, key, maxRecord)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return &damagedError{key, err.Error()}
	}
	return nil
}

// damagedError is a record that does not say what one of its place says.
type damagedError struct{ key, why string }

func (e *damagedError) Error() string {
	return fmt.Sprintf("reading %s: it is no record of what was told: %s", e.key, e.why)
}

func isDamaged(err error) bool {
	_, is := errors.AsType[*damagedError](err)
	return is
}

// letter reads a dead letter, which is of the event that it is called by.
func (r *Records) letter(ctx context.Context, target, id string) (l Letter, err error) {
	key := letterKey(target, deadFolder, id)
	if err := r.read(ctx, key, &l); err != nil {
		return Letter{}, err
	}
	if l.Fact.ID() != id {
		return Letter{}, &damagedError{key, "it has another event"}
	}
	return l, nil
}

func (r *Records) write(ctx context.Context, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	return r.folder.Create(ctx, key, data)
}

// Letters returns the dead letters of all targets, in the order in which they were refused. Those that cannot be read are in the error.
func (r *Records) Letters(ctx context.Context) (letters []Letter, err error) {
	var keys []string
	again := map[string]bool{}
	for o, err := range r.folder.List(ctx, outboxFolder) {
		if err != nil {
			return nil, fmt.Errorf("listing dead letters: %w", err)
		}
		switch target, kind, id := letterParts(o.Key); kind {
		case deadFolder:
			keys = append(keys, o.Key)
		case againFolder:
			again[target+"/"+id] = true
		}
	}
	letters = []Letter{}
	var errs []error
	for _, key := range keys {
		var l Letter
		if err := r.read(ctx, key, &l); err != nil {
			if bucket.ClassOf(err) != bucket.NotFound { // else it was delivered meanwhile
				errs = append(errs, err)
			}
			continue
		}
		target, _, id := letterParts(key)
		l.Target, l.ID = target, id
		l.Again = again[target+"/"+id]
		letters = append(letters, l)
	}
	slices.SortStableFunc(letters, func(a, b Letter) int { return a.At.Compare(b.At) })
	return letters, errors.Join(errs...)
}

// letterParts takes the key of a record apart.
func letterParts(key string) (target, kind, id string) {
	target, rest, _ := strings.Cut(strings.TrimPrefix(key, outboxFolder), "/")
	kind, id, _ = strings.Cut(strings.TrimSuffix(rest, suffix), "/")
	return target, kind + "/", id
}

// Again asks for a dead letter to be sent once more, by whoever keeps the lots.
func (r *Records) Again(ctx context.Context, l Letter) error {
	err := r.folder.Create(ctx, letterKey(l.Target, againFolder, l.ID), []byte("{}\n"))
	if bucket.ClassOf(err) == bucket.Exists {
		return nil
	}
	return err
}

// Drop gives a dead letter up.
func (r *Records) Drop(ctx context.Context, l Letter) error {
	if err := r.folder.Delete(ctx, letterKey(l.Target, deadFolder, l.ID)); err != nil {
		return err
	}
	return r.folder.Delete(ctx, letterKey(l.Target, againFolder, l.ID))
}

// forget has nobody ask for a dead letter any more.
func (r *Records) forget(ctx context.Context, target, id string) error {
	return r.folder.Delete(ctx, letterKey(target, againFolder, id))
}

// bury keeps a fact that was refused. One that is sent once more is kept already; nobody asks for it any more.
func (r *Records) bury(ctx context.Context, target string, s egress.Sending, now time.Time) error {
	if s.Letter {
		return r.forget(ctx, target, s.ID)
	}
	err := r.write(ctx, letterKey(target, deadFolder, s.ID), Letter{ID: s.ID, Target: target, Refused: s.Refused, At: now.UTC(), Fact: s.Fact})
	if bucket.ClassOf(err) == bucket.Exists {
		return nil
	}
	return err
}
