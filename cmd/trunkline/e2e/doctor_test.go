// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
)

// examined runs "trunkline doctor" and returns the worst result of each check that was made, and all findings.
func examined(t *testing.T, program string, args ...string) (map[doctor.ID]doctor.Result, doctor.Report) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"doctor", "-o", "json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	exit, ended := errors.AsType[*exec.ExitError](err)
	if err != nil && !ended {
		t.Fatal(err)
	}
	var r doctor.Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if fails := ended && exit.ExitCode() == 1; fails != r.Fails() {
		t.Errorf("it ended with %v, and something fails: %t", err, r.Fails())
	}
	worst := map[doctor.ID]doctor.Result{}
	for _, result := range []doctor.Result{doctor.OK, doctor.Warning, doctor.Fails} {
		for _, f := range r.Findings {
			if f.Result == result {
				worst[f.Check] = result
			}
		}
	}
	return worst, r
}

// TestDoctor looks at a daemon that runs, with its configuration, its repository and a real cluster: all is fine; then at what goes wrong with each.
func TestDoctor(t *testing.T) {
	cluster := pkg.Cluster(t)
	repo := gittest.New(t)
	repo.Commit(t, "first", small("doctor", "img:1"))
	dir, clone := t.TempDir(), filepath.Join(t.TempDir(), "clone")
	secret := filepath.Join(dir, "secret")
	config := filepath.Join(dir, "daemon.yaml")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(secret, "s3cret\n")
	write(config, "apiVersion: trunkline.dev/v1alpha1\nkind: DaemonConfiguration\nspec:\n  repository: {url: "+repo.URL()+", poll: 1s}\n  data: data\n"+
		"  serve: {hookSecretFile: secret}\n  clusters: [{name: test, kubeconfig: "+cluster.Kubeconfig+"}]\n")
	program := plain(t)
	d := serveWith(t, program, "--config", config)
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "-q", repo.Path(), clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	look := func() map[doctor.ID]doctor.Result {
		t.Helper()
		worst, r := examined(t, program, "--config", config, "--from", clone, "--server", d.server)
		if t.Failed() {
			t.Logf("%+v", r.Findings)
		}
		return worst
	}
	d.await("the release", func(p status.Platform) bool { return p.Fine() && len(p.Releases) == 1 })
	const okay = doctor.OK
	want := map[doctor.ID]doctor.Result{
		"machine-configuration": okay, "machine-git": okay, "machine-folders": okay, "machine-secrets": okay, "machine-kubeconfig": okay, "machine-clock": okay,
		"repository-found": okay, "repository-platform": okay, "repository-declarations": okay, "repository-remote": okay, "repository-signed": okay,
		"repository-rewrite": okay, "repository-sources": okay, "repository-secrets": okay, "repository-artifacts": okay,
		"daemon-reachable": okay, "daemon-version": okay, "daemon-ready": okay, "daemon-fetch": okay, "daemon-head": okay, "daemon-configuration": okay,
		"daemon-replicas": okay, "daemon-images": okay, "daemon-stores": okay, "daemon-releases": okay,
		"cluster-daemon": okay, "cluster-reachable": okay, "cluster-version": okay, "cluster-apis": okay, "cluster-rights": okay, "cluster-kinds": okay,
		"cluster-storage": okay, "cluster-machines": okay, "cluster-metrics": okay,
	}
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	check := exec.CommandContext(t.Context(), program, "cluster", "check", "test", "--config", config, "--from", clone, "--server", d.server, "-o", "json")
	out, err := check.Output()
	var lacks doctor.Report
	if err := errors.Join(err, json.Unmarshal(out, &lacks)); err != nil {
		t.Fatalf("cluster check: %v\n%s", err, out)
	}
	for id := range want {
		of := slices.ContainsFunc(lacks.Findings, func(f doctor.Finding) bool { return f.Check == id && f.Where == "test" && f.Result == okay })
		if about := strings.HasPrefix(string(id), "cluster-"); about != of {
			t.Errorf("of the cluster it says %s: %t", id, of)
		}
	}

	repo.Commit(t, "wrong", map[string]string{"project.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: doctor}\nspec: {onwer: x}\n"})
	d.await("the refusal", func(p status.Platform) bool { return p.Source.Refused() })
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	want["daemon-head"], want["machine-secrets"] = doctor.Fails, doctor.Warning
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("what went wrong: -want +got:\n%s", diff)
	}
}
