// SPDX-License-Identifier: Apache-2.0

// Package snapshot writes down what a listing of an environment's manifests has found, so that the next process need not wait for one of
// its own before it begins. It is a hint: it may be old, damaged, missing or wrong, and who reads it looks at the stores before anything is
// done by it.
//
// Of Trunkline it imports api/lot, flow/bucket, flow/plan and flow/survey.
package snapshot

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

const (
	// version is that of the format. It is in the key, too, so that an older program does not overwrite what a newer one reads.
	version = 1
	key     = "snapshot/lots.v1.gz"
	// MaxSize is how many bytes a snapshot has at most, and maxLots how many lots: what is larger is not written, nor read.
	MaxSize = 64 << 20
	maxLots = 16 << 20
	// MaxAge is how old one may be that is still of use, and ahead how far its clock may be before the reader's.
	MaxAge = 24 * time.Hour
	ahead  = 5 * time.Minute
	// maxHeader bounds the line that says what follows, and maxName the name of an attempt.
	maxHeader = 8 << 20
	maxName   = 1 << 10
	// maxStep is more lots than any unit has between the years 1 and 10000.
	maxStep = 1 << 32
)

// Snapshot is what the stores of an environment had.
type Snapshot struct {
	Platform, Environment string
	// Taken is when the listing began, by the clock of who made it.
	Taken time.Time
	// Stores are where the manifests of each dataset were, by its id.
	Stores map[string]string
	// Lots are what there was, without ETags.
	Lots *survey.Stock
}

// Folder is where snapshots are kept.
type Folder interface {
	Read(ctx context.Context, key string, max int64) ([]byte, error)
	Replace(ctx context.Context, key string, data []byte) error
}

// Write writes a snapshot in place of the one that is there.
func Write(ctx context.Context, f Folder, s Snapshot) error {
	data, err := Encode(s)
	if err == nil {
		err = f.Replace(ctx, key, data)
	}
	if err != nil {
		return fmt.Errorf("writing a snapshot of the lots of %s: %w", s.Environment, err)
	}
	return nil
}

// Read returns the snapshot of an environment of a platform, if there is one that is of use; false if there is none. That it is none is an
// error, which says why.
func Read(ctx context.Context, f Folder, platform, environment string, now time.Time) (Snapshot, bool, error) {
	data, err := f.Read(ctx, key, MaxSize)
	if bucket.ClassOf(err) == bucket.NotFound {
		return Snapshot{}, false, nil
	}
	var s Snapshot
	if err == nil {
		s, err = Decode(data)
	}
	if err == nil {
		err = s.of(platform, environment, now)
	}
	if err != nil {
		return Snapshot{}, false, fmt.Errorf("reading the snapshot of the lots of %s: %w", environment, err)
	}
	return s, true, nil
}

// of returns why a snapshot is not of use.
func (s Snapshot) of(platform, environment string, now time.Time) error {
	switch age := now.Sub(s.Taken); {
	case s.Platform != platform || s.Environment != environment:
		return fmt.Errorf("it is of %.100q of %.100q", s.Environment, s.Platform)
	case age < -ahead:
		return fmt.Errorf("it is from the future: %s", s.Taken.UTC().Format(time.RFC3339))
	case age > MaxAge:
		return fmt.Errorf("it is older than %s: %s", MaxAge, s.Taken.UTC().Format(time.RFC3339))
	}
	return nil
}

// header is the first line: JSON, so that people can read it. The columns of the datasets follow in its order.
type header struct {
	Version     int       `json:"version"`
	Platform    string    `json:"platform"`
	Environment string    `json:"environment"`
	Taken       time.Time `json:"taken"`
	Datasets    []dataset `json:"datasets"`
}

type dataset struct {
	ID    string `json:"id"`
	Store string `json:"store"`
	Unit  string `json:"unit"`
	Lots  int    `json:"lots"`
}

// ErrTooLarge says that there are more lots than a snapshot holds.
var ErrTooLarge = errors.New("there are more lots than a snapshot holds")

// Encode is a snapshot as bytes.
func Encode(s Snapshot) ([]byte, error) {
	if s.Lots.Len() > maxLots {
		return nil, fmt.Errorf("%d lots: %w", s.Lots.Len(), ErrTooLarge)
	}
	h := header{version, s.Platform, s.Environment, s.Taken.UTC(), []dataset{}}
	for _, id := range s.Lots.Datasets() {
		h.Datasets = append(h.Datasets, dataset{id, s.Stores[id], s.Lots.Unit(id).String(), s.Lots.Count(id)})
	}
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	packed, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // the level is one
	w := bufio.NewWriterSize(packed, 1<<16)
	_, _ = w.Write(append(line, '\n')) // an error stays, and comes of Flush
	for _, d := range h.Datasets {
		column(w, s.Lots, d.ID)
	}
	if err := errors.Join(w.Flush(), packed.Close()); err != nil {
		return nil, err
	}
	if out.Len() > MaxSize {
		return nil, fmt.Errorf("%d bytes: %w", out.Len(), ErrTooLarge)
	}
	return out.Bytes(), nil
}

