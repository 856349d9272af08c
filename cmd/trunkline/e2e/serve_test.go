// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
)

// small declares a platform of a name of its own, with one project.
func small(name, image string) map[string]string {
	return map[string]string{
		"trunkline.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: " + name + "}\n",
		"cluster.yaml":   "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test]}\n",
		"project.yaml": fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  image: %s
  workloads:
    - {name: web, blueprint: service, command: [serve]}
`, name, image),
	}
}

// command runs trunkline to its end, and returns what it printed and the code that it ended with.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestServe goes through a day in the life of the daemon from outside: health, status, trigger, metrics, end.
func TestServe(t *testing.T) {
	cluster := pkg.Cluster(t)
	repo := gittest.New(t)
	// The poll is far away: what arrives, arrives by the trigger.
	data := t.TempDir()
	d := serve(t, "--repo", repo.URL(), "--data", data, "--cluster", "test="+cluster.Kubeconfig, "--poll", "1h")
	d.await("the repository to be found empty", func(p status.Platform) bool { return p.Source.Error != "" })
	if code, _ := get(t, d.server+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
	if code, _ := get(t, d.server+"/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d before there is a commit", code)
	}

	good := repo.Commit(t, "good", small("served", "img:1"))
	d.sync()
	d.await("the first commit to be fine", status.Platform.Fine)
	if code, _ := get(t, d.server+"/readyz"); code != http.StatusOK {
		t.Errorf("/readyz answers %d", code)
	}
	out, _, code := command(t, "status", "--server", d.server)
	if code != 0 || !strings.Contains(out, "applied   healthy") {
		t.Errorf("status ends with %d and prints\n%s", code, out)
	}

	repo.Commit(t, "bad", map[string]string{"project.yaml": strings.Replace(small("served", "img:2")["project.yaml"], "owner", "ower", 1)})
	d.sync()
	d.await("the second to be refused", func(p status.Platform) bool { return p.Source.Refused() })
	out, _, code = command(t, "status", "--server", d.server)
	for _, want := range []string{"accepted     " + status.Short(good), "refused", `project.yaml:5:3: error: spec: unknown field "ower"`, `did you mean "owner"?`} {
		if !strings.Contains(out, want) {
			t.Errorf("status does not say %q:\n%s", want, out)
		}
	}
	if code != 1 {
		t.Errorf("status ends with %d after a refused commit, want 1", code)
	}
	_, metrics := get(t, d.server+"/metrics")
	for _, want := range []string{
		`trunkline_commit_refused 1`, `trunkline_cluster_reachable{cluster="test"} 1`,
		`trunkline_releases{cluster="test",environment="dev",health="healthy",result="applied"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics does not have %q", want)
		}
	}

	_, stderr, code := command(t, "serve", "--repo", repo.URL(), "--data", data, "--cluster", "test="+cluster.Kubeconfig, "--listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(stderr, "is used by another trunkline") {
		t.Errorf("a second daemon in the same data folder ends with %d and says %q", code, stderr)
	}

	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-d.exited
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the daemon ends with %d after SIGTERM, want 0", code)
	}
}

// TestLifeline has the daemon end with whoever started it.
func TestLifeline(t *testing.T) {
	repo := gittest.New(t)
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "serve", "--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test=nowhere",
		"--listen", "127.0.0.1:0", "--lifeline")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the daemon ended with: %v", err)
	}
}

// TestApply does one pass, as a pipeline would.
func TestApply(t *testing.T) {
	cluster := pkg.Cluster(t)
	dir := t.TempDir()
	write := func(files map[string]string) {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(small("once", "img:1"))
	args := []string{"apply", "--from", dir, "--cluster", "test=" + cluster.Kubeconfig, "--timeout", waitTimeout.String()}
	out, stderr, code := command(t, args...)
	if code != 0 || !strings.Contains(out, "applied   healthy") {
		t.Errorf("apply ends with %d and prints\n%s%s", code, out, stderr)
	}

	write(map[string]string{"project.yaml": strings.Replace(small("once", "img:1")["project.yaml"], "service", "serivce", 1)})
	_, stderr, code = command(t, args...)
	if code != 1 || !strings.Contains(stderr, `did you mean "service"?`) {
		t.Errorf("apply of a broken platform ends with %d and says\n%s", code, stderr)
	}

	if err := os.Remove(filepath.Join(dir, "project.yaml")); err != nil {
		t.Fatal(err)
	}
	out, stderr, code = command(t, args...)
	if code != 0 || strings.Contains(out, "once") {
		t.Errorf("apply after the project was removed ends with %d and prints\n%s%s", code, out, stderr)
	}

	write(small("once", "img:1"))
	out, _, code = command(t, "apply", "--from", dir, "--cluster", "test="+filepath.Join(dir, "missing"), "--timeout", "20s")
	if code != 1 || !strings.Contains(out, "UNREACHABLE") || !strings.Contains(out, "no such file") {
		t.Errorf("apply with a kubeconfig that is not there ends with %d and prints\n%s", code, out)
	}
}
