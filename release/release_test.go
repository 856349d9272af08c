// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	stdjson "encoding/json"
	"encoding/pem"
	"errors"
	"io"
	stdlog "log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"

	"trunkline.dev/trunkline/release/attest"
)

// made is a release that was made: the folder, what was said, and the registry with the image.
type made struct {
	dir, said, image string
}

// makeRelease makes one of the fixture at a tag.
func makeRelease(t *testing.T, tag string, args ...string) made {
	t.Helper()
	repo := filepath.Join(t.TempDir(), "repo")
	fixture(t, repo, tag)
	// What is not committed is not released.
	for file, content := range map[string]string{"cmd/trunkline/main.go": "package broken", "extra.txt": "extra", "LICENSE": "none"} {
		if err := os.WriteFile(filepath.Join(repo, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := made{dir: filepath.Join(t.TempDir(), "dist")}
	var stop func()
	m.image, stop = startRegistry()
	t.Cleanup(stop)
	var out strings.Builder
	all := append([]string{"-repo", repo, "-out", m.dir, "-image", m.image, "-push", "-source", "https://github.com/acme/trunkline"}, args...)
	if err := run(t.Context(), all, os.Getenv("COSIGN_PASSWORD"), &out, &out); err != nil {
		t.Fatalf("release %v: %v\n%s", args, err, out.String())
	}
	m.said = out.String()
	return m
}

// startRegistry starts a registry and returns a repository in it.
func startRegistry() (repository string, stop func()) {
	quiet := registry.Logger(stdlog.New(io.Discard, "", 0))
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), quiet))
	return strings.TrimPrefix(server.URL, "http://") + "/acme/trunkline", server.Close
}

// newKey writes a key without a password.
func newKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// sums are the digests of the files in a folder, without those that some words are in.
func sums(t *testing.T, dir string, without ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.ContainsFunc(without, func(w string) bool { return strings.Contains(file, w) }) {
			return err
		}
		data, err := os.ReadFile(file)
		sum := sha256.Sum256(data)
		out[strings.TrimPrefix(file, dir+"/")] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSameCommitSameRelease makes a release twice, of copies of a repository in two folders with files that are not committed, and
// compares every file.
func TestSameCommitSameRelease(t *testing.T) {
	var was map[string]string
	for range 2 {
		m := makeRelease(t, "v1.2.3", "-platforms", "linux/"+runtime.GOARCH)
		// The address of the registry, which is another one each time, is in the bills of images, and so in the layout and in the checksums.
		now := sums(t, m.dir, "/image/", "-image.tar", "checksums.txt", "provenance", "/attest/spdx")
		if was == nil {
			was = now
		}
		if diff := cmp.Diff(was, now); diff != "" {
			t.Errorf("the same commit makes other files (-first +second):\n%s", diff)
		}
	}
	if len(was) < 6 {
		t.Errorf("compared %d files only: %v", len(was), was)
	}
}

// TestRelease looks at all that a release is made of, for two platforms, one of them not this machine's.
func TestRelease(t *testing.T) {
	m := makeRelease(t, "v1.2.3", "-platforms", "linux/amd64,linux/arm64", "-key", newKey(t), "-builder", "https://example.com/builder", "--", "-ldflags", "-s -w")

	t.Run("files", func(t *testing.T) {
		entries, err := os.ReadDir(m.dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		want := []string{
			"attest", "checksums.txt", "checksums.txt.sigstore.json", "cosign.pub", "image", "image-digest.txt",
			"lot-1.2.3-linux-amd64.spdx.json", "lot-1.2.3-linux-arm64.spdx.json", "notes.md", "provenance.intoto.json", "provenance.sigstore.json",
			"trunkline-1.2.3-image.tar", "trunkline-1.2.3-linux-amd64.spdx.json", "trunkline-1.2.3-linux-amd64.tar.gz",
			"trunkline-1.2.3-linux-arm64.spdx.json", "trunkline-1.2.3-linux-arm64.tar.gz", "trunkline.rb", "trunkline_1.2.3_amd64.deb", "trunkline_1.2.3_arm64.deb",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		sums, err := exec.CommandContext(t.Context(), "sh", "-c", "cd \"$1\" && sha256sum --check --strict checksums.txt", "sh", m.dir).CombinedOutput()
		if err != nil || bytes.Count(sums, []byte("OK")) != 10 {
			t.Errorf("checksums: %v\n%s", err, sums)
		}
		notes, err := os.ReadFile(filepath.Join(m.dir, "notes.md"))
		if err != nil || string(notes) != "### Upgrading\n\n- Nothing to do.\n" {
			t.Errorf("notes %q, %v", notes, err)
		}
	})
	t.Run("archive", func(t *testing.T) { checkArchive(t, filepath.Join(m.dir, "trunkline-1.2.3-linux-arm64.tar.gz")) })
	t.Run("deb", func(t *testing.T) { checkDeb(t, filepath.Join(m.dir, "trunkline_1.2.3_amd64.deb")) })
	t.Run("formula", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(m.dir, "trunkline.rb"))
		if err != nil {
			t.Fatal(err)
		}
		sum := sums(t, m.dir)["trunkline-1.2.3-linux-arm64.tar.gz"]
		for _, want := range []string{"on_linux do", "on_arm do", "on_intel do", "sha256 \"" + sum + "\"", "/releases/download/v1.2.3/trunkline-1.2.3-linux-arm64.tar.gz", "version \"1.2.3\""} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the formula has no %q:\n%s", want, text)
			}
		}
	})
	t.Run("image", func(t *testing.T) { checkImage(t, m) })
	t.Run("signed", func(t *testing.T) { checkSigned(t, m) })
	t.Run("runs", func(t *testing.T) { checkRuns(t, m) })
	t.Run("provenance", func(t *testing.T) {
		var s struct {
			Type      string `json:"_type"`
			Subject   []struct{ Name string }
			Predicate struct {
				BuildDefinition struct {
					ExternalParameters   struct{ Source, Version string }
					ResolvedDependencies []struct{ Digest map[string]string }
				}
				RunDetails struct{ Builder struct{ ID string } }
			}
		}
		data, err := os.ReadFile(filepath.Join(m.dir, "provenance.intoto.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := stdjson.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		if s.Type != "https://in-toto.io/Statement/v1" || len(s.Subject) != 13 || s.Predicate.RunDetails.Builder.ID != "https://example.com/builder" ||
			s.Predicate.BuildDefinition.ExternalParameters.Version != "v1.2.3" || len(s.Predicate.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"]) != 40 {
			t.Errorf("the provenance is %+v", s)
		}
	})
}

// untar reads the files of an archive, and fails if they are not in order or are of a time.
func untar(t *testing.T, r io.Reader) map[string]*tar.Header {
	t.Helper()
	out := map[string]*tar.Header{}
	last := ""
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name <= last {
			t.Errorf("%s comes after %s", h.Name, last)
		}
		if h.ModTime.Unix() != 0 {
			t.Errorf("%s has a time of its own: %s", h.Name, h.ModTime)
		}
		last, out[strings.TrimSuffix(h.Name, "/")] = h.Name, h
	}
}

