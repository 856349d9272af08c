// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var released atomic.Int64
		r := newRest()
		r.release = func() { released.Add(1) }
		ctx, cancel := context.WithCancel(t.Context())
		go r.run(ctx)
		expect := func(want int64, why string) {
			t.Helper()
			synctest.Wait()
			if got := released.Load(); got != want {
				t.Errorf("%s: memory was given back %d times, want %d", why, got, want)
			}
		}
		for range 5 {
			r.touch()
			r.touch()
			time.Sleep(restAfter - time.Second)
			expect(0, "something happened again and again")
		}
		time.Sleep(2 * time.Second)
		expect(1, "nothing happens any more")
		time.Sleep(24 * time.Hour)
		expect(1, "nothing has happened since")
		r.touch()
		time.Sleep(restAfter + time.Second)
		expect(2, "something happened, and then nothing")
		cancel()
		synctest.Wait()
	})
}
