// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	served "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"trunkline.dev/trunkline/promotion/images"
	"trunkline.dev/trunkline/webhooks/registry"
)

var now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

const user, password = "robot", "pw-7f3a91"

// begin starts a registry on loopback, with a repository that has these tags, and returns its host and the digests of the tags.
func begin(t *testing.T, wrap func(http.Handler) http.Handler, tags ...string) (host string, digests map[string]string) {
	t.Helper()
	server := httptest.NewServer(wrap(served.New(served.Logger(log.New(io.Discard, "", 0)))))
	t.Cleanup(server.Close)
	host, digests = strings.TrimPrefix(server.URL, "http://"), map[string]string{}
	for _, tag := range tags {
		image, err := random.Image(16, 1)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.NewTag(host + "/acme/orders:" + tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, image, remote.WithAuth(&authn.Basic{Username: user, Password: password})); err != nil {
			t.Fatal(err)
		}
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests[tag] = digest.String()
	}
	return host, digests
}

func plain(h http.Handler) http.Handler { return h }

// locked wants a user's name and password.
func locked(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="a registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// failing answers all but the first question with a status and a body that has a secret.
func failing(status int) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				return
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"errors": [{"code": "DENIED", "message": %q}]}`, password)
		})
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	host, digests := begin(t, plain, "stable", "1.4.0", "1.10.0", "1.9.1", "2.0.0", "latest")
	c, err := registry.New([]string{host}, "", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Look(t.Context(), host+"/acme/orders", []string{"stable", "^1.4", "gone", "^7"})
	want := map[string]images.Seen{
		"stable": {Tag: "stable", Digest: digests["stable"], At: now},
		"^1.4":   {Tag: "1.10.0", Digest: digests["1.10.0"], At: now},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	repository := host + "/acme/orders"
	says := "cannot look at " + repository + ", gone: there is no tag gone\n" +
		"cannot look at " + repository + ", ^7: no tag is a version in the range; push one, or declare another range"
	if err == nil || err.Error() != says {
		t.Errorf("it says %v, want %s", err, says)
	}
}

// TestAsked counts what a registry is asked: one list for all ranges of a repository, and a HEAD for each tag.
func TestAsked(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex // of asked: a client asks over several connections
	asked := map[string]int{}
	counted := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked[r.Method+" "+r.URL.Path]++
			mu.Unlock()
			h.ServeHTTP(w, r)
		})
	}
	host, _ := begin(t, counted, "1.4.0", "2.0.0")
	mu.Lock()
	clear(asked)
	mu.Unlock()
	c, err := registry.New([]string{host}, "", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Look(t.Context(), host+"/acme/orders", []string{"^1", "^2"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"GET /v2/": 1, "GET /v2/acme/orders/tags/list": 1, "HEAD /v2/acme/orders/manifests/1.4.0": 1, "HEAD /v2/acme/orders/manifests/2.0.0": 1}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCannotLook holds what people are told, and that secrets are not.
func TestCannotLook(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reason string
		wrap   func(http.Handler) http.Handler
		config string
		other  bool
		follow string
		want   string
	}{
		"Locked":      {reason: "There are no credentials.", wrap: locked, follow: "stable", want: "refuses that (HTTP 401)"},
		"OtherLock":   {reason: "They are others.", wrap: locked, config: "other", follow: "^1", want: "refuses that (HTTP 401)"},
		"Open":        {reason: "They are right.", wrap: locked, config: password, follow: "stable"},
		"OpenRange":   {reason: "They are right.", wrap: locked, config: password, follow: "^1"},
		"Denied":      {reason: "What the registry says may have secrets.", wrap: failing(http.StatusForbidden), follow: "^1", want: "refuses that (HTTP 403)"},
		"Limited":     {reason: "The registry wants rest.", wrap: failing(http.StatusTooManyRequests), follow: "stable", want: "--image-interval"},
		"Broken":      {reason: "The registry has trouble.", wrap: failing(http.StatusInternalServerError), follow: "stable", want: "answers with HTTP 500"},
		"NotFollowed": {reason: "Whoever runs the daemon did not allow it.", wrap: plain, other: true, follow: "stable", want: "--image-registry 127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inner, tags := tc.wrap, []string{"stable", "1.0.0"}
			if strings.HasPrefix(tc.want, "refuses that (HTTP 403") || strings.Contains(tc.want, "interval") || strings.Contains(tc.want, "500") {
				tags = nil // nothing can be pushed
			}
			var asked, ready atomic.Bool
			host, _ := begin(t, func(h http.Handler) http.Handler {
				h = inner(h)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if ready.Load() {
						asked.Store(true)
					}
					h.ServeHTTP(w, r)
				})
			}, tags...)
			ready.Store(true)
			file, allowed := "", host
			if tc.config != "" {
				file = filepath.Join(t.TempDir(), "config.json")
				text := fmt.Sprintf(`{"auths": {%q: {"username": %q, "password": %q}}}`, host, user, tc.config)
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tc.other {
				allowed = "ghcr.io"
			}
			c, err := registry.New([]string{allowed}, file, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Look(t.Context(), host+"/acme/orders", []string{tc.follow})
			if (err != nil) != (tc.want != "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s It says %v, want %q", tc.reason, err, tc.want)
			}
			if err != nil && (strings.Contains(err.Error(), password) || strings.Contains(err.Error(), user)) {
				t.Errorf("a secret: %v", err)
			}
			if tc.other && asked.Load() {
				t.Error("it was asked")
			}
		})
	}
}

// TestNoPlainHTTP: a registry elsewhere is never asked without TLS, whatever its name looks like.
func TestNoPlainHTTP(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"localhost:1": "http", "127.0.0.1:1": "http", "10.0.0.1": "https", "192.168.1.1:5000": "https", "registry.acme.local": "https", "ghcr.io": "https",
	} {
		var schemes []string
		c, err := registry.New([]string{host}, "", time.Now)
		if err != nil {
			t.Fatal(err)
		}
		registry.Through(c, func(r *http.Request) (*http.Response, error) {
			schemes = append(schemes, r.URL.Scheme)
			return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{"Docker-Content-Digest": {"sha256:" + strings.Repeat("0", 64)}, "Content-Type": {"application/vnd.oci.image.index.v1+json"}}, ContentLength: 3, Body: http.NoBody}, nil
		})
		_, _ = c.Look(t.Context(), host+"/acme/orders", []string{"stable"})
		for _, got := range schemes {
			if want == "https" && got != want {
				t.Errorf("%s is asked by %s", host, got)
			}
		}
		if len(schemes) == 0 {
			t.Errorf("%s is not asked", host)
		}
	}
}

// TestTimeout: a look ends with the context.
func TestTimeout(t *testing.T) {
	t.Parallel()
	c, err := registry.New([]string{"localhost:1"}, "", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	registry.Through(c, func(r *http.Request) (*http.Response, error) {
		if _, ok := r.Context().Deadline(); !ok {
			t.Error("a question has no deadline")
		}
		return nil, context.DeadlineExceeded
	})
	if _, err := c.Look(t.Context(), "localhost:1/acme/orders", []string{"stable"}); err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("it says %v", err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(bad, []byte(`{"auths": `+password), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ registry, file, want string }{
		"URL":     {"https://ghcr.io", "", "is no registry"},
		"Empty":   {"", "", "is no registry"},
		"NoFile":  {"ghcr.io", bad + "x", "reading the credentials of registries"},
		"BadFile": {"ghcr.io", bad, "is no docker config.json"},
	} {
		_, err := registry.New([]string{tc.registry}, tc.file, time.Now)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), password) {
			t.Errorf("%s: it says %v, want %q", name, err, tc.want)
		}
	}
}
