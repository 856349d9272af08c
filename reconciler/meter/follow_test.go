// SPDX-License-Identifier: Apache-2.0

package meter_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/meter"
	"trunkline.dev/trunkline/test/clustertest"
)

// waitTimeout bounds every wait; it is long, since only a failing test waits for all of it.
const waitTimeout = 2 * time.Minute

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	late := time.After(waitTimeout)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !so() {
		select {
		case <-late:
			t.Fatalf("waiting for %s", what)
		case <-look.C:
		}
	}
}

// priced is a platform on which a core costs a euro a second, so that amounts are lengths.
func priced(t *testing.T) *catalog.Catalog {
	t.Helper()
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	tree := fstest.MapFS{}
	for name, text := range map[string]string{
		"trunkline.yaml":      "kind: Platform\nmetadata: {name: acme}\nspec: {rates: {currency: EUR, cpu: \"3600\", memory: \"0\", storage: \"0\"}}\n",
		"test.yaml":           "kind: Cluster\nmetadata: {name: test}\n",
		"prod.yaml":           "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [test]}\n",
		"orders/project.yaml": "kind: Project\nmetadata: {name: orders}\nspec: {owner: team-orders, environments: [prod], image: i, workloads: [{name: load, blueprint: container-job}]}\n",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(head + text)}
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	return cat
}

// sleeper is a pod of a workload that runs for some seconds.
func sleeper(namespace, name string, seconds int) *corev1.Pod {
	now := int64(0)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
			"trunkline.dev/project": "orders", "trunkline.dev/environment": "prod", "trunkline.dev/workload": "load", "trunkline.dev/run": name,
			"trunkline.dev/lot": "20261121pt5m144",
		}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, TerminationGracePeriodSeconds: &now,
			Containers: []corev1.Container{{
				Name: "load", Image: "trunkline.local/host", Command: []string{"sleep", fmt.Sprint(seconds)},
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("64Mi")}},
			}},
		},
	}
}

