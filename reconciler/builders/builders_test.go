// SPDX-License-Identifier: Apache-2.0

package builders_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/builders"
	"trunkline.dev/trunkline/render/kustomize"
)

// TestMain is also the program that the pools of these tests start.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != "worker" {
		os.Exit(m.Run())
	}
	switch os.Args[2] {
	case "work":
		if err := builders.Work(os.Stdin, os.Stdout, func() { os.Exit(0) }, languages); err != nil {
			os.Exit(1)
		}
	case "once": // does one build, and is dead when the second comes
		_ = builders.Work(&oneBuild{File: os.Stdin}, os.Stdout, func() { os.Exit(1) }, languages)
	case "hang":
		_, _ = os.Stdin.Read(make([]byte, 1))
		select {}
	case "garbage":
		_, _ = os.Stdout.WriteString("this is no frame")
		select {}
	case "starter": // starts a worker of its own, says which, and waits to be killed
		starter()
	}
}

// oneBuild ends before the second frame. No file is asked for in the test of it.
type oneBuild struct {
	*os.File

	used bool
}

func (o *oneBuild) Read(p []byte) (int, error) {
	n, err := o.File.Read(p)
	if n > 0 && o.used {
		os.Exit(1)
	}
	o.used = true
	return n, err
}

func newPool(t testing.TB, mode string, opts builders.Options) *builders.Pool {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	opts.Command = []string{exe, "worker", mode}
	if racing {
		opts.Memory = 1 << 50
	}
	p := builders.New(opts)
	t.Cleanup(p.Close)
	return p
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\ndata: {a: b}\n"

func input(b kustomize.Builder, files map[string]string) kustomize.Input {
	tree := fstest.MapFS{"app/base.yaml": {Data: []byte(configMap)}}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return kustomize.Input{FS: tree, Dir: "app", Builder: b, Context: map[string]string{"image": "img"}}
}

func rendered(ctx context.Context, in kustomize.Input) (string, error) {
	objects, err := kustomize.Render(ctx, in)
	var out strings.Builder
	for _, o := range objects {
		data, err := o.MarshalJSON()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%s: %s\n", o.Source, data)
	}
	return out.String(), err
}

var plain = map[string]string{"app/kustomization.yaml": "resources: [base.yaml]\nnamePrefix: p-\n"}

// cases are kustomizations that use what a build can: those that fail among them.
var cases = map[string]map[string]string{
	"Plain": plain,
	"Base": {
		"app/kustomization.yaml": "resources: [../lib]\nnamePrefix: p-\nconfigMapGenerator: [{name: g, files: [f.txt]}]\n",
		"lib/kustomization.yaml": "resources: [../app/base.yaml]\n", "app/f.txt": "text",
	},
	"Component": {"app/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [base.yaml]\nreplacements:\n" +
		"  - source: {kind: ConfigMap, name: trunkline, fieldPath: data.image}\n    targets: [{select: {name: base}, fieldPaths: [data.a]}]\n"},
	"Schema": {
		"app/kustomization.yaml": "resources: [t.yaml]\nopenapi: {path: s.json}\npatches: [{patch: '{apiVersion: acme.io/v1, kind: Thing, metadata: {name: t}, spec: {parts: [{id: b, v: 3}]}}'}]\n",
		"app/t.yaml":             "apiVersion: acme.io/v1\nkind: Thing\nmetadata: {name: t}\nspec: {parts: [{id: a, v: 1}, {id: b, v: 2}]}\n",
		"app/s.json": `{"definitions": {"io.acme.v1.Thing": {"x-kubernetes-group-version-kind": [{"group": "acme.io", "kind": "Thing", "version": "v1"}], "properties": {"spec": ` +
			`{"properties": {"parts": {"type": "array", "x-kubernetes-patch-merge-key": "id", "x-kubernetes-patch-strategy": "merge", "items": {"type": "object"}}}}}}}}`,
	},
	"Chart": {
		"app/kustomization.yaml": "helmCharts: [{name: c, releaseName: r}]\nnameSuffix: -s\n", "app/charts/c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
		"app/charts/c/values.yaml": "{}\n", "app/charts/c/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n",
	},
	"NoTarget": {"app/kustomization.yaml": "resources: [base.yaml]\npatches: [{patch: '{apiVersion: v1, kind: X, metadata: {name: none}}'}]\n"},
	"Twice":    {"app/kustomization.yaml": "resources: [base.yaml, base.yaml]\n"},
	"Empty":    {"app/kustomization.yaml": "resources: []\n"},
	"Missing":  {"app/kustomization.yaml": "resources: [none.yaml]\n"},
}

// TestSameAsInProcess: where a build runs makes no difference to what comes of it, nor to what is said.
func TestSameAsInProcess(t *testing.T) {
	pool := newPool(t, "work", builders.Options{})
	for name, files := range cases {
		for _, trace := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, trace), func(t *testing.T) {
				here, away := input(kustomize.InProcess{}, files), input(pool, files)
				here.Trace, away.Trace = trace, trace
				want, wantErr := rendered(t.Context(), here)
				got, gotErr := rendered(t.Context(), away)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("objects (-here +away):\n%s", diff)
				}
				if diff := cmp.Diff(fmt.Sprint(wantErr), fmt.Sprint(gotErr)); diff != "" {
					t.Errorf("error (-here +away):\n%s", diff)
				}
			})
		}
	}
}

