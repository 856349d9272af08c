// SPDX-License-Identifier: Apache-2.0

package artifact_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"

	refs "trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/artifact"
	"trunkline.dev/trunkline/reconciler/artifact/artifacttest"
)

const user, password = "robot", "pw-7f3a91"

// keys are credentials for every host.
type keys struct{ user, password string }

func (k keys) Resolve(authn.Resource) (authn.Authenticator, error) {
	if k.user == "" {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: k.user, Password: k.password}, nil
}

func store(t *testing.T, change ...func(*artifact.Options)) *artifact.Store {
	t.Helper()
	opts := artifact.Options{
		Dir: filepath.Join(t.TempDir(), "artifacts"), Keys: keys{}, Now: time.Now, Allow: "allow %s",
		Waits: func() backoff.BackOff { return &backoff.ConstantBackOff{Interval: time.Millisecond} },
	}
	for _, c := range change {
		c(&opts)
	}
	s, err := artifact.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read returns all files of a tree.
func read(t *testing.T, tree fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		out[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestForms: the archives of charts, of Flux and of other tools are read, each as what it is.
func TestForms(t *testing.T) {
	t.Parallel()
	files := map[string]string{"base/kustomization.yaml": "resources: []\n", "base/sub/a.yaml": "a: 1\n"}
	below := map[string]string{"kustomization.yaml": "resources: []\n", "sub/a.yaml": "a: 1\n"}
	host := artifacttest.Registry(t, nil)
	for name, tc := range map[string]struct {
		reason, kind string
		want         map[string]string
	}{
		"Chart": {"All of a chart is in a folder with its name.", artifacttest.ChartLayer, below},
		"Flux":  {"What Flux pushes is a folder's content.", artifacttest.FluxLayer, files},
		"Layer": {"So do other tools, as a layer.", "application/vnd.oci.image.layer.v1.tar+gzip", files},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := host + "/acme/" + strings.ToLower(name)
			of := artifacttest.Push(t, repository, "1.0.0", tc.kind, artifacttest.Pack(t, files))
			got, err := store(t).Open(t.Context(), refs.Ref{Source: "oci://" + repository, Digest: of})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, read(t, got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestUnfit: what is no artifact is refused for good, with what it is.
func TestUnfit(t *testing.T) {
	t.Parallel()
	host := artifacttest.Registry(t, nil)
	archive := artifacttest.Pack(t, map[string]string{"a": "b"})
	for name, tc := range map[string]struct {
		kind   string
		layers [][]byte
		want   string
	}{
		"Image":   {"application/vnd.oci.image.layer.v1.tar+gzip", [][]byte{archive, artifacttest.Pack(t, map[string]string{"c": "d"})}, "it has 2 layers"},
		"Other":   {"application/wasm", [][]byte{archive}, "no layer of it is an archive in tar+gzip: it has application/wasm"},
		"NotGzip": {artifacttest.FluxLayer, [][]byte{[]byte("text")}, "no archive that gzip has packed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := host + "/acme/" + strings.ToLower(name)
			of := artifacttest.Push(t, repository, "1", tc.kind, tc.layers...)
			_, err := store(t).Open(t.Context(), refs.Ref{Source: "oci://" + repository, Digest: of})
			told(t, err, tc.want, false)
		})
	}
}

// told checks what people are told, that it has no secrets, and whether it may pass.
func told(t *testing.T, err error, want string, passing bool) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("it says %v, want %q", err, want)
	}
	if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), user+":") {
		t.Errorf("a secret: %v", err)
	}
	of, ok := errors.AsType[*artifact.Error](err)
	if !ok || of.Transient() != passing {
		t.Errorf("%v: passes: %v, want %v", err, ok && of.Transient(), passing)
	}
}

// faulty answers requests of one kind otherwise for a number of times.
type faulty struct {
	of     func(*http.Request) bool
	times  int32
	answer http.HandlerFunc
	asked  atomic.Int32
	off    atomic.Bool
}

func (f *faulty) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f.off.Load() && f.of(r) && f.asked.Add(1) <= f.times {
			f.answer(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func blobs(r *http.Request) bool {
	return r.Method == http.MethodGet && (strings.Contains(r.URL.Path, "/blobs/") || strings.HasSuffix(r.URL.Path, ".tgz"))
}

func answer(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"errors": [{"code": "DENIED", "message": %q}]}`, password)
	}
}

func truncated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte("half"))
}

func other(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("something else")) }

// TestFaults: what may pass is tried again, what does not is said, and nothing of it is kept.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		times  int32
		want   string
	}{
		"Busy":      {answer: answer(http.StatusTooManyRequests), times: 2},
		"Broken":    {answer: answer(http.StatusInternalServerError), times: 3},
		"Truncated": {answer: truncated, times: 1},
		"Other":     {answer: other, times: 1},
		"TooBusy":   {answer: answer(http.StatusTooManyRequests), times: 99, want: "asks for fewer requests (HTTP 429)"},
		"Away":      {answer: answer(http.StatusBadGateway), times: 99, want: "answers with HTTP 502"},
		"Cut":       {answer: truncated, times: 99, want: "the server "},
		"Wrong":     {answer: other, times: 99, want: "other content than the digest says"},
		"Denied":    {answer: answer(http.StatusForbidden), times: 99, want: "refuses that (HTTP 403)"},
		"Gone":      {answer: answer(http.StatusNotFound), times: 99, want: "does not have"},
	} {
		for _, kind := range []string{"registry", "repository"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				f := &faulty{of: blobs, times: tc.times, answer: tc.answer}
				ref := served(t, kind, f.wrap)
				now := time.Now()
				s := store(t, func(o *artifact.Options) { o.Now = func() time.Time { return now } })
				_, err := s.Open(t.Context(), ref)
				if tc.want == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				told(t, err, tc.want, true)
				f.off.Store(true)
				now = now.Add(time.Hour)
				if _, err := s.Open(t.Context(), ref); err != nil {
					t.Errorf("it does not recover: %v", err)
				}
			})
		}
	}
}

// served serves a chart, and returns what it is.
func served(t *testing.T, kind string, wrap func(http.Handler) http.Handler) refs.Ref {
	t.Helper()
	chart := artifacttest.Chart(t, "web", "1.4.2", "hello")
	if kind == "repository" {
		address, digests := artifacttest.Repository(t, wrap, map[string][]byte{"web 1.4.2": chart})
		return refs.Ref{Source: address, Chart: "web", Tag: "1.4.2", Digest: digests["web 1.4.2"]}
	}
	repository := artifacttest.Registry(t, wrap) + "/acme/web"
	return refs.Ref{Source: "oci://" + repository, Digest: artifacttest.Push(t, repository, "1.4.2", artifacttest.ChartLayer, chart)}
}

// TestOnce: many that want the same have it fetched once, and what was fetched is there when the server is not.
func TestOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"registry", "repository"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := &faulty{of: blobs}
			down := &faulty{of: func(*http.Request) bool { return true }, times: 1 << 20, answer: answer(http.StatusBadGateway)}
			down.off.Store(true)
			ref := served(t, kind, func(h http.Handler) http.Handler { return down.wrap(f.wrap(h)) })
			dir := filepath.Join(t.TempDir(), "artifacts")
			in := func(o *artifact.Options) { o.Dir = dir }
			s := store(t, in)
			f.asked.Store(0)
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if _, err := s.Open(t.Context(), ref); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if n := f.asked.Load(); n != 1 {
				t.Errorf("it was fetched %d times", n)
			}
			down.off.Store(false)
			got, err := store(t, in).Open(t.Context(), ref) // another process
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fs.Stat(got, "Chart.yaml"); err != nil {
				t.Error(err)
			}
			if n := down.asked.Load(); n != 0 {
				t.Errorf("the server was asked %d times", n)
			}
		})
	}
}

// TestDamaged: what was changed on the disk is fetched again.
func TestDamaged(t *testing.T) {
	t.Parallel()
	ref := served(t, "registry", nil)
	dir := filepath.Join(t.TempDir(), "artifacts")
	in := func(o *artifact.Options) { o.Dir = dir }
	first, err := store(t, in).Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	forged := artifacttest.Chart(t, "web", "1.4.2", "forged")
	for _, f := range files {
		if err := os.WriteFile(f, forged, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := store(t, in).Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read(t, first), read(t, again)); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
}

// TestEvicted: what was used longest ago goes.
func TestEvicted(t *testing.T) {
	t.Parallel()
	repository := artifacttest.Registry(t, nil) + "/acme/web"
	now := time.Now()
	dir := filepath.Join(t.TempDir(), "artifacts")
	s := store(t, func(o *artifact.Options) { o.Most, o.Dir, o.Now = 3000, dir, func() time.Time { return now } })
	var last string
	for i := range 12 {
		last = artifacttest.Push(t, repository, fmt.Sprint(i), artifacttest.ChartLayer, artifacttest.Chart(t, "web", "1.0.0", fmt.Sprint("text ", i)))
		now = now.Add(time.Minute)
		if _, err := s.Open(t.Context(), refs.Ref{Source: "oci://" + repository, Digest: last}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	total, there := int64(0), false
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
		there = there || strings.HasPrefix(e.Name(), strings.TrimPrefix(last, "sha256:"))
	}
	if total > 3000 || !there {
		t.Errorf("%d bytes are kept; the last one: %v", total, there)
	}
}

// TestCredentials: they are sent where they are needed, and others are refused.
func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"registry", "repository"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			locked := &faulty{times: 1 << 20, of: func(r *http.Request) bool {
				u, p, _ := r.BasicAuth()
				return u != user || p != password
			}, answer: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("WWW-Authenticate", `Basic realm="a registry"`)
				answer(http.StatusUnauthorized)(w, r)
			}}
			locked.off.Store(true)
			ref := served(t, kind, locked.wrap)
			locked.off.Store(false)
			_, err := store(t).Open(t.Context(), ref)
			told(t, err, "refuses that (HTTP 401)", true)
			if _, err := store(t, func(o *artifact.Options) { o.Keys = keys{user, password} }).Open(t.Context(), ref); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHosts: what is not allowed is not asked, also if an index leads there.
func TestHosts(t *testing.T) {
	t.Parallel()
	f := &faulty{of: func(*http.Request) bool { return true }, times: 0}
	ref := served(t, "registry", f.wrap)
	f.asked.Store(0)
	s := store(t, func(o *artifact.Options) { o.Hosts = []string{"ghcr.io"} })
	_, err := s.Open(t.Context(), ref)
	told(t, err, "may not be asked; allow 127.0.0.1:", true)
	if _, err := s.Find(t.Context(), ref, "^1"); err == nil {
		t.Error("it is found")
	}
	if f.asked.Load() != 0 {
		t.Error("it was asked")
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	repository := artifacttest.Registry(t, nil) + "/acme/web"
	charts, want := map[string][]byte{}, map[string]string{}
	for _, v := range []string{"1.4.0", "1.10.0", "1.9.1", "2.0.0"} {
		charts["web "+v] = artifacttest.Chart(t, "web", v, v)
		want[v] = artifacttest.Push(t, repository, v, artifacttest.ChartLayer, charts["web "+v])
	}
	address, digests := artifacttest.Repository(t, nil, charts)
	s := store(t)
	for follow, version := range map[string]string{"^1.4": "1.10.0", "1.9.1": "1.9.1", "~1.9": "1.9.1", "^7": ""} {
		for _, ref := range []refs.Ref{{Source: "oci://" + repository}, {Source: address, Chart: "web"}} {
			got, err := s.Find(t.Context(), ref, follow)
			if version == "" {
				if err == nil || !strings.Contains(err.Error(), "in the range") {
					t.Errorf("%s %s: it says %v", ref, follow, err)
				}
				continue
			}
			of := want[version]
			if ref.Chart != "" {
				of = digests["web "+version]
			}
			if diff := cmp.Diff(artifact.Found{Tag: version, Digest: of}, got); err != nil || diff != "" {
				t.Errorf("%s %s: %v (-want +got):\n%s", ref, follow, err, diff)
			}
		}
	}
	if _, err := s.Find(t.Context(), refs.Ref{Source: address, Chart: "gone"}, "^1"); err == nil || !strings.Contains(err.Error(), `there is no chart "gone"`) {
		t.Errorf("it says %v", err)
	}
}

// TestAnywhere: what is kept goes to the store's folder only, wherever the process is: here, in a folder that is gone.
func TestAnywhere(t *testing.T) {
	ref := served(t, "registry", nil)
	s, gone := store(t), t.TempDir()
	t.Chdir(gone)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), ref); err != nil {
		t.Error(err)
	}
}

// TestReplaced: a version that is another chart by now is refused, and says so.
func TestReplaced(t *testing.T) {
	t.Parallel()
	address, _ := artifacttest.Repository(t, nil, map[string][]byte{"web 1.0.0": artifacttest.Chart(t, "web", "1.0.0", "new")})
	_, err := store(t).Open(t.Context(), refs.Ref{Source: address, Chart: "web", Tag: "1.0.0", Digest: "sha256:" + strings.Repeat("0", 64)})
	told(t, err, "another chart by this version now", true)
}

// TestSignatures: an artifact is only there if one of each group has signed that very one.
func TestSignatures(t *testing.T) {
	t.Parallel()
	ours, theirs := artifacttest.NewKey(t), artifacttest.NewKey(t)
	group := []v1alpha1.Signer{{Name: "the platform team", CosignKey: ours.Public}}
	const signed = "https://sigstore.dev/cosign/sign/v1"
	for name, tc := range map[string]struct {
		reason  string
		sign    func(t *testing.T, repository, of string)
		signers [][]v1alpha1.Signer
		want    string
	}{
		"Asked":     {"Nobody asks for a signature.", nil, nil, ""},
		"None":      {"Nobody has signed.", nil, [][]v1alpha1.Signer{group}, "it is not signed, and has to be by the platform team"},
		"Signed":    {"It is signed.", func(t *testing.T, r, of string) { artifacttest.Sign(t, r, ours, of, of) }, [][]v1alpha1.Signer{group}, ""},
		"Others":    {"The key is another.", func(t *testing.T, r, of string) { artifacttest.Sign(t, r, theirs, of, of) }, [][]v1alpha1.Signer{group}, "signed by others only"},
		"Elsewhere": {"The signature is of another artifact.", func(t *testing.T, r, of string) { artifacttest.Sign(t, r, ours, "sha256:"+strings.Repeat("1", 64), of) }, [][]v1alpha1.Signer{group}, "signed by others only"},
		"Bundle":    {"cosign 3 stores bundles.", func(t *testing.T, r, of string) { artifacttest.SignBundle(t, r, ours, signed, of) }, [][]v1alpha1.Signer{group}, ""},
		"Attested":  {"A statement about an artifact is no signature.", func(t *testing.T, r, of string) { artifacttest.SignBundle(t, r, ours, "https://spdx.dev/Document", of) }, [][]v1alpha1.Signer{group}, "signed by others only"},
		"Both":      {"Two rules ask for two.", func(t *testing.T, r, of string) { artifacttest.Sign(t, r, ours, of, of) }, [][]v1alpha1.Signer{group, {{Name: "security", CosignKey: theirs.Public}}}, "by security"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := artifacttest.Registry(t, nil)
			repository := host + "/acme/web"
			of := artifacttest.Push(t, repository, "1.0.0", artifacttest.ChartLayer, artifacttest.Chart(t, "web", "1.0.0", "x"))
			if tc.sign != nil {
				tc.sign(t, repository, of)
			}
			dir := filepath.Join(t.TempDir(), "artifacts")
			in := func(o *artifact.Options) { o.Dir = dir }
			ref := refs.Ref{Source: "oci://" + repository, Digest: of, Signers: tc.signers}
			_, err := store(t, in).Open(t.Context(), ref)
			if tc.want != "" {
				told(t, err, tc.want, true)
				return
			}
			if err != nil {
				t.Fatal(tc.reason, err)
			}
			offline := store(t, in, func(o *artifact.Options) { o.Hosts = []string{} })
			if _, err := offline.Open(t.Context(), ref); err != nil {
				t.Errorf("offline: %v", err)
			}
			// What was fetched when nobody asked for a signature counts only if there is one.
			ref.Signers = [][]v1alpha1.Signer{{{Name: "nobody", CosignKey: artifacttest.NewKey(t).Public}}}
			if _, err := store(t, in).Open(t.Context(), ref); err == nil {
				t.Error("it is not verified again")
			}
		})
	}
}
