// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/build"
	"trunkline.dev/trunkline/build/image"
)

// base makes an index of an image for each of two platforms, as registries have them.
func base(t *testing.T) image.Base {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	out := image.Base{Name: "registry.example/python:3"}
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
		config.Config = v1.Config{
			User: "1000", Env: []string{"PATH=/bin", "A=b"}, Cmd: []string{"sh"}, Entrypoint: []string{"/init"}, WorkingDir: "/",
			Labels: map[string]string{"org.opencontainers.image.revision": "of the base", "maintainer": "x"},
		}
		if img, err = mutate.ConfigFile(mutate.MediaType(mutate.ConfigMediaType(img, types.OCIConfigJSON), types.OCIManifestSchema1), config); err != nil {
			t.Fatal(err)
		}
		img = mutate.Annotations(img, map[string]string{"org.opencontainers.image.revision": "of the base"}).(v1.Image)
		p := v1.Platform{OS: "linux", Architecture: arch}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &p}})
		out.Images = append(out.Images, image.Platform{Image: img, Platform: p})
	}
	out.Index = index
	out.Digest = digestOf(t, index)
	return out
}

func digestOf(t interface {
	Helper()
	Fatal(...any)
}, of interface{ Digest() (v1.Hash, error) },
) v1.Hash {
	t.Helper()
	d, err := of.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func code(t *testing.T, files ...build.File) image.Code {
	t.Helper()
	c, err := image.Layer(files, "/app")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var mainPy = build.File{Path: "main.py", Data: []byte("print(1)\n"), Executable: true}

// TestLayer walks a layer with nothing but a reader of archives.
func TestLayer(t *testing.T) {
	t.Parallel()
	r, err := code(t, build.File{Path: "src/a.py", Data: []byte("a")}, mainPy).Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Name string
		Mode int64
		Text string
		Kind byte
	}
	var got []entry
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s has an owner or a time", h.Name)
		}
		got = append(got, entry{h.Name, h.Mode, string(text), h.Typeflag})
	}
	want := []entry{
		{"app/", 0o755, "", tar.TypeDir}, {"app/main.py", 0o755, "print(1)\n", tar.TypeReg}, {"app/src/", 0o755, "", tar.TypeDir}, {"app/src/a.py", 0o644, "a", tar.TypeReg},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSameFilesSameImage: neither the order of files, nor times, nor what others than the owner may do with them, is told.
func TestSameFilesSameImage(t *testing.T) {
	t.Parallel()
	on := base(t)
	rapid.Check(t, func(t *rapid.T) {
		contents := rapid.MapOfN(rapid.StringMatching(`[a-c]/[a-z]{1,3}`), rapid.StringN(0, 20, 40), 1, 8).Draw(t, "files")
		executable := rapid.StringMatching(`[a-c]/[a-z]{1,3}`).Draw(t, "executable")
		make := func(called string) v1.Hash {
			tree := fstest.MapFS{}
			for name, text := range contents {
				mode := fs.FileMode(rapid.SampledFrom([]int{0o644, 0o600, 0o444, 0o666, 0o655}).Draw(t, called+name))
				if name == executable {
					mode |= 0o111 & fs.FileMode(rapid.SampledFrom([]int{0o100, 0o111, 0o110}).Draw(t, called+"x"))
				}
				tree["p/"+name] = &fstest.MapFile{Data: []byte(text), Mode: mode, ModTime: time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, called+"time"), 0)}
			}
			names := slices.Sorted(maps.Keys(contents))
			named := rapid.Permutation(names).Draw(t, called+"order")
			files, err := build.Files(build.Source{Tree: tree, Dir: "p", Prefix: "."}, v1alpha1.Build{Files: named})
			if err != nil {
				t.Fatal(err)
			}
			c, err := image.Layer(files, "/app")
			if err != nil {
				t.Fatal(err)
			}
			made, err := image.Of(on, c, "p", v1alpha1.Build{})
			if err != nil {
				t.Fatal(err)
			}
			return made.Digest
		}
		if a, b := make("a"), make("b"); a != b {
			t.Fatalf("the same files are %s and %s", a, b)
		}
		before := make("a")
		name := slices.Sorted(maps.Keys(contents))[0]
		contents[name] += "!"
		if make("a") == before {
			t.Fatal("other files are the same image")
		}
	})
}

// TestOf is how an image runs, and what it says of itself.
func TestOf(t *testing.T) {
	t.Parallel()
	on, c := base(t), code(t, mainPy)
	made, err := image.Of(on, c, "orders", v1alpha1.Build{Env: map[string]string{"A": "c", "B": "d"}, Entrypoint: []string{"python"}, User: "7"})
	if err != nil {
		t.Fatal(err)
	}
	index, err := made.Index.IndexManifest()
	if err != nil || len(index.Manifests) != 2 || index.Manifests[1].Platform.String() != "linux/arm64" {
		t.Fatalf("%+v, %v", index, err)
	}
	about := map[string]string{"org.opencontainers.image.title": "orders", "org.opencontainers.image.base.name": on.Name, "org.opencontainers.image.base.digest": on.Digest.String()}
	for _, p := range made.Images {
		m, err := p.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		config, err := p.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		labels := maps.Clone(about)
		labels["maintainer"], labels["dev.trunkline.code"] = "x", c.DiffID.String()
		want := v1.Config{User: "7", Env: []string{"PATH=/bin", "A=c", "B=d"}, Entrypoint: []string{"python"}, WorkingDir: "/app", Labels: labels}
		if diff := cmp.Diff(want, config.Config); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if diff := cmp.Diff(about, m.Annotations); diff != "" || len(m.Layers) != 3 {
			t.Errorf("%d layers; -want +got:\n%s", len(m.Layers), diff)
		}
	}
}

