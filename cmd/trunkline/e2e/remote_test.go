// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/test/clustertest"
)

const (
	carolsToken, verasToken = "carol-0123456789abcdef", "vera-0123456789abcdef"
	remoteSecret            = "swordfish-of-the-warehouse"
)

// desk is someone's working tree, of a platform that a daemon keeps.
type desk struct {
	t       *testing.T
	lake    string
	tree    string
	cluster *clustertest.Cluster
	d       *daemon
	address string
	flags   []string
	tokens  map[string]string
	// client is the program that people have, and spared is what is in the cluster of a run that is to be left for a while.
	client string
	spared map[string]bool
}

// committed is the program as it is deployed: it writes where it is told.
const committed = "out=${TRUNKLINE_WRITE_OUT#file://}; mkdir -p $out; echo committed > $out/part\n"

func remotePlatform(lake string) map[string]string {
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	return map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: desk}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml": head + fmt.Sprintf("kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [test]\n  stores: {lake: \"file://%s/lake\"}\n"+
			"  lots: {manifests: \"file://%s/manifests/<project>/\"}\n", lake, lake),
		"access.yaml": head + `kind: Access
metadata: {name: desk}
spec:
  bindings:
    - {role: project-contributor, users: [carol, vera], projects: [orders]}
    - {role: environment-contributor, users: [carol], environments: [dev]}
`,
		"orders/project.yaml": head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  datasets:
    - {name: report, version: "1", path: "lake://orders/report/"}
    - {name: days, version: "1", path: "lake://orders/days/", lots: {unit: daily, since: "` + time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly) + `T00:00:00Z"}}
  workloads:
    - name: report
      blueprint: container-job
      files: [report.sh]
      command: [/bin/sh, report.sh]
      secrets: {WAREHOUSE: {name: warehouse, key: word}}
      writes: {out: report@1}
    - name: day
      blueprint: container-job
      files: [report.sh]
      command: [/bin/sh, report.sh]
      writes: {out: days@1}
    - {name: web, blueprint: service, command: [/bin/sleep, "3600"]}
