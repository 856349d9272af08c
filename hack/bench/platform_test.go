// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/render"
)

// TestAppsAreOfFourObjects holds the benchmark to what it says that it measures.
func TestAppsAreOfFourObjects(t *testing.T) {
	p := platform{name: "app", clusters: []string{"one"}, environment: "protected: false"}
	objects, err := objectsOf(t.Context(), p.base().with(p.apps(0, 2)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, o := range objects {
		got[o.GetNamespace()+"/"+o.GetKind()]++
		if o.GetKind() == "Deployment" {
			if replicas := o.Object["spec"].(map[string]any)["replicas"]; replicas != int64(0) {
				t.Errorf("a Deployment has %v replicas, want 0", replicas)
			}
			if diff := cmp.Diff(image(firstVersion), imageOf(o)); diff != "" {
				t.Errorf("image (-want +got):\n%s", diff)
			}
			if err := setImage(o, "other"); err != nil || imageOf(o) != "other" {
				t.Errorf("the image was set to %q, error %v", imageOf(o), err)
			}
		}
		if _, ok := resources[o.GetKind()]; !ok {
			t.Errorf("the kind %s cannot be applied bare", o.GetKind())
		}
	}
	want := map[string]int{"/Namespace": 2}
	for i := range 2 {
		for _, kind := range []string{"ServiceAccount", "Service", "Deployment", "Ingress"} {
			want[p.namespace(i)+"/"+kind] = 1
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func TestPlatformThatIsRefusedIsAnError(t *testing.T) {
	p := platform{name: "app", clusters: []string{"one"}, environment: "nonsense: true"}
	if _, err := objectsOf(t.Context(), p.base()); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("error %v does not say what is wrong", err)
	}
}

// TestEnginesRenderTheSame has our way and the bare way render the same number of objects.
func TestEnginesRenderTheSame(t *testing.T) {
	for _, e := range theEngines() {
		fsys, rel, err := e.release()
		if err != nil {
			t.Fatal(e.name, err)
		}
		result, err := render.New(blueprints.FS).Render(t.Context(), fsys, rel)
		if err != nil {
			t.Fatal(e.name, err)
		}
		var kinds []string
		for _, o := range result.Objects {
			kinds = append(kinds, o.GetKind())
		}
		if diff := cmp.Diff([]string{"Namespace", "ServiceAccount", "ConfigMap", "Service", "Deployment"}, kinds); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e.name, diff)
		}
		if err := e.bare(e.files); err != nil {
			t.Errorf("%s, bare: %v", e.name, err)
		}
	}
}

func TestRepositoryPushes(t *testing.T) {
	r, err := newRepository(t.Context(), t.TempDir(), tree{"a/x": "1", "y": "2"})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		reason string
		files  tree
		want   string
	}{
		{"one file", tree{"a/x": "3"}, "a/x=3 y=2"},
		{"several, one of them new", tree{"a/x": "4", "b/z": "5"}, "a/x=4 b/z=5 y=2"},
	} {
		commit, err := r.push(t.Context(), step.reason, step.files)
		if err != nil {
			t.Fatal(err)
		}
		head, err := r.Git(t.Context(), "-C", r.Bare, "rev-parse", "refs/heads/main")
		if err != nil || strings.TrimSpace(head) != commit {
			t.Errorf("%s: the repository is at %q, want %s: %v", step.reason, head, commit, err)
		}
		names, err := r.Git(t.Context(), "-C", r.Bare, "ls-tree", "-r", "--name-only", commit)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for name := range strings.FieldsSeq(names) {
			text, err := r.Git(t.Context(), "-C", r.Bare, "show", commit+":"+name)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, name+"="+text)
		}
		if diff := cmp.Diff(step.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.reason, diff)
		}
	}
	if _, err := r.push(t.Context(), "nothing", tree{"y": "2"}); err == nil {
		t.Error("a commit of nothing must fail: what is waited for would never come")
	}
}

func TestHoleSaysNothing(t *testing.T) {
	h, err := digHole(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.url(), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	for h.fallen() == 0 {
		runtime.Gosched() // it is taken at once, or the test's own limit ends this
	}
	if err := h.close(); err != nil {
		t.Error(err)
	}
	if said, _ := io.ReadAll(conn); len(said) > 0 {
		t.Errorf("the hole said %q", said)
	}
}

func TestParseEntry(t *testing.T) {
	when := time.Date(2026, 11, 21, 10, 0, 0, 5, time.UTC)
	for _, test := range []struct {
		reason, line string
		want         entry
		ok           bool
	}{
		{"a commit", `{"time":"2026-11-21T10:00:00.000000005Z","msg":"commit accepted","commit":"abc","took":9}`, entry{Time: when, Msg: "commit accepted", Commit: "abc"}, true},
		{"anything else", `{"msg":"run finished","commit":"abc"}`, entry{}, false},
		{"words for people", `level=INFO msg="commit accepted"`, entry{}, false},
		{"half a line", `{"msg":"commit accepted","commit":"12`, entry{}, false},
		{"nothing", "", entry{}, false},
	} {
		got, ok := parseEntry(test.line)
		if !ok {
			got = entry{}
		}
		if diff := cmp.Diff([]any{test.want, test.ok}, []any{got, ok}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
	}
}