func checkArchive(t *testing.T, file string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	got := untar(t, z)
	for _, want := range []string{
		"LICENSE", "README.md", "CHANGELOG.md", "trunkline", "lot", "completions/trunkline.bash", "completions/_trunkline", "completions/trunkline.fish",
		"man/man1/trunkline.1", "trunkline.spdx.json", "lot.spdx.json",
	} {
		h, ok := got["trunkline-1.2.3-linux-arm64/"+want]
		if !ok {
			t.Errorf("the archive has no %s", want)
			continue
		}
		if program := want == "trunkline" || want == "lot"; program != (h.Mode == 0o755) {
			t.Errorf("%s has the mode %o", want, h.Mode)
		}
	}
	if _, ok := got["trunkline-1.2.3-linux-arm64/extra.txt"]; ok {
		t.Error("what is not committed is in the archive")
	}
}

// checkDeb has Debian's own program read the package.
func checkDeb(t *testing.T, file string) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("there is no dpkg-deb, which is Debian's own reader of packages")
	}
	out, err := exec.CommandContext(t.Context(), "dpkg-deb", "--info", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Version: 1.2.3") || !strings.Contains(string(out), "Architecture: amd64") {
		t.Errorf("dpkg-deb --info: %v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), "dpkg-deb", "--contents", file).CombinedOutput()
	if err != nil {
		t.Fatalf("dpkg-deb --contents: %v\n%s", err, out)
	}
	for _, want := range []string{
		"-rwxr-xr-x root/root", "./usr/bin/trunkline", "./usr/bin/lot", "./usr/share/man/man1/trunkline.1.gz", "./usr/share/doc/trunkline/copyright",
		"./usr/share/bash-completion/completions/trunkline", "./usr/share/zsh/vendor-completions/_trunkline",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the package has no %s:\n%s", want, out)
		}
	}
}

