// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
)

// TestLotsRunOnS3: what folders of this machine do in the scripts, an S3 does too.
func TestLotsRunOnS3(t *testing.T) {
	s3 := buckettest.New(t, "lake", "manifests")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"trunkline.yaml": `apiVersion: trunkline.dev/v1alpha1
kind: Platform
metadata: {name: acme}
---
apiVersion: trunkline.dev/v1alpha1
kind: Cluster
metadata: {name: one}
---
apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: dev}
spec: {clusters: [one], stores: {lake: "s3://lake/data"}, lots: {manifests: "s3://manifests/<environment>/"}}
`,
		"orders/project.yaml": `apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [dev]
  image: a/b:1
  datasets:
    - {name: raw, version: "1", path: "lake://raw/", external: true, lots: {unit: daily, since: "2024-01-01T00:00:00Z"}}
    - {name: clean, version: "1", path: "lake://clean/", lots: {unit: daily, since: "2024-01-01T00:00:00Z"}}
  workloads:
    - {name: clean, blueprint: container-job, reads: {raw: raw@1}, writes: {main: clean@1}, command: [sh, -c, 'echo "$TRUNKLINE_READ_RAW > $TRUNKLINE_WRITE_MAIN"']}
`,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lots := func(more ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		args := append([]string{"lots", "run", "orders/clean", "--env", "dev", "--lot", "20240102P1D000", "--local", "--exec", "--attempt", "1", "--from", dir, "--s3-endpoint", s3.URL}, more...)
		code = run(args, strings.NewReader(""), &out, &errs)
		return code, out.String(), errs.String()
	}
	if code, _, errs := lots(); code != exitFindings || !strings.Contains(errs, "orders/raw@1 (raw): 20240102P1D000") {
		t.Errorf("what it reads is not there: %d %s", code, errs)
	}
	folder, err := bucket.Open(t.Context(), "s3://manifests/dev/", bucket.Options{Endpoint: s3.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	if err := folder.Create(t.Context(), "datasets/name=raw/version=1/lot=20240102P1D000/state=complete/manifest.json",
		[]byte(`{"state":"complete","comment":null,"lotId":"20240102P1D000","uriType":"identifier","uris":["s3://lake/data/raw/a b.csv","s3://lake/data/raw/c.csv"]}`)); err != nil {
		t.Fatal(err)
	}
	code, out, errs := lots()
	if want := "s3://lake/data/raw/a b.csv\ns3://lake/data/raw/c.csv > s3://lake/data/clean/lot=20240102P1D000/attempt=1/\n"; code != exitFine || out != want {
		t.Errorf("%d %s\nwant %s\ngot  %s", code, errs, want, out)
	}
	made, err := folder.Read(t.Context(), "datasets/name=clean/version=1/lot=20240102P1D000/state=empty/manifest.json", 1000)
	if want := `{"state":"empty","comment":null,"lotId":"20240102P1D000","uriType":"identifier","uris":[]}`; err != nil || string(made) != want {
		t.Errorf("want %s, got %s %v", want, made, err)
	}
	if code, _, errs := lots("--cluster", "two"); code != exitFindings || !strings.Contains(errs, `there is no cluster "two"`) {
		t.Errorf("%d %s", code, errs)
	}
}
