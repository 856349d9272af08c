// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/klog/v2"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/test/clustertest"
)

var pkg clustertest.Package

func TestMain(m *testing.M) {
	// Once, before anything logs: watches of earlier tests may still be ending when the next one begins.
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(clientLog, &slog.HandlerOptions{Level: slog.LevelDebug})))
	pkg.Main(m)
}

// clientLog is what the Kubernetes client logs, for the test that wants to see it.
var clientLog = &redirected{w: io.Discard}

type redirected struct {
	mu sync.Mutex
	w  io.Writer
}

func (r *redirected) to(w io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.w = w
}

func (r *redirected) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.w.Write(p)
}

// How long these tests wait for anything. It is long, since only a failing test waits for all of it.
const patience = 60 * time.Second

// tree is the content of a commit: path to text.
type tree map[string]string

// platform returns a tree with one environment, dev, on the cluster test. The name keeps the tests that share a
// cluster apart.
func platform(name string, more tree) tree {
	t := tree{
		"trunkline.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: " + name + "}\n",
		"cluster.yaml":   "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test]}\n",
	}
	maps.Copy(t, more)
	return t
}

func (t tree) with(more tree) tree {
	out := maps.Clone(t)
	for path, text := range more {
		if text == "" {
			delete(out, path)
			continue
		}
		out[path] = text
	}
	return out
}

func (t tree) fs() fs.FS {
	files := fstest.MapFS{}
	for path, text := range t {
		files[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// service is a project with one Deployment and its Service.
func service(name, image string) string {
	return fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  image: %s
  workloads:
    - {name: web, blueprint: service, command: [serve]}
`, name, image)
}

// manifests is a project whose objects are in a folder beside it.
func manifests(name string) string {
	return fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  workloads:
    - {name: all, blueprint: kustomize, params: {path: objects}}
`, name)
}

const kustomization = "resources: [all.yaml]\n"

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {key: %q}\n", name, value)
}

// daemon is a reconciler under test.
type daemon struct {
	t     testing.TB
	board *status.Board
	rec   *reconciler.Reconciler
	stop  func()

	mu     sync.Mutex
	runs   []reconciler.Run
	events []history.Event
	trees  map[string]tree
}

// start runs a reconciler until the test ends, or stop is called.
func start(t testing.TB, kubeconfig string) *daemon {
	t.Helper()
	return startWith(t, kubeconfig, func(*reconciler.Options) {})
}

// startWith runs a reconciler with other options.
func startWith(t testing.TB, kubeconfig string, change func(*reconciler.Options)) *daemon {
	t.Helper()
	now := time.Now
	d := &daemon{t: t, board: status.NewBoard(now), trees: map[string]tree{}}
	opts := reconciler.Options{
		Clusters: []cluster.Config{{Name: "test", Kubeconfig: kubeconfig}},
		Library:  blueprints.FS, Renderer: render.New(blueprints.FS), Board: d.board, Now: now,
		Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
		Trees: func(_ context.Context, commit string) (fs.FS, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.trees[commit] == nil {
				return nil, fmt.Errorf("there is no commit %s", commit)
			}
			return d.trees[commit].fs(), nil
		},
		Tell: func(e history.Event) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.events = append(d.events, e)
		},
		Observe: func(r reconciler.Run) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.runs = append(d.runs, r)
		},
	}
	change(&opts)
	rec, err := reconciler.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	d.rec = rec
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		rec.Run(ctx)
		close(done)
	}()
	d.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(d.stop)
	return d
}

// testWriter keeps the log for a test that fails.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// accept hands the daemon a commit whose changed paths are known.
func (d *daemon) accept(commit string, now tree, changed ...string) error {
	d.t.Helper()
	d.mu.Lock()
	d.trees[commit] = now
	d.mu.Unlock()
	rev := reconciler.Revision{Commit: status.Commit{Hash: commit}, Tree: now.fs()}
	if changed != nil {
		rev.Changed = func() ([]string, error) { return changed, nil }
	}
	return d.rec.Accept(d.t.Context(), rev)
}

func (d *daemon) mustAccept(commit string, now tree, changed ...string) {
	d.t.Helper()
	if err := d.accept(commit, now, changed...); err != nil {
		d.t.Fatalf("accepting %s: %v\n%s", commit, err, d.board.Snapshot().Source.Problems)
	}
}

// await waits until the state is as the test wants it.
func (d *daemon) await(what string, ok func(status.Platform) bool) status.Platform {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	p := d.board.Snapshot()
	for !ok(p) {
		if ctx.Err() != nil {
			d.t.Fatalf("waiting for %s; the state is\n%s", what, text(p))
		}
		p = d.board.Wait(ctx, p.Revision)
	}
	return p
}

func (d *daemon) awaitFine(commit string) status.Platform {
	d.t.Helper()
	return d.await("everything at "+commit+" to be fine", func(p status.Platform) bool {
		return p.Fine() && p.Source.Accepted.Hash == commit
	})
}

func text(p status.Platform) string {
	var b strings.Builder
	for _, c := range p.Clusters {
		fmt.Fprintf(&b, "cluster %s reachable=%t %s\n", c.Name, c.Reachable, c.Message)
	}
	for _, r := range p.Releases {
		fmt.Fprintf(&b, "%s commit=%s result=%s health=%s %s\n", r.ReleaseID, r.Commit, r.Result, r.Health, r.Message)
	}
	return b.String()
}

