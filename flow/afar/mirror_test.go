// SPDX-License-Identifier: Apache-2.0

package afar

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/flow/jobs"
)

// knowing is what someone knows who is told events, as the keeper of lots does: what was not told of again when all were is gone.
type knowing struct {
	Complete, Away bool
	Jobs           map[string]types.UID
	// gone are the Jobs of which it was told that they are, and told those since all began to be told.
	gone, told map[types.UID]bool
}

func newKnowing() *knowing {
	return &knowing{Jobs: map[string]types.UID{}, gone: map[types.UID]bool{}, told: map[types.UID]bool{}}
}

func (k *knowing) take(e jobs.Event) {
	switch e.Kind {
	case jobs.Begins:
		k.Complete = false
		clear(k.told)
	case jobs.Complete:
		maps.DeleteFunc(k.Jobs, func(_ string, uid types.UID) bool {
			if !k.told[uid] {
				k.gone[uid] = true
			}
			return !k.told[uid]
		})
		k.Complete, k.Away = true, false
	case jobs.Away:
		k.Away = true
	case jobs.Back:
		k.Away = false
	case jobs.Has:
		k.Jobs[e.Job.Name] = e.Job.UID
		k.told[e.Job.UID] = true
	case jobs.Gone:
		if uid, is := k.Jobs[e.Job.Name]; is {
			delete(k.Jobs, e.Job.Name)
			k.gone[uid] = true
		}
	}
}

// TestMirror: whoever is told by mirrors, in pieces, of two in a row, with connections in between that are cut, knows in the end what the cluster
// has, and was told of each Job of which they knew that it is gone, unless it is there.
func TestMirror(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agent, daemon := newMirror(), newMirror()
		truth, keeper := newKnowing(), newKnowing()
		connected := true
		uids := 0
		pass := func(most int) (more bool) {
			var events []jobs.Event
			if connected {
				events, more = agent.next(most)
			}
			for _, e := range events {
				daemon.take(e)
			}
			return more
		}
		tell := func(most int) (more bool) {
			var events []jobs.Event
			events, more = daemon.next(most)
			for _, e := range events {
				keeper.take(e)
			}
			return more
		}
		happens := func(e jobs.Event) {
			truth.take(e)
			agent.take(e)
		}
		happens(jobs.Event{Kind: jobs.Begins})
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			name := fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "job"))
			uid, there := truth.Jobs[name]
			j := &jobs.Job{Name: name, UID: uid}
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2:
				if !there {
					uids++
					j.UID = types.UID(fmt.Sprint(uids))
				}
				happens(jobs.Event{Kind: jobs.Has, Job: j})
			case 3:
				if there {
					happens(jobs.Event{Kind: jobs.Gone, Job: j})
				}
			case 4:
				happens(jobs.Event{Kind: jobs.Complete})
			case 5:
				happens(jobs.Event{Kind: rapid.SampledFrom([]jobs.Kind{jobs.Away, jobs.Back}).Draw(t, "contact")})
			case 6:
				if connected = !connected; connected {
					agent.again()
				} else {
					daemon.take(jobs.Event{Kind: jobs.Away})
				}
			case 7:
				pass(rapid.IntRange(1, 3).Draw(t, "pieces"))
			case 8:
				tell(rapid.IntRange(1, 3).Draw(t, "pieces"))
			case 9: // the watch of the cluster begins again, and tells of all that there is
				happens(jobs.Event{Kind: jobs.Begins})
				for name, uid := range maps.Clone(truth.Jobs) {
					happens(jobs.Event{Kind: jobs.Has, Job: &jobs.Job{Name: name, UID: uid}})
				}
			}
		}
		happens(jobs.Event{Kind: jobs.Complete})
		if away := rapid.Bool().Draw(t, "away"); away {
			happens(jobs.Event{Kind: jobs.Away})
		}
		if !connected {
			connected = true
			agent.again()
		}
		for pass(2) {
		}
		for tell(2) {
		}
		if diff := cmp.Diff(truth, keeper, cmp.Comparer(func(a, b *knowing) bool {
			return a.Complete == b.Complete && a.Away == b.Away && maps.Equal(a.Jobs, b.Jobs)
		})); diff != "" {
			t.Fatalf("what is known (-cluster +told):\n%s", diff)
		}
		for uid := range keeper.told {
			if !truth.gone[uid] || keeper.gone[uid] {
				continue
			}
			t.Fatalf("the Job %s is gone, and whoever knew of it was not told", uid)
		}
		if len(agent.dirty)+len(agent.queue)+len(daemon.dirty)+len(daemon.queue) > 0 {
			t.Fatal("something is kept that was told")
		}
	})
}

// TestMirrorIsBounded: what an agent says without an end is not kept.
func TestMirrorIsBounded(t *testing.T) {
	m := newMirror()
	for i := range maxItems + 10 {
		m.take(jobs.Event{Kind: jobs.Has, Job: &jobs.Job{Name: fmt.Sprint(i)}})
		m.take(jobs.Event{Kind: jobs.Gone, Job: &jobs.Job{Name: fmt.Sprint("no such ", i)}})
	}
	if len(m.items) != maxItems || len(m.queue) != maxItems {
		t.Errorf("%d items are kept, and %d are to be told", len(m.items), len(m.queue))
	}
}
