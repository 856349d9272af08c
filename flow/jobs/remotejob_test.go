// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/flow/run"
)

// deployed is a Job as a cluster has it, with what its controller has put in.
const deployed = `
apiVersion: batch/v1
kind: Job
metadata:
  name: report-1234
  namespace: orders-dev
  uid: c0ffee
  labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: report, applyset.kubernetes.io/part-of: x}
spec:
  backoffLimit: 5
  parallelism: 3
  completions: 3
  selector: {matchLabels: {batch.kubernetes.io/controller-uid: c0ffee}}
  template:
    metadata: {labels: {app: x, batch.kubernetes.io/controller-uid: c0ffee, job-name: report-1234}}
    spec:
      restartPolicy: OnFailure
      serviceAccountName: orders
      containers:
        - name: report
          image: a
          command: [sh, old.sh]
          env:
            - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}
            - {name: TRUNKLINE_READ_RAW, value: "s3://lake/report/"}
            - {name: TRUNKLINE_WRITE_OUT, value: "s3://lake/report/"}
          volumeMounts: [{name: workspace, mountPath: /workspace, readOnly: true}]
      volumes: [{name: workspace, configMap: {name: report-files-1, items: [{key: old.sh, path: old.sh}]}}]
`

func remoteOrder(t *testing.T, text string) RemoteOrder {
	t.Helper()
	program, err := readProgram(object(t, text), false)
	if err != nil {
		t.Fatal(err)
	}
	return RemoteOrder{
		Template: program, Name: "report-run-x", Person: "ann-1", By: "ann", Seen: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Life: time.Hour,
		Variables: []run.Variable{{Name: "TRUNKLINE_WRITE_OUT", Value: run.Text{{Literal: "s3://lake/mine/"}}}},
		Command:   []string{"sh", "$(KEY)", "new.sh"}, Args: []string{"$(KEY)"}, Files: map[string][]byte{"new.sh": []byte("exit 7"), "a/b": nil},
		Elsewhere: []string{"s3://lake/report/"},
	}
}

// TestBuildRemote: a remote run is what is deployed but for its files, command and where it writes; arguments are what was typed.
func TestBuildRemote(t *testing.T) {
	got, err := buildRemote(remoteOrder(t, deployed))
	if err != nil {
		t.Fatal(err)
	}
	want := object(t, `
apiVersion: batch/v1
kind: Job
metadata:
  name: report-run-x
  namespace: orders-dev
  labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: report, trunkline.dev/run: report-run-x, trunkline.dev/person: ann-1}
  annotations: {trunkline.dev/by: ann, trunkline.dev/of-lot: "", trunkline.dev/detached: "false", trunkline.dev/seen: "2026-01-02T03:04:05Z"}
spec:
  activeDeadlineSeconds: 3600
  backoffLimit: 0
  ttlSecondsAfterFinished: 3600
  template:
    metadata:
      labels: {app: x, trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: report, trunkline.dev/run: report-run-x, trunkline.dev/person: ann-1}
    spec:
      restartPolicy: Never
      serviceAccountName: orders
      containers:
        - name: report
          image: a
          command: [sh, $(KEY), new.sh, $$(KEY)]
          env:
            - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}
            - {name: TRUNKLINE_READ_RAW, value: "s3://lake/report/"}
            - {name: TRUNKLINE_WRITE_OUT, value: "s3://lake/mine/"}
          volumeMounts: [{name: workspace, mountPath: /workspace, readOnly: true}]
      volumes: [{name: workspace, configMap: {name: report-run-x, items: [{key: file-0, path: a/b}, {key: file-1, path: new.sh}]}}]
`)
	data, err := yaml.Marshal(got.Object)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Object, object(t, string(data)).Object); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r, is := readRemote("one", got)
	if !is || r.By != "ann" || r.Person != "ann-1" || r.Workload != "orders/report" || r.Environment != "dev" || r.Detached || !r.Seen.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("read again it is %+v", r)
	}
	if _, of := readJob(got); of {
		t.Error("it is taken for a run that makes a lot")
	}
	if _, other := readOther(got); other {
		t.Error("it is taken for a run by a schedule")
	}
}