`,
		"orders/report.sh": committed,
	}
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return newDeskOf(t, nil)
}

// newDeskOf is a desk with other files than usual. LAKE in them is the folder of its store.
func newDeskOf(t *testing.T, other map[string]string) *desk {
	t.Helper()
	lake := t.TempDir()
	for _, sub := range []string{"lake", "manifests"} {
		if err := os.Mkdir(filepath.Join(lake, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	k := &desk{t: t, lake: lake, tree: t.TempDir(), tokens: map[string]string{}, client: plain(t), address: freeAddress(t)}
	k.cluster = clustertest.Start(t, clustertest.Options{Name: "remote", Mode: clustertest.Exec, Args: []string{"--mount", lake + "=" + lake}})
	repo := gittest.New(t)
	files := remotePlatform(lake)
	for name, text := range other {
		files[name] = strings.ReplaceAll(text, "LAKE", lake)
	}
	repo.Commit(t, "all", files)
	for name, text := range files {
		k.write(name, text)
	}
	for who, token := range map[string]string{"carol": carolsToken, "vera": verasToken, "all": "carol: " + carolsToken + "\nvera: " + verasToken} {
		k.tokens[who] = filepath.Join(t.TempDir(), who)
		if err := os.WriteFile(k.tokens[who], []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k.flags = []string{"--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test=" + k.cluster.Kubeconfig, "--poll", "1h", "--tokens-file", k.tokens["all"]}
	k.d = serveAt(t, k.address, nil, binary, k.flags...)
	client := k.cluster.Client(t)
	k.await("the namespace", func() bool {
		_, err := client.CoreV1().Namespaces().Get(t.Context(), "orders-dev", metav1.GetOptions{})
		return err == nil
	})
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "warehouse"}, StringData: map[string]string{"word": remoteSecret}}
	if _, err := client.CoreV1().Secrets("orders-dev").Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	k.await("the deployed program to have run", func() bool { return k.read("lake/orders/report/part") == "committed\n" })
	return k
}

func (k *desk) write(name, text string) {
	k.t.Helper()
	at := filepath.Join(k.tree, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		k.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o666); err != nil {
		k.t.Fatal(err)
	}
}

func (k *desk) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(k.lake, name)) // what is not there is empty
	return string(text)
}

func (k *desk) await(what string, ok func() bool) {
	k.t.Helper()
	for end := time.Now().Add(waitTimeout); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			k.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// command is "trunkline" as someone, from the working tree.
func (k *desk) command(who string, args ...string) *exec.Cmd {
	k.t.Helper()
	rest := []string(nil)
	if i := slices.Index(args, "--"); i >= 0 {
		args, rest = args[:i], args[i:]
	}
	cmd := exec.CommandContext(k.t.Context(), k.client, slices.Concat(args, []string{"--server", k.d.server, "--token-file", k.tokens[who]}, rest)...)
	cmd.Dir = k.tree
	return cmd
}

// ran is what came of a command.
func (k *desk) ran(who string, args ...string) (stdout, stderr string, code int) {
	k.t.Helper()
	var out, errs bytes.Buffer
	cmd := k.command(who, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		k.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// begun is a command that is under way.
type begun struct {
	*exec.Cmd

	t     *testing.T
	lines *bufio.Scanner
}

// begin starts a command, and returns once it has shown a line.
func (k *desk) begin(line string, args ...string) begun {
	k.t.Helper()
	cmd := k.command("carol", args...)
	cmd.Stderr = k.d.log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	c := begun{cmd, k.t, bufio.NewScanner(out)}
	c.until(line)
	return c
}

// until reads what the command shows until there is a line.
func (c begun) until(line string) {
	c.t.Helper()
	for c.lines.Scan() {
		if c.lines.Text() == line {
			return
		}
	}
	c.t.Fatalf("%v ended without the line %q", c.Args, line)
}

// end sends a signal, and returns the exit code.
func (c begun) end(signal syscall.Signal) int {
	c.t.Helper()
	if err := c.Process.Signal(signal); err != nil {
		c.t.Fatal(err)
	}
	return c.code()
}

// code reads what the command shows to its end, and returns its exit code.
func (c begun) code() int {
	c.t.Helper()
	for c.lines.Scan() { // to its end
	}
	_ = c.Wait()
	return c.ProcessState.ExitCode()
}

// left are what is in the cluster of remote runs.
func (k *desk) left() (all []string) {
	k.t.Helper()
	client, opts := k.cluster.Client(k.t), metav1.ListOptions{LabelSelector: "trunkline.dev/person"}
	jobs, err := client.BatchV1().Jobs("").List(k.t.Context(), opts)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, o := range jobs.Items {
		all = append(all, "Job "+o.Name)
	}
	files, err := client.CoreV1().ConfigMaps("").List(k.t.Context(), opts)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, o := range files.Items {
		all = append(all, "ConfigMap "+o.Name)
	}
	pods, err := client.CoreV1().Pods("orders-dev").List(k.t.Context(), metav1.ListOptions{LabelSelector: "trunkline.dev/run"})
	if err != nil {
		k.t.Fatal(err)
	}
	for _, o := range pods.Items {
		if strings.Contains(o.Name, "-run-") {
			all = append(all, "Pod "+o.Name)
		}
	}
	return slices.DeleteFunc(all, func(what string) bool { return k.spared[what] })
}

// spare has what is in the cluster now count no longer as left.
func (k *desk) spare() {
	k.t.Helper()
	k.spared = map[string]bool{}
	for _, what := range k.left() {
		k.spared[what] = true
	}
}

func (k *desk) awaitNothing() {
	k.t.Helper()
	k.await("nothing to be left of remote runs", func() bool { return len(k.left()) == 0 })
}

// TestRemoteRun: what is on someone's disk runs in the context of the environment, as far as they may; it writes to a place of its own, shows no
// secret, ends as its program does, and leaves nothing, however it ends.
func TestRemoteRun(t *testing.T) {
	t.Parallel()
	k := newDesk(t)
	k.write("orders/report.sh", `trap 'exit 1' TERM
