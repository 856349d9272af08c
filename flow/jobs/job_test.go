// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/run"
)

const template = `
apiVersion: batch/v1
kind: CronJob
metadata:
  name: clean
  namespace: orders-dev
  uid: c0ffee
  labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: clean}
spec:
  schedule: 0 0 31 2 *
  suspend: true
  jobTemplate:
    metadata:
      labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: clean}
    spec:
      activeDeadlineSeconds: 60
      backoffLimit: 5
      ttlSecondsAfterFinished: 1
      template:
        metadata: {labels: {app: x}}
        spec:
          restartPolicy: Never
          containers:
            - {name: sidecar, image: b}
            - name: clean
              image: a
              command: [sh, $.arcNotifyEvent.lot]
              env:
                - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}
                - {name: MODE, value: fast}
                - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
                - {name: TRUNKLINE_READ_RAW, value: "s3://lake/raw/"}
                - {name: TRUNKLINE_SECRETS, value: "{}"}
                - {name: TRUNKLINE_WRITE_MAIN, value: "s3://lake/clean/"}
`

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

func hour(t *testing.T) lot.Lot {
	t.Helper()
	l, err := lot.ParseID("20260102PT1H003")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestBuild: a Job is its template, with what the run is given in place of what names whole datasets, and one pod. Which secrets the pod is to read
// stays.
func TestBuild(t *testing.T) {
	tmpl, err := readTemplate(object(t, template))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"orders/clean", []string{"KEY"}, map[string]string{"MODE": "fast"}, []string{"sh", "$.arcNotifyEvent.lot"}},
		[]any{tmpl.Workload, tmpl.Secrets, tmpl.Env, tmpl.Command}); diff != "" {
		t.Errorf("the template (-want +got):\n%s", diff)
	}
	got := build(Order{
		Template: tmpl, Name: "clean-1", Lot: hour(t), Attempt: "r1", Inputs: "in", Replaces: "{}", Tag: "t1",
		Variables: []run.Variable{
			{Name: "MODE", Value: run.Text{{Literal: "of $(HOME) and $$"}, {Secret: "KEY"}}}, {Name: "TRUNKLINE_LOT", Value: run.Text{{Literal: "L"}}},
		},
		Command: []run.Text{{{Literal: "sh"}}, {{Literal: "$5"}}},
	})
	want := object(t, `
apiVersion: batch/v1
kind: Job
metadata:
  name: clean-1
  namespace: orders-dev
  labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: clean, trunkline.dev/run: clean-1, trunkline.dev/lot: `+hour(t).Name()+`, trunkline.dev/attempt: r1}
  annotations: {trunkline.dev/inputs: in, trunkline.dev/replaces: "{}", trunkline.dev/tag: t1}
  ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: clean, uid: c0ffee}]
spec:
  activeDeadlineSeconds: 60
  backoffLimit: 0
  template:
    metadata: {labels: {app: x, trunkline.dev/run: clean-1, trunkline.dev/lot: `+hour(t).Name()+`, trunkline.dev/attempt: r1}}
    spec:
      restartPolicy: Never
      containers:
        - {name: sidecar, image: b}
        - name: clean
          image: a
          command: [sh, $$5]
          env:
            - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}
            - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
            - {name: TRUNKLINE_SECRETS, value: "{}"}
            - {name: MODE, value: "of $$(HOME) and $$$$$(KEY)"}
            - {name: TRUNKLINE_LOT, value: L}
`)
	data, err := yaml.Marshal(got.Object)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Object, object(t, string(data)).Object); diff != "" {
		t.Errorf("the Job (-want +got):\n%s", diff)
	}
	again, ok := readJob(got)
	if !ok || again.Lot != hour(t) || again.Attempt != "r1" || again.Workload != "orders/clean" || again.Environment != "dev" || again.Inputs != "in" || again.Tag != "t1" {
		t.Errorf("read again it is %+v", again)
	}
}

// TestReadTemplate: only what Jobs for lots can be made from is a template.
func TestReadTemplate(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		edit   func(*unstructured.Unstructured)
		ok     bool
	}{
		"Template":  {"A suspended CronJob.", func(*unstructured.Unstructured) {}, true},
		"Scheduled": {"One that runs by its schedule is no template.", func(o *unstructured.Unstructured) { o.Object["spec"].(map[string]any)["suspend"] = false }, false},
		"Empty": {"One without a container runs nothing.", func(o *unstructured.Unstructured) {
			o.Object["spec"].(map[string]any)["jobTemplate"] = map[string]any{}
		}, false},
		"Odd": {"Nothing in it need be what it should.", func(o *unstructured.Unstructured) { o.Object["spec"].(map[string]any)["jobTemplate"] = "x" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := object(t, template)
			tc.edit(o)
			if _, err := readTemplate(o); (err == nil) != tc.ok {
				t.Errorf("%s\nerr: %v", tc.reason, err)
			}
		})
	}
}

// TestReplaysOfATemplate: a template names the replays that it came with, and is the same with and without them.
func TestReplaysOfATemplate(t *testing.T) {
	bare, err := readTemplate(object(t, template))
	if err != nil || len(bare.Replays) > 0 {
		t.Fatalf("replays: %v, %v", bare.Replays, err)
	}
	o := object(t, template)
	o.SetAnnotations(map[string]string{annotationReplays: "one of orders/clean@1\ntwo of orders/clean"})
	got, err := readTemplate(o)
	if diff := cmp.Diff([]string{"one of orders/clean@1", "two of orders/clean"}, got.Replays); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if got.Digest != bare.Digest {
		t.Error("a replay has failed lots tried again as if the program were another")
	}
}

// TestReadJob: how a Job is doing is what its conditions say.
func TestReadJob(t *testing.T) {
	const job = `
metadata:
  name: j
  labels: {trunkline.dev/run: j, trunkline.dev/attempt: r1, trunkline.dev/lot: LOT}
`
	for name, tc := range map[string]struct {
		reason, status       string
		known, ended, failed bool
	}{
		"Runs":     {"Nothing has ended.", "", true, false, false},
		"Complete": {"It ended well.", "status: {conditions: [{type: SuccessCriteriaMet, status: 'True'}, {type: Complete, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z'}]}", true, true, false},
		"Failed":   {"It failed.", "status: {conditions: [{type: Failed, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z'}]}", true, true, true},
		"Not":      {"A condition that does not hold says nothing.", "status: {conditions: [{type: Failed, status: 'False'}, 7]}", true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := object(t, job+tc.status)
			labels := o.GetLabels()
			labels[labelLot] = hour(t).Name()
			o.SetLabels(labels)
			j, known := readJob(o)
			if known != tc.known || j.Ended.IsZero() == tc.ended || j.Failed != tc.failed {
				t.Errorf("%s\nknown %t, ended %s, failed %t", tc.reason, known, j.Ended, j.Failed)
			}
		})
	}
	if _, known := readJob(object(t, job)); known {
		t.Error("a Job whose label is no lot is taken for one of a lot")
	}
}
