// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

var imageLayout = flag.String("image-layout", "", "`folder` of an image of Trunkline itself, as \"make image\" leaves it: it is tested as well")

// platform is a repository of one project, whose DAG has a cycle until it is fixed.
var platform = map[string]string{
	"trunkline.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: acme}\nspec: {airflow: \"3.1\"}\n---\n" +
		"apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: dev}\n---\n" +
		"apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [dev]}\n",
	"orders/project.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: orders}\nspec:\n  owner: team-orders\n  environments: [dev]\n  dags: [\"dags/*.py\"]\n",
	"orders/dags/load.py": "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.empty import EmptyOperator\n\nwith DAG(dag_id=\"load\", schedule=None):\n" +
		"    a = EmptyOperator(task_id=\"a\")\n    b = EmptyOperator(task_id=\"b\")\n    a >> b\n    b >> a\n",
}

// TestTrunklineInItsImage runs Trunkline from its own image, as a container would: what is written in C works there, and it follows a repository.
func TestTrunklineInItsImage(t *testing.T) {
	if *imageLayout == "" {
		t.Skip("it needs an image of Trunkline itself: make test-image")
	}
	img := ofThisMachine(t, *imageLayout)
	data := t.TempDir()
	if err := os.Chmod(data, 0o777); err != nil {
		t.Fatal(err)
	}
	if out, err := inImage(t, img, data, "version"); err != nil || !strings.HasPrefix(out, "trunkline v") {
		t.Fatalf("version: %v\n%s", err, out)
	}

	repo := filepath.Join(data, "acme.git")
	for name, text := range platform {
		file := filepath.Join(repo, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := inImage(t, img, data, "validate", "/data/acme.git"); err == nil || !strings.Contains(out, "cycle") || !strings.Contains(out, "load.py:7") {
		t.Errorf("a DAG with a cycle is not refused where it is: %v\n%s", err, out)
	}

	git := commit(t, repo)
	server := httptest.NewServer(served(t, repo))
	defer server.Close()
	if err := os.WriteFile(filepath.Join(data, "kubeconfig"), []byte(nowhere), 0o600); err != nil {
		t.Fatal(err)
	}
	log, end := serve(t, img, data, "--repo", server.URL+"/acme.git", "--poll", "1s", "--cluster", "dev=/data/kubeconfig", "--listen", "127.0.0.1:0", "--data", "/data/daemon")
	log.await(t, `commit refused|refuses`)
	dag := filepath.Join(repo, "orders", "dags", "load.py")
	if err := os.WriteFile(dag, []byte(strings.Replace(platform["orders/dags/load.py"], "    b >> a\n", "", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	git("add", ".")
	git("commit", "--quiet", "--message", "no cycle")
	log.await(t, `commit accepted`)
	address := regexp.MustCompile(`listen\W+(127\.0\.0\.1:[1-9][0-9]*)`).FindStringSubmatch(log.String())
	if address == nil {
		t.Fatalf("it does not say where it listens:\n%s", log)
	}
	out, err := inImage(t, img, data, "history", "--server", "http://"+address[1])
	if err != nil || !strings.Contains(out, "accepted") {
		t.Errorf("the history: %v\n%s", err, out)
	}
	end()
}

const nowhere = `{apiVersion: v1, kind: Config, current-context: x, clusters: [{name: x, cluster: {server: "https://127.0.0.1:1"}}], contexts: [{name: x, context: {cluster: x, user: x}}], users: [{name: x, user: {token: x}}]}`

// ofThisMachine is the image of a layout that this machine can run.
func ofThisMachine(t *testing.T, dir string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	var find func(v1.ImageIndex) v1.Image
	find = func(index v1.ImageIndex) v1.Image {
		all, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all.Manifests {
			if m.MediaType.IsIndex() {
				below, err := index.ImageIndex(m.Digest)
				if err != nil {
					t.Fatal(err)
				}
				if img := find(below); img != nil {
					return img
				}
			}
			if m.Platform != nil && m.Platform.OS == "linux" && m.Platform.Architecture == runtime.GOARCH {
				img, err := index.Image(m.Digest)
				if err != nil {
					t.Fatal(err)
				}
				return img
			}
		}
		return nil
	}
	img := find(index)
	if img == nil {
		t.Fatalf("%s has no image for linux/%s", dir, runtime.GOARCH)
	}
	return img
}

// served serves a repository as git does.
func served(t *testing.T, repo string) http.Handler {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	return &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"), Logger: log.New(io.Discard, "", 0), Stderr: io.Discard,
		Env: []string{
			"GIT_PROJECT_ROOT=" + filepath.Dir(repo), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + t.TempDir(),
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
	}
}

// printed is what a program has printed so far.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// await waits until something was printed.
func (p *printed) await(t *testing.T, pattern string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for what := regexp.MustCompile(pattern); !what.MatchString(p.String()); {
		select {
		case <-p.more:
		case <-ctx.Done():
			t.Fatalf("%q was not printed:\n%s", pattern, p)
		}
	}
}

// serve runs the daemon of an image until it is ended, which it is told as a cluster does.
func serve(t *testing.T, img v1.Image, data string, args ...string) (log *printed, end func()) {
	t.Helper()
	log = &printed{more: make(chan struct{}, 1)}
	cmd := command(t, img, data, append([]string{"serve"}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return log, func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("it was told to end: %v\n%s", err, log)
		}
	}
}
