// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"trunkline.dev/trunkline/test/clustertest"
	"trunkline.dev/trunkline/test/s3test"
)

// stored are requests to the object store.
const stored counted = "requests to the object store"

// What a daemon does for a run, about: requests to the object store, writes and requests to the API server, and milliseconds.
const storedPerRun, writesPerRun, requestsPerRun, momentsPerRun = 4, 2, 3, 100

// chooseOfLots draws a point within so many runs.
func chooseOfLots(r *rand.Rand, runs int) point {
	fates := []clustertest.Fault{{}, {Reset: true}, {Half: true}}
	p := point{of: stored, n: 1 + r.IntN(2*storedPerRun*runs), late: r.IntN(5), most: 2 * writesPerRun * runs, fate: fates[r.IntN(len(fates))]}
	switch r.IntN(10) {
	case 0:
		p.of, p.n, p.fate = moments, 1+r.IntN(2*momentsPerRun*runs), clustertest.Fault{}
	case 1:
		p.of, p.n = requests, 1+r.IntN(2*requestsPerRun*runs)
	case 2, 3, 4:
		p.of, p.n = writes, 1+r.IntN(2*writesPerRun*runs)
	}
	return p
}

// store decides what becomes of a request to the object store.
func (k *killer) store(*http.Request) s3test.Fault {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		if k.late++; k.late > k.point.late {
			return s3test.Down
		}
		return ""
	}
	if !k.counts(stored, 1) {
		return ""
	}
	k.over = true
	switch {
	case k.point.fate.Reset:
		return s3test.Down
	case k.point.fate.Half:
		return s3test.Lost
	}
	return ""
}

// TestLotsOutliveKills: a backfill through two projects, in real processes on a real S3, in which the daemon is killed with -9 at points
// that are drawn: at a request to the object store or to the API server that arrives or not, and is answered or not. Each lot is made, by
// one run; at no time does one count that is not whole.
func TestLotsOutliveKills(t *testing.T) {
	t.Parallel()
	random := lotsRandom(t)
	l, head := newStoredLake(t, *lotsHours, "true")
	k := &killer{written: map[string]bool{}, count: map[counted]int{}}
	api, store := l.cluster.Faults(t), l.s3.Faults(t)
	api.Set(k.request)
	store.Set(k.store)
	began, rested := time.Now(), 0
	for range *lotsKills {
		p := chooseOfLots(random, max(1, 2*l.hours / *lotsKills))
		k.arm(p)
		d := l.serveStored(plain(t), l.data, store.URL, api.Kubeconfig)
		k.aim(d)
		made := l.madeOrEnds(d)
		if made {
			rested++
			d.kill()
		}
		t.Logf("killed after %s; everything was done: %t", p, made)
		if code := d.cmd.ProcessState.ExitCode(); code != -1 {
			t.Fatalf("killed after %s: the daemon ended by itself, with %d:\n%s", p, code, d.log)
		}
		d.log.forget() // there are too many to show, should the test fail
		l.sound()
	}
	k.disarm()
	d := l.serveStored(plain(t), l.data, store.URL, api.Kubeconfig)
	d.await("the commit", fineAt(head))
	l.ends()
	d.stop()
	t.Logf("%d lots, killed %d times, in %s", 2*l.hours, *lotsKills, time.Since(began).Round(time.Second))
	if rested > max(2, *lotsKills/4) {
		t.Errorf("%d of %d daemons had nothing left to do before they were killed: the points have to be earlier", rested, *lotsKills)
	}
}

// lotsRandom is what is drawn from in a test of lots.
func lotsRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *lotsSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("the same course again: -lots.seed=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// madeOrEnds waits until all lots are there, or a daemon has ended, which it returns as false.
func (l *storedLake) madeOrEnds(d *daemon) (made bool) {
	l.t.Helper()
	l.await(fmt.Sprintf("a daemon to be killed; its log is\n%s", d.log), func() bool {
		select {
		case <-d.exited:
			return true
		default:
			made = l.made()
			return made
		}
	})
	return made
}
