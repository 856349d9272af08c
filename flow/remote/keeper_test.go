// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/test/clustertest"
)

var pkg clustertest.Package

// waitTimeout bounds every wait; it is long, since only a failing test waits for all of it.
const waitTimeout = 2 * time.Minute

func TestMain(m *testing.M) { pkg.Main(m) }

// declared is a platform whose releases of dev are in a namespace.
func declared(t *testing.T, namespace string, edit ...string) *catalog.Catalog {
	t.Helper()
	replace, tree := strings.NewReplacer(edit...), fstest.MapFS{}
	for name, text := range map[string]string{
		"trunkline.yaml": "kind: Platform\nmetadata: {name: acme}\n",
		"one.yaml":       "kind: Cluster\nmetadata: {name: one}\n",
		"two.yaml":       "kind: Cluster\nmetadata: {name: two}\n",
		"dev.yaml":       "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one], namespace: \"" + namespace + "\", stores: {lake: \"s3://x/y/\"}}\n",
		"prod.yaml":      "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [one, two], reviewed: required, stores: {lake: \"s3://p/\"}}\n",
		"orders.yaml": `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: [dev, prod]
  image: acme.example/orders:1
  datasets: [{name: report, version: "1", path: "lake://report/"}]
  workloads:
    - {name: report, blueprint: container-job, command: [report], writes: {out: report@1}}
`,
	} {
		tree[name] = &fstest.MapFile{Data: []byte("apiVersion: trunkline.dev/v1alpha1\n" + replace.Replace(text))}
	}
	c, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	return c
}

// desk is a keeper of a cluster with the program orders/report.
type desk struct {
	*Keeper

	cluster   *clustertest.Cluster
	namespace string
	accepted  atomic.Pointer[catalog.Catalog]
	now       atomic.Pointer[time.Time]

	mu       sync.Mutex
	happened []Happened
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	c := pkg.Cluster(t)
	d := &desk{cluster: c, namespace: c.Namespace(t)}
	d.accepted.Store(declared(t, d.namespace))
	d.at(time.Now()) // Jobs have the time of the cluster
	labels := map[string]string{"trunkline.dev/project": "orders", "trunkline.dev/environment": "dev", "trunkline.dev/workload": "report"}
	suspended := true
	cron := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Name: "report", Labels: labels}, Spec: batchv1.CronJobSpec{Schedule: "0 0 * * *", Suspend: &suspended}}
	cron.Spec.JobTemplate.Spec.Template.Spec = corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "report", Image: "acme.example/orders:1", Command: []string{"report"}}},
	}
	if _, err := c.Client(t).BatchV1().CronJobs(d.namespace).Create(t.Context(), cron, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	reached := jobs.New("one", func() (*rest.Config, error) { return c.Config, nil }, slog.New(slog.DiscardHandler))
	d.Keeper = New(Options{
		Accepted: d.accepted.Load, Now: func() time.Time { return *d.now.Load() }, Log: slog.New(slog.DiscardHandler),
		Cluster: func(name string) *jobs.Cluster {
			if name == "one" {
				return reached
			}
			return nil
		},
		Happened: func(h Happened) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.happened = append(d.happened, h)
		},
	})
	return d
}

func (d *desk) at(now time.Time) { d.now.Store(&now) }