// TestCodeOfARun: code is put over that of an image, name by name; or another image is run, whose code cannot make it another user.
func TestCodeOfARun(t *testing.T) {
	o := remoteOrder(t, deployed)
	o.Files, o.Command, o.Args = nil, nil, nil
	o.Code = Code{Folder: "/app", Files: map[string]CodeFile{"src/a.py": {Data: []byte("a")}, "src/b/c.py": {}, "run.sh": {Executable: true}}}
	got, err := buildRemote(o)
	if err != nil {
		t.Fatal(err)
	}
	containers, _, _ := unstructured.NestedSlice(got.Object, "spec", "template", "spec", "containers")
	volumes, _, _ := unstructured.NestedSlice(got.Object, "spec", "template", "spec", "volumes")
	container := containers[0].(map[string]any)
	want := []any{
		map[string]any{"name": "workspace", "mountPath": "/workspace", "readOnly": true},
		map[string]any{"name": "trunkline-code", "mountPath": "/app/run.sh", "subPath": "run.sh", "readOnly": true},
		map[string]any{"name": "trunkline-code", "mountPath": "/app/src", "subPath": "src", "readOnly": true},
	}
	if diff := cmp.Diff(want, container["volumeMounts"]); diff != "" || container["image"] != "a" {
		t.Errorf("of %v -want +got:\n%s", container["image"], diff)
	}
	wantVolume := map[string]any{"name": "trunkline-code", "configMap": map[string]any{"name": "report-run-x", "items": []any{
		map[string]any{"key": "code-0", "path": "run.sh", "mode": int64(0o555)},
		map[string]any{"key": "code-1", "path": "src/a.py", "mode": int64(0o444)},
		map[string]any{"key": "code-2", "path": "src/b/c.py", "mode": int64(0o444)},
	}}}
	if diff := cmp.Diff(wantVolume, volumes[len(volumes)-1]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	data, _, _ := unstructured.NestedMap(filesOf(o, got).Object, "binaryData")
	if diff := cmp.Diff(map[string]any{"code-0": "", "code-1": "YQ==", "code-2": ""}, data); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	o.Code, o.Image = Code{}, "r.example/runs@sha256:1"
	for name, tc := range map[string]struct {
		text string
		want any
	}{
		"as it is":     {"image: a", false},
		"decided":      {"image: a\n          securityContext: {allowPrivilegeEscalation: true}", true},
		"a privileged": {"image: a\n          securityContext: {privileged: true}", nil}, // the cluster takes no false beside it
	} {
		o.Template = remoteOrder(t, strings.Replace(deployed, "image: a", tc.text, 1)).Template
		got, err := buildRemote(o)
		if err != nil {
			t.Fatal(err)
		}
		containers, _, _ := unstructured.NestedSlice(got.Object, "spec", "template", "spec", "containers")
		container := containers[0].(map[string]any)
		escalates, _, _ := unstructured.NestedFieldNoCopy(container, "securityContext", "allowPrivilegeEscalation")
		if container["image"] != o.Image || escalates != tc.want {
			t.Errorf("%s: the image is %v, and it may become another user: %v, want %v", name, container["image"], escalates, tc.want)
		}
	}
	for text, want := range map[string]bool{
		"image: a": false, "image: a\n          securityContext: {runAsUser: 7}": true, "image: a\n          securityContext: {runAsNonRoot: true}": true,
		"image: a\n          securityContext: {runAsNonRoot: false}": false,
	} {
		if got := remoteOrder(t, strings.Replace(deployed, "image: a", text, 1)).Template.FixesUser(); got != want {
			t.Errorf("%s: fixes its user %t, want %t", text, got, want)
		}
	}
}

// TestNoPlace: a volume of the blueprint's own is not replaced by files.
func TestNoPlace(t *testing.T) {
	o := remoteOrder(t, strings.Replace(deployed, "configMap: {name: report-files-1, items: [{key: old.sh, path: old.sh}]}", "emptyDir: {}", 1))
	if _, err := buildRemote(o); !errors.Is(err, ErrNoPlace) {
		t.Errorf("got %v", err)
	}
	o.Files = nil
	if _, err := buildRemote(o); err != nil {
		t.Errorf("a run without files needs none: %v", err)
	}
}

// TestUntold: what would have a run write where others read is not run.
func TestUntold(t *testing.T) {
	for name, edit := range map[string]func(string) string{
		"variable": func(s string) string { return strings.Replace(s, "TRUNKLINE_WRITE_OUT", "OUT", 1) },
		"argument": func(s string) string {
			return strings.Replace(s, "command: [sh, old.sh]", `args: ["--to=s3://lake/report/x"]`, 1)
		},
		"before it": func(s string) string {
			return strings.Replace(s, "      containers:\n", "      initContainers: [{name: sweep, image: b, command: [rm, \"s3://lake/report\"]}]\n      containers:\n", 1)
		},
		"another container": func(s string) string {
			return strings.Replace(s, "containers:\n", "containers:\n        - {name: sidecar, image: b, command: [copy, \"s3://lake/report\"]}\n", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := remoteOrder(t, edit(deployed))
			o.Command = nil
			_, err := buildRemote(o)
			if _, is := errors.AsType[*TellsError](err); !is {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestFollowedLines: each line is told once, and no line of a private key at all, whenever the connection breaks.
func TestFollowedLines(t *testing.T) {
	key := "2026-01-02T03:04:07Z -----BEGIN RSA PRIVATE KEY-----\n2026-01-02T03:04:08Z MIIE\n"
	for name, tc := range map[string]struct {
		reason      string
		connections []string
		want        []string
	}{
		"again": {
			"what was told is not told once more",
			[]string{"2026-01-02T03:04:05.000000001Z first\n", "2026-01-02T03:04:05.000000001Z first\n2026-01-02T03:04:05.000000002Z \nno time\n"},
			[]string{"first", ""},
		},
		"at once": {
			"a runtime that reads several lines together gives them one time",
			[]string{
				"2026-01-02T03:04:05Z one\n2026-01-02T03:04:05Z two\n",
				"2026-01-02T03:04:05Z one\n2026-01-02T03:04:05Z two\n2026-01-02T03:04:05Z three\n2026-01-02T03:04:05.000000001Z four\n",
			},
			[]string{"one", "two", "three", "four"},
		},
		"secret": {"values of Secrets are not shown", []string{"2026-01-02T03:04:06Z it is swordfish\n"}, []string{"it is [redacted]"}},
		"key": {
			"a key has several lines",
			[]string{key + "2026-01-02T03:04:09Z -----END RSA PRIVATE KEY-----\n2026-01-02T03:04:10Z last\n"},
			[]string{"[a private key]", "last"},
		},
		"half a key": {
			"a connection may break in it",
			[]string{key, key + "2026-01-02T03:04:08.5Z AbCd\n2026-01-02T03:04:09Z -----END RSA PRIVATE KEY-----\n2026-01-02T03:04:10Z last\n"},
			[]string{"[a private key]", "last"},
		},
		"no end": {
			"a program that only speaks of keys is heard again",
			[]string{key + strings.Repeat("2026-01-02T03:04:08Z x\n", maxKey-2) + "2026-01-02T03:04:10Z last\n"},
			[]string{"[a private key]", "last"},
		},
		"long": {
			"a line is bounded", []string{"2026-01-02T03:04:11Z " + strings.Repeat("x", maxLine+1) + "\n"}, []string{strings.Repeat("x", maxLine) + " [the line goes on]"},
		},
		"longer": {
			"what is not read of a line is none of its own",
			[]string{"2026-01-02T03:04:11Z " + strings.Repeat("x", 2*maxLineRead) + "\n2026-01-02T03:04:12Z last\n"},
			[]string{strings.Repeat("x", maxLine) + " [the line goes on]", "last"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			f := follower{redact: func(s string) string { return strings.ReplaceAll(s, "swordfish", "[redacted]") }, tell: func(s Said) error {
				got = append(got, s.Line)
				return nil
			}}
			for _, text := range tc.connections {
				if whole, err := f.lines(t.Context(), strings.NewReader(text)); err != nil || !whole {
					t.Fatal(whole, err)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestAConnectionThatBreaks: what a container has written is not taken for whole when only a part came.
func TestAConnectionThatBreaks(t *testing.T) {
	f := follower{redact: func(s string) string { return s }, tell: func(Said) error { return nil }}
	broken := io.MultiReader(strings.NewReader("2026-01-02T03:04:05Z first\n2026-01-02T03:04:06Z sec"), iotest.ErrReader(errors.New("boom")))
	if whole, err := f.lines(t.Context(), broken); whole || err != nil {
		t.Errorf("got %t, %v", whole, err)
	}
	if want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); !f.last.Equal(want) {
		t.Errorf("the last line that was told is of %s, want %s", f.last, want)
	}
}
