// SPDX-License-Identifier: Apache-2.0

package blueprints_test

import (
	"bytes"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/spark"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/cue/evaluate"
)

var update = flag.Bool("update", false, "write the golden files again")

// library decodes the embedded blueprints, as the catalog does.
func library(t testing.TB) map[string]*catalog.Blueprint {
	t.Helper()
	files, err := fs.Glob(blueprints.FS, "*/blueprint.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*catalog.Blueprint{}
	for _, file := range files {
		data, err := fs.ReadFile(blueprints.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		docs, problems := v1alpha1.Decode(file, data)
		if len(problems) > 0 || len(docs) != 1 {
			t.Fatalf("%s: %d documents, problems:\n%s", file, len(docs), problems)
		}
		spec := docs[0].Object.(*v1alpha1.Blueprint).Spec
		out[docs[0].Name] = &catalog.Blueprint{
			Name: docs[0].Name, Spec: spec, Embedded: true, Source: path.Join(path.Dir(file), spec.Source),
		}
	}
	return out
}

func release(w ...catalog.Workload) catalog.Release {
	names := map[string]bool{"orders": true}
	for _, workload := range w {
		names[workload.Identity] = true
	}
	rel := catalog.Release{
		ID:       catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "prod-eu"},
		Platform: "acme", Owner: "team-orders", Namespace: "orders-prod", Dir: "projects/orders", Workloads: w,
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		rel.Accounts = append(rel.Accounts, catalog.Account{
			Name: name, Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::123:role/" + name + "-prod"},
		})
	}
	return rel
}

// full is a workload with everything set that a blueprint can honour.
func full(bp *catalog.Blueprint, params map[string]any) catalog.Workload {
	retries := 5
	w := plain(bp, params)
	if !spark.Is(bp.Name) {
		w.Command = []string{"python", "clean.py", "--strict"}
	}
	w.Env = map[string]string{"MODE": "fast", "EMPTY": "", "QUOTED": `a "b": {c}`}
	w.Secrets = map[string]v1alpha1.SecretRef{"TOKEN": {Name: "shop-api", Key: "token"}, "DB": {Name: "orders.db", Key: "URL_1"}}
	w.Identity = "orders-clean"
	w.Files = []string{"clean.py", "sql", "123"}
	w.Lifecycle = v1alpha1.Spot
	w.Retries = &retries
	w.Schedule, w.TimeZone = "0 6 * * *", "Europe/Zurich"
	w.Timeout = 30 * time.Minute
	w.Reads = map[string]catalog.DatasetRef{"raw": {ID: "orders/orders-raw@1", URI: "s3://lake/orders/raw/"}}
	w.Writes = map[string]catalog.DatasetRef{"main-out.v2": {ID: "orders/orders-clean@2", URI: "s3://lake/orders/clean/"}}
	return w
}

func plain(bp *catalog.Blueprint, params map[string]any) catalog.Workload {
	w := catalog.Workload{
		Name: "clean", Identity: "orders", Blueprint: bp, Image: "ghcr.io/acme/orders@sha256:0123", Params: params,
		Size: v1alpha1.Size{CPU: "500m", Memory: "1Gi"}, Lifecycle: v1alpha1.OnDemand,
		Schedule: "@daily", Timeout: time.Hour,
	}
	if spark.Is(bp.Name) {
		sparked(&w, []string{"clean.py"})
	}
	if bp.Name == catalog.AirflowBlueprint {
		w.Airflow = &catalog.Airflow{Bundles: []catalog.DagBundle{{Name: "sales", Namespace: "sales-prod"}}}
	}
	return w
}

// sparked has a workload run an application of Spark, as the catalog resolves it.
func sparked(w *catalog.Workload, command []string) {
	params, err := spark.Parse(w.Params)
	if err != nil {
		panic(err)
	}
	if w.Command = command; w.Blueprint.Name == spark.History {
		w.Command = w.Blueprint.Spec.Command
	}
	setup := params.Set(spark.Given{
		Blueprint: w.Blueprint.Name, Command: command, Driver: spark.Size{CPU: "500m", Memory: "1Gi"}, Executor: spark.Size{CPU: "2", Memory: "8Gi"},
		Checkpoint: map[bool]string{true: "s3://lake/checkpoints/clean/"}[w.Blueprint.Name == spark.Stream],
		EventLogs:  map[bool]string{true: "s3://lake/spark-events/"}[params.EventLogs != ""],
	})
	w.Spark = &setup
}

// renderer renders with all engines, in this process.
func renderer() *render.Renderer {
	return render.New(blueprints.FS, render.WithEvaluator(v1alpha1.CUE, code.InProcess(evaluate.Languages())))
}

// own are the params that some blueprints cannot do without.
var own = map[string]map[string]any{
	"spark-stream": {"checkpoint": "lake://checkpoints/clean/"}, "spark-history": {"eventLogs": "lake://spark-events/"},
	"airflow":   {"database": map[string]any{"from": "airflow-db"}},
	"kustomize": {"path": "k8s"}, "manifests": {"paths": []any{"plain"}}, "jsonnet": {"path": "jsonnet"}, "cue": {"path": "cue"},
}

var tree = fstest.MapFS{
	"projects/orders/plain/a.yaml":         {Data: []byte(overlayObjects)},
	"projects/orders/jsonnet/main.jsonnet": {Data: []byte(jsonnetProgram)},
	"projects/orders/cue/app.cue":          {Data: []byte(cuePackage)},
	"projects/orders/clean.py":             {Data: []byte("import sys\nprint(\"café: {{ .Values }}\")\n")},
	"projects/orders/123":                  {Data: []byte("a name that YAML takes for a number\n")},
	"projects/orders/sql/a b.sql":          {Data: []byte("select 1;\n")},
	"projects/orders/sql/blob.bin":         {Data: []byte{0xff, 0x00, 0x01}},
	"projects/orders/k8s/base.yaml":        {Data: []byte(overlayObjects)},
	"projects/orders/k8s/kustomization.yaml": {Data: []byte(
		"resources: [base.yaml]\nnamePrefix: dash-\nimages:\n  - {name: dash, newName: ghcr.io/acme/dash, newTag: v3}\n")},
}

const jsonnetProgram = `local t = std.extVar('trunkline');
local w = t.workload;
function(replicas=1) [
  {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: {name: w.name},
    spec: {
      replicas: replicas, selector: {matchLabels: {app: 'web'}},
      template: {metadata: {labels: {app: 'web'}}, spec: {
        serviceAccountName: t.serviceAccount, securityContext: {runAsNonRoot: true, seccompProfile: {type: 'RuntimeDefault'}},
        containers: [{
          name: 'main', image: w.image, command: w.command, env: w.env, resources: w.resources,
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ['ALL']}},
        }],
      }},
    },
  },
  {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'files'}, data: {[f.key]: f.content for f in w.files if 'content' in f}},
]
`

const cuePackage = `package app

#trunkline: _
#replicas:  *1 | int
let w = #trunkline.workload

web: {
	apiVersion: "apps/v1"
	kind:       "Deployment"
	metadata: name: w.name
	spec: {
		replicas: #replicas
		selector: matchLabels: app: "web"
		template: {
			metadata: labels: app: "web"
			spec: {
				serviceAccountName: #trunkline.serviceAccount
				securityContext: {runAsNonRoot: true, seccompProfile: type: "RuntimeDefault"}
				containers: [{
					name: "main", image: w.image, command: w.command, env: w.env, resources: w.resources
					securityContext: {allowPrivilegeEscalation: false, capabilities: drop: ["ALL"]}
				}]
			}
		}
	}
}
files: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	metadata: name: "files"
	data: {for f in w.files if f.content != _|_ {(f.key): f.content}}
}
`

const overlayObjects = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {theme: dark}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: web
          image: dash
          envFrom: [{configMapRef: {name: settings}}]
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

// with returns params with more of them.
func with(params, more map[string]any) map[string]any {
	out := maps.Clone(params)
	maps.Copy(out, more)
	return out
}

func cases(t testing.TB) map[string]catalog.Release {
	bp := library(t)
	suspended := full(bp["cron-job"], map[string]any{
		"concurrencyPolicy": "Replace", "startingDeadlineSeconds": 60,
		"successfulJobsHistoryLimit": 0, "nodeSelector": map[string]any{"disk": "ssd"},
	})
	suspended.Suspend = true
	lots := full(bp["container-job"], map[string]any{"user": 1000})
	lots.Lots = true
	noted := full(bp["notebook"], map[string]any{"storage": "50Gi", "storageClass": "fast", "keepVolume": true, "idle": "30m", "arguments": []any{"--LabApp.collaborative=True"}, "user": 1001})
	noted.Command, noted.Files = nil, nil
	edited := full(bp["ide"], map[string]any{"extensions": []any{"ms-python.python@2026.4.0"}})
	edited.Command, edited.Files = nil, nil
	moved := full(bp["copy"], map[string]any{"filter": map[string]any{"includes": []any{"a$(b)"}}, "user": 1000})
	moved.Command, moved.Files = bp["copy"].Spec.Command, nil
	sql := plain(bp["transform"], map[string]any{"sql": "SELECT 1 AS \"a\" -- $(b)", "output": map[string]any{"format": "csv"}})
	sql.Command = bp["transform"].Spec.Command
	pulled := full(bp["pull"], map[string]any{"http": map[string]any{"url": "https://a.example/{lot}", "headers": map[string]any{"X": "$(TOKEN)"}}})
	pulled.Command, pulled.Files, pulled.Lots = bp["pull"].Spec.Command, nil, true
	table := plain(bp["catalog"], map[string]any{"partitionType": "value", "create": map[string]any{"partitions": map[string]any{"day": "date"}}})
	table.Command = bp["catalog"].Spec.Command
	each := moved
	each.Lots = true
	logs := map[string]any{"eventLogs": "lake://spark-events/", "history": "https://spark.acme.example/"}
	python := full(bp["spark-job"], with(logs, map[string]any{
		"executors": map[string]any{"dynamic": map[string]any{"min": 1, "max": 20}}, "committer": "magic", "pyFiles": []any{"local:///opt/lib.zip"},
		"conf": map[string]any{"spark.sql.shuffle.partitions": 64, "spark.a.path": `C:\b`},
	}))
	sparked(&python, []string{"clean.py", "--strict"})
	python.Lots, python.Schedule = true, ""
	once := plain(bp["spark-job"], map[string]any{"class": "com.acme.Clean", "executors": map[string]any{"instances": 4}, "jars": []any{"local:///opt/lib/a.jar"}})
	sparked(&once, []string{"local:///opt/clean.jar", "2026"})
	once.Schedule = ""
	operated := full(bp["spark-job"], with(logs, map[string]any{"operator": "kubeflow", "class": "com.acme.Clean", "executors": map[string]any{"dynamic": map[string]any{"max": 8}}}))
	sparked(&operated, []string{"/opt/clean.jar", "2026"})
	operatedStream := full(bp["spark-stream"], with(own["spark-stream"], map[string]any{"operator": "kubeflow", "committer": "manifest"}))
	sparked(&operatedStream, []string{"clean.py"})
	operatedStream.Schedule = ""
	out := map[string]catalog.Release{}
	for _, by := range []v1alpha1.MachineMaker{v1alpha1.MachinesOfEKS, v1alpha1.MachinesOfKarpenter, v1alpha1.MachinesOfGKE, v1alpha1.MachinesOfAKS} {
		w := plain(bp["container-job"], map[string]any{"nodeSelector": map[string]any{"disk": "ssd"}})
		w.Lifecycle = v1alpha1.Spot
		w.Spot = &v1alpha1.SpotMachines{
			By: by, NodeSelector: map[string]string{"pool": "batch"}, Tolerations: []v1alpha1.Toleration{{Key: "acme.example/batch", Effect: v1alpha1.NoSchedule}},
		}
		out["spot-"+string(by)] = release(w)
	}
	small := full(bp["airflow"], map[string]any{
		"executor": "LocalExecutor", "database": map[string]any{"storage": "10Gi", "storageClass": "fast"}, "url": "https://trunkline.acme.example/airflow/prod/",
		"logs":      map[string]any{"folder": "s3://acme-logs/airflow", "connection": "logs"},
		"triggerer": false, "parallelism": 4, "imagePullSecrets": []any{"registry"},
	})
	small.Command, small.Files = nil, nil
	peek := plain(bp["airflow"], with(own["airflow"], map[string]any{"worker": map[string]any{"cpu": "1", "memory": "2Gi"}, "logs": map[string]any{"folder": "s3://acme-logs/airflow"}}))
	peek.Airflow = &catalog.Airflow{Preview: true}
	maps.Copy(out, map[string]catalog.Release{
		"airflow":            release(plain(bp["airflow"], own["airflow"])),
		"airflow-local":      release(small),
		"airflow-preview":    release(peek),
		"copy":               release(moved),
		"transform":          release(sql),
		"pull":               release(pulled),
		"catalog":            release(table),
		"copy-lots":          release(each),
		"container-job":      release(plain(bp["container-job"], nil)),
		"container-job-full": release(full(bp["container-job"], map[string]any{"parallelism": 4, "completions": 8, "user": 1000})),
		"container-job-lots": release(lots),
		"cron-job":           release(plain(bp["cron-job"], nil)),
		"cron-job-full":      release(suspended),
		"service":            release(plain(bp["service"], nil)),
		"service-full": release(full(bp["service"], map[string]any{
			"port": 9000, "replicas": 3, "probe": map[string]any{"path": "/healthz"}, "imagePullSecrets": []any{"registry"},
			"ingress":     map[string]any{"host": "orders.acme.example", "className": "nginx", "tlsSecret": "orders-tls"},
			"tolerations": []any{map[string]any{"key": "gpu", "operator": "Exists"}},
		})),
		"spark-job":             release(plain(bp["spark-job"], nil)),
		"spark-job-once":        release(once),
		"spark-job-lots":        release(python),
		"spark-job-operator":    release(operated),
		"spark-stream":          release(full(bp["spark-stream"], with(logs, with(own["spark-stream"], map[string]any{"committer": "magic"})))),
		"spark-stream-operator": release(operatedStream),
		"spark-history":         release(plain(bp["spark-history"], own["spark-history"])),
		"spark-history-full": release(full(bp["spark-history"], with(own["spark-history"], map[string]any{
			"days": 30, "path": "/spark", "conf": map[string]any{"spark.hadoop.fs.s3a.endpoint": "http://minio:9000"}, "ingress": map[string]any{"host": "spark.acme.example"},
		}))),
		"notebook":      release(plain(bp["notebook"], nil)),
		"notebook-full": release(noted),
		"ide":           release(edited),
		"kustomize":     release(plain(bp["kustomize"], own["kustomize"])),
		"manifests":     release(plain(bp["manifests"], own["manifests"])),
		"jsonnet":       release(full(bp["jsonnet"], map[string]any{"path": "jsonnet/main.jsonnet", "args": map[string]any{"replicas": 3}})),
		"cue":           release(full(bp["cue"], map[string]any{"path": "cue", "values": map[string]any{"#replicas": 3}})),
		"boundary":      release(plain(bp["boundary"], map[string]any{"arrival": "immediate"})),
	})
	return out
}

func renderYAML(t *testing.T, rel catalog.Release) ([]*unstructured.Unstructured, []byte) {
	t.Helper()
	result, err := renderer().Render(t.Context(), tree, rel)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, o := range result.Objects {
		data, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
		out.Write(data)
	}
	return result.Objects, out.Bytes()
}

func TestGolden(t *testing.T) {
	for name, rel := range cases(t) {
		t.Run(name, func(t *testing.T) {
			_, got := renderYAML(t, rel)
			got = withoutPackage(got)
			file := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; make it with -update", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("rendered otherwise than %s (-want +got):\n%s", file, diff)
			}
		})
	}
}

var (
	packageText   = regexp.MustCompile(`(?m)^  [a-z_]+\.(?:py|sh): [|>"][-0-9]*(.*)\n((    .*)?\n)*`)
	packageDigest = regexp.MustCompile(`-(package|migrate|worker)-[0-9a-f]{8}\b`)
)

// withoutPackage leaves out the Python package of Airflow, which is not the chart's, and what is made of it.
func withoutPackage(golden []byte) []byte {
	return packageDigest.ReplaceAll(packageText.ReplaceAll(golden, nil), []byte("-$1-00000000"))
}

// TestEveryBlueprintHasAGolden makes a new blueprint come with one.
func TestEveryBlueprintHasAGolden(t *testing.T) {
	covered := map[string]bool{}
	for _, rel := range cases(t) {
		covered[rel.Workloads[0].Blueprint.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(library(t))) {
		if !covered[name] {
			t.Errorf("the blueprint %s has no golden file", name)
		}
	}
}
