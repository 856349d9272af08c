// SPDX-License-Identifier: Apache-2.0

package blueprints_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	psapi "k8s.io/pod-security-admission/api"
	pspolicy "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/render"
)

// application is what a SparkApplication of Kubeflow's operator may hold, as far as the blueprints use it.
type application struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              applicationSpec `json:"spec"`
}

type scheduledApplication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Schedule          string          `json:"schedule"`
		ConcurrencyPolicy string          `json:"concurrencyPolicy"`
		Suspend           bool            `json:"suspend"`
		Template          applicationSpec `json:"template"`
	} `json:"spec"`
}

type applicationSpec struct {
	Type                string            `json:"type"`
	PythonVersion       string            `json:"pythonVersion"`
	Mode                string            `json:"mode"`
	SparkVersion        string            `json:"sparkVersion"`
	Image               string            `json:"image"`
	ImagePullSecrets    []string          `json:"imagePullSecrets"`
	MainClass           string            `json:"mainClass"`
	MainApplicationFile string            `json:"mainApplicationFile"`
	Arguments           []string          `json:"arguments"`
	Suspend             bool              `json:"suspend"`
	SparkConf           map[string]string `json:"sparkConf"`
	RestartPolicy       struct {
		Type                   string `json:"type"`
		OnFailureRetries       int32  `json:"onFailureRetries"`
		OnFailureRetryInterval int64  `json:"onFailureRetryInterval"`
	} `json:"restartPolicy"`
	Driver            applicationPod `json:"driver"`
	Executor          applicationPod `json:"executor"`
	DynamicAllocation struct {
		Enabled      bool  `json:"enabled"`
		MinExecutors int32 `json:"minExecutors"`
		MaxExecutors int32 `json:"maxExecutors"`
	} `json:"dynamicAllocation"`
}

type applicationPod struct {
	Instances      int32                  `json:"instances"`
	Cores          int32                  `json:"cores"`
	CoreRequest    string                 `json:"coreRequest"`
	CoreLimit      string                 `json:"coreLimit"`
	Memory         string                 `json:"memory"`
	MemoryOverhead string                 `json:"memoryOverhead"`
	ServiceAccount string                 `json:"serviceAccount"`
	Template       corev1.PodTemplateSpec `json:"template"`
}

// executorOf is the pod that drivers make executors from; nil if none of the objects has it.
func executorOf(t *testing.T, objects []any) *corev1.Pod {
	t.Helper()
	for _, o := range objects {
		files, ok := o.(*corev1.ConfigMap)
		if !ok || files.Data["executor.yaml"] == "" {
			continue
		}
		var pod corev1.Pod
		if err := yaml.UnmarshalStrict([]byte(files.Data["executor.yaml"]), &pod); err != nil {
			t.Fatal(err)
		}
		return &pod
	}
	return nil
}

// TestExecutors: what a driver makes is held to what the library's own pods are: restricted, without a token, counted, and on spot machines where
// the workload says so; the driver never is.
func TestExecutors(t *testing.T) {
	evaluator, err := pspolicy.NewEvaluator(pspolicy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := psapi.LevelVersion{Level: psapi.LevelRestricted, Version: psapi.LatestVersion()}
	for _, name := range []string{"spark-job", "spark-job-once", "spark-job-lots", "spark-stream", "spark-job-operator", "spark-stream-operator"} {
		t.Run(name, func(t *testing.T) {
			rel := cases(t)[name]
			var objects []any
			var driver, executor *corev1.PodSpec
			var labels map[string]string
			rendered, _ := renderYAML(t, rel)
			for _, o := range rendered {
				into := typed(t, o)
				objects = append(objects, into)
				if _, spec := podOf(into); spec != nil {
					driver = spec
				}
				if a := applicationOf(into); a != nil {
					driver, executor, labels = &a.Driver.Template.Spec, &a.Executor.Template.Spec, a.Executor.Template.Labels
				}
			}
			if pod := executorOf(t, objects); pod != nil {
				executor, labels = &pod.Spec, pod.Labels
			}
			if driver == nil || executor == nil {
				t.Fatal("there is no driver, or no executor")
			}
			if result := pspolicy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &metav1.ObjectMeta{}, executor)); !result.Allowed {
				t.Errorf("executors: %s", result.ForbiddenDetail())
			}
			for _, label := range []string{render.LabelWorkload, "trunkline.dev/project", "trunkline.dev/environment"} {
				if labels[label] == "" {
					t.Errorf("executors have no label %s: they would not be counted", label)
				}
			}
			if executor.AutomountServiceAccountToken == nil || *executor.AutomountServiceAccountToken || !*driver.AutomountServiceAccountToken {
				t.Error("executors have a token, or the driver has none")
			}
			spot := map[string]string(nil)
			if rel.Workloads[0].Lifecycle == "spot" {
				spot = map[string]string{"trunkline.dev/lifecycle": "spot"}
			}
			if diff := cmp.Diff(spot, executor.NodeSelector); diff != "" {
				t.Errorf("executors are selected otherwise (-want +got):\n%s", diff)
			}
			if len(driver.NodeSelector) > 0 {
				t.Errorf("the driver may be on a spot machine: %v", driver.NodeSelector)
			}
		})
	}
}

func applicationOf(o any) *applicationSpec {
	switch o := o.(type) {
	case *application:
		return &o.Spec
	case *scheduledApplication:
		return &o.Spec.Template
	}
	return nil
}

