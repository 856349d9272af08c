// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// door is an API server that may move: what a kubeconfig leads to.
type door struct {
	*httptest.Server
	token string
}

// newDoor starts an API server with a certificate of its own that knows one token.
func newDoor(t *testing.T, token string) *door {
	t.Helper()
	p := &door{token: token}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+p.token {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"who is it","reason":"Unauthorized","code":401}`)
			return
		}
		discover(w, r)
	}))
	p.Config.ErrorLog = quiet
	p.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	p.StartTLS()
	t.Cleanup(p.Close)
	return p
}

func (p *door) authority() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
}

// kubeconfig writes one with a context for each of the servers, named "0", "1" and so on; the first is the current one. The
// authority is in a file beside it.
func kubeconfig(t *testing.T, file string, servers ...*door) {
	t.Helper()
	var contexts, clusters, users strings.Builder
	for i, p := range servers {
		ca := fmt.Sprintf("%s.%d.ca", file, i)
		write(t, ca, string(p.authority()))
		fmt.Fprintf(&contexts, "- {name: '%d', context: {cluster: '%d', user: '%d'}}\n", i, i, i)
		fmt.Fprintf(&clusters, "- {name: '%d', cluster: {server: %q, certificate-authority: %q}}\n", i, p.URL, filepath.Base(ca))
		fmt.Fprintf(&users, "- {name: '%d', user: {token: %s}}\n", i, p.token)
	}
	write(t, file, "apiVersion: v1\nkind: Config\ncurrent-context: '0'\ncontexts:\n"+contexts.String()+"clusters:\n"+clusters.String()+"users:\n"+users.String())
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRenew: a configuration that was changed and works replaces the connection; everything else leaves it alone.
func TestRenew(t *testing.T) {
	cases := map[string]struct {
		reason string
		// change is what happens to the file, which leads to the server here.
		change   func(t *testing.T, file string, here, there *door)
		replaced bool
		// leads is whether a new connection leads there.
		leads bool
		err   string
	}{
		"Nothing": {reason: "Reconnecting to the same costs all watches.", change: func(*testing.T, string, *door, *door) {}},
		"Rewritten": {
			reason:   "The cluster was made again, with another port and authority.",
			change:   func(t *testing.T, file string, _, there *door) { kubeconfig(t, file, there) },
			replaced: true, leads: true,
		},
		"WrittenAgain": {
			reason: "The same text is the same cluster, whatever the time of the file.",
			change: func(t *testing.T, file string, here, _ *door) { kubeconfig(t, file, here) },
		},
		"SymlinkSwapped": {
			reason: "A mounted Secret changes by a symlink.",
			change: func(t *testing.T, file string, _, there *door) {
				data := filepath.Join(t.TempDir(), "config")
				kubeconfig(t, data, there)
				if err := os.Symlink(data, file+".new"); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(file+".new", file); err != nil {
					t.Fatal(err)
				}
			},
			// Paths in a kubeconfig are relative to where it is found, which is beside the link.
			err: "certificate",
		},
		"FolderSwapped": {
			reason: "As Kubernetes does it: the folder is a symlink, and its files are read through it.",
			change: func(t *testing.T, file string, _, there *door) {
				data := t.TempDir()
				kubeconfig(t, filepath.Join(data, "config"), there)
				link := filepath.Dir(file)
				if err := os.Symlink(data, link+".new"); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(link+".new", link); err != nil {
					t.Fatal(err)
				}
			},
			replaced: true, leads: true,
		},
		"ContextChanged": {
			reason: "Another context is another cluster.",
			change: func(t *testing.T, file string, here, there *door) {
				kubeconfig(t, file, here, there)
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				write(t, file, strings.Replace(string(data), "current-context: '0'", "current-context: '1'", 1))
			},
			replaced: true, leads: true,
		},
		"AuthorityRotated": {
			reason: "The authority of a pod's own cluster, or of a kubeconfig that names a file, is rotated in place.",
			change: func(t *testing.T, file string, here, there *door) {
				write(t, file+".0.ca", string(here.authority())+string(there.authority()))
			},
			replaced: true,
		},
		"Missing": {
			reason: "It is being replaced: what works is kept.",
			change: func(t *testing.T, file string, _, _ *door) {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			},
			err: "no such file",
		},
		"Empty": {
			reason: "It was truncated and is being written. Nothing leads from there to the account of the pod.",
			change: func(t *testing.T, file string, _, _ *door) { write(t, file, "") },
			err:    "no configuration has been provided",
		},
		"HalfWritten": {
			reason: "The first half of a file is no configuration.",
			change: func(t *testing.T, file string, _, there *door) {
				kubeconfig(t, file, there)
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				write(t, file, string(data[:strings.Index(string(data), "users:")]))
			},
			err: `its context "0" names the user "0", and there is none`,
		},
		"Nowhere": {
			reason: "It leads to where nobody is.",
			change: func(t *testing.T, file string, _, there *door) {
				kubeconfig(t, file, there)
				there.Close()
			},
			err: "connection refused",
		},
		"WrongToken": {
			reason: "The other cluster does not know us.",
			change: func(t *testing.T, file string, _, there *door) {
				kubeconfig(t, file, &door{Server: there.Server, token: "stolen"})
			},
			err: "who is it",
		},
		"AuthorityMissing": {
			reason: "The file of the authority is being replaced.",
			change: func(t *testing.T, file string, _, _ *door) {
				if err := os.Remove(file + ".0.ca"); err != nil {
					t.Fatal(err)
				}
			},
			err: "no such file",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			here, there := newDoor(t, "here"), newDoor(t, "there")
			data := t.TempDir()
			link := filepath.Join(t.TempDir(), "mounted")
			if err := os.Symlink(data, link); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(link, "config")
			kubeconfig(t, file, here)
			var mu sync.Mutex
			var dropped int
			c := New(Config{Name: "x", Kubeconfig: file}, func(e Event) {
				mu.Lock()
				defer mu.Unlock()
				if e.Dropped {
					dropped++
				}
			})
			t.Cleanup(c.Close)
			conn, err := c.Connect(t.Context(), t.Context())
			if err != nil {
				t.Fatal(err)
			}
			tc.change(t, file, here, there)
			replaced, err := c.renew(t.Context(), conn, sameServer)
			if replaced != tc.replaced || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("%s\nreplaced: %t, %v; want %t and %q", tc.reason, replaced, err, tc.replaced, tc.err)
			}
			mu.Lock()
			if (dropped == 1) != tc.replaced {
				t.Errorf("%s\nthat the connection was dropped was said %d times", tc.reason, dropped)
			}
			mu.Unlock()
			if !replaced {
				if again, err := c.Connect(t.Context(), t.Context()); again != conn || err != nil {
					t.Errorf("%s\nthe connection was given up: %v", tc.reason, err)
				}
				return
			}
			next, err := c.Connect(t.Context(), t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := next.config.Host == there.URL; got != tc.leads {
				t.Errorf("%s\nthe new connection leads to %s", tc.reason, next.config.Host)
			}
		})
	}
}

// managed is a cluster of a cloud.
type managed struct {
	door *door
	name string
}

func (m *managed) REST() (*rest.Config, error) {
	return &rest.Config{
		Host: m.door.URL, TLSClientConfig: rest.TLSClientConfig{CAData: m.door.authority()},
		WrapTransport: func(next http.RoundTripper) http.RoundTripper { return bearer{next, m.door.token} },
	}, nil
}

func (m *managed) String() string { return m.name }

type bearer struct {
	next  http.RoundTripper
	token string
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// TestAnotherIdentity: a cluster that is reached as someone else gets another connection, although it is the same API server; one that is reached as
// before keeps it.
func TestAnotherIdentity(t *testing.T) {
	here := newDoor(t, "here")
	before, after := &managed{here, "before"}, &managed{here, "after"}
	c := New(Config{Name: "x", Managed: before}, func(Event) {})
	t.Cleanup(c.Close)
	conn, err := c.Connect(t.Context(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.Reconfigure(Config{Name: "x", Managed: before}) {
		t.Error("the same configuration is another one")
	}
	if replaced, err := c.renew(t.Context(), conn, sameServer); replaced || err != nil {
		t.Errorf("as before: replaced %t, %v", replaced, err)
	}
	c.cfg.Store(&Config{Name: "x", Managed: after}) // as Reconfigure does, which has it followed as well
	if replaced, err := c.renew(t.Context(), conn, sameServer); !replaced || err != nil {
		t.Errorf("as someone else: replaced %t, %v", replaced, err)
	}
	if next, err := c.Connect(t.Context(), t.Context()); err != nil || next == conn || next.managed != Managed(after) {
		t.Errorf("connecting again: %v", err)
	}
}

// TestTheClusterComesBackElsewhere: a cluster that is gone and comes back at another port with another authority is found there,
// without a restart and without anybody asking for it.
func TestTheClusterComesBackElsewhere(t *testing.T) {
	here, there := newDoor(t, "here"), newDoor(t, "there")
	file := filepath.Join(t.TempDir(), "config")
	kubeconfig(t, file, here)
	events := make(chan Event, 100)
	c := New(Config{Name: "x", Kubeconfig: file}, func(e Event) { events <- e })
	t.Cleanup(c.Close)
	conn, err := c.Connect(t.Context(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	here.Close()
	kubeconfig(t, file, there)
	conn.doubt() // as every call without an answer does
	for e := range events {
		if e.Dropped {
			break
		}
	}
	next, err := c.Connect(t.Context(), t.Context())
	if err != nil || next.config.Host != there.URL {
		t.Fatalf("connecting: %v", err)
	}
	if s := c.State(); !s.Reachable {
		t.Errorf("the state is %+v", s)
	}
}

func TestSameServer(t *testing.T) {
	base := rest.Config{Host: "https://a", BearerToken: "1"}
	cases := map[string]struct {
		reason              string
		change              func(*rest.Config)
		server, credentials bool
	}{
		"Same":  {"Nothing was changed.", func(*rest.Config) {}, true, true},
		"Host":  {"It is elsewhere.", func(c *rest.Config) { c.Host = "https://b" }, false, false},
		"Token": {"A token in the kubeconfig itself is never read again by the client.", func(c *rest.Config) { c.BearerToken = "2" }, false, false},
		"Wrap":  {"A function cannot be compared, and is ours.", func(c *rest.Config) { c.Wrap(func(r http.RoundTripper) http.RoundTripper { return r }) }, true, true},
		"Proxy": {"It is reached another way.", func(c *rest.Config) { c.Proxy = proxy(t, "http://p:1") }, false, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			next := rest.CopyConfig(&base)
			tc.change(next)
			if s, c := sameServer(&base, next), sameCredentials(&base, next); s != tc.server || c != tc.credentials {
				t.Errorf("%s\ngot %t, %t", tc.reason, s, c)
			}
		})
	}
	file := rest.Config{Host: "https://a", BearerToken: "1", BearerTokenFile: "/token", Proxy: proxy(t, "http://p:1")}
	rotated := rest.CopyConfig(&file)
	rotated.BearerToken, rotated.Proxy = "2", proxy(t, "http://p:1")
	if !sameServer(&file, rotated) || sameCredentials(&file, rotated) {
		t.Error("a token in a file that was rotated: the client follows it, unless it was refused")
	}
}

func proxy(t *testing.T, address string) func(*http.Request) (*url.URL, error) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return http.ProxyURL(u)
}

// quiet is where servers of tests log to: handshakes that fail are what they are for.
var quiet = log.New(io.Discard, "", 0)

// certificate makes one that is its own authority.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: t.Name()}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
