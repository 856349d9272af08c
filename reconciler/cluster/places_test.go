// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// request holds a place of a release for a time.
func request(t *testing.T, p *places, release string, lasts time.Duration, done func()) {
	t.Helper()
	pl, err := p.take(t.Context(), release)
	if err != nil {
		t.Error(err)
		return
	}
	time.Sleep(lasts)
	p.leave(pl)
	done()
}

// TestPlacesWhileReleasesHang: releases of many objects hang, each request until it is given up, and come first. The
// others are through long before that, and again when those that hang try once more.
func TestPlacesWhileReleasesHang(t *testing.T) {
	cases := map[string]struct {
		reason           string
		releases, tenths int
		within           time.Duration
	}{
		"Tenth":     {"A tenth of 300 releases hang.", 300, 1, 6 * time.Second},
		"Half":      {"Half of 60 releases hang.", 60, 5, 6 * time.Second},
		"AThousand": {"A tenth of a thousand releases hang, which is more than may at once.", 1000, 1, 10 * time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlaces(func() {})
				var mu sync.Mutex
				var last time.Duration
				for round := range 2 {
					began := time.Now()
					var all, good sync.WaitGroup
					for i := range tc.releases {
						hangs, id := i%10 < tc.tenths, fmt.Sprint(i)
						for range 10 {
							if hangs {
								all.Go(func() { request(t, p, id, callTimeout, func() {}) })
								continue
							}
							good.Go(func() {
								request(t, p, id, 20*time.Millisecond, func() {
									mu.Lock()
									defer mu.Unlock()
									last = max(last, time.Since(began))
								})
							})
						}
						synctest.Wait() // those that come first are first
					}
					good.Wait()
					if last > tc.within {
						t.Errorf("%s\nIn round %d, the last of those that do not hang is through after %s, want it within %s", tc.reason, round, last, tc.within)
					}
					last = 0
					all.Wait()
				}
			})
		})
	}
}

// TestPlacesAreServedInTurns: who asks for many places does not keep those waiting who ask for one.
func TestPlacesAreServedInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(func() {})
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		for _, release := range []string{"big", "small", "tiny"} {
			n := map[string]int{"big": 200, "small": 10, "tiny": 1}[release]
			for range n {
				all.Go(func() {
					request(t, p, release, 10*time.Millisecond, func() {
						mu.Lock()
						defer mu.Unlock()
						order = append(order, release)
					})
				})
			}
			synctest.Wait()
		}
		all.Wait()
		for release, bound := range map[string]int{"tiny": 2 * maxRequests, "small": 3 * maxRequests} {
			slices.Reverse(order)
			last := len(order) - slices.Index(order, release)
			slices.Reverse(order)
			if last > bound {
				t.Errorf("the last of %s is through as number %d, want %d at most", release, last, bound)
			}
		}
		if len(p.shares) != 0 || len(p.turns) != 0 || p.taken != 0 {
			t.Errorf("afterwards there is left: %+v", p)
		}
	})
}

// TestAReleaseAlone has more places than its share, and not all.
func TestAReleaseAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(func() {})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { request(t, p, "big", 10*time.Millisecond, func() {}) })
		}
		synctest.Wait()
		p.mu.Lock()
		if p.taken != maxAlone {
			t.Errorf("a release alone has %d places, want %d", p.taken, maxAlone)
		}
		p.mu.Unlock()
		all.Wait()
	})
}

// TestPlacesCount: whatever happens, no more places are taken than there are, and in the end nothing is.
func TestPlacesCount(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type one struct {
			release           string
			at, lasts, leaves time.Duration
		}
		ms := func(most int, label string) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(rt, label)) * time.Millisecond
		}
		requests := make([]one, rapid.IntRange(1, 300).Draw(rt, "requests"))
		for i := range requests {
			requests[i] = one{
				release: fmt.Sprint(rapid.IntRange(0, 12).Draw(rt, "release")), at: ms(3000, "at"), lasts: ms(3000, "lasts"), leaves: ms(5000, "leaves"),
			}
		}
		synctest.Test(t, func(t *testing.T) {
			p := newPlaces(func() {})
			var all sync.WaitGroup
			for _, r := range requests {
				all.Go(func() {
					time.Sleep(r.at)
					ctx, cancel := context.WithTimeout(t.Context(), r.leaves)
					defer cancel()
					pl, err := p.take(ctx, r.release)
					if errors.Is(err, context.DeadlineExceeded) {
						return
					}
					p.mu.Lock()
					if p.taken > maxRequests || p.slow > maxSlow || p.taken < 0 || p.slow < 0 {
						t.Errorf("%d places are taken, and %d requests are slow", p.taken, p.slow)
					}
					p.mu.Unlock()
					time.Sleep(r.lasts)
					p.leave(pl)
				})
			}
			all.Wait()
			if p.taken != 0 || p.slow != 0 || len(p.turns) != 0 || len(p.late) != 0 {
				t.Errorf("afterwards there is left: %+v", p)
			}
			for id, s := range p.shares {
				if !s.suspect || s.underWay != 0 || len(s.waiting) != 0 {
					t.Errorf("afterwards release %s has %+v", id, s)
				}
			}
		})
	})
}
