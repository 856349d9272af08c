// SPDX-License-Identifier: Apache-2.0

// Package record writes down what has to be remembered of the lots of an environment, in a folder of its store: which replays have begun and
// when, and which runs are under way where that cannot be asked.
//
// Of Trunkline it imports api/lot, flow/bucket and flow/plan.
package record

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/plan"
)

// Folder is where records are.
type Folder interface {
	List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error]
	Create(ctx context.Context, key string, data []byte) error
}

const (
	replays = "replays/"
	suffix  = ".json"
	// between is what a name has between the id of a replay and what it is of.
	between = " of "
)

// Replays returns when each replay began whose beginning is written down, by its id. The time is that of the store.
func Replays(ctx context.Context, f Folder) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for o, err := range f.List(ctx, replays) {
		if err != nil {
			return nil, fmt.Errorf("listing the replays that have begun: %w", err)
		}
		if id, ok := idOf(o.Key); ok {
			out[id] = o.Written
		}
	}
	return out, nil
}

// Begun are those of some replays that have begun, with when they did.
func Begun(declared []plan.Replay, begun map[string]time.Time) (all []plan.Replay) {
	for _, r := range declared {
		if at, ok := begun[r.ID]; ok {
			r.Marked = at
			all = append(all, r)
		}
	}
	return all
}

// Begin writes down that a replay begins: that it is there, and not what it holds, is what counts. One that has begun stays as it is.
func Begin(ctx context.Context, f Folder, r plan.Replay) error {
	data, err := json.Marshal(replay{r.Of, r.From, r.Until, r.Cascade, r.Reason})
	if err != nil {
		return fmt.Errorf("writing down that the replay %s begins: %w", r.ID, err)
	}
	if err := f.Create(ctx, keyOf(r.ID), data); err != nil && bucket.ClassOf(err) != bucket.Exists {
		return fmt.Errorf("writing down that the replay %s begins: %w", r.ID, err)
	}
	return nil
}

// replay is what is written down for people, as it was when the replay began.
type replay struct {
	Of      string    `json:"of"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Cascade bool      `json:"cascade"`
	Reason  string    `json:"reason"`
}

// keyOf is where the beginning of a replay is, such as "replays/orders/clean@1/new-rates.json" of "new-rates of orders/clean@1".
func keyOf(id string) string {
	name, of, _ := strings.Cut(id, between)
	return replays + of + "/" + name + suffix
}

// idOf is the id of the replay whose beginning is at a key; false if none is.
func idOf(key string) (string, bool) {
	rest, ok := strings.CutSuffix(strings.TrimPrefix(key, replays), suffix)
	at := strings.LastIndexByte(rest, '/')
	if !ok || at < 0 {
		return "", false
	}
	return rest[at+1:] + between + rest[:at], true
}