// swapped is an image that is deployed, and the same with other code.
type swapped struct {
	of, made v1.Hash
	papers   [][]byte
}

func swap(t *testing.T, deployed image.Base) swapped {
	t.Helper()
	s := swapped{of: deployed.Digest}
	var err error
	if s.papers, err = image.PapersOf(deployed.Index, deployed.Images); err != nil {
		t.Fatal(err)
	}
	made, err := image.Swap(deployed, code(t, build.File{Path: "main.py", Data: []byte("print(2)\n")}))
	if err != nil {
		t.Fatal(err)
	}
	more, err := image.PapersOf(made.Index, made.Images)
	if err != nil {
		t.Fatal(err)
	}
	s.made, s.papers = made.Digest, append(s.papers, more...)
	return s
}

func (s swapped) judge() (image.Judged, error) { return image.Judge(s.of, s.made, s.papers) }

func TestJudge(t *testing.T) {
	t.Parallel()
	on := base(t)
	built, err := image.Of(on, code(t, mainPy), "orders", v1alpha1.Build{})
	if err != nil {
		t.Fatal(err)
	}
	single := image.Base{Name: "x", Digest: digestOf(t, on.Images[0].Image), Images: on.Images[:1]}
	withCode := image.Base{Name: "x", Digest: built.Digest, Index: built.Index, Images: built.Images}
	for name, deployed := range map[string]image.Base{"an index": on, "one image": single, "an image with code": withCode} {
		judged, err := swap(t, deployed).judge()
		if err != nil || judged.NamesUser() {
			t.Errorf("%s: %v, %v", name, judged, err)
		}
	}
	// Code takes the place of other code, and is not put on it.
	made, err := image.Swap(image.Base{Images: []image.Platform{built.Images[0]}}, code(t, build.File{Path: "b"}))
	if err != nil {
		t.Fatal(err)
	}
	if layers, err := made.One.Layers(); err != nil || len(layers) != 3 {
		t.Errorf("%d layers, %v", len(layers), err)
	}
}

