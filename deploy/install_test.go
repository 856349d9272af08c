// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

const (
	// waitTimeout bounds every wait; only a failing test waits for all of it.
	waitTimeout = 90 * time.Second
	interval    = 100 * time.Millisecond
	token       = "a-token-of-tests"
)

// installed is the chart on a cluster whose pods are processes of this machine, and a platform that it follows.
type installed struct {
	t       *testing.T
	cluster *clustertest.Cluster
	// dir is seen by all pods.
	dir  string
	repo *gittest.Repo
}

// projects are what the platform has.
var projects = []string{"billing", "orders", "sales", "stock"}

func newInstalled(t *testing.T) *installed {
	t.Helper()
	i := &installed{t: t, dir: t.TempDir(), repo: gittest.New(t)}
	i.cluster = clustertest.Start(t, clustertest.Options{
		Name: "chart", Mode: clustertest.Exec, Args: []string{"--mount", i.dir + "=" + i.dir, "--mount", i.repo.Path() + "=" + i.repo.Path()},
	})
	program := filepath.Join(i.dir, "trunkline-1")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "trunkline.dev/trunkline/cmd/trunkline").CombinedOutput(); err != nil {
		t.Fatalf("building trunkline: %v\n%s", err, out)
	}
	if err := os.Link(program, filepath.Join(i.dir, "trunkline-2")); err != nil {
		t.Fatal(err)
	}
	core := i.cluster.Client(t).CoreV1()
	if _, err := core.Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	tokens := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "trunkline-tokens"}, StringData: map[string]string{"tokens": "ann: " + token + "\n"}}
	if _, err := core.Secrets(system).Create(t.Context(), tokens, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			i.tell(system)
		}
	})
	return i
}

// tell logs what the pods of the daemon log.
func (i *installed) tell(namespace string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.t.Context()), 10*time.Second)
	defer cancel()
	core := i.cluster.Client(i.t).CoreV1()
	pods, err := core.Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		i.t.Log(err)
		return
	}
	for _, pod := range pods.Items {
		lines := int64(40)
		text, err := core.Pods(namespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: &lines}).DoRaw(ctx)
		i.t.Logf("%s is %+v\n%s (%v)", pod.Name, pod.Status, text, err)
	}
}

// commit has all projects be of an image, whose pods are ready once a file of its name is there.
func (i *installed) commit(image string) string {
	i.t.Helper()
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	files := map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: chart}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], serviceAccount: {name: deployer, clusterRole: trunkline-deployer}}\n",
	}
	for _, project := range projects {
		files[project+"/project.yaml"] = head + fmt.Sprintf(`kind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:%s
  workloads:
    - name: web
      blueprint: service
      command: [sleep, "3600"]
      params: {user: 1000, probe: {command: [test, -e, %s/ready-%[2]s]}}
`, project, image, i.dir)
	}
	return i.repo.Commit(i.t, "image "+image, files)
}

// release lets the pods of an image be ready.
func (i *installed) release(image string) {
	i.t.Helper()
	if err := os.WriteFile(filepath.Join(i.dir, "ready-"+image), nil, 0o600); err != nil {
		i.t.Fatal(err)
	}
}

// helm runs Helm on the cluster, and waits until what it did is ready.
func (i *installed) helm(args ...string) {
	i.t.Helper()
	args = append(args, "--namespace", system, "--kubeconfig", i.cluster.Kubeconfig, "--wait", "--timeout", waitTimeout.String())
	if _, err := run(i.t.Context(), cached.Helm(i.t), args...); err != nil {
		i.t.Fatal(err)
	}
}

// values are those of a version of the program.
func (i *installed) values(version string) []string {
	i.t.Helper()
	file := filepath.Join(i.dir, "values-"+version+".yaml")
	text := fmt.Sprintf(`image: {repository: trunkline.local/host, tag: %[1]q}
command: [%[2]s/trunkline-%[1]s]
replicas: 2
minReadySeconds: 1
config:
  repository: {url: %[3]q, poll: 1s}
  clusters: [{name: test, inCluster: true}]
  replicas: {home: test, shards: true}
  history: {store: "off"}
tokens: {secret: trunkline-tokens}
# The pods of this cluster share a network, and each has an address of its own.
extraArgs: ["--listen=$(POD_IP):8080"]
`, version, i.dir, i.repo.URL())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
	return []string{"trunkline", chart, "--values", file}
}

// await looks again and again until the state is as wanted.
func (i *installed) await(what string, ok func() (bool, string)) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), waitTimeout)
	defer cancel()
	for {
		done, state := ok()
		if done {
			return
		}
		select {
		case <-ctx.Done():
			i.t.Fatalf("waiting for %s: %s", what, state)
		case <-time.After(interval):
		}
	}
}

