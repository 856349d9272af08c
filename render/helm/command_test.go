// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/render/internal/manifest"
	"trunkline.dev/trunkline/test/cached"
)

// templated is what `helm template` prints for a chart in a folder, cut into what each template and definition renders to.
func templated(ctx context.Context, program, dir string, files []string) ([]string, error) {
	args := []string{"template", "rel", dir, "--namespace", "ns", "--kube-version", KubeVersion, "--include-crds", "--skip-tests"}
	for _, f := range files {
		args = append(args, "--values", f)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	home, err := os.MkdirTemp("", "helm-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(home) }()
	cmd.Env = []string{"HOME=" + home, "TZ=UTC"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var docs []string
	for doc := range strings.SplitSeq("\n"+stdout.String(), "\n---\n# Source: ") {
		if doc = strings.TrimSpace(doc); doc != "" {
			docs = append(docs, doc)
		}
	}
	slices.Sort(docs)
	return docs, nil
}

// rendition is what this package makes of the same, in the same form: hooks as they are, without those of tests.
func rendition(ctx context.Context, in Input) ([]string, error) {
	c, err := load(in.FS, in.Dir, nil)
	if err != nil {
		return nil, err
	}
	if err := prepare(c, in); err != nil {
		return nil, err
	}
	rendered, err := renderFiles(ctx, c, in, &chance{})
	if err != nil {
		return nil, err
	}
	return printed(c, rendered), nil
}

func printed(c *chart.Chart, rendered map[string]string) []string {
	var docs []string
	for _, crd := range c.CRDObjects() {
		for doc := range strings.SplitSeq(crd.Filename+"\n"+string(crd.File.Data), "\n---\n# Source: ") {
			docs = append(docs, strings.TrimSpace(doc))
		}
	}
	for name, text := range rendered {
		if strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		for _, doc := range documents(text) {
			if leftOut(doc.Text) {
				continue
			}
			docs = append(docs, name+"\n"+strings.TrimSpace(string(doc.Text)))
		}
	}
	slices.Sort(docs)
	return docs
}

// leftOut reports whether a document is a hook of tests, or one that Helm does not know and leaves out.
func leftOut(doc []byte) bool {
	var o struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if yaml.Unmarshal(doc, &o) != nil {
		return false
	}
	hook, isHook := o.Metadata.Annotations[hookAnnotation]
	return isHook && slices.ContainsFunc(strings.Split(hook, ","), func(name string) bool {
		at := steps[strings.ToLower(strings.TrimSpace(name))]
		return at == unknown || at == test
	})
}

// asKubernetesReads reports the first document that is read otherwise than Kubernetes' tools read it.
func asKubernetesReads(docs []string) error {
	for _, doc := range docs {
		_, text, _ := strings.Cut(doc, "\n")
		var want map[string]any
		if err := yaml.Unmarshal([]byte(text+"\n"), &want); err != nil {
			continue // no object: what Helm does with it is seen by what it prints
		}
		objects, _, err := manifest.ParseDocuments("x", []manifest.Document{{Text: []byte(text + "\n")}})
		if err != nil {
			return fmt.Errorf("%s: %w", strings.SplitN(doc, "\n", 2)[0], err)
		}
		if len(objects) == 0 && len(want) > 0 {
			return fmt.Errorf("an object is lost: %.100s", doc)
		}
		for _, o := range objects {
			a, _ := yaml.Marshal(o.Object)
			b, _ := yaml.Marshal(want)
			if !bytes.Equal(a, b) {
				return fmt.Errorf("an object is read otherwise: %.100s", doc)
			}
		}
	}
	return nil
}

// outcome is what a comparison with Helm came to.
type outcome string

const (
	equal      outcome = "equal"
	different  outcome = "different"
	refused    outcome = "refused"
	failsToo   outcome = "fails in Helm too"
	onlyHere   outcome = "rendered, though Helm fails"
	randomised outcome = "refused: a random value or a time is written"
)

// compare holds a chart in a folder, with files of values, to what Helm makes of it.
func compare(ctx context.Context, program, dir string, files []string) (outcome, string) {
	values := map[string]any{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return refused, err.Error()
		}
		if err := yaml.Unmarshal(data, &values); err != nil {
			return failsToo, err.Error()
		}
	}
	in := Input{FS: os.DirFS(filepath.Dir(dir)), Dir: filepath.Base(dir), Name: "rel", Namespace: "ns", Values: values}
	want, wantErr := templated(ctx, program, dir, files)
	_, err := Render(ctx, in)
	switch {
	case wantErr != nil && err != nil:
		return failsToo, wantErr.Error()
	case wantErr != nil:
		return onlyHere, wantErr.Error()
	case err != nil && strings.Contains(err.Error(), "on each render"):
		return randomised, err.Error()
	case err != nil:
		return refused, err.Error()
	}
	in.Values = map[string]any{}
	for _, f := range files { // a render changes what it is given
		data, _ := os.ReadFile(f)
		_ = yaml.Unmarshal(data, &in.Values)
	}
	got, err := rendition(ctx, in)
	if err != nil {
		return refused, err.Error()
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return different, firstDifference(want, got)
		}
	}
	if err := asKubernetesReads(want); err != nil {
		return different, err.Error()
	}
	return equal, ""
}

func firstDifference(want, got []string) string {
	for _, doc := range want {
		if !slices.Contains(got, doc) {
			name, _, _ := strings.Cut(doc, "\n")
			for _, other := range got {
				if strings.HasPrefix(other, name+"\n") && !slices.Contains(want, other) {
					a, b := strings.Split(doc, "\n"), strings.Split(other, "\n")
					for i := range min(len(a), len(b)) {
						if a[i] != b[i] {
							return fmt.Sprintf("%s, line %d: Helm has %.100q, and here is %.100q", name, i, a[i], b[i])
						}
					}
				}
			}
			return fmt.Sprintf("missing: %.200q", doc)
		}
	}
	return fmt.Sprintf("%d documents, and %d here", len(want), len(got))
}

// charts returns the folders below one that are charts, but not those inside of charts.
func charts(root string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if _, err := os.Stat(filepath.Join(p, "Chart.yaml")); err == nil {
			out = append(out, p)
			return filepath.SkipDir
		}
		return nil
	})
	return out, err
}

