// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/test/clustertest"
)

// lake is a folder in which two projects make lots: "land" writes hours from nothing, and "clean" reads them.
type lake struct {
	t   *testing.T
	dir string
	// base is the address of the folder, as a store: of this machine, or of an S3 whose buckets are what is in it.
	base string
	// hours is how many lots each of the two has to make, of which the first is that of since.
	hours int
	since time.Time
	// counted are the lots that are looked at: those that had ended when the test began. Meanwhile another hour may end.
	counted map[string]bool
	cluster *clustertest.Cluster
	repo    *gittest.Repo
	data    string
	hook    *hook
}

// hours is how many lots each of the two has to make.
const hours = 6

func newLake(t *testing.T) *lake {
	t.Helper()
	return newLakeOf(t, hours)
}

func newLakeOf(t *testing.T, hours int) *lake {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"lake", "ran", "manifests", "control"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	until := time.Now().UTC().Truncate(time.Hour)
	since, counted := until.Add(-time.Duration(hours)*time.Hour), map[string]bool{}
	for l := range lot.Range(lot.Hourly, since, until) {
		counted[l.ID()] = true
	}
	return &lake{
		t: t, dir: dir, base: "file://" + dir, hours: hours, since: since, counted: counted, repo: gittest.New(t), data: t.TempDir(), hook: newHook(t),
		cluster: clustertest.Start(t, clustertest.Options{Name: "lots", Mode: clustertest.Exec, Args: []string{"--mount", dir + "=" + dir}}),
	}
}

// script runs a program that says that it ran, once for each time, and writes its lot.
func (l *lake) script(name, then string) string {
	return fmt.Sprintf(`out=${TRUNKLINE_WRITE_MAIN#file://}; mkdir -p $out; echo "$TRUNKLINE_LOT $TRUNKLINE_ATTEMPT" >> %s/ran/%s; %s; echo data > $out/part`, l.dir, name, then)
}

// files is the platform, with what the two programs do before they write.
func (l *lake) files(land, clean string) map[string]string {
	return l.declare(l.script("land", land), l.script("clean", clean))
}

// declare is the platform with the scripts of the two programs.
func (l *lake) declare(land, clean string) map[string]string {
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	project := func(name, dataset, workload, reads, script string) string {
		return fmt.Sprintf(`%skind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  datasets: [{name: %s, version: "1", path: "lake://%s/%s/", lots: {unit: hourly, since: %q}}]
  workloads:
    - name: %s
      blueprint: container-job
      command: [/bin/sh, -c, %q]
      %swrites: {main: %s@1}
`, head, name, dataset, name, dataset, l.since.Format(time.RFC3339), workload, script, reads, dataset)
	}
	return map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: lots}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml": head + fmt.Sprintf("kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [test]\n  stores: {lake: \"%s/lake\"}\n"+
			"  lots: {manifests: \"%s/manifests/<project>/\", events: [{to: hooks}]}\n", l.base, l.base),
		"orders/project.yaml": project("orders", "raw", "land", "", land),
		"sales/project.yaml":  project("sales", "clean", "clean", "reads: {raw: orders/raw@1}\n      ", clean),
	}
}

func (l *lake) serve(program string, more ...string) *daemon {
	return serveWith(l.t, program, append([]string{
		"--repo", l.repo.URL(), "--data", l.data, "--cluster", "test=" + l.cluster.Kubeconfig, "--poll", "1h", "--event-target", "hooks=" + l.hook.url,
	}, more...)...)
}

// manifests lists the manifests of a dataset by their lots and states.
func (l *lake) manifests(project, state string) (lots []string) {
	l.t.Helper()
	file := "manifest.json"
	if state == "partial" || state == "removed" {
		file = "attempt=*/" + file
	}
	found, err := filepath.Glob(filepath.Join(l.dir, "manifests", project, "datasets", "*", "*", "lot=*", "state="+state, file))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, at := range found {
		_, id, _ := strings.Cut(at, "/lot=")
		if id, _, _ = strings.Cut(id, "/"); l.counted[id] {
			lots = append(lots, id)
		}
	}
	return lots
}

