// SPDX-License-Identifier: Apache-2.0

package workspace_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	names "trunkline.dev/trunkline/api/person"
	api "trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/plan/workspace"
)

// TestStep: a workspace is stopped when nobody uses it, and removed when it has been stopped for as long as is declared; and not before.
func TestStep(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	hour := api.Setup{Idle: time.Hour, Expires: 30 * 24 * time.Hour}
	for name, tc := range map[string]struct {
		reason string
		facts  workspace.Facts
		setup  api.Setup
		phase  workspace.Phase
		act    workspace.Act
	}{
		"wanted":     {"one that was just opened starts", workspace.Facts{Wanted: true, Woken: now}, hour, workspace.Starting, workspace.Nothing},
		"pod":        {"also with a pod, until it answers", workspace.Facts{Wanted: true, Woken: ago(time.Hour), Pod: true}, hour, workspace.Starting, workspace.Nothing},
		"running":    {"one that answers runs", workspace.Facts{Wanted: true, Woken: ago(time.Minute), Pod: true, Answers: true}, hour, workspace.Running, workspace.Nothing},
		"used":       {"one that is used goes on", workspace.Facts{Wanted: true, Woken: ago(9 * time.Hour), Active: ago(59 * time.Minute), Pod: true, Answers: true}, hour, workspace.Running, workspace.Nothing},
		"idle":       {"one that is not is stopped", workspace.Facts{Wanted: true, Woken: ago(9 * time.Hour), Active: ago(time.Hour), Pod: true, Answers: true}, hour, workspace.Idle, workspace.Stop},
		"woken":      {"but not what was used before it was woken", workspace.Facts{Wanted: true, Woken: ago(time.Minute), Active: ago(9 * time.Hour), Pod: true, Answers: true}, hour, workspace.Running, workspace.Nothing},
		"busy":       {"one that works is in use", workspace.Facts{Wanted: true, Woken: ago(9 * time.Hour), Active: ago(8 * time.Hour), Busy: true, Pod: true, Answers: true}, hour, workspace.Running, workspace.Nothing},
		"silent":     {"one that does not answer is not known to be idle", workspace.Facts{Wanted: true, Woken: ago(89 * time.Minute), Pod: true}, hour, workspace.Starting, workspace.Nothing},
		"never":      {"but does not go on for ever", workspace.Facts{Wanted: true, Woken: ago(91 * time.Minute), Pod: true}, hour, workspace.Idle, workspace.Stop},
		"stopping":   {"a pod takes its time to end", workspace.Facts{Stopped: now, Pod: true}, hour, workspace.Stopping, workspace.Nothing},
		"stopped":    {"what is stopped stays", workspace.Facts{Stopped: ago(29 * 24 * time.Hour)}, hour, workspace.Stopped, workspace.Nothing},
		"expired":    {"until it expires", workspace.Facts{Stopped: ago(30 * 24 * time.Hour)}, hour, workspace.Expired, workspace.Remove},
		"never goes": {"if that is declared", workspace.Facts{Stopped: ago(1000 * 24 * time.Hour)}, api.Setup{Idle: time.Hour}, workspace.Stopped, workspace.Nothing},
		"half made":  {"one that was never stopped does not expire", workspace.Facts{}, hour, workspace.Stopped, workspace.Nothing},
		"scaled": {
			"what others have stopped since counts from its last use",
			workspace.Facts{Stopped: ago(99 * 24 * time.Hour), Woken: ago(98 * 24 * time.Hour), Active: ago(29 * 24 * time.Hour)},
			hour,
			workspace.Stopped, workspace.Nothing,
		},
		"scaled long ago": {
			"until that was long ago, too",
			workspace.Facts{Stopped: ago(99 * 24 * time.Hour), Woken: ago(98 * 24 * time.Hour), Active: ago(30 * 24 * time.Hour)},
			hour,
			workspace.Expired, workspace.Remove,
		},
		"silent once": {
			"nor is one that does not answer for a moment, however long ago it was used",
			workspace.Facts{Wanted: true, Woken: ago(9 * time.Hour), Active: ago(8 * time.Hour), Silent: ago(29 * time.Minute), Pod: true},
			hour,
			workspace.Starting, workspace.Nothing,
		},
		"silent for long": {
			"until it has not for half an hour",
			workspace.Facts{Wanted: true, Woken: ago(9 * time.Hour), Active: ago(8 * time.Hour), Silent: ago(30 * time.Minute), Pod: true},
			hour,
			workspace.Idle, workspace.Stop,
		},
		"still there": {"nor one with a pod", workspace.Facts{Stopped: ago(99 * 24 * time.Hour), Pod: true}, hour, workspace.Stopping, workspace.Nothing},
	} {
		t.Run(name, func(t *testing.T) {
			phase, act, why := workspace.Step(tc.facts, tc.setup, now)
			if phase != tc.phase || act != tc.act || (why != "") != (act != workspace.Nothing) {
				t.Errorf("%s: got %s, %d (%s), want %s, %d", tc.reason, phase, act, why, tc.phase, tc.act)
			}
		})
	}
}