func (d *desk) start(t *testing.T, detached bool) Run {
	t.Helper()
	run, err := d.Start(t.Context(), Ask{
		Environment: "dev", Project: "orders", Workload: "report", Files: map[string][]byte{"a/report.sh": []byte("exit 0\n")}, Detached: detached, Person: d.namespace, By: asking.By{Name: "ann"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// ends are what the history was told of ends.
func (d *desk) ends() (said []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.happened {
		if h.Ended {
			said = append(said, h.Said)
		}
	}
	return said
}

// swept sweeps once, as a daemon that has started at a time.
func (d *desk) swept(t *testing.T, started time.Time) (left []Run) {
	t.Helper()
	c := d.accepted.Load()
	if err := d.sweep(t.Context(), c, d.opts.Cluster("one"), started); err != nil {
		t.Fatal(err)
	}
	left, err := d.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// TestStartAndCancel: the files are there when a run starts, and however many end it, the history is told once.
func TestStartAndCancel(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run := d.start(t, true)
	client := d.cluster.Client(t)
	job, err := client.BatchV1().Jobs(d.namespace).Get(t.Context(), run.ID, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if *job.Spec.Suspend || job.Annotations["trunkline.dev/waits-for"] != "" {
		t.Errorf("it is not started: suspended %t, %v", *job.Spec.Suspend, job.Annotations)
	}
	files, err := client.CoreV1().ConfigMaps(d.namespace).Get(t.Context(), run.ID, metav1.GetOptions{})
	if err != nil || string(files.BinaryData["file-0"]) != "exit 0\n" || len(files.OwnerReferences) != 1 || files.OwnerReferences[0].UID != job.UID {
		t.Errorf("its files are %v of %v (%v)", files.BinaryData, files.OwnerReferences, err)
	}
	if _, err := d.Cancel(t.Context(), "prod", "orders", run.ID, asking.By{Name: "eve"}); !errors.Is(err, asking.ErrNotFound) {
		t.Errorf("it is ended by its name in another environment: %v", err)
	}
	if _, err := d.Cancel(t.Context(), "dev", "orders", "x/../"+run.ID, asking.By{Name: "eve"}); !errors.Is(err, asking.ErrNotFound) {
		t.Errorf("a path is taken for a name: %v", err)
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := d.Cancel(t.Context(), "dev", "orders", run.ID, asking.By{Name: "ann"}); err != nil && !errors.Is(err, asking.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := d.Cancel(t.Context(), "dev", "orders", run.ID, asking.By{Name: "ann"}); !errors.Is(err, asking.ErrNotFound) {
		t.Errorf("what is removed is there: %v", err)
	}
	if got := d.ends(); len(got) != 1 {
		t.Errorf("the history was told of its end %d times: %q", len(got), got)
	}
}

// TestKept: what has ended does not fill the cluster.
func TestKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	client := d.cluster.Client(t).BatchV1().Jobs(d.namespace)
	first := d.start(t, true)
	last := first
	for range maxKept {
		last = d.start(t, true)
		for end := time.Now().Add(waitTimeout); ; time.Sleep(20 * time.Millisecond) {
			job, err := client.Get(t.Context(), last.ID, metav1.GetOptions{})
			if err != nil || time.Now().After(end) {
				t.Fatalf("waiting for %s to end: %v", last.ID, err)
			}
			if job.Status.CompletionTime != nil {
				break
			}
		}
	}
	d.start(t, true)
	if _, err := client.Get(t.Context(), first.ID, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the oldest of %d that have ended is kept: %v", maxKept+1, err)
	}
	if _, err := client.Get(t.Context(), last.ID, metav1.GetOptions{}); err != nil {
		t.Errorf("the newest is not: %v", err)
	}
}

// TestSweep: a run ends whose command is gone, and not since its daemon was.
func TestSweep(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	begin := *d.now.Load()
	run := d.start(t, false)

	d.at(begin.Add(10 * time.Minute))
	if left := d.swept(t, begin.Add(10*time.Minute-time.Second)); len(left) != 1 {
		t.Errorf("a daemon that has just started removes what nobody could follow: %v", left)
	}

	before := d.accepted.Load()
	d.accepted.Store(declared(t, d.namespace, "environments: [dev, prod]", "environments: [prod]", "metadata: {name: dev}", "metadata: {name: other}"))
	d.swept(t, begin)
	d.accepted.Store(declared(t, "elsewhere"))
	if left := d.swept(t, begin); len(left) != 0 {
		t.Errorf("what is in a namespace of another platform's is taken for one's own: %v", left)
	}
	d.accepted.Store(before)
	if got := d.ends(); len(got) != 0 {
		t.Errorf("a run of what is not declared, or of another platform, is ended: %q", got)
	}

	if left := d.swept(t, begin.Add(5*time.Minute)); len(left) != 0 || len(d.ends()) != 1 {
		t.Errorf("nobody follows it, and it is left: %v %q", left, d.ends())
	}
	if left := d.swept(t, begin.Add(5*time.Minute)); len(left) != 0 || len(d.ends()) != 1 {
		t.Errorf("its end is told again: %v %q", left, d.ends())
	}
	if !strings.HasPrefix(run.ID, "report-run-") {
		t.Errorf("it is called %q", run.ID)
	}
}

// TestWhatMayBeRun: what is refused is said.
func TestWhatMayBeRun(t *testing.T) {
	c := declared(t, "x")
	for name, tc := range map[string]struct {
		reason string
		ask    Ask
		want   string
	}{
		"fine":        {"it is deployed there", Ask{Project: "orders", Environment: "dev", Workload: "report"}, ""},
		"project":     {"nobody has it", Ask{Project: "ordres", Environment: "dev", Workload: "report"}, `there is no project "ordres"`},
		"environment": {"it is not there", Ask{Project: "orders", Environment: "test", Workload: "report"}, `orders is not deployed in "test"`},
		"cluster":     {"nor in that cluster", Ask{Project: "orders", Environment: "dev", Cluster: "two", Workload: "report"}, `orders is not deployed in the cluster "two": it is in one`},
		"workload":    {"names are near", Ask{Project: "orders", Environment: "dev", Workload: "reprot"}, `did you mean "report"?`},
		"reviewed":    {"nobody has reviewed what is on a disk", Ask{Project: "orders", Environment: "prod", Workload: "report"}, "what runs in prod has to be reviewed"},
		"lot":         {"it makes none", Ask{Project: "orders", Environment: "dev", Workload: "report", Lot: "20260101P1D000"}, "orders/report has no lots"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := tc.ask.workload(c)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("%s\n%s", tc.reason, cmp.Diff(tc.want, got))
			}
		})
	}
}
