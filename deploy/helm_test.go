// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/test/cached"
)

var update = flag.Bool("update", false, "write what is generated, instead of comparing")

const (
	chart = "charts/trunkline"
	// version is what charts are told of the cluster; that of test/devcluster.
	version = "v1.36.3"
	system  = "trunkline-system"
)

// run runs a program to its end, and returns what it printed.
func run(ctx context.Context, program string, args ...string) (stdout string, err error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	// Nothing of the user's own settings of Helm and Kubernetes counts.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "HELM_CACHE_HOME=" + os.TempDir(), "HELM_CONFIG_HOME=" + os.TempDir()}
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", program, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), nil
}

// rendered is what Helm makes of the chart and values.
func rendered(t *testing.T, args ...string) string {
	t.Helper()
	out, err := render(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func render(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return run(t.Context(), cached.Helm(t), append([]string{"template", "trunkline", chart, "--namespace", system, "--kube-version", version}, args...)...)
}

// golden compares a text with a file, or writes the file with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not current; look at the difference, and run \"make golden\" (-want +got):\n%s", file, diff)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