// replicas asks each pod of the daemon for the state of the platform, by the name of the pod; of one that does not answer there is nothing.
func (i *installed) replicas() map[string]status.Platform {
	i.t.Helper()
	pods, err := i.cluster.Client(i.t).CoreV1().Pods(system).List(i.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=trunkline"})
	if err != nil {
		i.t.Fatal(err)
	}
	out := map[string]status.Platform{}
	for _, pod := range pods.Items {
		c, err := client.New("http://"+pod.Status.PodIP+":8080", client.Options{Token: token})
		if err != nil {
			continue // it has no address yet
		}
		if p, err := c.Status(i.t.Context()); err == nil {
			out[pod.Name] = p
		}
	}
	return out
}

// awaitReleases waits until each project is at a commit with some health, by what the replica that has it says.
func (i *installed) awaitReleases(commit string, health status.Health) {
	i.t.Helper()
	i.await(fmt.Sprintf("all releases to be %s at %s", health, commit[:8]), func() (bool, string) {
		at := map[string]string{}
		for name, p := range i.replicas() {
			for _, r := range p.Releases {
				if r.Result != status.Elsewhere {
					at[r.Project] = fmt.Sprintf("%s on %s, %s and %s", r.Commit, name, r.Result, r.Health)
					if strings.HasPrefix(r.Commit, commit) && r.Health == health {
						at[r.Project] = ""
					}
				}
			}
		}
		wrong := maps.Clone(at)
		maps.DeleteFunc(wrong, func(_, state string) bool { return state == "" })
		return len(at) == len(projects) && len(wrong) == 0, fmt.Sprint(at)
	})
}

// awaitQuiet waits until nothing of the releases changes any more by itself: their pods run, and are not ready.
func (i *installed) awaitQuiet() map[string]string {
	i.t.Helper()
	var last map[string]string
	since := time.Now()
	i.await("the releases to be quiet", func() (bool, string) {
		now := i.members()
		if !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		return time.Since(since) > 2*time.Second, fmt.Sprint(now)
	})
	return last
}

// members are the objects of releases, by kind, namespace and name, with their UIDs and versions, and the pods that were made for them.
func (i *installed) members() map[string]string {
	i.t.Helper()
	out := map[string]string{}
	list := func(selector string) {
		for _, o := range objects(i.t, i.cluster, selector) {
			out[o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName()] = string(o.GetUID()) + " " + o.GetResourceVersion()
		}
	}
	list("applyset.kubernetes.io/part-of")
	for _, project := range projects {
		pods, err := i.cluster.Client(i.t).CoreV1().Pods(project+"-dev").List(i.t.Context(), metav1.ListOptions{})
		if err != nil {
			i.t.Fatal(err)
		}
		for _, pod := range pods.Items {
			out["Pod "+pod.Namespace+"/"+pod.Name] = string(pod.UID)
		}
	}
	return out
}

// programs are the images that the replicas run.
func (i *installed) programs() []string {
	i.t.Helper()
	pods, err := i.cluster.Client(i.t).CoreV1().Pods(system).List(i.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=trunkline"})
	if err != nil {
		i.t.Fatal(err)
	}
	var out []string
	for _, pod := range pods.Items {
		out = append(out, pod.Spec.Containers[0].Image)
	}
	slices.Sort(out)
	return out
}

// TestInstall: an API server takes all objects of the chart and of Kustomize. The chart is installed, and what a repository declares becomes healthy. In the middle of roll-outs it is upgraded and downgraded again, and
// none of the releases is touched: each is where it was, and goes on from there.
func TestInstall(t *testing.T) {
	i := newInstalled(t)
	accepts(t, i.cluster)
	first := i.commit("1")
	i.release("1")
	i.helm(append([]string{"install"}, i.values("1")...)...)
	i.awaitReleases(first, status.Healthy)

	for n, change := range []struct {
		what, image string
		act         []string
		programs    []string
	}{
		{
			what: "the upgrade", image: "2", act: append([]string{"upgrade"}, i.values("2")...),
			programs: []string{"trunkline.local/host:2", "trunkline.local/host:2"},
		},
		{
			what: "the downgrade", image: "3", act: []string{"rollback", "trunkline", "1"},
			programs: []string{"trunkline.local/host:1", "trunkline.local/host:1"},
		},
	} {
		commit := i.commit(change.image)
		i.awaitReleases(commit, status.Progressing)
		before := i.awaitQuiet()
		i.helm(change.act...)
		if diff := cmp.Diff(change.programs, i.programs()); diff != "" {
			t.Fatalf("after %s other programs run (-want +got):\n%s", change.what, diff)
		}
		i.awaitReleases(commit, status.Progressing) // as the new replicas see them
		if diff := cmp.Diff(before, i.members()); diff != "" {
			t.Errorf("%s touched releases (-before +after):\n%s", change.what, diff)
		}
		i.release(change.image)
		i.awaitReleases(commit, status.Healthy)
		if n == 0 && len(i.replicas()) != 2 {
			t.Errorf("%d replicas answer, want 2", len(i.replicas()))
		}
	}
}
