// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/render/helm"
	"trunkline.dev/trunkline/render/internal/manifest"
	"trunkline.dev/trunkline/render/kustomize"
	"trunkline.dev/trunkline/test/cached"
)

// programs are Kustomize's own program, of the release that [kustomize.Release] names, and Helm's, which it runs for charts;
// `make kustomize helm` builds them.
type programs struct{ kustomize, helm string }

func commands(t testing.TB) programs {
	t.Helper()
	return programs{cached.Kustomize(t, kustomize.Release), cached.Helm(t)}
}

// TestRelease: the release that is built in is the one that the tests compare with.
func TestRelease(t *testing.T) {
	script, err := os.ReadFile("../../hack/kustomize/install.sh")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), "\nversion="+kustomize.Release+"\n") {
		t.Errorf("hack/kustomize/install.sh builds another release than %s", kustomize.Release)
	}
}

// build is what `kustomize build` prints for a folder. It finds no program but Helm's, so that it fetches nothing.
func (p programs) build(ctx context.Context, dir string) ([]string, error) {
	home, err := os.MkdirTemp("", "kustomize-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(home) }()
	cmd := exec.CommandContext(ctx, p.kustomize, "build", dir, "--load-restrictor", "LoadRestrictionsNone",
		"--enable-helm", "--helm-command", p.helm, "--helm-kube-version", helm.KubeVersion)
	cmd.Env = []string{"HOME=" + home, "TZ=UTC", "TMPDIR=" + home, "http_proxy=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var out []string
	for _, doc := range manifest.Split(stdout.Bytes()) {
		js, err := yaml.YAMLToJSON(doc.Text)
		if err != nil {
			return nil, err
		}
		var content map[string]any
		if err := utiljson.Unmarshal(js, &content); err != nil { // whole numbers stay whole
			return nil, err
		}
		if len(content) > 0 {
			out = append(out, normal(content))
		}
	}
	return out, nil
}

// normal is the one form that objects are compared in: JSON with sorted keys. That order, comments and quotes are all
// that it hides; objects are compared in the order in which the program prints them.
func normal(object map[string]any) string {
	data, err := json.MarshalIndent(object, "", " ")
	if err != nil {
		panic(err)
	}
	return string(data)
}

// rendered is what this package makes of a folder, in the same form.
func rendered(ctx context.Context, root, dir string) ([]string, error) {
	objects, err := kustomize.Render(ctx, kustomize.Input{FS: os.DirFS(root), Dir: dir})
	if err != nil {
		return nil, err
	}
	out := make([]string, len(objects))
	for i, o := range objects {
		out[i] = normal(o.Object)
	}
	return out, nil
}

// outcome is what a comparison with the program came to.
type outcome string

const (
	equal     outcome = "equal"
	different outcome = "different"
	refused   outcome = "refused"
	failsToo  outcome = "fails in Kustomize too, or has to be fetched"
	onlyHere  outcome = "rendered, though Kustomize fails"
)

// compare holds a folder to what the program makes of it.
func (p programs) compare(ctx context.Context, root, dir string) (outcome, string) {
	want, wantErr := p.build(ctx, filepath.Join(root, dir))
	got, err := rendered(ctx, root, dir)
	switch {
	case wantErr != nil && err != nil:
		return failsToo, fmt.Sprintf("%v, here: %v", wantErr, err)
	case wantErr != nil:
		return onlyHere, wantErr.Error()
	case err != nil:
		return refused, err.Error()
	}
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return different, "missing: " + want[i]
		case i >= len(want):
			return different, "not in Kustomize's: " + got[i]
		case want[i] != got[i]:
			return different, firstLine(want[i], got[i])
		}
	}
	return equal, ""
}

func firstLine(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d of\n%s\nis here %q", i, want, b[i])
		}
	}
	return fmt.Sprintf("%s\nis here\n%s", want, got)
}
