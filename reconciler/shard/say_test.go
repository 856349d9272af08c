// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSay: what one replica says the other hears, once each and in order, and not itself; it is left out of the Lease after a while. Of too much,
// the last is heard.
func TestSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var mu sync.Mutex
		var heard []string
		opts := testOptions()
		opts.Heard = func(texts []string) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, texts...)
		}
		ps := pair(t, w, opts, nil)
		defer finish(w, ps)
		take := func() (out []string) {
			mu.Lock()
			defer mu.Unlock()
			out, heard = heard, nil
			return out
		}
		var want []string
		for n := range 30 {
			text := fmt.Sprintf("s3://lake/%d", n)
			ps[0].coordinator.Say([]string{text, text + "/b"})
			want = append(want, text, text+"/b")
			time.Sleep(300 * time.Millisecond)
		}
		time.Sleep(3 * opts.Interval)
		if diff := cmp.Diff(want, take()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		time.Sleep(2 * sayFor * opts.Interval)
		for _, l := range w.list() {
			if text, there := l.Annotations[annotationSaid]; there {
				t.Errorf("%s still says %s", l.Name, text)
			}
		}
		many := make([]string, 100)
		for i := range many {
			many[i] = fmt.Sprint(i, strings.Repeat("x", 1000))
		}
		ps[1].coordinator.Say(many)
		time.Sleep(3 * opts.Interval)
		got := take()
		if len(got) < 30 || len(got) > 33 || got[len(got)-1] != many[99] {
			t.Errorf("%d of 100 large texts are heard", len(got))
		}
	})
}
