// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/catalog"
)

// TestTwoAgents: of two agents of a cluster that come at once, the one that has the cluster later by its Lease stays, and the other is
// told why it does not. What is not known to be a hand-over is refused, so that they do not end each other's connections for ever.
func TestTwoAgents(t *testing.T) {
	a := hello{Instance: "1", Book: "a", Term: Term{Of: "lease", Epoch: 5}}
	for name, tt := range map[string]struct {
		reason string
		then   hello
		// refused is why the one that comes is not let in, and ended why the one before is sent away.
		refused, ended error
	}{
		"Again":     {"The line was cut, and the daemon has not noticed.", a, nil, errReplaced},
		"Restarted": {"It was killed, and is another process.", hello{Instance: "2", Book: "a", Term: Term{Of: "lease", Epoch: 6}}, nil, errReplaced},
		"LeaseLost": {"Someone has deleted the Lease, and it is the same agent.", hello{Instance: "2", Book: "a", Term: Term{Of: "other", Epoch: 1}}, nil, errReplaced},
		"Later":     {"Another one has the Lease since.", hello{Instance: "2", Book: "b", Term: Term{Of: "lease", Epoch: 6}}, nil, errOvertaken},
		"Earlier":   {"It had the Lease before, and does not know that it has it no more.", hello{Instance: "2", Book: "b", Term: Term{Of: "lease", Epoch: 4}}, errTaken, nil},
		"Same":      {"Two cannot have it at once, whatever they say.", hello{Instance: "2", Book: "b", Term: Term{Of: "lease", Epoch: 5}}, errTaken, nil},
		"Elsewhere": {"It keeps another cluster by the same name.", hello{Instance: "2", Book: "b", Term: Term{Of: "other", Epoch: 9}}, errTaken, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesked(t).desk
			come := func(h hello) (*session, error) {
				ctx, stop := context.WithCancelCause(t.Context())
				s := &session{desk: d, ctx: ctx, stop: stop, wake: make(chan struct{}, 1)}
				_, err := d.begin(s, h, "1")
				return s, err
			}
			first, err := come(a)
			if err != nil {
				t.Fatal(err)
			}
			second, err := come(tt.then)
			if !errors.Is(err, tt.refused) || !errors.Is(context.Cause(first.ctx), tt.ended) || (err == nil) != (d.session == second) {
				t.Errorf("%s: the second one is let in: %v, and the first one is ended: %v", tt.reason, err, context.Cause(first.ctx))
			}
			if err != nil && len(err.Error()) > maxReason {
				t.Errorf("why it is refused has %d bytes, and %d fit: %s", len(err.Error()), maxReason, err)
			}
			d.finish(first)
			d.finish(second)
			if _, err := come(tt.then); err != nil {
				t.Errorf("%s: once nobody is connected, it is not let in: %v", tt.reason, err)
			}
		})
	}
}

// TestABookThatIsCleared: of what the daemon has said nothing comes back, also after a restart; the book keeps its name, and the daemon
// says all again.
func TestABookThatIsCleared(t *testing.T) {
	p := newPair(t)
	dir, id := p.book.dir, p.book.ID()
	p.office.desk.File(brief(one, "1"))
	p.office.desk.Settle(true)
	want := map[catalog.ReleaseID]string{one: target("1").Digest}
	p.while(t, func() { p.awaitKeys(t, want) })
	if err := p.book.Clear(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		platform, settled := p.book.Platform()
		if diff := cmp.Diff(Platform{}, platform, cmpopts.EquateEmpty()); diff != "" || settled || len(p.book.Briefs()) > 0 || len(p.book.hello().Holds) > 0 {
			t.Errorf("it still knows %d releases, and of the platform\n%s", len(p.book.Briefs()), diff)
		}
		if p.book.ID() != id || len(id) != idLen {
			t.Errorf("its name was %q and is %q", id, p.book.ID())
		}
		p.restartAgent(t, dir)
	}
	p.link.recall()
	if len(p.keeper.keys) > 0 {
		t.Errorf("the agent goes on with %v", p.keeper.keys)
	}
	p.while(t, func() { p.awaitKeys(t, want) })
}
