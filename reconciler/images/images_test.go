// SPDX-License-Identifier: Apache-2.0

package images_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/build"
	"trunkline.dev/trunkline/build/image"
	"trunkline.dev/trunkline/build/statement"
	"trunkline.dev/trunkline/reconciler/images"
)

// server is a registry on loopback, which notes what is asked of it, and may answer otherwise.
type server struct {
	host string

	mu    sync.Mutex
	asked []string
	// instead answers a request itself; false leaves it to the registry.
	instead func(http.ResponseWriter, *http.Request) bool
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	kept := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		instead := s.instead
		s.mu.Unlock()
		if instead == nil || !instead(w, r) {
			kept.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(web.Close)
	s.host = strings.TrimPrefix(web.URL, "http://")
	return s
}

func (s *server) answer(instead func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = instead
}

// uploads are the requests that bring a blob, from now on.
func (s *server) uploads() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if strings.HasPrefix(a, "PATCH ") {
			n++
		}
	}
	s.asked = nil
	return n
}

// python is a base for two platforms, which the registry has.
func (s *server) python(t *testing.T) (reference string) {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(256, 2)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		config.OS, config.Architecture = "linux", arch
		if img, err = mutate.ConfigFile(mutate.MediaType(mutate.ConfigMediaType(img, types.OCIConfigJSON), types.OCIManifestSchema1), config); err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	tag, err := name.NewTag(s.host + "/base/python:3")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return tag.Name() + "@" + digest.String()
}

