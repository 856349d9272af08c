package reconciler_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// BenchmarkPushToApplied measures the time from a commit in the repository to all objects of the one project
// that it changes being applied, in platforms of several sizes. Beside it, in the same run: the same objects
// applied by server-side apply alone ("bare-ns/op"), and how many times that the whole takes ("x-bare").
func BenchmarkPushToApplied(b *testing.B) {
	for _, size := range []int{1, 50} {
		b.Run(fmt.Sprintf("projects=%d", size), func(b *testing.B) { benchmarkPush(b, size) })
	}
}

func benchmarkPush(b *testing.B, size int) {
	c := pkg.Cluster(b)
	name := fmt.Sprintf("bench%d", size)
	files := platform(name, nil)
	for i := range size {
		files[fmt.Sprintf("p%d.yaml", i)] = service(fmt.Sprintf("%s-p%d", name, i), "img:0")
	}
	repo := gittest.New(b)
	repo.Commit(b, "first", files)
	store, err := git.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	board := status.NewBoard(time.Now)
	rec, err := reconciler.New(reconciler.Options{
		Clusters: []cluster.Config{{Name: "test", Kubeconfig: c.Kubeconfig}},
		Library:  blueprints.FS, Renderer: render.New(blueprints.FS), Board: board, Now: time.Now,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		rec.Run(ctx)
		close(done)
	}()
	defer func() {
		cancel()
		<-done
	}()
	follower := &reconciler.Follower{Store: store, Reconciler: rec, Board: board, Log: slog.New(slog.DiscardHandler)}
	remote := git.Remote{URL: repo.URL(), Branch: "main"}
	take := func() {
		head, err := store.Fetch(ctx, remote)
		if err != nil {
			b.Fatal(err)
		}
		follower.Head(ctx, head)
	}
	await := func(ok func(status.Platform) bool) {
		for p := board.Snapshot(); !ok(p); p = board.Wait(ctx, p.Revision) {
			if ctx.Err() != nil {
				b.Fatal(ctx.Err())
			}
		}
	}
	take()
	await(func(p status.Platform) bool { return p.Fine() && len(p.Releases) == size })

	changed := name + "-p0"
	n := 0
	for b.Loop() {
		n++
		b.StopTimer()
		commit := repo.Commit(b, "change", tree{"p0.yaml": service(changed, fmt.Sprintf("img:%d", n))})
		b.StartTimer()
		take()
		await(func(p status.Platform) bool {
			r := release(p, changed)
			return r.Commit == commit && r.Result == status.Applied
		})
	}
	ours := b.Elapsed() / time.Duration(b.N)
	bare := bareApply(b, files.with(tree{"p0.yaml": service(changed, "img:0")}), changed, n)
	b.ReportMetric(float64(bare.Nanoseconds()), "bare-ns/op")
	b.ReportMetric(float64(ours)/float64(bare), "x-bare")
}

// bareApply applies the one object of the project that its change alters, as often, with nothing around it.
func bareApply(b *testing.B, files tree, project string, times int) time.Duration {
	b.Helper()
	fsys := fstest.MapFS{}
	for path, text := range files {
		fsys[path] = &fstest.MapFile{Data: []byte(text)}
	}
	cat, problems, err := catalog.Load(fsys, blueprints.FS)
	if err != nil || problems.Denied() {
		b.Fatal(err, problems)
	}
	var objects []*unstructured.Unstructured
	for rel := range cat.Releases() {
		if rel.ID.Project != project {
			continue
		}
		result, err := render.New(blueprints.FS).Render(b.Context(), fsys, rel)
		if err != nil {
			b.Fatal(err)
		}
		for _, o := range result.Objects {
			if o.GetKind() == "Deployment" {
				objects = append(objects, o)
			}
		}
	}
	client, err := dynamic.NewForConfig(pkg.Cluster(b).Config)
	if err != nil {
		b.Fatal(err)
	}
	kinds := map[string]schema.GroupVersionResource{"Deployment": deployments}
	began := time.Now()
	for i := range times {
		var group errgroup.Group
		for _, o := range objects {
			o := o.DeepCopy()
			containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
			containers[0].(map[string]any)["image"] = fmt.Sprintf("bare:%d", i)
			if err := unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers"); err != nil {
				b.Fatal(err)
			}
			group.Go(func() error {
				_, err := client.Resource(kinds[o.GetKind()]).Namespace(o.GetNamespace()).Apply(b.Context(), o.GetName(), o,
					metav1.ApplyOptions{FieldManager: "bare", Force: true})
				return err
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began) / time.Duration(times)
}