func checkImage(t *testing.T, m made) {
	tag, err := name.NewTag(m.image + ":v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Errorf("the index is not as it should be: %v", err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(filepath.Join(m.dir, "image-digest.txt"))
	if err != nil || strings.TrimSpace(string(said)) != digest.String() {
		t.Errorf("image-digest.txt says %q, want %s (%v)", said, digest, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range manifest.Manifests {
		platforms = append(platforms, d.Platform.String())
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkConfig(t, img)
		checkRootfs(t, img)
		checkBill(t, tag.Context(), d.Digest)
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Error(diff)
	}
	kinds := referrers(t, tag.Context().Digest(digest.String()))
	if diff := cmp.Diff(map[string]int{"https://slsa.dev/provenance/v1": 1, "https://sigstore.dev/cosign/sign/v1": 1}, kinds); diff != "" {
		t.Errorf("what the registry knows of the index: %s", diff)
	}
}

// referrers counts what refers to an image, by predicate or else by kind.
func referrers(t *testing.T, of name.Digest) map[string]int {
	t.Helper()
	index, err := remote.Referrers(of)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, d := range list.Manifests {
		img, err := remote.Image(of.Context().Digest(d.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		kind := manifest.Annotations["dev.sigstore.bundle.predicateType"]
		if kind == "" {
			kind = manifest.ArtifactType
		}
		out[kind]++
	}
	return out
}

func checkConfig(t *testing.T, img v1.Image) {
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/usr/bin/trunkline"}) || config.Created.Format("2006-01-02T15:04:05Z07:00") != "2026-05-01T08:00:00Z" {
		t.Errorf("the configuration is %+v of %s", config.Config, config.Created)
	}
	labels := config.Config.Labels
	for key, want := range map[string]string{
		"org.opencontainers.image.source": "https://github.com/acme/trunkline", "org.opencontainers.image.version": "v1.2.3", "org.opencontainers.image.created": "2026-05-01T08:00:00Z",
	} {
		if labels[key] != want {
			t.Errorf("the label %s is %q, want %q", key, labels[key], want)
		}
	}
	if len(labels["org.opencontainers.image.revision"]) != 40 {
		t.Errorf("the label of the revision is %q", labels["org.opencontainers.image.revision"])
	}
}

func checkRootfs(t *testing.T, img v1.Image) {
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*tar.Header{}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(got, untar(t, r))
		_ = r.Close()
	}
	for path, owner := range map[string]int{
		"etc/passwd": 0, "etc/nsswitch.conf": 0, "etc/ssl/certs/ca-certificates.crt": 0, "usr/share/zoneinfo/Europe/Brussels": 0, "usr/bin/trunkline": 0, "data": 65532, "tmp": 0,
	} {
		h, ok := got[path]
		switch {
		case !ok:
			t.Errorf("the image has no %s", path)
		case h.Uid != owner:
			t.Errorf("%s belongs to %d, want %d", path, h.Uid, owner)
		case h.Mode&0o022 != 0 && path != "tmp":
			t.Errorf("%s can be written to by others: %o", path, h.Mode)
		}
	}
	for path := range got {
		if strings.Contains(path, "bin/") && path != "usr/bin/trunkline" {
			t.Errorf("the image has another program: %s", path)
		}
	}
}

// checkBill holds the bill of an image to SPDX, as SPDX' own library has it.
func checkBill(t *testing.T, in name.Repository, digest v1.Hash) {
	index, err := remote.Referrers(in.Digest(digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list.Manifests {
		img, err := remote.Image(in.Digest(d.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if manifest.ArtifactType != "application/spdx+json" {
			continue
		}
		if manifest.Subject.Digest != digest {
			t.Errorf("the bill is of %s, want %s", manifest.Subject.Digest, digest)
		}
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		r, err := layers[0].Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		doc, err := json.Read(r)
		if err != nil {
			t.Fatalf("the bill is not SPDX: %v", err)
		}
		if err := spdxlib.ValidateDocument(doc); err != nil {
			t.Errorf("the bill is not valid: %v", err)
		}
		var names []string
		for _, p := range doc.Packages {
			names = append(names, p.PackageName)
		}
		slices.Sort(names)
		if diff := cmp.Diff([]string{in.Name(), "ca-certificates", "stdlib", "trunkline.dev/trunkline/cmd/trunkline", "tzdata"}, names); diff != "" {
			t.Errorf("the bill has other packages: %s", diff)
		}
		return
	}
	t.Error("the image has no bill of materials")
}

// unpack unpacks an image of the registry into a folder, as whoever runs this.
func unpack(t *testing.T, img v1.Image, dir string) {
	t.Helper()
	r := mutate.Extract(img)
	defer r.Close()
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(to, 0o755)
		} else {
			var content []byte
			if content, err = io.ReadAll(in); err == nil {
				err = os.WriteFile(to, content, os.FileMode(h.Mode)&0o777)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// childOf is the digest of an image of the index.
func childOf(t *testing.T, m made) string {
	t.Helper()
	tag, err := name.NewTag(m.image + ":v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Manifests[0].Digest.String()
}

// newPublicKey writes the public key of a pair whose other half nothing was signed with.
func newPublicKey(t *testing.T) string {
	t.Helper()
	key, err := attest.ReadKey(newKey(t), "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "other.pub")
	if err := os.WriteFile(file, public, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