func client(t *testing.T) *images.Client {
	t.Helper()
	c, err := images.New(authn.NewMultiKeychain())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// orders is an image of a file on a base.
func orders(t *testing.T, base image.Base, text string) (image.Built, []v1.Image) {
	t.Helper()
	code, err := image.Layer([]build.File{{Path: "main.py", Data: []byte(text)}}, "/app")
	if err != nil {
		t.Fatal(err)
	}
	made, err := image.Of(base, code, "orders", v1alpha1.Build{})
	if err != nil {
		t.Fatal(err)
	}
	beside, err := image.Beside(made, code, base, statement.Origin{
		Repository: "r.example/orders", Project: "orders", Files: []string{"main.py"}, Revision: strings.Repeat("a", 40), Source: "https://forge.example/acme/data", Time: time.Unix(0, 0), Version: "v1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return made, beside
}

// TestPush: the registry has all of the image, and what is pushed once more is what it lacks.
func TestPush(t *testing.T) {
	t.Parallel()
	s, c := newServer(t), client(t)
	base, err := c.Base(t.Context(), s.python(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	made, beside := orders(t, base, "1")
	s.uploads()
	repository := s.host + "/acme/orders"
	if err := c.Push(t.Context(), repository, "one", made, beside); err != nil {
		t.Fatal(err)
	}
	// The code, a configuration for each platform, and two files beside with the configuration that both have; layers below are mounted.
	if n := s.uploads(); n > 3+3 {
		t.Errorf("%d blobs were sent", n)
	}
	ref, err := name.NewDigest(repository + "@" + made.Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err == nil {
		err = validate.Index(index)
	}
	if err != nil {
		t.Errorf("what was pushed is not whole: %v", err)
	}
	if err := c.Push(t.Context(), repository, "again", made, beside); err != nil {
		t.Fatal(err)
	}
	if n := s.uploads(); n > 0 {
		t.Errorf("%d blobs were sent once more", n)
	}
	made, _ = orders(t, base, "2")
	if err := c.Push(t.Context(), repository, "two", made, nil); err != nil {
		t.Fatal(err)
	}
	if n := s.uploads(); n != 3 {
		t.Errorf("%d blobs were sent for other code on the same base", n)
	}
	held(t, ref)
}

// held reads what the registry lists beside an image.
func held(t *testing.T, ref name.Digest) {
	t.Helper()
	listed, err := remote.Referrers(ref)
	if err != nil {
		t.Fatal(err)
	}
	found, err := listed.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, d := range found.Manifests {
		img, err := remote.Image(ref.Context().Digest(d.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		m, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, m.ArtifactType)
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		content, err := layers[0].Compressed()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte(ref.DigestStr()[len("sha256:"):])) {
			t.Errorf("%s is not about the image: %s", m.ArtifactType, data)
		}
		if m.ArtifactType == "application/spdx+json" {
			var doc v2_3.Document
			if err := json.Unmarshal(data, &doc); err != nil || len(doc.Files) != 1 || doc.Files[0].FileName != "./app/main.py" || len(doc.Packages) != 2 {
				t.Errorf("the bill is %s, %v", data, err)
			}
			continue
		}
		var said struct {
			Type      string `json:"_type"`
			Predicate struct {
				BuildDefinition struct {
					ResolvedDependencies []struct {
						URI    string            `json:"uri"`
						Digest map[string]string `json:"digest"`
					} `json:"resolvedDependencies"`
				} `json:"buildDefinition"`
			} `json:"predicate"`
		}
		if err := json.Unmarshal(data, &said); err != nil {
			t.Error(err)
		}
		if from := said.Predicate.BuildDefinition; len(from.ResolvedDependencies) != 2 || from.ResolvedDependencies[1].Digest["gitCommit"] != strings.Repeat("a", 40) || from.ResolvedDependencies[1].URI != "git+https://forge.example/acme/data" {
			t.Errorf("the provenance is %s", data)
		}
	}
	slices.Sort(kinds)
	if diff := cmp.Diff([]string{"application/spdx+json", "application/vnd.in-toto+json"}, kinds); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestWrite: a folder has all of an image, for what knows nothing of registries.
func TestWrite(t *testing.T) {
	t.Parallel()
	s, c := newServer(t), client(t)
	base, err := c.Base(t.Context(), s.python(t), []string{"linux/arm64"})
	if err != nil {
		t.Fatal(err)
	}
	made, beside := orders(t, base, "1")
	dir := filepath.Join(t.TempDir(), "image")
	if err := images.Write(dir, "orders:1", made, beside); err != nil {
		t.Fatal(err)
	}
	written, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := written.ImageIndex(made.Digest)
	if err == nil {
		err = validate.Index(inner)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestBaseRefuses(t *testing.T) {
	t.Parallel()
	s, c := newServer(t), client(t)
	reference := s.python(t)
	digest := reference[strings.Index(reference, "@")+1:]
	sum := "sha256:" + strings.Repeat("a", 64)
	for _, tc := range []struct {
		name, of  string
		platforms []string
		instead   func(http.ResponseWriter, *http.Request) bool
		says      string
	}{
		{name: "a tag", of: s.host + "/base/python:3", says: "it is named by a tag, which can be another image tomorrow: write " + s.host + "/base/python:3@" + digest + ", which it is now"},
		{name: "not there", of: s.host + "/base/python@" + sum, says: "the registry has no such image"},
		{name: "another platform", of: reference, platforms: []string{"linux/s390x"}, says: "it has no image for linux/s390x, but for linux/amd64, linux/arm64"},
		{name: "no digest", of: s.host + "/base/python@sha256:abc", says: "it is not of the form of an image"},
		{name: "no credentials", of: reference, says: "the server refuses that (HTTP 401)", instead: func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Basic realm="secret-of-the-server"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}},
		{name: "nonsense", of: reference, says: "the server cannot be asked", instead: func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = io.WriteString(w, "<html>secret-of-the-server")
			return true
		}},
		{name: "something else by the digest", of: reference, says: "the image", instead: func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			w.Header().Set("Content-Type", string(types.OCIImageIndex))
			_, _ = io.WriteString(w, `{"schemaVersion": 2, "manifests": []}`)
			return true
		}},
		{name: "without end", of: reference, says: "the image", instead: func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			w.Header().Set("Content-Type", string(types.OCIImageIndex))
			_, _ = w.Write(bytes.Repeat([]byte(" "), 5<<20))
			return true
		}},
		{name: "a large configuration", of: reference, says: "the image", instead: func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/blobs/") {
				return false
			}
			_, _ = w.Write(bytes.Repeat([]byte(" "), 5<<20))
			return true
		}},
	} {
		s.answer(tc.instead)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := c.Base(ctx, tc.of, tc.platforms)
		cancel()
		if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "secret-of-the-server") {
			t.Errorf("%s: it says %v", tc.name, err)
		}
	}
}

// TestHalfAnUpload: a registry that breaks leaves no image that is named, and what it has then is not sent again.
func TestHalfAnUpload(t *testing.T) {
	t.Parallel()
	s, c := newServer(t), client(t)
	base, err := c.Base(t.Context(), s.python(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	made, _ := orders(t, base, "1")
	refuse := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	s.answer(refuse)
	repository := s.host + "/acme/orders"
	if err := c.Push(t.Context(), repository, "one", made, nil); err == nil || !strings.Contains(err.Error(), "pushing to "+repository+": the server refuses that (HTTP 403)") {
		t.Errorf("it says %v", err)
	}
	s.answer(nil)
	s.uploads()
	if err := c.Push(t.Context(), repository, "one", made, nil); err != nil {
		t.Fatal(err)
	}
	if n := s.uploads(); n > 1 { // the configuration of the image that it did not come to
		t.Errorf("%d blobs were sent once more", n)
	}
	// One that says it took the image, and did not.
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			w.WriteHeader(http.StatusCreated)
			return true
		}
		return false
	})
	other, _ := orders(t, base, "2")
	if err := c.Push(t.Context(), repository, "two", other, nil); err == nil {
		t.Error("nothing is wrong with an image that is not there")
	}
	if err := c.Push(t.Context(), "orders", "two", other, nil); err == nil || !strings.Contains(err.Error(), "is no repository") {
		t.Errorf("it says %v", err)
	}
}