// TestParityOfPublicCharts compares what Helm and this package make of the charts that `make parity` fetches, with their
// own values and each of the values that they are tested with. It writes the table of docs/compatibility.md to .cache/helm/parity.txt.
func TestParityOfPublicCharts(t *testing.T) {
	root := os.Getenv("CHARTS")
	if root == "" {
		t.Skip("CHARTS names no folder with charts; `make parity` does")
	}
	program := cached.Helm(t)
	all, err := charts(root)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[outcome]int{}
	for _, dir := range all {
		sets := [][]string{nil}
		tests, _ := filepath.Glob(filepath.Join(dir, "ci", "*values.yaml"))
		for _, f := range tests {
			sets = append(sets, []string{f})
		}
		for _, files := range sets {
			what, why := compare(t.Context(), program, dir, files)
			counts[what]++
			if what == equal || what == failsToo {
				continue
			}
			report := t.Logf
			if what == different {
				report = t.Errorf
			}
			report("%s %s: %s: %s", strings.TrimPrefix(dir, root+"/"), path.Base(strings.Join(files, "")), what, why)
		}
	}
	if len(all) == 0 {
		t.Errorf("there are no charts in %s", root)
	}
	var table strings.Builder
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&table, "%4d charts with their values: %s\n", counts[what], what)
	}
	t.Log("\n" + table.String())
	if err := os.WriteFile("../../.cache/helm/parity.txt", []byte(table.String()), 0o600); err != nil {
		t.Error(err)
	}
}
