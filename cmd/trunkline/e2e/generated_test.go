// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestDiffOfGeneratedSecrets: what would be made in the cluster is announced; comparing makes nothing, and prints no value.
func TestDiffOfGeneratedSecrets(t *testing.T) {
	c := pkg.Cluster(t)
	reach := "test=" + c.Kubeconfig
	dir := differing(t, "gendiff", configMap("c", "a"))
	file := filepath.Join(dir, "told/project.yaml")
	project, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	generating := func(more string) {
		t.Helper()
		write(t, file, string(project)+"  generatedSecrets: [{name: made, keys: {password: {}}"+more+"}]\n")
	}
	value := func() string {
		t.Helper()
		s, err := c.Client(t).CoreV1().Secrets("gendiff-told-dev").Get(t.Context(), "made", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return string(s.Data["password"])
	}

	generating("")
	before := everything(t, c)
	if got := diff(t, 1, "--cluster", reach, dir).diff(t, "Secret made"); !strings.Contains(got, "+  password: (generated)\n") {
		t.Errorf("before it is there:\n%s", got)
	}
	if diff := cmp.Diff(before, everything(t, c)); diff != "" {
		t.Fatalf("comparing has written to the cluster (-before +after):\n%s", diff)
	}
	if out, stderr, code := command(t, "apply", "--from", dir, "--cluster", reach, "--timeout", "90s"); code != 0 {
		t.Fatalf("apply ends with %d:\n%s%s", code, out, stderr)
	}
	first := value()
	if d := diff(t, 0, "--cluster", reach, dir); d.Changes {
		t.Errorf("right after it was applied, something would change: %+v", d)
	}

	generating(", revision: 1")
	before = everything(t, c)
	d := diff(t, 1, "--cluster", reach, dir)
	if got := d.diff(t, "Secret made"); !strings.Contains(got, "-  password: (redacted)\n+  password: (generated, revision 1)\n") {
		t.Errorf("before it is made again:\n%s", got)
	}
	if diff := cmp.Diff(before, everything(t, c)); diff != "" {
		t.Fatalf("comparing has written to the cluster (-before +after):\n%s", diff)
	}
	stdout, stderr, _ := command(t, "diff", "--cluster", reach, dir)
	if strings.Contains(stdout+stderr, first) || len(first) != 32 || value() != first {
		t.Errorf("the value %q is printed, or was made again:\n%s%s", first, stdout, stderr)
	}
}