// column writes the lots of a dataset: for each, how many lots after the one before, its state and how many attempts failed; when its manifest
// was written, as the difference to the one before; and the attempts.
func column(w *bufio.Writer, lots *survey.Stock, id string) {
	var buf []byte
	last, before := int64(0), int64(0)
	size := seconds(lots.Unit(id))
	for at, l := range lots.Lots(id) {
		n := at.Start.Unix()
		buf = binary.AppendVarint(buf[:0], (n-last)/size)
		buf = binary.AppendUvarint(buf, uint64(len(l.Partial))<<3|uint64(l.State))
		buf = binary.AppendVarint(buf, instant(l.Written)-before)
		last, before = n, instant(l.Written)
		for _, name := range slices.Sorted(maps.Keys(l.Partial)) {
			buf = binary.AppendUvarint(buf, uint64(len(name)))
			buf = append(buf, name...)
			buf = binary.AppendVarint(buf, instant(l.Partial[name]))
		}
		_, _ = w.Write(buf)
	}
}

func seconds(u lot.Unit) int64 { return max(1, int64(u.Duration()/time.Second)) }

// Decode reads what [Encode] wrote. It takes no more memory than the snapshot that it returns, whatever the bytes are.
func Decode(data []byte) (Snapshot, error) {
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return Snapshot{}, fmt.Errorf("it is damaged: %w", err)
	}
	r := bufio.NewReaderSize(packed, 1<<16)
	var h header
	if err := h.read(r); err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{h.Platform, h.Environment, h.Taken, map[string]string{}, nil}
	var m survey.Maker
	left := maxLots
	for _, d := range h.Datasets {
		unit, err := lot.ParseUnit(d.Unit)
		if _, twice := s.Stores[d.ID]; err != nil || twice || d.Lots < 0 || d.Lots > left {
			return Snapshot{}, fmt.Errorf("what it says of %.100q is none of %d lots of a unit", d.ID, d.Lots)
		}
		left -= d.Lots
		s.Stores[d.ID] = d.Store
		m.Dataset(d.ID, unit)
		if err := lots(r, &m, d, unit); err != nil {
			return Snapshot{}, fmt.Errorf("what it says of %.100q is damaged: %w", d.ID, err)
		}
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) { // the end has a checksum of all
		return Snapshot{}, errors.Join(errors.New("it is damaged: it does not end where it has to"), err)
	}
	s.Lots = m.Stock()
	return s, nil
}

// read reads the first line.
func (h *header) read(r *bufio.Reader) error {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) || len(line) > maxHeader {
			return errors.Join(errors.New("it is damaged: it has no first line"), err)
		}
	}
	if err := json.Unmarshal(line, h); err != nil {
		return fmt.Errorf("it is damaged: its first line: %w", err)
	}
	if h.Version != version {
		return fmt.Errorf("its version is %d, and this program knows %d", h.Version, version)
	}
	return nil
}

// lots reads the lots of a dataset.
func lots(r *bufio.Reader, m *survey.Maker, d dataset, unit lot.Unit) error {
	last, before := int64(0), int64(0)
	size := seconds(unit)
	for range d.Lots {
		step, err := binary.ReadVarint(r)
		if err != nil {
			return err
		}
		what, err := binary.ReadUvarint(r)
		if err != nil {
			return err
		}
		after, err := binary.ReadVarint(r)
		if err != nil {
			return err
		}
		if step > maxStep || step < -maxStep {
			return errors.New("there is no such lot")
		}
		n := last + step*size
		l := survey.Lot{Mark: plan.Mark{State: plan.State(what & 7), Written: timeOf(before + after)}}
		at := unit.At(time.Unix(n, 0))
		if at.IsZero() || at.Start.Unix() != n || l.State == plan.None || l.State > plan.Removed {
			return errors.New("there is no such lot or state")
		}
		if l.Partial, err = attempts(r, what>>3); err != nil {
			return err
		}
		if !m.Add(survey.At{Series: d.ID, Lot: at}, l) {
			return errors.New("its lots are in no order")
		}
		last, before = n, before+after
	}
	return nil
}

// attempts reads the attempts of a lot that have failed.
func attempts(r *bufio.Reader, n uint64) (map[string]time.Time, error) {
	if n == 0 {
		return nil, nil //nolint:nilnil // none have
	}
	out := map[string]time.Time{}
	for range n {
		size, err := binary.ReadUvarint(r)
		if err != nil || size > maxName {
			return nil, errors.Join(errors.New("the name of an attempt"), err)
		}
		name := make([]byte, size)
		if _, err := io.ReadFull(r, name); err != nil {
			return nil, err
		}
		at, err := binary.ReadVarint(r)
		if err != nil {
			return nil, err
		}
		out[string(name)] = timeOf(at)
	}
	return out, nil
}

// instant is a time in nanoseconds since 1970; 0 of none.
func instant(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(i int64) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, i).UTC()
}
