// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/agent/agenttest"
)

// TestLotsThroughAnAgent: the lots of a cluster that the daemon does not reach are made through an agent. The line is cut in the middle of
// runs, the leading replica of the daemon is killed, and so is the agent; each time what runs goes on, what ended meanwhile counts, and what
// is due is started once they are back: no lot twice, and none is lost. A run that fails says why, and its log is kept.
func TestLotsThroughAnAgent(t *testing.T) {
	t.Parallel()
	gate := "while [ ! -e DIR/control/go ]; do sleep 0.1; done"
	l, _ := newStoredLake(t, *lotsHours, gate)
	a := agentsOf(t, l.cluster, l.repo, "lots")
	addresses := []string{port(t), port(t)}
	line := agenttest.NewLine(t, addresses...)
	line.Delay(20 * time.Millisecond)
	var replicas []*daemon
	for _, address := range addresses {
		flags := append(a.flags(address), "--cluster", "home="+l.cluster.Kubeconfig, "--home", "home")
		replicas = append(replicas, l.serveStored(plain(t), t.TempDir(), l.s3.URL, "agent", flags...))
	}
	first, book := l.leader(replicas), t.TempDir()
	process := a.start(line, book)
	l.await("runs to begin", func() bool { return l.did("land", "begins") >= atOnce })

	line.Cut()
	l.await("what is due to wait for the agent", func() bool {
		out, errs, _ := command(t, "gaps", "orders/raw", "-e", "dev", "--server", first.server)
		return strings.Contains(out+errs, "does not answer (the agent has not been seen since")
	})
	l.through()
	if n := l.did("land", "begins"); n != atOnce {
		t.Errorf("%d runs have begun, and after %d of them nobody could start any", n, atOnce)
	}
	line.Join()
	l.await("what ran to count, and the next runs to begin", func() bool {
		return len(l.manifests("orders", "complete")) >= atOnce && l.did("land", "begins") >= 2*atOnce
	})
	l.sound()

	first.kill()
	l.through()
	second := l.leader(without(replicas, first))
	l.await("what ran to count at the next replica, and the next runs to begin", func() bool {
		return len(l.manifests("orders", "complete")) >= 2*atOnce && l.did("clean", "begins") >= atOnce
	})
	l.sound()

	process.Expect()
	if err := syscall.Kill(process.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-process.Done()
	l.through()
	a.start(line, book)
	if err := os.WriteFile(filepath.Join(l.dir, "control", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.ends()
	l.fails(second)
}

// fails has a third project come whose runs fail, and waits until it is shown why, and their logs are kept.
func (l *storedLake) fails(d *daemon) {
	l.t.Helper()
	script := "echo DB_PASSWORD=hunter2 is bad >&2; exit 3"
	last := slices.Sorted(maps.Keys(l.counted))[l.hours-1]
	files := l.declare(l.program("land", "true", "true"), l.program("clean", "true", "true"))
	since := func(at time.Time) string { return fmt.Sprintf("since: %q", at.Format(time.RFC3339)) }
	files["bad/project.yaml"] = strings.NewReplacer(
		"name: orders}", "name: bad}", "lake://orders/", "lake://bad/", since(l.since), since(l.since.Add(time.Duration(l.hours-1)*time.Hour)),
	).Replace(l.declare(script, "")["orders/project.yaml"])
	l.repo.Commit(l.t, "a program that fails", files)
	d.sync()
	l.await("the log of what failed", func() bool { return slices.Contains(l.logs("bad/land", "failed"), last) })
	var out, errs string
	l.await("what is shown of it", func() bool {
		out, errs, _ = command(l.t, "lots", "show", "bad/raw", last, "-e", "dev", "--server", d.server)
		return strings.Contains(out, "exit code 3") && strings.Contains(out, "DB_PASSWORD=[redacted] is bad")
	})
	if strings.Contains(out+errs, "hunter2") {
		l.t.Errorf("a password is shown:\n%s%s", out, errs)
	}
}
