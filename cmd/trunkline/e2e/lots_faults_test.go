// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/test/s3test"
)

// unreliable has faults come over the requests to a store: one kind after the other, each for some requests, of which every third or so is
// met, and a store that is down for several in a row.
type unreliable struct {
	mu     sync.Mutex
	random *rand.Rand
	// turn says which kind it is, and left how many requests until the next one.
	turn, left int
	// met is how many requests each kind has met.
	met map[s3test.Fault]int
	// turns is how many there are in all; over is closed after the last.
	turns int
	over  chan struct{}
}

// perTurn is how many requests a kind of fault has.
const perTurn = 20

func newUnreliable(random *rand.Rand, turns int) *unreliable {
	return &unreliable{random: random, left: perTurn, met: map[s3test.Fault]int{}, turns: turns * len(s3test.All()), over: make(chan struct{})}
}

func (u *unreliable) choose(*http.Request) s3test.Fault {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.turn == u.turns {
		return ""
	}
	fault := s3test.All()[u.turn%len(s3test.All())]
	if u.left--; u.left <= 0 {
		if u.turn++; u.turn == u.turns {
			close(u.over)
		}
		u.left = perTurn
	}
	if fault != s3test.Down && u.random.IntN(3) > 0 {
		return ""
	}
	u.met[fault]++
	return fault
}

// TestLotsOfAStoreThatFails: a backfill on a real S3 that is down, slow, and busy, fails before and after it has done something, sends and
// takes halves, and has conditional writes lose. The daemon goes on by itself once it is over. Each lot is made, by one run, and at no
// time does one count that is not whole.
func TestLotsOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	u := newUnreliable(lotsRandom(t), max(1, *lotsHours/40))
	l, _ := newStoredLake(t, *lotsHours, "true")
	store := l.s3.Faults(t)
	store.Set(u.choose)
	d := l.serveStored(binary, l.data, store.URL, l.cluster.Kubeconfig)
	for over := false; !over; {
		select {
		case <-u.over:
			over = true
		case <-d.exited:
			t.Fatalf("the daemon has ended:\n%s", d.log)
		case <-time.After(time.Second):
			l.sound()
			if l.made() {
				over = true
			}
		}
	}
	l.ends()
	u.mu.Lock()
	defer u.mu.Unlock()
	t.Logf("requests that faults met: %v", u.met)
	for _, fault := range s3test.All() {
		if u.met[fault] == 0 && u.turn >= len(s3test.All()) {
			t.Errorf("no request was met by %q", fault)
		}
	}
	if u.turn < len(s3test.All()) {
		t.Errorf("%d of %d kinds of faults had their turn before all lots were there: the backfill has to be longer", u.turn, len(s3test.All()))
	}
	if log := d.log.String(); strings.Contains(log, "panic") {
		t.Errorf("the daemon's log has a panic:\n%s", log)
	}
}
