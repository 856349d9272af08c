// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/test/clustertest"
)

// point is where a daemon is killed.
type point struct {
	// of is what is counted until then.
	of counted
	// n is which one of those it does not outlive.
	n int
	// fate is what becomes of the request that it dies with.
	fate clustertest.Fault
	// late is how many requests still arrive that were on their way then; others do not.
	late int
	// most is how often it writes at most, should the point not come.
	most int
}

// counted is what the life of a daemon is measured in.
type counted string

const (
	writes   counted = "writes"                  // to the API server
	requests counted = "requests"                // to the API server
	fetched  counted = "bytes of the repository" // as they are given out
	moments  counted = "milliseconds"            // after the start, for what nobody outside can count
)

func (p point) String() string {
	fate := ""
	switch {
	case p.fate.Reset:
		fate = ", of which the last did not arrive"
	case p.fate.Half:
		fate = ", of which the last was answered by half"
	}
	return fmt.Sprintf("%d %s%s", p.n, p.of, fate)
}

// choose draws a point. A daemon writes at most so many times before it.
func choose(r *rand.Rand, most int, empty bool) point {
	fates := []clustertest.Fault{{}, {Reset: true}, {Half: true}}
	p := point{of: writes, n: 1 + r.IntN(most), late: r.IntN(5), most: most}
	switch r.IntN(10) {
	case 0:
		p.of, p.n = moments, r.IntN(400)
	case 1:
		p.of, p.n = fetched, 1+r.IntN(400) // a look at the branch
		if empty {
			p.n = 1 + r.IntN(20_000) // everything
		}
	case 2, 3:
		p.of = requests
	default:
		p.fate = fates[r.IntN(len(fates))]
	}
	return p
}

// killer stands between daemons and what they talk to, and kills each at a point.
type killer struct {
	mu    sync.Mutex
	point point
	count map[counted]int
	kill  func()
	// over reports whether the point has come, and late how many requests have arrived since.
	over bool
	late int
	// written holds what was written to, of all daemons since it was last taken.
	written map[string]bool
}

// arm has the next daemon killed at a point. It is given to [killer.aim] once it runs.
func (k *killer) arm(p point) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.point, k.count, k.kill, k.over, k.late = p, map[counted]int{}, nil, false, 0
}

// aim tells whom to kill. What it has done since it was started counts.
func (k *killer) aim(d *daemon) {
	kill := func() { _ = d.cmd.Process.Kill() }
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kill = kill
	if k.point.of == moments {
		time.AfterFunc(time.Duration(k.point.n)*time.Millisecond, kill)
	}
	if k.reached() {
		kill()
	}
}

// disarm lets daemons live.
func (k *killer) disarm() { k.arm(point{}) }

// reached reports whether the point has come. The caller holds the lock.
func (k *killer) reached() bool {
	return k.point.n > 0 && (k.count[k.point.of] >= k.point.n || k.count[writes] >= k.point.most)
}

// counts adds to a count and kills who has reached the point.
func (k *killer) counts(of counted, n int) (reached bool) {
	k.count[of] += n
	if reached = k.reached(); reached && k.kill != nil {
		k.kill()
	}
	return reached
}

// request decides what becomes of a request to the API server.
func (k *killer) request(r *http.Request, _ int) clustertest.Fault {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		if k.late++; k.late > k.point.late {
			return clustertest.Fault{Reset: true}
		}
	}
	reached := k.counts(requests, 1)
	if r.Method != http.MethodGet {
		k.written[written(r)] = true
		reached = k.counts(writes, 1) || reached
	}
	if reached && !k.over {
		k.over = true
		return k.point.fate
	}
	return clustertest.Fault{}
}

// taken returns what was written to since the last call.
func (k *killer) taken() map[string]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.written
	k.written = map[string]bool{}
	return out
}

// written names the project that a write is about.
func written(r *http.Request) string {
	for part := range strings.SplitSeq(r.URL.Path, "/") {
		part = strings.TrimPrefix(part, "kill.dev.")
		if strings.HasPrefix(part, "kill-") {
			return strings.TrimSuffix(part, "-dev")
		}
	}
	return r.URL.Path
}

// repository counts what a server of the repository gives out.
func (k *killer) repository(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&countedWriter{ResponseWriter: w, killer: k}, r)
	})
}

// countedWriter passes on and counts, in small pieces, so that a point may lie within an answer.
type countedWriter struct {
	http.ResponseWriter
	killer *killer
}

func (w *countedWriter) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n, err := w.ResponseWriter.Write(p[done:min(len(p), done+512)])
		done += n
		if f, ok := w.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		w.killer.mu.Lock()
		w.killer.counts(fetched, n)
		w.killer.mu.Unlock()
		if err != nil {
			return done, err
		}
	}
	return len(p), nil
}
