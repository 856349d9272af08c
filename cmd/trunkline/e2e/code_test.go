// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/build/archive"
	"trunkline.dev/trunkline/reconciler/artifact/artifacttest"
)

// based puts an image with a file into a registry.
func based(t *testing.T, repository string) (reference string) {
	t.Helper()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() {
			_ = w.CloseWithError(archive.WriteTar(w, []archive.Node{{Name: "etc/base", Mode: 0o644, Content: []byte("of the base\n")}}))
		}()
		return r, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", "amd64", v1.Config{User: "1000"}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(repository + ":1")
	if err == nil {
		err = remote.Write(tag, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return repository + "@" + digest.String()
}

// unpacked are the files of an image as a registry has it, pulled without anything of ours.
func unpacked(t *testing.T, reference string) map[string]string {
	t.Helper()
	ref, err := name.NewDigest(reference)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	r := mutate.Extract(img)
	defer r.Close()
	files := map[string]string{}
	for all := tar.NewReader(r); ; {
		h, err := all.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			text, err := io.ReadAll(all)
			if err != nil {
				t.Fatal(err)
			}
			files[h.Name] = h.FileInfo().Mode().String() + " " + string(text)
		}
	}
}

// TestRemoteCode: code of an image runs as it is on someone's disk: small code as files, over those of the image; other code as a layer on
// what is deployed. The cluster of the test pulls no images, so what a node would pull is unpacked here.
func TestRemoteCode(t *testing.T) {
	t.Parallel()
	host := artifacttest.Registry(t, nil)
	base := based(t, host+"/acme/base")
	platform := remotePlatform("LAKE")
	k := newDeskOf(t, map[string]string{
		"orders/project.yaml": strings.Replace(strings.ReplaceAll(platform["orders/project.yaml"], "  image: trunkline.local/host:1\n",
			"  image: trunkline.local/host:1\n  build: {base: \""+base+"\", files: [src], to: /opt/orders}\n"), "  workloads:\n",
			"  workloads:\n    - name: layered\n      blueprint: container-job\n      image: "+base+"\n      command: [/opt/orders/src/tool]\n      build: {base: \""+base+"\", files: [src], to: /opt/orders}\n", 1),
		"env.yaml":         "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [test]\n  stores: {lake: \"file://LAKE/lake\"}\n  lots: {manifests: \"file://LAKE/manifests/<project>/\"}\n  runs: {registry: \"" + host + "/acme/runs\"}\n",
		"orders/src/word":  "of the commit\n",
		"orders/src/tool":  "#!/bin/sh\n",
		"orders/report.sh": committed,
	})
	k.write("orders/src/word", "of the disk\n")
	k.write("orders/src/tool", "#!/bin/sh\ncat \"${0%/*}/word\"\n")
	if err := os.Chmod(filepath.Join(k.tree, "orders/src/tool"), 0o755); err != nil {
		t.Fatal(err)
	}
	k.write("orders/report.sh", "exec /opt/orders/src/tool\n")
	if out, stderr, code := k.ran("carol", "run", "orders/report", "--env", "dev"); code != 0 || out != "of the disk\n" {
		t.Errorf("code as files: exit code %d\n%s%s", code, out, stderr)
	}
	k.awaitNothing()

	if out, stderr, code := k.ran("vera", "run", "orders/layered", "-e", "dev", "--as", "layer"); code != 2 || !strings.Contains(stderr, "to have code of one's own run") {
		t.Errorf("without the right: exit code %d\n%s%s", code, out, stderr)
	}
	out, stderr, code := k.ran("carol", "run", "orders/layered", "-e", "dev", "--as", "layer", "--detach")
	if code != 0 || !strings.Contains(stderr, "a layer of 2 files on "+base+" is pushed to "+host+"/acme/runs") {
		t.Fatalf("code as a layer: exit code %d\n%s%s", code, out, stderr)
	}
	run := strings.TrimSpace(out)
	job, err := k.cluster.Client(t).BatchV1().Jobs("orders-dev").Get(t.Context(), run, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := job.Spec.Template.Spec.Containers[0]
	if !strings.HasPrefix(c.Image, host+"/acme/runs@sha256:") || *c.SecurityContext.AllowPrivilegeEscalation || c.Command[0] != "/opt/orders/src/tool" {
		t.Fatalf("the pod runs %+v", c)
	}
	want := map[string]string{
		"etc/base": "-rw-r--r-- of the base\n", "opt/orders/src/word": "-rw-r--r-- of the disk\n", "opt/orders/src/tool": "-rwxr-xr-x #!/bin/sh\ncat \"${0%/*}/word\"\n",
	}
	if diff := cmp.Diff(want, unpacked(t, c.Image)); diff != "" {
		t.Errorf("what a node pulls -want +got:\n%s", diff)
	}
	if out, stderr, code := k.ran("carol", "runs", "cancel", run); code != 0 {
		t.Errorf("cancelled: exit code %d\n%s%s", code, out, stderr)
	}
	k.awaitNothing()
	if log, stderr, code := k.ran("carol", "history", "--kind", "remote-run", "-o", "json"); code != 0 || strings.Count(log, ", in "+c.Image) != 1 {
		t.Errorf("the history has\n%s%s", log, stderr)
	}
}