// TestJudgeRefuses: an image that differs in anything but its code is another one, whatever it says.
func TestJudgeRefuses(t *testing.T) {
	t.Parallel()
	on := base(t)
	one := image.Base{Name: "x", Digest: digestOf(t, on.Images[0].Image), Images: on.Images[:1]}
	for _, tc := range []struct {
		name     string
		manifest func(m map[string]any)
		config   func(c map[string]any)
		says     string
	}{
		{name: "another user", config: func(c map[string]any) { c["config"].(map[string]any)["User"] = "0" }, says: "its User is not that of"},
		{name: "another program", config: func(c map[string]any) { c["config"].(map[string]any)["Entrypoint"] = []any{"sh"} }, says: "its Entrypoint is not that of"},
		{name: "another variable", config: func(c map[string]any) { c["config"].(map[string]any)["Env"] = []any{"LD_PRELOAD=/app/x.so"} }, says: "its Env is not that of"},
		{name: "another label", config: func(c map[string]any) { c["config"].(map[string]any)["Labels"].(map[string]any)["signed"] = "yes" }, says: "its Labels is not that of"},
		{name: "another platform", config: func(c map[string]any) { c["architecture"] = "arm64" }, says: "its Architecture is not that of"},
		{name: "a setting that is not known", config: func(c map[string]any) { c["config"].(map[string]any)["Privileged"] = true }, says: "that can be judged"},
		{name: "another layer below", manifest: func(m map[string]any) {
			m["layers"].([]any)[0].(map[string]any)["digest"] = "sha256:" + strings.Repeat("a", 64)
		}, says: "its layer 1 is not that of"},
		{name: "another content below", config: func(c map[string]any) {
			c["rootfs"].(map[string]any)["diff_ids"].([]any)[0] = "sha256:" + strings.Repeat("a", 64)
		}, says: "its layer 1 is not that of"},
		{name: "a layer from elsewhere", manifest: func(m map[string]any) {
			m["layers"].([]any)[2].(map[string]any)["urls"] = []any{"https://elsewhere.example/x"}
		}, says: "its last layer is none of files"},
		{name: "a layer of another kind", manifest: func(m map[string]any) {
			m["layers"].([]any)[2].(map[string]any)["mediaType"] = "application/vnd.cncf.estargz"
		}, says: "its last layer is none of files"},
		{name: "a layer with settings of a snapshotter", manifest: func(m map[string]any) {
			m["layers"].([]any)[2].(map[string]any)["annotations"] = map[string]any{"containerd.io/snapshot/remote/x": "y"}
		}, says: "its last layer is none of files"},
		{name: "a large layer", manifest: func(m map[string]any) { m["layers"].([]any)[2].(map[string]any)["size"] = 1 << 40 }, says: "has more than 256 MiB"},
		{name: "one layer less", manifest: func(m map[string]any) { m["layers"] = m["layers"].([]any)[:2] }, says: "it has 2 layers"},
		{name: "an annotation", manifest: func(m map[string]any) {
			m["annotations"] = map[string]any{"seccomp-profile.kubernetes.cri-o.io": "unconfined"}
		}, says: "says more than"},
		{name: "a subject", manifest: func(m map[string]any) {
			m["subject"] = map[string]any{"mediaType": "x", "digest": "sha256:" + strings.Repeat("a", 64), "size": 1}
		}, says: "says more than"},
		{name: "a field that is not known", manifest: func(m map[string]any) { m["more"] = 1 }, says: "that can be judged"},
		{name: "code under another name", config: func(c map[string]any) {
			c["config"].(map[string]any)["Labels"].(map[string]any)["dev.trunkline.code"] = "sha256:" + strings.Repeat("a", 64)
		}, says: "does not name its last layer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := swap(t, one)
			manifest, config := map[string]any{}, map[string]any{}
			if err := errors.Join(json.Unmarshal(s.papers[2], &manifest), json.Unmarshal(s.papers[3], &config)); err != nil {
				t.Fatal(err)
			}
			if tc.config != nil {
				tc.config(config)
			}
			written := encode(t, config)
			manifest["config"].(map[string]any)["digest"] = sum(t, written).String()
			manifest["config"].(map[string]any)["size"] = len(written)
			if tc.manifest != nil {
				tc.manifest(manifest)
			}
			whole := encode(t, manifest)
			s.papers[2], s.papers[3], s.made = whole, written, sum(t, whole)
			_, err := s.judge()
			if other, is := errors.AsType[*image.OtherError](err); !is || !strings.Contains(other.Why, tc.says) {
				t.Errorf("it says %v", err)
			}
		})
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sum(t *testing.T, data []byte) v1.Hash {
	t.Helper()
	h, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestJudgeTakesNobodysWord: papers count for what they are, and not for what they are sent as.
func TestJudgeTakesNobodysWord(t *testing.T) {
	t.Parallel()
	s := swap(t, base(t))
	for i := range s.papers {
		without := s
		without.papers = slices.Delete(slices.Clone(s.papers), i, i+1)
		if _, err := without.judge(); err == nil || !strings.Contains(err.Error(), "was not sent along") {
			t.Errorf("without paper %d it says %v", i, err)
		}
	}
	for _, papers := range [][][]byte{nil, {[]byte("{}")}, {[]byte("[")}, make([][]byte, 65)} {
		if _, err := image.Judge(s.of, s.made, papers); err == nil {
			t.Errorf("%q are enough", papers)
		}
	}
	nothing := sum(t, []byte("{}"))
	if _, err := image.Judge(nothing, nothing, [][]byte{[]byte("{}")}); err == nil {
		t.Error("an empty paper is an image")
	}
	if _, err := image.Judge(s.of, s.of, s.papers); err == nil {
		t.Error("an image without code has code")
	}
	for user, want := range map[string]bool{"": false, "1000": false, "0:0": false, "app": true, "1000:staff": true} {
		if got := (image.Judged{Users: []string{user}}).NamesUser(); got != want {
			t.Errorf("%q is a name: %t", user, got)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	index := &v1.IndexManifest{}
	for _, p := range []string{"linux/amd64", "linux/arm64/v8", "linux/s390x", "windows/amd64", "unknown/unknown"} {
		parsed, err := v1.ParsePlatform(p)
		if err != nil {
			t.Fatal(err)
		}
		index.Manifests = append(index.Manifests, v1.Descriptor{MediaType: types.OCIManifestSchema1, Platform: parsed})
	}
	for _, tc := range []struct {
		named []string
		want  []string
		err   string
	}{
		{want: []string{"linux/amd64", "linux/arm64/v8"}},
		{named: []string{"linux/s390x"}, want: []string{"linux/s390x"}},
		{named: []string{"linux/amd64", "linux/riscv64"}, err: "it has no image for linux/riscv64, but for linux/amd64, linux/arm64/v8, linux/s390x, windows/amd64"},
	} {
		got, err := image.Choose(index, tc.named)
		var names []string
		for _, d := range got {
			names = append(names, d.Platform.String())
		}
		if diff := cmp.Diff(tc.want, names); diff != "" || (err == nil) != (tc.err == "") || err != nil && err.Error() != tc.err {
			t.Errorf("%v: %v; -want +got:\n%s", tc.named, err, diff)
		}
	}
	if _, err := image.Choose(&v1.IndexManifest{Manifests: index.Manifests[3:]}, nil); err == nil || !strings.Contains(err.Error(), "name one of them in build.platforms") {
		t.Errorf("it says %v", err)
	}
}
