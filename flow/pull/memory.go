// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/pull"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/filter"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

// memory is what a lot says of the source that it was fetched from, in the comment of its manifest: it counts exactly as long as the lot does, whatever
// is replayed, removed or made out of order.
type memory struct {
	// Source stands for what was asked: its URL and headers, without the values of variables.
	Source string `json:"source"`
	// ETag and Modified are what the server said of what there was.
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
	// Lot is the id of the one that has the data: another one if it was unchanged.
	Lot string `json:"lot"`
}

// note is a comment with a memory.
type note struct {
	Pull memory `json:"pull"`
}

// longest bounds what is remembered of a header.
const longest = 500

// text is the comment; empty if there is nothing to remember.
func (m memory) text() string {
	if m.ETag == "" && m.Modified == "" || len(m.ETag)+len(m.Modified) > longest {
		return ""
	}
	text, err := json.Marshal(note{m})
	if err != nil {
		return "" // it is texts
	}
	return string(text)
}

// memoryIn reads the comment of a manifest; false if it has none of ours.
func memoryIn(m manifest.Manifest) (memory, bool) {
	var n note
	if m.Comment == nil || json.Unmarshal([]byte(*m.Comment), &n) != nil {
		return memory{}, false
	}
	return n.Pull, n.Pull.Source != "" && (n.Pull.ETag != "" || n.Pull.Modified != "")
}

// source stands for what a request asks for.
func (p *Puller) source() string {
	h := p.spec.HTTP
	asked := struct {
		URL            string
		Query, Headers map[string]string
	}{h.URL.Shown(p.run.Lot), map[string]string{}, map[string]string{}}
	for name, t := range h.Query {
		asked.Query[name] = t.Shown(p.run.Lot)
	}
	for name, t := range h.Headers {
		asked.Headers[name] = t.Shown(p.run.Lot)
	}
	text, err := json.Marshal(asked)
	if err != nil {
		return "" // it is texts
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// before is what the lot before this one says of the same source, if it is there, and so is the one that has the data, as it was then; false
// if there is nothing to compare with. Only the lot right before counts: what is unchanged since an older one may have been something else between.
func (p *Puller) before(ctx context.Context) (memory, bool, error) {
	if p.run.Lot.IsZero() || p.spec.HTTP.Unchanged == pull.UnchangedFetch {
		return memory{}, false, nil
	}
	was, ok, err := p.recall(ctx, p.run.Lot.Prev(), manifest.Complete, manifest.Empty)
	if err != nil || !ok || was.Source != p.source() {
		return memory{}, false, err
	}
	from, err := lot.ParseID(was.Lot)
	if err != nil || from.Unit != p.run.Lot.Unit || !from.Start.Before(p.run.Lot.Start) {
		return memory{}, false, nil //nolint:nilerr // a memory that cannot be read is none
	}
	if from == p.run.Lot.Prev() {
		return was, true, nil
	}
	// What is unchanged is of use only while the data are there, and still the same.
	there, ok, err := p.recall(ctx, from, manifest.Complete)
	if err != nil || !ok || there != was {
		return memory{}, false, err
	}
	return was, true, nil
}

// recall reads what a lot says that is there in one of the states. A store that may not be read knows nothing.
func (p *Puller) recall(ctx context.Context, l lot.Lot, states ...manifest.State) (memory, bool, error) {
	for _, state := range states {
		in, ok := p.to.Input(l, state)
		if !ok {
			return memory{}, false, nil
		}
		m, err := p.stores.Manifest(ctx, in, in.Manifests[0])
		if _, damaged := errors.AsType[*store.DamagedError](err); damaged {
			return memory{}, false, nil
		}
		switch bucket.ClassOf(err) { //nolint:exhaustive // all others are errors
		case bucket.NotFound, bucket.NoStore:
			continue
		case bucket.Denied:
			p.Log(fmt.Sprintf("what %s was fetched from is not known, and so all is fetched: %v", l, err))
			return memory{}, false, nil
		}
		if err != nil {
			return memory{}, false, fmt.Errorf("reading what %s was fetched from: %w", l, err)
		}
		found, ok := memoryIn(m)
		return found, ok, nil
	}
	return memory{}, false, nil
}

// copied copies the data of a lot to this one.
func (p *Puller) copied(ctx context.Context, id string) error {
	l, err := lot.ParseID(id)
	if err != nil {
		return err
	}
	in, _ := p.to.Input(l, manifest.Complete)
	done, err := p.stores.Copy(ctx, given.Input{Role: in.Role, Location: in.Location, Manifests: in.Manifests}, p.to.Folder, data.CopyParams{Filter: filter.Spec{}, Parallel: data.DefaultParallel})
	if err == nil && done.Partial() != "" {
		err = errors.New(done.Partial())
	}
	if err != nil {
		return fmt.Errorf("copying %s, since which nothing changed: %w", id, err)
	}
	return nil
}
