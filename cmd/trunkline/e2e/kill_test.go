package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"

	"trunkline.dev/trunkline/deploy/clustertest"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
)

const projects = 24

// repository declares the platform with a number of projects.
func repository(count int) map[string]string {
	files := map[string]string{
		"trunkline.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: kill}\n",
		"cluster.yaml":   "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], maxRemovals: 100}\n",
	}
	for i := range count {
		files[projectFile(i)] = fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: kill-%02d}
spec:
  owner: team
  environments: [dev]
  image: img:1
  workloads:
    - {name: web, blueprint: service, command: [serve]}
    - {name: batch, blueprint: container-job, command: [run]}
`, i)
	}
	return files
}

func projectFile(i int) string { return fmt.Sprintf("projects/p%02d.yaml", i) }

// TestKilledInTheMiddle kills the daemon with -9 while it rolls out, and again while it removes, and starts it
// with nothing but what was on its disk, or with nothing at all. The end is the same each time.
func TestKilledInTheMiddle(t *testing.T) {
	cluster := pkg.Cluster(t)
	repo := gittest.New(t)
	repo.Commit(t, "everything", repository(projects))
	flags := func(data string) []string {
		return []string{"--repo", repo.URL(), "--data", data, "--cluster", "test=" + cluster.Kubeconfig, "--poll", "1s"}
	}
	data := t.TempDir()
	for _, after := range []int{1, projects / 3, projects - 2} {
		d := serve(t, flags(data)...)
		d.await(fmt.Sprintf("%d releases to be applied", after), func(p status.Platform) bool { return count(p, status.Applied) >= after })
		d.kill()
	}
	d := serve(t, flags(t.TempDir())...) // the disk is lost
	d.await("everything to be fine", func(p status.Platform) bool { return p.Fine() && len(p.Releases) == projects })
	want := expected(projects)
	if diff := cmp.Diff(want, held(t, cluster)); diff != "" {
		t.Errorf("after being killed while rolling out, the cluster holds: -want +got:\n%s", diff)
	}

	rest := 5
	removal := map[string]string{}
	for i := rest; i < projects; i++ {
		removal[projectFile(i)] = gittest.Delete
	}
	repo.Commit(t, "most are removed", removal)
	d.sync()
	d.await("some releases to be gone", func(p status.Platform) bool { return len(p.Releases) < projects-2 })
	d.kill()
	d = serve(t, flags(t.TempDir())...)
	d.await("everything to be fine", func(p status.Platform) bool { return p.Fine() && len(p.Releases) == rest })
	awaitHeld(t, cluster, expected(rest))

	// What it was rolling out when it was killed is not declared any more when it is back: only a record that
	// was written before the act can tell it what to remove.
	repo.Commit(t, "all are back", repository(projects))
	d.sync()
	d.await("some releases to be applied", func(p status.Platform) bool { return count(p, status.Applied) > rest })
	d.kill()
	repo.Commit(t, "and removed again", removal)
	d = serve(t, flags(t.TempDir())...)
	d.await("everything to be fine", func(p status.Platform) bool { return p.Fine() && len(p.Releases) == rest })
	awaitHeld(t, cluster, expected(rest))
}

func count(p status.Platform, r status.Result) int {
	n := 0
	for _, rel := range p.Releases {
		if rel.Result == r {
			n++
		}
	}
	return n
}

// kinds are those that the projects render to, and the inventories.
var kinds = []schema.GroupVersionResource{
	{Version: "v1", Resource: "namespaces"},
	{Version: "v1", Resource: "serviceaccounts"},
	{Version: "v1", Resource: "services"},
	{Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "batch", Version: "v1", Resource: "jobs"},
	{Version: "v1", Resource: "configmaps"},
}

// expected lists what the cluster must hold; names of Jobs are without the hash.
func expected(count int) []string {
	var out []string
	for i := range count {
		ns := fmt.Sprintf("kill-%02d-dev", i)
		out = append(out,
			"namespaces "+ns, fmt.Sprintf("serviceaccounts %s/kill-%02d", ns, i), "services "+ns+"/web", "deployments "+ns+"/web",
			"jobs "+ns+"/batch", fmt.Sprintf("configmaps trunkline-system/kill.dev.kill-%02d", i))
	}
	slices.Sort(out)
	return out
}

// held lists what the cluster holds of the platform.
func held(t *testing.T, c *clustertest.Cluster) []string {
	t.Helper()
	client, err := metadata.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, kind := range kinds {
		list, err := client.Resource(kind).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=trunkline"})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			name := o.Name
			if kind.Resource == "jobs" {
				name = name[:strings.LastIndex(name, "-")]
			}
			if !strings.HasPrefix(o.Labels["trunkline.dev/project"], "kill-") {
				continue // of another test on this cluster, or Trunkline's own namespace
			}
			if o.Namespace != "" {
				name = o.Namespace + "/" + name
			}
			out = append(out, kind.Resource+" "+name)
		}
	}
	slices.Sort(out)
	return out
}

// awaitHeld waits for the cluster to hold what is wanted: namespaces take their time to go.
func awaitHeld(t *testing.T, c *clustertest.Cluster, want []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		diff := cmp.Diff(want, held(t, c))
		if diff == "" {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the cluster holds: -want +got:\n%s", diff)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
