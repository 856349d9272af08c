// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

var pkg clustertest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

// apps are releases as docs/performance.md has them: a Namespace with a ServiceAccount, a Service, a Deployment and an Ingress.
func apps(from, to, version int) map[string]string {
	out := map[string]string{}
	for i := from; i < to; i++ {
		name := fmt.Sprintf("simulated-%d", i)
		out[name+"/project.yaml"] = fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: %[1]s}
spec:
  owner: team
  environments: [dev]
  image: registry.example/app:%[2]d
  workloads:
    - {name: web, blueprint: service, command: [serve], params: {replicas: 0, ingress: {host: %[1]s.example}}}
`, name, version)
	}
	return out
}

// TestAsTheDaemonDoes holds the model to the daemon itself: for releases that are new, for one that changes and for none, both write as
// often to the API server.
func TestAsTheDaemonDoes(t *testing.T) {
	proxy := pkg.Cluster(t).Faults(t)
	program := filepath.Join(t.TempDir(), "trunkline")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "trunkline.dev/trunkline/cmd/trunkline").CombinedOutput(); err != nil {
		t.Fatalf("building the daemon: %v\n%s", err, out)
	}
	repo := gittest.New(t)
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	files := apps(0, 1, 1)
	files["trunkline.yaml"] = head + "kind: Platform\nmetadata: {name: simulated}\n"
	files["cluster.yaml"] = head + "kind: Cluster\nmetadata: {name: test}\n"
	files["env.yaml"] = head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test]}\n"
	first := repo.Commit(t, "one app", files)
	server := serve(t, program, "--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test="+proxy.Kubeconfig, "--poll", "1s")
	await(t, server, first)

	o := options{size: size{Clusters: 1, Releases: 4, Tracks: 1, Replicas: 1}, costs: measured()}
	for _, tc := range []struct {
		what   string
		files  map[string]string
		settle bool
		of     int
	}{
		{"three that are new", apps(1, 4, 1), false, 3},
		{"one that changes", apps(2, 3, 2), true, 1},
		{"none", map[string]string{"README.md": "simulated\n"}, true, 0},
	} {
		before := proxy.Seen(http.MethodPatch)
		await(t, server, repo.Commit(t, tc.what, tc.files))
		daemon := proxy.Seen(http.MethodPatch) - before
		w, err := newWorld(o)
		if err != nil {
			t.Fatal(err)
		}
		if tc.settle {
			w.settled()
		}
		if model := w.play(tc.what, w.releases[:tc.of]); model.applies != daemon || model.missing > 0 {
			t.Errorf("%s: the daemon applies %d times, and the model %d: %+v", tc.what, daemon, model.applies, model)
		}
	}
}

// serve starts the daemon, which ends with the test, and returns its address.
func serve(t *testing.T, program string, args ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{"serve", "--listen", address}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return "http://" + address
}

// await waits until all of a commit is in place and healthy.
func await(t *testing.T, server, commit string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c, err := client.New(server, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var p status.Platform
	for ctx.Err() == nil {
		if p, err = c.Follow(ctx, 10*time.Millisecond, func(p status.Platform) (bool, error) { return p.Fine() && p.Source.Accepted.Hash == commit, nil }); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // it does not listen yet
	}
	t.Fatalf("waiting for %s; the state is\n%+v", commit, p)
}