func release(p status.Platform, project string) status.Release {
	for _, r := range p.Releases {
		if r.Project == project {
			return r
		}
	}
	return status.Release{ReleaseID: catalog.ReleaseID{Project: "(none)"}}
}

// cell is a cluster as the tests look at it.
type cell struct {
	*clustertest.Cluster
	t      testing.TB
	client dynamic.Interface
}

func look(t testing.TB, c *clustertest.Cluster) cell {
	t.Helper()
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	return cell{c, t, client}
}

var (
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	quotas      = schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}
	pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	jobs        = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	services    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	accounts    = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	crds        = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

func (c cell) get(r schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	c.t.Helper()
	o, err := c.client.Resource(r).Namespace(namespace).Get(c.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// apply applies an object by server-side apply as someone else.
func (c cell) apply(r schema.GroupVersionResource, namespace, name, manager, object string, sub ...string) {
	c.t.Helper()
	force := true
	if _, err := c.client.Resource(r).Namespace(namespace).Patch(c.t.Context(), name, types.ApplyPatchType, []byte(object),
		metav1.PatchOptions{FieldManager: manager, Force: &force}, sub...); err != nil {
		c.t.Fatal(err)
	}
}

// create creates an object, from YAML, as someone else.
func (c cell) create(r schema.GroupVersionResource, namespace, manager, object string) {
	c.t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(object), &o.Object); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.client.Resource(r).Namespace(namespace).Create(c.t.Context(), o, metav1.CreateOptions{FieldManager: manager}); err != nil {
		c.t.Fatal(err)
	}
}

// merge changes an object by a merge patch, as kubectl does.
func (c cell) merge(r schema.GroupVersionResource, namespace, name, manager, patch string, sub ...string) {
	c.t.Helper()
	if _, err := c.client.Resource(r).Namespace(namespace).Patch(c.t.Context(), name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: manager}, sub...); err != nil {
		c.t.Fatal(err)
	}
}

// strategic changes an object by a strategic merge patch, as kubectl set does.
func (c cell) strategic(r schema.GroupVersionResource, namespace, name, manager, patch string) {
	c.t.Helper()
	if _, err := c.client.Resource(r).Namespace(namespace).Patch(c.t.Context(), name, types.StrategicMergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: manager}); err != nil {
		c.t.Fatal(err)
	}
}

// value returns what a ConfigMap of [configMap] holds.
func (c cell) value(namespace, name string) string {
	c.t.Helper()
	v, _, _ := unstructured.NestedString(c.get(configMaps, namespace, name).Object, "data", "key")
	return v
}

// versions maps what of the kinds a namespace holds to its resource version.
func (c cell) versions(namespace string) map[string]string {
	c.t.Helper()
	out := map[string]string{}
	for _, r := range []schema.GroupVersionResource{configMaps, deployments, services, accounts} {
		list, err := c.client.Resource(r).Namespace(namespace).List(c.t.Context(), metav1.ListOptions{LabelSelector: "trunkline.dev/project"})
		if err != nil {
			c.t.Fatal(err)
		}
		for _, o := range list.Items {
			// A Deployment's version also grows with its status.
			out[o.GetKind()+"/"+o.GetName()] = fmt.Sprintf("%s generation %d", o.GetUID(), o.GetGeneration())
			if o.GetKind() != "Deployment" {
				out[o.GetKind()+"/"+o.GetName()] = o.GetResourceVersion()
			}
		}
	}
	return out
}

var errTimeout = errors.New("it did not happen in time")

// awaitGone waits until an object is not there.
func (c cell) awaitGone(r schema.GroupVersionResource, namespace, name string) error {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	opts := metav1.ListOptions{FieldSelector: "metadata.name=" + name}
	for {
		list, err := c.client.Resource(r).Namespace(namespace).List(ctx, opts)
		if err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return nil
		}
		w, err := c.client.Resource(r).Namespace(namespace).Watch(ctx, metav1.ListOptions{
			FieldSelector: opts.FieldSelector, ResourceVersion: list.GetResourceVersion(),
		})
		if err != nil {
			return err
		}
		for e := range w.ResultChan() {
			if e.Type == watch.Deleted {
				break
			}
		}
		w.Stop()
		if ctx.Err() != nil {
			return errTimeout
		}
	}
}

// awaitAnother waits for an object that has another UID than the one before.
func (c cell) awaitAnother(r schema.GroupVersionResource, namespace, name string, before types.UID) *unstructured.Unstructured {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	w, err := c.client.Resource(r).Namespace(namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		c.t.Fatal(err)
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if o, ok := e.Object.(*unstructured.Unstructured); ok && e.Type != watch.Deleted && o.GetUID() != before {
			return o
		}
	}
	c.t.Fatalf("%s %s/%s did not come back", r.Resource, namespace, name)
	return nil
}

// stopScheduling keeps pods of a namespace from being made, so that nothing becomes healthy there any more.
func (c cell) stopScheduling(t *testing.T, namespace string) {
	t.Helper()
	c.apply(quotas, namespace, "none", "test", `{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"none"},"spec":{"hard":{"pods":"0"}}}`)
}

// startScheduling lets pods be made again.
func (c cell) startScheduling(t *testing.T, namespace string) {
	t.Helper()
	if err := c.client.Resource(quotas).Namespace(namespace).Delete(t.Context(), "none", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}
