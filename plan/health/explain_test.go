// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/plan/health"
)

var update = flag.Bool("update", false, "write the golden files again")

// situation is a file of testdata/explain: what was gathered around an object. Its first line says what it is about.
type situation struct {
	Object  map[string]any   `json:"object"`
	Makers  []map[string]any `json:"makers"`
	Pods    []corev1.Pod     `json:"pods"`
	Events  []corev1.Event   `json:"events"`
	Secrets []map[string]any `json:"secrets"`
}

func (s situation) evidence() health.Evidence {
	e := health.Evidence{Object: &unstructured.Unstructured{Object: s.Object}, Pods: s.Pods, Events: s.Events}
	for _, m := range s.Makers {
		e.Makers = append(e.Makers, &unstructured.Unstructured{Object: m})
	}
	var secrets []*unstructured.Unstructured
	for _, o := range s.Secrets {
		secrets = append(secrets, &unstructured.Unstructured{Object: o})
	}
	e.Redact = health.Redactor(secrets)
	return e
}

// situations reads testdata/explain: name, reason and evidence of each.
func situations(t testing.TB, visit func(name, reason string, s situation)) {
	t.Helper()
	files, err := filepath.Glob("testdata/explain/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatal("the situations are not there:", err, files)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s situation
		if err := yaml.UnmarshalStrict(data, &s); err != nil {
			t.Fatalf("%s: %s", file, err)
		}
		reason, _, _ := strings.Cut(strings.TrimPrefix(string(data), "# "), "\n")
		visit(strings.TrimSuffix(filepath.Base(file), ".yaml"), reason, s)
	}
}

// TestExplain holds the reasons of all situations to testdata/explain.golden.
func TestExplain(t *testing.T) {
	var out strings.Builder
	seen := map[health.Code]bool{}
	situations(t, func(name, reason string, s situation) {
		r := health.Explain(s.evidence())
		seen[r.Code] = true
		fmt.Fprintf(&out, "%s: %s\n    %s (%s): %s\n", name, reason, r.Code, r.Code.State(), r.Summary)
		if r.Log.Pod != "" {
			fmt.Fprintf(&out, "    log of %s/%s %s, previous: %t\n", r.Log.Namespace, r.Log.Pod, r.Log.Container, r.Log.Previous)
		}
		for _, secret := range []string{"hunter2", "s3cr3t", "correct-horse"} {
			if strings.Contains(r.Summary, secret) {
				t.Errorf("%s: the summary holds a secret: %s", name, r.Summary)
			}
		}
		if strings.ContainsFunc(r.Summary, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s: the summary holds what a terminal would obey: %q", name, r.Summary)
		}
		// The same evidence in another order is the same reason.
		e := s.evidence()
		for i, j := 0, len(e.Pods)-1; i < j; i, j = i+1, j-1 {
			e.Pods[i], e.Pods[j] = e.Pods[j], e.Pods[i]
		}
		for i, j := 0, len(e.Events)-1; i < j; i, j = i+1, j-1 {
			e.Events[i], e.Events[j] = e.Events[j], e.Events[i]
		}
		if diff := cmp.Diff(r, health.Explain(e)); diff != "" {
			t.Errorf("%s: the order of pods and events changes the reason; -want +got:\n%s", name, diff)
		}
	})
	for _, code := range health.Codes() {
		if !seen[code] {
			t.Errorf("no situation has the code %q", code)
		}
	}
	const golden = "testdata/explain.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("-want +got (-update writes it again):\n%s", diff)
	}
}
