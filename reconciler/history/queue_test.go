// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestQueue compares a queue with a list, for any order of pushing and taking.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5000).Draw(t, "limit")
		q := newQueue(limit)
		var model []Event
		next, first, dropped := 0, int64(1), int64(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				e := Event{Message: fmt.Sprint(next), Why: string(make([]byte, rapid.IntRange(0, 2000).Draw(t, "size")))}
				next++
				q.push(e)
				model = append(model, e)
				for sizes(model) > limit && len(model) > 1 {
					model, first, dropped = model[1:], first+1, dropped+1
				}
			},
			"take": func(t *rapid.T) {
				n := rapid.IntRange(1, 10).Draw(t, "n")
				want := model[:min(n, len(model))]
				gotFirst, got := q.take(n)
				if diff := cmp.Diff(append([]Event{}, want...), append([]Event{}, got...)); diff != "" || gotFirst != first {
					t.Fatalf("the first is %d, want %d\n-want +got:\n%s", gotFirst, first, diff)
				}
				model, first = model[len(want):], first+int64(len(want))
			},
			"": func(t *rapid.T) {
				if w, d := q.state(); w != len(model) || d != dropped {
					t.Fatalf("%d wait and %d are dropped, want %d and %d", w, d, len(model), dropped)
				}
				if q.bytes != sizes(model) || q.bytes > limit && len(model) > 1 {
					t.Fatalf("it counts %d bytes, want %d and at most %d", q.bytes, sizes(model), limit)
				}
			},
		})
	})
}

func sizes(events []Event) int {
	n := 0
	for _, e := range events {
		n += size(e)
	}
	return n
}
