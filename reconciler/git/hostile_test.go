// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// wantFetchError fetches, and wants an error of a class that says some things and keeps others to itself.
func wantFetchError(t *testing.T, s *git.Store, r git.Remote, class git.Class, says ...string) error {
	t.Helper()
	_, err := s.Fetch(t.Context(), r)
	if err == nil {
		t.Fatal("no error")
	}
	if got := git.ClassOf(err); got != class {
		t.Errorf("class: got %s, want %s: %v", got, class, err)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error does not say %q: %v", text, err)
		}
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text := fmt.Sprintf("%v %+v %#v", e, e, r); strings.Contains(text, "s3cret") || strings.ContainsAny(e.Error(), "\n\x1b") {
			t.Errorf("the error holds the password or a control character: %q", text)
		}
	}
	return err
}

func TestAuthenticationFailures(t *testing.T) {
	repo := gittest.New(t)
	repo.Commit(t, "one", map[string]string{"a": "1"})
	url := gittest.ServeHTTPAuth(t, repo, "ada", "right")
	withUser := func(user string) string { return strings.Replace(url, "://", "://"+user+"@", 1) }
	ssh := gittest.ServeSSH(t, repo)
	missing := t.TempDir() + "/missing"

	for name, tc := range map[string]struct {
		remote git.Remote
		says   []string
	}{
		"no password":           {git.Remote{URL: url}, []string{"authentication required", "check the credentials"}},
		"wrong password":        {git.Remote{URL: url, Auth: git.Auth{Username: "ada", Password: "s3cret"}}, []string{"authentication required"}},
		"wrong bearer token":    {git.Remote{URL: url, Auth: git.Auth{BearerToken: "s3cret"}}, []string{"authentication required"}},
		"wrong password in URL": {git.Remote{URL: withUser("ada:s3cret")}, []string{"authentication required", "***@127.0.0.1"}},
		"wrong token in URL":    {git.Remote{URL: withUser("s3cret")}, []string{"authentication required", "***@127.0.0.1"}},
		"ssh: wrong key": {
			git.Remote{URL: ssh.URL, Auth: git.Auth{PrivateKeyFile: ssh.OtherKeyFile, KnownHostsFile: ssh.KnownHostsFile}},
			[]string{"does not accept the key"},
		},
		"ssh: other host key": {
			git.Remote{URL: ssh.URL, Auth: git.Auth{PrivateKeyFile: ssh.KeyFile, KnownHostsFile: ssh.OtherHostsFile}},
			[]string{"host key", "known_hosts"},
		},
		"ssh: no such key file": {
			git.Remote{URL: ssh.URL, Auth: git.Auth{PrivateKeyFile: missing, KnownHostsFile: ssh.KnownHostsFile}},
			[]string{"reading the private key", missing},
		},
		"ssh: no known hosts": {git.Remote{URL: ssh.URL, Auth: git.Auth{PrivateKeyFile: ssh.KeyFile}}, []string{"needs a known_hosts file"}},
		"ssh: other repository": {
			git.Remote{URL: ssh.URL + "x", Auth: git.Auth{PrivateKeyFile: ssh.KeyFile, KnownHostsFile: ssh.KnownHostsFile}},
			[]string{"repository not found"},
		},
		"both kinds at once": {
			git.Remote{URL: url, Auth: git.Auth{Username: "ada", Password: "s3cret", BearerToken: "s3cret"}},
			[]string{"not both"},
		},
		"twice":                {git.Remote{URL: withUser("ada:s3cret"), Auth: git.Auth{Password: "s3cret"}}, []string{"take them out of the URL"}},
		"newline in password":  {git.Remote{URL: url, Auth: git.Auth{Username: "ada", Password: "s3cret\n"}}, []string{"line break"}},
		"password for a file":  {git.Remote{URL: repo.URL(), Auth: git.Auth{Password: "s3cret"}}, []string{"are for http(s)"}},
		"no repository there":  {git.Remote{URL: strings.TrimSuffix(gittest.ServeHTTP(t, repo), ".git")}, []string{"repository not found"}},
		"no such file":         {git.Remote{URL: missing}, []string{"repository not found"}},
		"CA file without a CA": {git.Remote{URL: url, Auth: git.Auth{CAFile: ssh.KeyFile}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			class := git.Terminal
			if tc.says == nil {
				class = git.Transient // reading a file can pass
			}
			tc.remote.Branch = "main"
			wantFetchError(t, openStore(t), tc.remote, class, tc.says...)
		})
	}
}

