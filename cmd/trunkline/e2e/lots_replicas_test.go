// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"trunkline.dev/trunkline/console/client"
)

// TestLotsAtTheNextReplica: of three replicas, the one that keeps the lots is killed with -9 during a backfill, and the one after it is
// stopped as by a machine that hangs, and goes on later. Each time the lots go on at the next one, and what ran meanwhile counts; none
// is made twice.
func TestLotsAtTheNextReplica(t *testing.T) {
	t.Parallel()
	gate := "while [ ! -e DIR/control/go ]; do sleep 0.1; done"
	l, _ := newStoredLake(t, *lotsHours, gate)
	replicas := make([]*daemon, 3)
	for i := range replicas {
		replicas[i] = l.serveStored(plain(t), t.TempDir(), l.s3.URL, l.cluster.Kubeconfig, "--home", "test")
	}
	first := l.leader(replicas)
	l.await("runs to begin", func() bool { return l.did("land", "begins") >= atOnce })
	first.kill()
	replicas = without(replicas, first)
	l.sound()
	l.through()

	second := l.leader(replicas)
	l.await("what ran to count, and the next runs to begin", func() bool {
		return len(l.manifests("orders", "complete")) >= atOnce && l.did("land", "begins") >= 2*atOnce
	})
	if err := second.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	replicas = without(replicas, second)
	l.sound()
	l.through()

	third := l.leader(replicas)
	l.await("the third to begin", func() bool { return l.did("land", "ends") >= 2*atOnce && l.did("clean", "begins") > 0 })
	if err := second.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "control", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.ends()
	third.stop()
	second.stop()
}

// atOnce is how many runs of a workload there are at a time, if nobody says it.
const atOnce = 10

// through lets the runs end that have begun, and no others.
func (l *storedLake) through() {
	l.t.Helper()
	gate := filepath.Join(l.dir, "control", "go")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.await("what runs to end", func() bool {
		return l.did("land", "ends") == l.did("land", "begins") && l.did("clean", "ends") == l.did("clean", "begins")
	})
	if err := os.Remove(gate); err != nil {
		l.t.Fatal(err)
	}
}

// leader waits until one of some replicas leads, and returns it.
func (l *storedLake) leader(replicas []*daemon) (found *daemon) {
	l.t.Helper()
	l.await(fmt.Sprintf("one of %d replicas to lead", len(replicas)), func() bool {
		for _, d := range replicas {
			c, err := client.New(d.server, client.Options{})
			if err != nil {
				l.t.Fatal(err)
			}
			p, err := c.Status(l.t.Context())
			if err == nil && p.Replica != nil && p.Replica.Name != "" && p.Replica.Leader == p.Replica.Name {
				found = d
				return true
			}
		}
		return false
	})
	return found
}

// without are the replicas but one.
func without(replicas []*daemon, one *daemon) []*daemon {
	return slices.DeleteFunc(slices.Clone(replicas), func(d *daemon) bool { return d == one })
}
