// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/pgtest"
)

// events returns what "trunkline history" says happened, the oldest first, once it is a number of events.
func (d *daemon) events(n int) []string {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), waitTimeout)
	defer cancel()
	for {
		out, stderr, code := command(d.t, "history", "--server", d.server, "-o", "json")
		var p history.Page
		if code == 0 {
			if err := json.Unmarshal([]byte(out), &p); err != nil {
				d.t.Fatalf("%v: %s", err, out)
			}
		}
		if code == 0 && len(p.Events) >= n {
			var lines []string
			for _, e := range p.Events {
				line := fmt.Sprintf("%s %s by %s", e.Kind, strings.TrimPrefix(e.Release.Project+" "+e.Message, " "), e.By)
				lines = append([]string{line}, lines...)
			}
			return lines
		}
		select {
		case <-time.After(50 * time.Millisecond): // it is written a moment after it happened
		case <-ctx.Done():
			d.t.Fatalf("waiting for %d events: there are %d\n%s%s", n, len(p.Events), out, stderr)
		}
	}
}

// stop ends the daemon as whoever runs it would.
func (d *daemon) stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	<-d.exited
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		d.t.Errorf("the daemon ends with %d after SIGTERM, want 0", code)
	}
}

// TestHistory has the daemon keep what happened over restarts, in both databases.
func TestHistory(t *testing.T) {
	cluster := pkg.Cluster(t)
	for kind, flags := range map[string]func(t *testing.T) []string{
		"SQLite": func(*testing.T) []string { return nil },
		"Postgres": func(t *testing.T) []string {
			t.Helper()
			file := filepath.Join(t.TempDir(), "dsn")
			if err := os.WriteFile(file, []byte(pgtest.Start(t).Database(t)+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"--history", "postgres", "--history-dsn-file", file}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			repo := gittest.New(t)
			name := "past-" + strings.ToLower(kind)
			args := append([]string{"--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test=" + cluster.Kubeconfig, "--poll", "1h"}, flags(t)...)
			repo.Commit(t, "good", small(name, "img:1"))
			d := serve(t, args...)
			d.await("the first commit to be fine", status.Platform.Fine)
			want := []string{"accepted good by Ada", "run " + name + "  by trunkline", "healthy " + name + "  by trunkline"}
			if diff := cmp.Diff(want, d.events(3)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			d.stop()

			// Another daemon resumes at what was accepted before, which is nothing new.
			d = serve(t, args...)
			d.await("the resumed commit to be fine", status.Platform.Fine)
			repo.Commit(t, "bad", map[string]string{"project.yaml": strings.Replace(small(name, "img:2")["project.yaml"], "owner", "ower", 1)})
			d.sync()
			d.await("the second to be refused", func(p status.Platform) bool { return p.Source.Refused() })
			out := d.events(4)
			if got := out[len(out)-1]; got != "refused bad by Ada" {
				t.Errorf("the last that happened is %q, want the refusal", got)
			}
			if diff := cmp.Diff(want, out[:3]); diff != "" {
				t.Errorf("what happened before is not known any more\n-want +got:\n%s", diff)
			}
			d.stop()
			if strings.Contains(d.log.String(), pgtest.Password) {
				t.Error("the log holds the password")
			}
		})
	}
}

// TestADamagedHistoryIsNoReasonNotToRun starts the daemon beside a file that is no history.
func TestADamagedHistoryIsNoReasonNotToRun(t *testing.T) {
	cluster := pkg.Cluster(t)
	repo := gittest.New(t)
	repo.Commit(t, "good", small("past-damaged", "img:1"))
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "history.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--repo", repo.URL(), "--data", data, "--cluster", "test=" + cluster.Kubeconfig, "--poll", "1h"}
	d := serve(t, args...)
	d.await("the commit to be fine", status.Platform.Fine)
	d.events(2)
	if log := d.log.String(); !strings.Contains(log, "moved aside and begun again") || !strings.Contains(log, "history.db.damaged-") {
		t.Error("the log does not say what became of the damaged file")
	}
	d.stop()

	d = serve(t, append(args, "--history", "off")...)
	d.await("the commit to be fine", status.Platform.Fine)
	if _, stderr, code := command(t, "history", "--server", d.server); code != 2 || !strings.Contains(stderr, "this daemon keeps no history") {
		t.Errorf("history ends with %d and says %q", code, stderr)
	}
	d.stop()
}