func TestCertificateMustBeTrusted(t *testing.T) {
	repo := gittest.New(t)
	repo.Commit(t, "one", map[string]string{"a": "1"})
	srv := httptest.NewUnstartedServer(gittest.HTTPHandler(t, repo))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the handshake that has to fail
	srv.StartTLS()
	t.Cleanup(srv.Close)
	wantFetchError(t, openStore(t), git.Remote{URL: srv.URL + gittest.RepoPath, Branch: "main"}, git.Terminal, "certificate", "CA file")
}

// TestRedirects: credentials go to the configured host and nowhere else, and neither does the trust in
// what it serves.
func TestRedirects(t *testing.T) {
	repo := gittest.New(t)
	commit := repo.Commit(t, "one", map[string]string{"a": "1"})
	var mu sync.Mutex
	var leaked []string
	elsewhere := gittest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		leaked = append(leaked, req.URL.String()+" "+req.Header.Get("Authorization"))
		http.NotFound(w, req)
	}))
	backend := gittest.HTTPHandler(t, repo)
	auth := git.Auth{Username: "ada", Password: "s3cret"}

	t.Run("to another host", func(t *testing.T) {
		url := gittest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, strings.TrimSuffix(elsewhere, gittest.RepoPath)+req.URL.String(), http.StatusFound)
		}))
		wantFetchError(t, openStore(t), git.Remote{URL: url, Branch: "main", Auth: auth}, git.Terminal,
			"redirect refused", strings.TrimSuffix(elsewhere, gittest.RepoPath), "sent to no other host")
	})
	t.Run("to another host when asked for the pack", func(t *testing.T) {
		url := gittest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost {
				http.Redirect(w, req, strings.TrimSuffix(elsewhere, gittest.RepoPath)+req.URL.String(), http.StatusTemporaryRedirect)
				return
			}
			backend.ServeHTTP(w, req)
		}))
		wantFetchError(t, openStore(t), git.Remote{URL: url, Branch: "main", Auth: auth}, git.Terminal, "redirect refused")
	})
	t.Run("to a file", func(t *testing.T) {
		url := gittest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}))
		wantFetchError(t, openStore(t), git.Remote{URL: url, Branch: "main"}, git.Terminal, "redirect refused")
	})
	t.Run("within the host", func(t *testing.T) {
		inner := gittest.BasicAuth(backend, "ada", "s3cret")
		base := gittest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if rest, ok := strings.CutPrefix(req.URL.Path, "/old"); ok {
				http.Redirect(w, req, rest+"?"+req.URL.RawQuery, http.StatusMovedPermanently)
				return
			}
			inner.ServeHTTP(w, req)
		}))
		old := strings.TrimSuffix(base, gittest.RepoPath) + "/old" + gittest.RepoPath
		if head := fetch(t, openStore(t), git.Remote{URL: old, Branch: "main", Auth: auth}); head.Commit != commit {
			t.Errorf("got %+v", head)
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if len(leaked) > 0 {
		t.Errorf("the other host was asked: %q", leaked)
	}
}

// rewriting serves a repository through a function that changes the body of an answer.
func rewriting(t *testing.T, repo *gittest.Repo, method string, change func([]byte) []byte) string {
	backend := gittest.HTTPHandler(t, repo)
	return gittest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != method {
			backend.ServeHTTP(w, req)
			return
		}
		rec := httptest.NewRecorder()
		backend.ServeHTTP(rec, req)
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		w.WriteHeader(rec.Code)
		_, _ = w.Write(change(rec.Body.Bytes()))
	}))
}

