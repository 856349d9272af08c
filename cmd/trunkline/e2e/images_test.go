// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"trunkline.dev/trunkline/reconciler/status"
)

// images is a registry on loopback.
type images struct {
	t    *testing.T
	host string
}

func newImages(t *testing.T) *images {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return &images{t, strings.TrimPrefix(server.URL, "http://")}
}

// push makes a new image the one of a tag of acme/orders, and returns its digest.
func (i *images) push(tag string) string {
	i.t.Helper()
	image, err := random.Image(16, 1)
	if err != nil {
		i.t.Fatal(err)
	}
	ref, err := name.NewTag(i.host + "/acme/orders:" + tag)
	if err != nil {
		i.t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		i.t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		i.t.Fatal(err)
	}
	return digest.String()
}

// TestImageUpdate: a version that comes to a registry becomes a pull request, the next one takes its place there, and the merge
// rolls it out by its digest.
func TestImageUpdate(t *testing.T) {
	registry := newImages(t)
	const file = "projects/orders/app.yaml"
	files := shop("one")
	image := func(tag, digest string) string {
		return "image: {repository: " + registry.host + "/acme/orders, track: ^1, tag: " + tag + ", digest: '" + digest + "'} # follows\n"
	}
	first := image("1.0.0", registry.push("1.0.0"))
	files[file] = strings.Replace(files[file], "image: img:1\n", first, 1)
	files["note/blueprint.yaml"] += "  fields: [image]\n"
	files["note/chart/templates/all.yaml"] = strings.Replace(files["note/chart/templates/all.yaml"], "\ndata: {", "\ndata: {image: {{ .Values.global.trunkline.workload.image | quote }}, ", 1)
	if !strings.Contains(files[file], first) {
		t.Fatal(files[file])
	}
	f := newForgeOf(t, pkg.Cluster(t), files)
	f.args = append(f.args, "--image-registry", registry.host)
	registry.push("2.0.0") // out of the range
	second := image("1.1.0", registry.push("1.1.0"))
	f.start()
	const branch = "trunkline/images/orders"
	proposed := func() string { return f.repo.File(branch, file) }
	f.await("the newer version to be proposed", proposed, strings.Replace(files[file], first, second, 1))
	f.awaitCheck(f.repo.Head(branch), "failure") // no owner has approved it
	f.daemon.kill()                              // the next one looks at once
	digest := registry.push("1.2.0")
	third := strings.Replace(files[file], first, image("1.2.0", digest), 1)
	f.start()
	f.await("the newest version to take its place", proposed, third)
	const number = 1 // there is one pull request
	f.awaitCheck(f.repo.Head(branch), "failure")
	if err := f.repo.Review(number, "APPROVED", "olga"); err != nil {
		t.Fatal(err)
	}
	f.awaitCheck(f.repo.Head(branch), "success")
	if page := f.page(number); !strings.Contains(page, registry.host+"/acme/orders:1.2.0") {
		t.Errorf("the pull request does not say what comes:\n%s", page)
	}
	if err := f.repo.Merge(number, "olga"); err != nil {
		t.Fatal(err)
	}
	merged := f.repo.Head("main")
	f.await("the deployment", func() string { return f.repo.DeploymentState(merged, "dev") }, "success")
	f.daemon.await("the shop to run", status.Platform.Fine)
	if got := f.repo.File("main", file); got != third {
		t.Errorf("the trunk has\n%s", got)
	}
	if got, want := f.note()["image"], registry.host+"/acme/orders:1.2.0@"+digest; got != want {
		t.Errorf("the cluster has %v, want %s", got, want)
	}
}