// TestAsksForWhatItLacks: a file that did not come with the job is asked for, and what is there is what the tree has.
func TestAsksForWhatItLacks(t *testing.T) {
	pool := newPool(t, "work", builders.Options{})
	var asked []string
	files := map[string]string{"/tree/kustomization.yaml": "resources: [a.yaml]\n", "/tree/a.yaml": configMap}
	objects, err := pool.Build(t.Context(), kustomize.Job{Root: "/tree", Stat: func(name string) kustomize.Entry {
		asked = append(asked, name)
		if name == "/tree" {
			return kustomize.Entry{Kind: kustomize.Folder}
		}
		if text, there := files[name]; there {
			return kustomize.Entry{Kind: kustomize.File, Data: []byte(text)}
		}
		return kustomize.Entry{Kind: kustomize.Missing}
	}})
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	if len(asked) < 3 {
		t.Errorf("asked for %v only", asked)
	}
}

// TestManyAtOnce has more builds than processes, for the race detector too.
func TestManyAtOnce(t *testing.T) {
	pool := newPool(t, "work", builders.Options{Workers: 2})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			prefix := fmt.Sprintf("p%d-", i)
			got, err := rendered(t.Context(), input(pool, map[string]string{"app/kustomization.yaml": "resources: [base.yaml]\nnamePrefix: " + prefix + "\n"}))
			if err != nil || !strings.Contains(got, `"name":"`+prefix+`base"`) {
				t.Errorf("build %d: %s, %v", i, got, err)
			}
		})
	}
	wg.Wait()
}

// TestEnds: whatever a process does, the build ends with a word about it, and the pool goes on.
func TestEnds(t *testing.T) {
	t.Run("Cancelled", func(t *testing.T) {
		pool := newPool(t, "hang", builders.Options{Workers: 1})
		ctx, cancel := context.WithCancelCause(t.Context())
		go cancel(errors.New("a newer commit"))
		for range 2 { // the second finds the slot free
			if _, err := rendered(ctx, input(pool, plain)); err == nil || !strings.Contains(err.Error(), "a newer commit") {
				t.Errorf("got %v, want the cause of the context", err)
			}
		}
	})
	t.Run("TooLong", func(t *testing.T) {
		pool := newPool(t, "hang", builders.Options{Timeout: 50 * time.Millisecond})
		wantTransient(t, pool, plain, "it took more than 50ms")
	})
	t.Run("Garbage", func(t *testing.T) {
		wantTransient(t, newPool(t, "garbage", builders.Options{}), plain, "a message of more than 64 MiB")
	})
	t.Run("NoProgram", func(t *testing.T) {
		pool := builders.New(builders.Options{Command: []string{filepath.Join(t.TempDir(), "none")}})
		defer pool.Close()
		wantTransient(t, pool, plain, "starting it")
	})
	t.Run("Closed", func(t *testing.T) {
		pool := newPool(t, "work", builders.Options{})
		pool.Close()
		if _, err := rendered(t.Context(), input(pool, plain)); err == nil || !strings.Contains(err.Error(), "the daemon is ending") {
			t.Errorf("got %v", err)
		}
	})
}

func wantTransient(t *testing.T, pool *builders.Pool, files map[string]string, want string) {
	t.Helper()
	_, err := rendered(t.Context(), input(pool, files))
	transient, ok := errors.AsType[*builders.Error](err)
	if !ok || !transient.Transient() || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want one that says %q", err, want)
	}
}

// TestDiedBefore: a process that is dead when it is needed again costs nobody their build.
func TestDiedBefore(t *testing.T) {
	pool := newPool(t, "once", builders.Options{Workers: 1})
	for i := range 3 {
		if _, err := rendered(t.Context(), input(pool, plain)); err != nil {
			t.Fatalf("build %d: %v", i, err)
		}
	}
}

// bomb copies the table of a ConfigMap into itself, forty times.
func bomb() map[string]string {
	var b strings.Builder
	b.WriteString("resources: [base.yaml]\nreplacements:\n")
	for i := range 40 {
		fmt.Fprintf(&b, "  - source: {kind: ConfigMap, fieldPath: data}\n    targets: [{select: {kind: ConfigMap}, fieldPaths: [data.x%d], options: {create: true}}]\n", i)
	}
	return map[string]string{"app/kustomization.yaml": b.String()}
}

// TestTooMuchMemory: what would take all memory takes its own process only.
func TestTooMuchMemory(t *testing.T) {
	if racing {
		t.Skip("the race detector takes memory that no limit can hold")
	}
	pool := newPool(t, "work", builders.Options{Memory: 256 << 20})
	wantTransient(t, pool, bomb(), "it took more than 256 MiB of memory")
	if _, err := rendered(t.Context(), input(pool, plain)); err != nil {
		t.Errorf("the next build: %v", err)
	}
}

// starter is the daemon of the test below.
func starter() {
	exe, err := os.Executable()
	if err != nil {
		os.Exit(1)
	}
	opts := builders.Options{Command: []string{"/bin/sh", "-c", `echo $$ > "$0"; exec "$1" worker work`, os.Args[3], exe}}
	if racing {
		opts.Memory = 1 << 50
	}
	if _, err := rendered(context.Background(), input(builders.New(opts), plain)); err != nil {
		os.Exit(1)
	}
	fmt.Println("built")
	select {}
}

// TestNothingIsLeft: a worker ends when whoever started it is killed, which can close nothing.
func TestNothingIsLeft(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); errors.Is(err, fs.ErrNotExist) {
		t.Skip("no shell that says the number of its process")
	}
	pidFile := filepath.Join(t.TempDir(), "pid")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), exe, "worker", "starter", pidFile)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 6)
	if _, err := out.Read(line); err != nil {
		t.Fatalf("the daemon of the test did not build: %v", err)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	awaitEnd(t, pid)
}