func TestMalformedReplies(t *testing.T) {
	big := map[string]string{}
	for i := range 300 {
		big[fmt.Sprintf("f%d", i)] = strings.Repeat(fmt.Sprint(i), 50)
	}
	for _, size := range []map[string]string{{"a": strings.Repeat("1", 1000)}, big} {
		repo := gittest.New(t)
		commit := repo.Commit(t, "one", size)
		for name, url := range map[string]string{
			"garbage refs": rewriting(t, repo, "GET", func([]byte) []byte { return []byte("<html>\x1b[31mlogin\r\n</html>") }),
			"empty refs":   rewriting(t, repo, "GET", func([]byte) []byte { return nil }),
			"cut refs":     rewriting(t, repo, "GET", func(b []byte) []byte { return b[:len(b)/2] }),
			"garbage pack": rewriting(t, repo, "POST", func([]byte) []byte { return bytes.Repeat([]byte("0032garbage"), 1000) }),
			"empty pack":   rewriting(t, repo, "POST", func([]byte) []byte { return nil }),
			"cut pack":     rewriting(t, repo, "POST", func(b []byte) []byte { return b[:len(b)*2/3] }),
			"changed pack": rewriting(t, repo, "POST", func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 0x55; return b }),
			"other commit": rewriting(t, repo, "GET", func(b []byte) []byte {
				return bytes.ReplaceAll(b, []byte(commit), []byte(strings.Repeat("1", 40)))
			}),
		} {
			t.Run(fmt.Sprintf("%s of %d files", name, len(size)), func(t *testing.T) {
				store := openStore(t)
				remote := git.Remote{URL: url, Branch: "main"}
				for range 2 { // the second time as a repair
					wantFetchError(t, store, remote, git.Transient)
					if _, ok, err := store.Head("main"); ok || err != nil {
						t.Errorf("a head appeared: %v, %v", ok, err)
					}
				}
				remote.URL = repo.URL()
				if head := fetch(t, store, remote); head.Commit != commit {
					t.Errorf("from a server in its right mind: got %+v", head)
				}
			})
		}
	}
}

func TestServerSaysNo(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		class  git.Class
	}{
		"503": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, git.Transient},
		"403": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, git.Terminal},
		"an error page without end": {func(w http.ResponseWriter, req *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.Copy(w, endless{req.Context()})
		}, git.Transient},
		"refs without end": {func(w http.ResponseWriter, req *http.Request) {
			_, _ = io.WriteString(w, "001e# service=git-upload-pack\n0000"+
				"0047"+strings.Repeat("1", 40)+" refs/heads/main\x00ofs-delta\n")
			_, _ = io.Copy(w, endless{req.Context()})
		}, git.Terminal},
	} {
		t.Run(name, func(t *testing.T) {
			store := openStore(t, git.WithLimits(git.Limits{MaxPack: 1 << 20}))
			wantFetchError(t, store, git.Remote{URL: gittest.Serve(t, tc.answer), Branch: "main"}, tc.class)
		})
	}
}

// endless is a server's answer that does not stop before the client does.
type endless struct{ ctx context.Context } //nolint:containedctx // an io.Reader is given none

func (e endless) Read(p []byte) (int, error) {
	line := []byte("0040" + strings.Repeat("1", 40) + " refs/heads/" + "aaaaaaa\n")
	n := 0
	for n+len(line) <= len(p) {
		n += copy(p[n:], line)
	}
	return n, e.ctx.Err()
}

// TestSilentServer: a server that accepts and says nothing costs until the deadline and no longer.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	keys := gittest.ServeSSH(t, gittest.New(t))
	for _, remote := range []git.Remote{
		{URL: "http://" + l.Addr().String() + "/x.git", Branch: "main"},
		{
			URL: "ssh://git@" + l.Addr().String() + "/x.git", Branch: "main",
			Auth: git.Auth{PrivateKeyFile: keys.KeyFile, KnownHostsFile: keys.KnownHostsFile},
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := openStore(t).Fetch(ctx, remote)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || git.ClassOf(err) != git.Transient {
			t.Errorf("%s: got %v, want a transient deadline", remote.URL, err)
		}
	}
}