// TestPodsOfACluster: pods that end, while someone looks and while nobody does, seen by two replicas and after a restart, cost what
// their own times say.
func TestPodsOfACluster(t *testing.T) {
	c := clustertest.Start(t, clustertest.Options{Mode: clustertest.Exec})
	client, namespace := c.Client(t), c.Namespace(t)
	d, err := history.SQLite(filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	ledger, cat := open(t, d), priced(t)
	begin := func() (stop func()) {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		m := meter.New(meter.Options{
			Ledger: open(t, d), Platform: func() string { return "acme" }, Catalog: func() *catalog.Catalog { return cat },
			Log: slog.New(slog.DiscardHandler), Now: time.Now, Interval: time.Second,
		})
		m.SetClusters([]meter.Cluster{{Name: "test", Key: "test", Config: func() (*rest.Config, error) { return c.Config, nil }}})
		ended := make(chan struct{})
		go func() { defer close(ended); m.Run(ctx) }()
		return func() { cancel(); <-ended }
	}
	f := usage.Filter{Platform: "acme", Since: time.Now().AddDate(0, 0, -2), Until: time.Now().AddDate(0, 0, 2), By: []usage.Dimension{usage.ByRun, usage.ByOwner}}
	counted := func() map[string]usage.Row {
		out := map[string]usage.Row{}
		for _, r := range query(t, ledger, f).Rows {
			out[r.Run] = r
		}
		return out
	}
	stopOne, stopOther := begin(), begin()
	await(t, "the first look", func() bool {
		since, known, err := ledger.Began(t.Context(), "acme")
		return err == nil && known && time.Since(since) > time.Second // times of pods are whole seconds
	})
	create := func(pod *corev1.Pod) {
		t.Helper()
		if _, err := client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	create(sleeper(namespace, "short", 2))
	create(sleeper(namespace, "deleted", 600))
	create(sleeper(namespace, "away", 6))
	await(t, "the pods to be counted", func() bool { n := counted(); return n["deleted"].Nano > 0 && n["away"].Nano > 0 })
	await(t, "what a run uses to be measured", func() bool {
		samples, err := ledger.Samples(t.Context(), "acme", "orders", "prod", "deleted")
		return err == nil && len(samples) > 1 && samples[0].RequestedCores == 0.5 && samples[0].RequestedMiB == 64 && samples[0].At.Before(samples[len(samples)-1].At)
	})
	stopOne()
	stopOther()
	length := ended(t, client, namespace, "away") // which nobody saw
	restarted := begin()
	defer func() { restarted() }()
	await(t, "the end that nobody saw", func() bool { return counted()["away"].Nano == length })
	if err := client.CoreV1().Pods(namespace).Delete(t.Context(), "deleted", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the pod to be gone", func() bool {
		_, err := client.CoreV1().Pods(namespace).Get(t.Context(), "deleted", metav1.GetOptions{})
		return err != nil
	})
	restarted()
	before := counted()["deleted"].Nano
	restarted = begin()
	for name, want := range map[string]int64{"short": ended(t, client, namespace, "short"), "away": length} {
		got := counted()[name]
		if got.Nano != want || got.Owner != "team-orders" {
			t.Errorf("%s is %d of %q, and its own times say %d", name, got.Nano, got.Owner, want)
		}
	}
	if before == 0 || counted()["deleted"].Nano != before {
		t.Errorf("what is gone is %d, and was %d", counted()["deleted"].Nano, before)
	}
	f.By = []usage.Dimension{usage.ByLot}
	if rows := query(t, ledger, f).Rows; len(rows) != 1 || rows[0].Lot != "20261121PT5M144" {
		t.Errorf("all are of one lot: %+v", rows)
	}
}

// TestWhatPodsUse: what the cluster measures of pods is noted beside what they request: most of a core and some memory of one
// that computes, and next to nothing of one that sleeps.
func TestWhatPodsUse(t *testing.T) {
	c := clustertest.Start(t, clustertest.Options{Mode: clustertest.Exec})
	client, namespace := c.Client(t), c.Namespace(t)
	d, err := history.SQLite(filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	ledger, cat := open(t, d), priced(t)
	for name, command := range map[string][]string{
		"computes": {"python3", "-c", "held = b'x' * (128 << 20)\nwhile True: pass"}, "sleeps": {"sleep", "600"},
	} {
		pod := sleeper(namespace, name, 0)
		pod.Spec.Containers[0].Command = command
		if _, err := client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	m := meter.New(meter.Options{
		Ledger: ledger, Platform: func() string { return "acme" }, Catalog: func() *catalog.Catalog { return cat },
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Interval: time.Second,
	})
	m.SetClusters([]meter.Cluster{{Name: "test", Key: "test", Config: func() (*rest.Config, error) { return c.Config, nil }}})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); m.Run(ctx) }()
	defer func() { cancel(); <-ran }()
	f := usage.Filter{Platform: "acme", Since: time.Now().AddDate(0, 0, -2), Until: time.Now().AddDate(0, 0, 2), By: []usage.Dimension{usage.ByRun}}
	await(t, "what is used to be counted", func() bool {
		rows := map[string]usage.Row{}
		for _, r := range query(t, ledger, f).Rows {
			rows[r.Run] = r
		}
		busy, idle := rows["computes"], rows["sleeps"]
		// Memory is held all the time; of the CPU, one that computes may get little on a machine that is busy.
		return busy.UsedGiBHours > 2./3600*0.125 && busy.UsedGiBHours > 4*idle.UsedGiBHours && busy.UsedCoreHours > 10*idle.UsedCoreHours && busy.UsedCoreHours > 0
	})
}

// ended waits until a pod has ended, and returns what it cost by its own times, in billionths: half a core, for a euro a second.
func ended(t *testing.T, client kubernetes.Interface, namespace, name string) (nano int64) {
	t.Helper()
	await(t, name+" to end", func() bool {
		p, err := client.CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil || p.Status.Phase != corev1.PodSucceeded {
			return false
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled {
				nano = int64(p.Status.ContainerStatuses[0].State.Terminated.FinishedAt.Sub(c.LastTransitionTime.Time)/time.Second) * usage.Nano / 2
			}
		}
		return true
	})
	return nano
}