out=${TRUNKLINE_WRITE_OUT#file://}
echo "first line of $TRUNKLINE_WORKLOAD lot=$TRUNKLINE_LOT"
mkdir -p $out && echo "uncommitted" > $out/part
echo "the warehouse says $WAREHOUSE"
case "$1" in
wait) echo begun; sleep 3600 & wait;;
restart) echo begun; while [ ! -e $out/go ]; do sleep 0.1; done; echo "after the restart"; exit 4;;
esac
exit ${1:-0}
`)

	killed := k.begin("begun", "run", "orders/report", "-e", "dev", "--", "wait")
	killed.end(syscall.SIGKILL)
	if k.spare(); len(k.spared) != 3 {
		t.Errorf("of a run whose command was killed there is %v: the command could have come back", k.spared)
	}

	out, stderr, code := k.ran("carol", "run", "orders/report", "--env", "dev", "--", "7")
	if code != 7 || !strings.HasPrefix(out, "first line of report lot=\n") {
		t.Errorf("a program that fails: exit code %d, want 7, and its log\n%s%s", code, out, stderr)
	}
	if strings.Contains(out+stderr, remoteSecret) || !strings.Contains(out, "the warehouse says ") {
		t.Errorf("a secret is shown, or the line with it is not:\n%s", out)
	}
	mine, err := filepath.Glob(filepath.Join(k.lake, "lake/trunkline-previews/desk/runs/carol-*/dev/orders/report/part"))
	if err != nil || len(mine) != 1 || k.read("lake/orders/report/part") != "committed\n" {
		t.Fatalf("the run wrote %v, and where others read: %q", mine, k.read("lake/orders/report/part"))
	}
	k.awaitNothing()

	lot := time.Now().UTC().AddDate(0, 0, -1).Format("20060102") + "P1D000"
	if out, stderr, code = k.ran("carol", "run", "orders/day", "-e", "dev", "--lot", lot); code != 0 || !strings.Contains(out, "first line of day lot="+lot+"\n") {
		t.Errorf("a run for a lot: exit code %d\n%s%s", code, out, stderr)
	}
	for name, tc := range map[string]struct {
		who, want string
		args      []string
		code      int
	}{
		"without the right": {"vera", "to have code of one's own run", []string{"run", "orders/report", "-e", "dev"}, 2},
		"without a lot":     {"carol", "runs for a lot", []string{"run", "orders/day", "-e", "dev"}, 1},
		"a service":         {"carol", "nothing is deployed there that a run could be made from", []string{"run", "orders/web", "-e", "dev"}, 1},
		"a run of nobody":   {"carol", `no run "report-run-none"`, []string{"runs", "cancel", "report-run-none"}, 2},
	} {
		if out, stderr, code := k.ran(tc.who, tc.args...); code != tc.code || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", name, code, tc.code, tc.want, out, stderr)
		}
	}
	k.awaitNothing()

	waiting := k.begin("begun", "run", "orders/report", "-e", "dev", "--", "wait")
	if list, stderr, code := k.ran("carol", "runs", "-o", "csv"); code != 0 || strings.Count(list, "\n") != 3 { // with that of the killed command
		t.Errorf("the list: exit code %d\n%s%s", code, list, stderr)
	}
	if code := waiting.end(syscall.SIGINT); code != 130 {
		t.Errorf("after Ctrl-C: exit code %d, want 130", code)
	}
	k.awaitNothing()

	restarted := k.begin("begun", "run", "orders/report", "-e", "dev", "--", "restart")
	k.d.kill()
	k.d = serveAt(t, k.address, nil, binary, k.flags...)
	if err := os.WriteFile(filepath.Join(filepath.Dir(mine[0]), "go"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	restarted.until("after the restart")
	if code := restarted.code(); code != 4 {
		t.Errorf("after a restart of the daemon: exit code %d, want 4", code)
	}

	name, stderr, code := k.ran("carol", "run", "orders/report", "-e", "dev", "--detach", "--", "3")
	if code != 0 || !strings.HasPrefix(name, "report-run-") {
		t.Fatalf("detached: exit code %d\n%s%s", code, name, stderr)
	}
	name = strings.TrimSpace(name)
	if out, stderr, code := k.ran("carol", "runs", "logs", name, "-f"); code != 0 || !strings.Contains(out, "first line of report") || !strings.Contains(stderr, "exit code 3") {
		t.Errorf("the log of what is detached: exit code %d\n%s%s", code, out, stderr)
	}
	if out, stderr, code := k.ran("carol", "run", "--attach", name); code != 3 || !strings.Contains(out, "first line of report") {
		t.Errorf("attached: exit code %d, want 3\n%s%s", code, out, stderr)
	}

	saving := k.begin("begun", "dev", "orders/report", "-e", "dev", "--", "wait")
	k.write("orders/report.sh", "trap 'exit 1' TERM; echo saved; sleep 3600 & wait\n")
	saving.until("saved")
	if code := saving.end(syscall.SIGINT); code != 130 {
		t.Errorf("dev after Ctrl-C: exit code %d, want 130", code)
	}
	k.spared = nil
	k.awaitNothing() // also of the one whose command was killed

	log, stderr, code := k.ran("carol", "history", "--kind", "remote-run", "--kind", "remote-run-ended", "-o", "json")
	got := map[string]int{}
	want := map[string]int{"exit code 7": 1, "exit code 4": 1, "cancelled by carol": 3, "nobody has followed it": 1, "sha256:": 8, remoteSecret: 0}
	for says := range want {
		got[says] = strings.Count(log, says)
	}
	if code != 0 || !maps.Equal(got, want) {
		t.Errorf("the history has %v, want %v\n%s%s", got, want, log, stderr)
	}
}