const deployed = `
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: lab
  namespace: orders-dev
  uid: c0ffee
  labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: lab, applyset.kubernetes.io/part-of: x}
spec:
  replicas: 0
  serviceName: lab
  selector: {matchLabels: {trunkline.dev/workload: lab}}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}
  template:
    metadata: {labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: lab}}
    spec:
      serviceAccountName: orders
      containers:
        - name: lab
          image: a
          env: [{name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}]
          resources: {requests: {cpu: "1", memory: 1Gi}, limits: {cpu: "1", memory: 1Gi}}
          volumeMounts: [{name: home, mountPath: /home/workspace}]
      volumes: [{name: tmp, emptyDir: {}}]
  volumeClaimTemplates: [{metadata: {name: home, labels: {trunkline.dev/project: orders}}, spec: {accessModes: [ReadWriteOnce]}, status: {phase: Pending}}]
status: {replicas: 0}
`

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: o}
}

// TestBuild: one person's is what is deployed, with what is theirs: their name, token, clone and size; and none of the release's marks.
func TestBuild(t *testing.T) {
	template := object(t, deployed)
	got, err := workspace.Build(workspace.Order{
		Template: template, Name: "lab-ada-1", Kind: "notebook", Path: "/notebook/dev/orders/lab-ada-1/", Owner: "ada-1", By: "ada", Repository: "https://git.example/acme/data.git",
		Branch: "a$(KEY)", Git: true, Size: "large", CPU: "4", Memory: "16Gi", Woken: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := object(t, `
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: lab-ada-1
  namespace: orders-dev
  labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: lab, trunkline.dev/run: lab-ada-1, trunkline.dev/person: ada-1, trunkline.dev/workspace: notebook}
  annotations:
    trunkline.dev/by: ada
    trunkline.dev/woken: "2026-01-02T03:04:05Z"
    trunkline.dev/repository: https://git.example/acme/data.git
    trunkline.dev/branch: a$(KEY)
    trunkline.dev/size: large
    trunkline.dev/git: "true"
  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: lab, uid: c0ffee}]
spec:
  replicas: 0
  serviceName: lab-ada-1
  selector: {matchLabels: {trunkline.dev/run: lab-ada-1, trunkline.dev/person: ada-1}}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}
  template:
    metadata: {labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: lab, trunkline.dev/run: lab-ada-1, trunkline.dev/person: ada-1, trunkline.dev/workspace: notebook}}
    spec:
      serviceAccountName: orders
      containers:
        - name: lab
          image: a
          env:
            - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}
            - {name: TRUNKLINE_WORKSPACE_PATH, value: /notebook/dev/orders/lab-ada-1/}
            - {name: TRUNKLINE_WORKSPACE_TOKEN, valueFrom: {secretKeyRef: {name: lab-ada-1, key: token}}}
            - {name: TRUNKLINE_GIT_REPOSITORY, value: "https://git.example/acme/data.git"}
            - {name: TRUNKLINE_GIT_BRANCH, value: a$$(KEY)}
            - {name: TRUNKLINE_GIT_FOLDER, value: data}
          resources: {requests: {cpu: "4", memory: 16Gi}, limits: {cpu: "4", memory: 16Gi}}
          volumeMounts: [{name: home, mountPath: /home/workspace}, {name: git, mountPath: /var/run/trunkline/git, readOnly: true}]
      volumes:
        - {name: tmp, emptyDir: {}}
        - {name: git, secret: {secretName: lab-ada-1, defaultMode: 288, items: [{key: username, path: username}, {key: password, path: password}]}}
  volumeClaimTemplates:
    - metadata: {name: home, labels: {trunkline.dev/project: orders, trunkline.dev/run: lab-ada-1, trunkline.dev/person: ada-1, trunkline.dev/workspace: notebook}}
      spec: {accessModes: [ReadWriteOnce]}
`)
	text, err := yaml.Marshal(got.Object)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Object, object(t, string(text)).Object); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(object(t, deployed).Object, template.Object); diff != "" {
		t.Errorf("what is deployed was changed (-was +is):\n%s", diff)
	}
	secret := workspace.Secret(got, map[string]string{workspace.KeyToken: "t"})
	if secret.GetName() != "lab-ada-1" || secret.GetOwnerReferences()[0].Kind != "StatefulSet" || secret.GetLabels()["trunkline.dev/person"] != "ada-1" {
		t.Errorf("the Secret is %v", secret.Object)
	}
}

// TestNames: the name of a workspace is one person's alone, the same each time, and fits where it has to.
func TestNames(t *testing.T) {
	seen := map[string]string{}
	dns := regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	for _, workload := range []string{"lab", "a-workload.with-a-name-that-is-very-long", strings.Repeat("x", 63)} {
		for _, person := range []string{"ada@acme.example", "ada@acme-example", "ADA@acme.example", "anonymous@loopback", "(unverified)", "ünï", strings.Repeat("y", 200)} {
			name := workspace.Name("orders", "dev", workload, person)
			if !dns.MatchString(name) || len(name) > 52 { // the controller adds a hash to labels of its pods
				t.Errorf("%s of %s is called %q", workload, person, name)
			}
			if other, twice := seen[name]; twice {
				t.Errorf("%s is also that of %s", name, other)
			}
			seen[name] = workload + " of " + person
			if slug := names.Slug(person); !dns.MatchString(slug) || len(slug) > 63 {
				t.Errorf("%s is %q as a label", person, slug)
			}
		}
	}
	first := workspace.Name("a", "b", "c", "d")
	if again := workspace.Name("a", "b", "c", "d"); first != again || first == workspace.Name("a", "b2", "c", "d") {
		t.Error("a name is not that of one place")
	}
}