// ran is how often a program was started for each lot.
func (l *lake) ran(name string) map[string]int {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, "ran", name))
	if err != nil && !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
	out := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if id := strings.Fields(line)[0]; l.counted[id] {
			out[id]++
		}
	}
	return out
}

// await waits until something is so.
func (l *lake) await(what string, ok func() bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), waitTimeout)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			l.t.Fatalf("waiting for %s: complete are %v and %v, partial %v and %v, and what ran is %v and %v", what, l.manifests("orders", "complete"), l.manifests("sales", "complete"),
				l.manifests("orders", "partial"), l.manifests("sales", "partial"), l.ran("land"), l.ran("clean"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// made reports whether all lots of both projects are there.
func (l *lake) made() bool {
	return len(l.manifests("orders", "complete")) == l.hours && len(l.manifests("sales", "complete")) == l.hours
}

// jobs lists the Jobs of a project.
func (l *lake) jobs(project string) []batchv1.Job {
	l.t.Helper()
	list, err := l.cluster.Client(l.t).BatchV1().Jobs(project+"-dev").List(l.t.Context(), metav1.ListOptions{})
	if err != nil {
		l.t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(j batchv1.Job) bool { return !l.counted[lotOf(j)] })
}

// lotOf is the id of the lot that a Job makes.
func lotOf(j batchv1.Job) string { return strings.ToUpper(j.Spec.Template.Labels["trunkline.dev/lot"]) }

// once are the lots with how often each was run: once.
func once(lots []string) map[string]int {
	out := map[string]int{}
	for _, id := range lots {
		out[id] = 1
	}
	return out
}

// TestLotsAreMade: what two projects declare is computed lot by lot, each once, by real processes, whatever is done to the daemon and to
// its Jobs meanwhile.
func TestLotsAreMade(t *testing.T) {
	l := newLake(t)
	gate := filepath.Join(l.dir, "control", "go")
	wait := fmt.Sprintf("while [ ! -e %s ]; do sleep 0.1; done", gate)
	head := l.repo.Commit(t, "lots", l.files(wait, "true"))
	d := l.serve(plain(t))
	d.await("the release", fineAt(head))
	l.await("runs to begin", func() bool { return len(l.ran("land")) == hours })

	// Nobody is told that the daemon ends. What runs goes on, and ends while nobody looks.
	d.kill()
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l.await("the Jobs to end", func() bool {
		jobs := l.jobs("orders")
		return len(jobs) == hours && !slices.ContainsFunc(jobs, func(j batchv1.Job) bool { return j.Status.Succeeded == 0 })
	})
	if got := l.manifests("orders", "complete"); len(got) > 0 {
		t.Fatalf("the programs write no manifests, and there are those of %v", got)
	}
	d = l.serve(binary)
	l.await("all lots", l.made)
	l.await("all lots to be told", func() bool {
		return l.hook.has("orders/raw@1", l.manifests("orders", "complete")) && l.hook.has("sales/clean@1", l.manifests("sales", "complete"))
	})
	for name, project := range map[string]string{"land": "orders", "clean": "sales"} {
		if diff := cmp.Diff(once(l.manifests(project, "complete")), l.ran(name)); diff != "" {
			t.Errorf("%s did not run once for each lot: -want +got:\n%s", name, diff)
		}
	}
	if _, metrics := get(t, d.server+"/metrics"); !strings.Contains(metrics, `trunkline_lots{environment="dev",state="queued",workload=""} 0`) {
		t.Errorf("/metrics does not say that no lot waits:\n%s", grep(metrics, "trunkline_lot"))
	}
	l.acts(d)
}

// acts has people act on lots that are all there.
func (l *lake) acts(d *daemon) {
	l.t.Helper()
	first := slices.Sorted(maps.Keys(l.counted))[0]
	for _, step := range []struct {
		args string
		code int
		says string
	}{
		{"lots disable sales/clean -e dev --why incident-7", 0, "sales/clean makes no lots until it is enabled"},
		{"lots remove orders/raw " + first + " -e dev --why wrong", 0, "orders/land makes it again"},
		{"lots remove sales/clean " + first + " -e dev --why wrong", 0, "it is made again once sales/clean is enabled"},
		{"gaps sales/clean -e dev", 1, "sales/clean is disabled by ann"},
		{"status", 0, "lots: 1 missing; 1 workload is disabled"},
		{"lots enable sales/clean -e dev", 0, "it was disabled by ann"},
	} {
		args := append(strings.Fields(step.args), "--server", d.server)
		if strings.HasPrefix(step.args, "lots") {
			args = append(args, "--by", "ann")
		}
		l.await(step.args, func() bool {
			out, errs, code := command(l.t, args...)
			if strings.HasPrefix(step.args, "lots") && code != step.code {
				l.t.Fatalf("trunkline %s ended with %d: %s%s", step.args, code, out, errs)
			}
			return code == step.code && strings.Contains(out, step.says)
		})
	}
	l.await("the lots that were removed", func() bool { return l.made() && l.ran("land")[first] == 2 && l.ran("clean")[first] == 2 })
	out, _, _ := command(l.t, "history", "--server", d.server, "--kind", "disabled", "--kind", "removed", "--kind", "enabled")
	for _, says := range []string{"sales/clean; sales/clean makes no lots until it is enabled", "incident-7", "orders/raw@1 " + first} {
		if !strings.Contains(out, says) {
			l.t.Errorf("the history does not say %q:\n%s", says, out)
		}
	}
}

// TestAReplayIsMerged: a commit that changes a program and declares a replay of three of its lots has them made once more by the new
// program, with what is made of them, each once, and what counted before is kept as removed.
func TestAReplayIsMerged(t *testing.T) {
	l := newLake(t)
	l.repo.Commit(t, "lots", l.files("true", "true"))
	d := l.serve(binary)
	l.await("all lots", l.made)

	from := l.since.Add(time.Hour)
	again := map[string]int{}
	want := once(l.manifests("orders", "complete"))
	for one := range lot.Range(lot.Hourly, from, from.Add(3*time.Hour)) {
		again[one.ID()], want[one.ID()] = 1, 2
	}
	files := l.files("echo newer > $out/newer", "true")
	path := `path: "lake://orders/raw/",`
	files["orders/project.yaml"] = strings.Replace(files["orders/project.yaml"], path, fmt.Sprintf(`%s replay: [{id: newer, from: %q, until: %q, reason: test, cascade: true}],`,
		path, from.Format(time.RFC3339), from.Add(3*time.Hour).Format(time.RFC3339)), 1)
	head := l.repo.Commit(t, "a replay", files)
	d.sync()
	d.await("the newer program", fineAt(head))
	l.await("the replay", func() bool {
		return l.made() && len(l.manifests("orders", "removed")) >= len(again) && len(l.manifests("sales", "removed")) >= len(again)
	})
	for name, project := range map[string]string{"land": "orders", "clean": "sales"} {
		if diff := cmp.Diff(want, l.ran(name)); diff != "" {
			t.Errorf("how often %s ran: -want +got:\n%s", name, diff)
		}
		if diff := cmp.Diff(again, once(l.manifests(project, "removed"))); diff != "" || len(l.manifests(project, "removed")) != len(again) {
			t.Errorf("what counted before: -want +got:\n%s", diff)
		}
	}
	for id := range want {
		found, err := filepath.Glob(filepath.Join(l.dir, "manifests", "orders", "datasets", "*", "*", "lot="+id, "state=complete", "manifest.json"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v %v", id, found, err)
		}
		text, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		if newer := strings.Contains(string(text), "/newer"); newer != (again[id] == 1) {
			t.Errorf("%s is of the newer program: %t", id, newer)
		}
	}
	if log := d.log.String(); !strings.Contains(log, "a replay begins") {
		t.Error("the log does not say that a replay begins")
	}
}

// TestLostAndFailedRuns: a run whose Job someone deletes is made again, once, and one that fails leaves no lot, until a commit changes
// its workload.
func TestLostAndFailedRuns(t *testing.T) {
	l := newLake(t)
	gate := filepath.Join(l.dir, "control", "go")
	wait := fmt.Sprintf("echo begun; while [ ! -e %s ]; do sleep 0.1; done", gate)
	l.repo.Commit(t, "lots", l.files(wait, "echo DB_PASSWORD=hunter2 is bad >&2; echo half > $out/half; exit 3"))
	d := l.serve(binary)
	l.await("runs to begin", func() bool { return len(l.ran("land")) == hours })

	l.shows(d, "orders/raw", "running", "  begun\n")

	deleted := l.jobs("orders")[0]
	background := metav1.DeletePropagationBackground
	if err := l.cluster.Client(t).BatchV1().Jobs(deleted.Namespace).Delete(t.Context(), deleted.Name, metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		t.Fatal(err)
	}
	l.await("the deleted run to begin again", func() bool {
		return slices.Contains(slices.Collect(maps.Values(l.ran("land"))), 2)
	})
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l.await("the lots of orders", func() bool { return len(l.manifests("orders", "complete")) == hours })
	l.await("the failures of sales", func() bool { return len(l.manifests("sales", "partial")) == hours })
	l.await("the logs of what failed", func() bool { return len(l.logs("sales/clean", "failed")) == hours })
	l.shows(d, "sales/clean", "exit code 3", ", which failed; its last 20 lines, --log shows all\n  DB_PASSWORD=[redacted] is bad\n")
	l.shownRun(d, "sales/clean")
	twice := 0
	for of, n := range l.ran("land") {
		if n == 2 {
			twice++
		} else if n != 1 {
			t.Errorf("%s was run %d times", of, n)
		}
	}
	if twice != 1 {
		t.Errorf("%d lots were run twice, want the one whose Job was deleted, %s: %v", twice, lotOf(deleted), l.ran("land"))
	}
	if got := l.manifests("sales", "complete"); len(got) > 0 {
		t.Errorf("the program fails, and there are the lots %v", got)
	}
	if log := d.log.String(); !strings.Contains(log, "exit code 3") {
		t.Error("the log does not say that the program ended with 3")
	}

	head := l.repo.Commit(t, "mended", l.files(wait, "true"))
	d.sync()
	d.await("the mended program", fineAt(head))
	l.await("all lots", l.made)
	for of, n := range l.ran("clean") {
		if n != 2 {
			t.Errorf("%s was run %d times, want once by each of the two programs", of, n)
		}
	}
}

// logs are the lots of which a log is kept of a run with some outcome.
func (l *lake) logs(workload, outcome string) (lots []string) {
	l.t.Helper()
	found, err := filepath.Glob(filepath.Join(l.dir, "manifests/trunkline-lots/lots/dev/logs", workload, "lot=*/attempt=*", outcome+".log.gz"))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, at := range found {
		_, id, _ := strings.Cut(at, "/lot=")
		if id, _, _ = strings.Cut(id, "/"); l.counted[id] {
			lots = append(lots, id)
		}
	}
	return lots
}

// shows has it be shown of the first lot of a dataset what is wanted, by the daemon.
func (l *lake) shows(d *daemon, dataset string, want ...string) {
	l.t.Helper()
	first := slices.Sorted(maps.Keys(l.counted))[0]
	var out, errs string
	l.await("what is shown of "+dataset, func() bool {
		out, errs, _ = command(l.t, "lots", "show", dataset, first, "-e", "dev", "--server", d.server)
		return !slices.ContainsFunc(want, func(text string) bool { return !strings.Contains(out, text) })
	})
	if strings.Contains(out+errs, "hunter2") {
		l.t.Errorf("a password is shown:\n%s%s", out, errs)
	}
}

// grep returns the lines that hold a text.
func grep(text, with string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, with) {
			out.WriteString(line)
		}
	}
	return out.String()
}