// TestStreamsHaveOneDriver: while one ends, no other begins, and a driver is ready once the script that starts it says that the stream works.
func TestStreamsHaveOneDriver(t *testing.T) {
	objects, _ := renderYAML(t, cases(t)["spark-stream"])
	for _, o := range objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		spec, _ := o.Object["spec"].(map[string]any)
		if diff := cmp.Diff([]any{map[string]any{"type": "Recreate"}, int64(1)}, []any{spec["strategy"], spec["replicas"]}); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		deployment, _ := typed(t, o).(*appsv1.Deployment)
		driver := deployment.Spec.Template.Spec.Containers[0]
		probe := driver.ReadinessProbe
		if probe == nil || probe.Exec == nil || !slices.ContainsFunc(driver.Env, func(v corev1.EnvVar) bool {
			return v.Name == "SUBMIT_WORKING" && strings.HasSuffix(probe.Exec.Command[len(probe.Exec.Command)-1], " "+v.Value)
		}) {
			t.Errorf("the driver is ready by %v, with %v", probe, driver.Env)
		}
	}
}

// submitted runs the script that starts drivers with a shell program in place of Spark's, which first says what it is told.
func submitted(t *testing.T, script, does string, more map[string]string) (said []string, code int) {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	program := "#!/bin/sh\nfor a in \"$@\"; do echo \"$a\"; done\necho loud >&2\n" + does + "\n"
	if err := os.WriteFile(filepath.Join(home, "bin", "spark-submit"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"PATH": os.Getenv("PATH"), "SPARK_HOME": home, "KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", "SUBMIT_POD": "clean-x", "SUBMIT_IP": "10.1.1.1",
		"TMPDIR": t.TempDir(),
	}
	maps.Copy(env, more)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", script, "clean.py", "a b", "$(c)")
	for _, key := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, key+"="+env[key])
	}
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v\n%s", err, log.String())
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), cmd.ProcessState.ExitCode()
}

// TestAStreamWorks: a stream counts as working once its log says that a batch was done, or after some time if the log says nothing of batches; and
// what an earlier driver of the pod has left does not count.
func TestAStreamWorks(t *testing.T) {
	submit, err := filepath.Abs("spark-job/chart/files/submit.sh")
	if err != nil {
		t.Fatal(err)
	}
	const until = "while [ ! -e $SUBMIT_WORKING ]; do sleep 0.02; done; yes | head -c 300000 | tr -d '\\n'; echo; echo loud"
	for name, tc := range map[string]struct {
		reason, settle, does string
		code                 int
		works                bool
	}{
		"Batch":  {"A batch was done, and the log goes on.", "20", "echo '26/12/01 12:00:00 INFO MicroBatchExecution: Streaming query made progress: {'; " + until, 0, true},
		"Idle":   {"Nothing has arrived.", "20", "echo 'INFO MicroBatchExecution: Streaming query has been idle and waiting for new data more than 10000 ms.'; " + until, 0, true},
		"Silent": {"The log leaves out what is no warning.", "1", until, 0, true},
		"Fails":  {"It ends before.", "20", "exit 1", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			working := filepath.Join(t.TempDir(), "working")
			if err := os.WriteFile(working, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			said, code := submitted(t, submit, tc.does, map[string]string{"SUBMIT_WORKING": working, "SUBMIT_SETTLE": tc.settle})
			if _, err := os.Stat(working); code != tc.code || (err == nil) != tc.works {
				t.Errorf("%s It ended with %d and works: %v", tc.reason, code, err)
			}
			if said[len(said)-1] != "loud" {
				t.Errorf("the log of the driver is lost: %d lines", len(said))
			}
		})
	}
}

// TestSubmit runs the script that starts drivers with a program in place of Spark's.
func TestSubmit(t *testing.T) {
	submit, err := filepath.Abs("spark-job/chart/files/submit.sh")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		env    map[string]string
		does   string
		code   int
		want   []string
	}{
		"Fine": {"What it is told is passed on.", nil, "", 0, []string{
			"--master", "k8s://https://10.0.0.1:443", "--deploy-mode", "client", "--properties-file", filepath.Dir(submit) + "/spark.properties",
			"--conf", "spark.app.id=clean-x", "--conf", "spark.kubernetes.driver.pod.name=clean-x", "--conf", "spark.driver.host=10.1.1.1",
			"--conf", "spark.driver.bindAddress=0.0.0.0", "clean.py", "a b", "$(c)",
		}},
		"Lot": {"Executors are of the lot, and a jar has a class.", map[string]string{"SUBMIT_RUN": "r", "SUBMIT_LOT": "l", "SUBMIT_CLASS": "C", "KUBERNETES_SERVICE_HOST": "::1"}, "", 0, []string{
			"--master", "k8s://https://[::1]:443", "--deploy-mode", "client", "--properties-file", filepath.Dir(submit) + "/spark.properties",
			"--conf", "spark.app.id=clean-x", "--conf", "spark.kubernetes.driver.pod.name=clean-x", "--conf", "spark.driver.host=10.1.1.1",
			"--conf", "spark.driver.bindAddress=0.0.0.0", "--conf", "spark.kubernetes.executor.label.trunkline.dev/lot=l",
			"--conf", "spark.kubernetes.executor.label.trunkline.dev/run=r", "--class", "C", "clean.py", "a b", "$(c)",
		}},
		"Fails": {"It ends as the driver does, whatever the driver leaves behind.", nil, "sleep 8 >/dev/null & exit 52", 52, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			said, code := submitted(t, submit, tc.does, tc.env)
			if code != tc.code {
				t.Fatalf("%s: it ended with %d", tc.reason, code)
			}
			if diff := cmp.Diff(append(tc.want, "loud"), said); tc.want != nil && diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if said[len(said)-1] != "loud" {
				t.Errorf("the log of the driver is lost: %q", said)
			}
		})
	}
}