// TestBombs: small objects that become large ones are refused before they do.
func TestBombs(t *testing.T) {
	t.Run("a large object", func(t *testing.T) {
		repo := gittest.New(t)
		repo.Commit(t, "zeros", map[string]string{"zeros": strings.Repeat("\x00", 4<<20)})
		store := openStore(t, git.WithLimits(git.Limits{MaxObject: 1 << 20}))
		wantFetchError(t, store, mainOf(repo), git.Terminal, "4194304 bytes, and 1048576 are the most")
	})
	t.Run("a large pack", func(t *testing.T) {
		repo := gittest.New(t)
		repo.Commit(t, "files", map[string]string{"a": strings.Repeat("abc", 1000), "b": "b"})
		store := openStore(t, git.WithLimits(git.Limits{MaxPack: 200}))
		for _, url := range []string{repo.URL(), gittest.ServeHTTP(t, repo)} {
			wantFetchError(t, store, git.Remote{URL: url, Branch: "main"}, git.Terminal, "more than 200 bytes")
		}
	})
	nested := func(t *testing.T, repo *gittest.Repo, levels, width int) {
		tree := repo.Object(t, plumbing.TreeObject, treeEntry("100644", "f", repo.Object(t, plumbing.BlobObject, []byte("x"))))
		for range levels {
			var entries []byte
			for i := range width {
				entries = append(entries, treeEntry("40000", fmt.Sprintf("d%d", i), tree)...)
			}
			tree = repo.Object(t, plumbing.TreeObject, entries)
		}
		repo.CommitTree(t, "bomb", tree)
	}
	t.Run("a tree of ten thousand million files", func(t *testing.T) {
		repo := gittest.New(t)
		good := repo.Commit(t, "fine", map[string]string{"a": "1"})
		store := openStore(t)
		fetch(t, store, mainOf(repo))
		nested(t, repo, 10, 10)
		wantFetchError(t, store, mainOf(repo), git.Terminal, "more than 1000000 files")
		if head, _, err := store.Head("main"); err != nil || head.Commit != good {
			t.Errorf("head: got %+v, %v", head, err)
		}
	})
	t.Run("a tree a thousand folders deep", func(t *testing.T) {
		repo := gittest.New(t)
		nested(t, repo, 1000, 1)
		wantFetchError(t, openStore(t), mainOf(repo), git.Terminal, "more than 128 folders")
	})
}

func treeEntry(mode, name, hash string) []byte {
	h := plumbing.NewHash(hash)
	return append([]byte(mode+" "+name+"\x00"), h[:]...)
}

// TestCraftedTrees: names that are no step of a path are refused as a whole.
func TestCraftedTrees(t *testing.T) {
	repo := gittest.New(t)
	repo.Commit(t, "fine", map[string]string{"a": "1"})
	blob := repo.Object(t, plumbing.BlobObject, []byte("x"))
	for name, tree := range map[string][]byte{
		`entry named ".."`:        treeEntry("100644", "..", blob),
		`entry named "."`:         treeEntry("100644", ".", blob),
		`entry named ""`:          treeEntry("100644", "", blob),
		`entry named "a/b"`:       treeEntry("100644", "a/b", blob),
		`entry named "/etc/x"`:    treeEntry("100644", "/etc/x", blob),
		`two entries named "a"`:   append(treeEntry("100644", "a", blob), treeEntry("40000", "a", blob)...),
		"cut short":               []byte("100644 a"),
		"of no known kind":        treeEntry("10644", "a", blob),
		"reading its mode":        treeEntry("99", "a", blob),
		"missing from the object": treeEntry("100644", "a", strings.Repeat("2", 40)),
	} {
		t.Run(name, func(t *testing.T) {
			store := openStore(t)
			// Served from a store that takes anything: git itself would not serve some of these.
			fetchFromCopy(t, store, repo, tree, name)
		})
	}
}

// fetchFromCopy commits a raw tree, serves it and wants a refusal. Git's upload-pack may refuse first, which is as good.
func fetchFromCopy(t *testing.T, store *git.Store, repo *gittest.Repo, tree []byte, says string) {
	t.Helper()
	repo.CommitTree(t, "crafted", repo.Object(t, plumbing.TreeObject, tree))
	_, err := store.Fetch(t.Context(), mainOf(repo))
	if err == nil {
		t.Fatal("no error")
	}
	// The same tree, read where it lies.
	_, err = git.OpenTree(t.Context(), repo.Path(), "main")
	if strings.HasPrefix(says, "missing") {
		return
	}
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("opening it: got %v, want %q", err, says)
	}
}

// TestNobodyListens: a server that is down is waited for.
func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	keys := gittest.ServeSSH(t, gittest.New(t))
	for _, remote := range []git.Remote{
		{URL: "http://ada:s3cret@" + addr + "/x.git", Branch: "main"},
		{URL: "ssh://git@" + addr + "/x.git", Branch: "main", Auth: git.Auth{PrivateKeyFile: keys.KeyFile, KnownHostsFile: keys.KnownHostsFile}},
	} {
		wantFetchError(t, openStore(t), remote, git.Transient, "connection refused")
	}
}
