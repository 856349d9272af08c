// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/scaffold"
)

// templates is a repository with a template, which has the tag v1, and a platform beside it.
type templates struct {
	*gittest.Repo

	t        *testing.T
	platform string
}

func newTemplates(t *testing.T) *templates {
	t.Helper()
	for name, value := range map[string]string{"XDG_CACHE_HOME": t.TempDir(), "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ASKPASS": "", "SSH_ASKPASS": ""} {
		t.Setenv(name, value)
	}
	r := &templates{gittest.New(t), t, acme(t)}
	r.tag("v1", "one")
	return r
}

// tag commits a template that says something, and has a tag lead to it.
func (r *templates) tag(name, text string) (commit string) {
	r.t.Helper()
	commit = r.Commit(r.t, text, map[string]string{
		"project/ours/template.yaml": "questions:\n  - {name: team, prompt: \"Which team?\"}\n",
		"project/ours/project.yaml.tmpl": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: {{value .name}}}\nspec:\n  owner: {{value .team}}\n" +
			"  environments: [dev]\n  description: " + text + "\n",
	})
	r.SetRef(r.t, "refs/tags/"+name, commit)
	return commit
}

// create makes a project of the template at an address.
func (r *templates) create(name, address string, flags ...string) (stderr string, code int) {
	r.t.Helper()
	var out, failed bytes.Buffer
	code = run(append([]string{"new", "project", name, "--from", r.platform, "--set", "team=a", "--template", address}, flags...), strings.NewReader(""), &out, &failed)
	return failed.String(), code
}

// knows has Git's helper that keeps credentials in a file know some of an address; it returns what is in the file by now.
func (r *templates) knows(address, user, password string) (kept func() string) {
	r.t.Helper()
	dir := r.t.TempDir()
	file, config := filepath.Join(dir, "credentials"), filepath.Join(dir, "config")
	text := strings.Replace(strings.TrimSuffix(address, gittest.RepoPath), "://", "://"+user+":"+password+"@", 1) + "\n"
	for name, data := range map[string]string{file: text, config: fmt.Sprintf("[credential]\n\thelper = store --file=%s\n", file)} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	r.t.Setenv("GIT_CONFIG_GLOBAL", config)
	return func() string {
		data, err := os.ReadFile(file)
		if err != nil {
			r.t.Fatal(err)
		}
		return string(data)
	}
}

const ours, theirs = "//project/ours@v1", "//project/ours@v9"

// TestTemplatesOfAServer: what a person is told of a server that has no template for them, and of one that has.
func TestTemplatesOfAServer(t *testing.T) {
	r := newTemplates(t)
	h := gittest.HTTPHandler(t, r.Repo)
	answers := func(code int, kind, text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(text))
		})
	}
	leads := func(to string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if rest, is := strings.CutPrefix(req.URL.Path, gittest.RepoPath); is {
				http.Redirect(w, req, to+rest+"?"+req.URL.RawQuery, http.StatusMovedPermanently)
				return
			}
			http.StripPrefix("/moved", h).ServeHTTP(w, req)
		})
	}
	for name, tc := range map[string]struct {
		reason  string
		handler http.Handler
		what    string
		says    string
	}{
		"Fine":     {"It has the template.", h, ours, ""},
		"Moved":    {"It leads along on the same server.", leads("/moved" + gittest.RepoPath), ours, ""},
		"NoTag":    {"The tags that there are are said.", h, theirs, `tag "v9" does not exist in "ADDRESS": it has "v1"`},
		"NoCommit": {"A commit is called one.", h, "//project/ours@0123456789012345678901234567890123456789", `fetching commit 0123456789012345678901234567890123456789 of "ADDRESS": no branch and no tag`},
		"NoFolder": {"The commit has no such folder.", h, "//project/other@v1", "reading the template"},
		"401":      {"Nobody knows credentials.", gittest.BasicAuth(h, "ann", "s3cret"), ours, "authentication required: who are you? (check the credentials of this repository and what they may read); give --template-username and --template-password-file, or have a credential helper of Git know them"},
		"403":      {"Others may.", answers(403, "text/plain", "no"), ours, "authorization failed: no (check the credentials"},
		"404":      {"There is none.", http.NotFoundHandler(), ours, "repository not found: 404 page not found (check the URL; a server may also hide a repository"},
		"500":      {"It fails.", answers(500, "text/plain", "panic"), ours, "the server answers 500 Internal Server Error\n"},
		"Page":     {"It wants people to sign in, by a page.", answers(200, "text/html; charset=utf-8", "<html>sign in</html>"), ours, "what answers is no Git server: it sends a page (check the URL"},
		"Leads":    {"It leads to another host.", leads("http://elsewhere.example" + gittest.RepoPath), ours, `redirect refused: the server points to "http://elsewhere.example"`},
	} {
		t.Run(name, func(t *testing.T) {
			url := gittest.Serve(t, tc.handler)
			said, code := r.create("of-"+strings.ToLower(name), url+tc.what)
			if want := strings.ReplaceAll(tc.says, "ADDRESS", url); (code == 0) != (want == "") || !strings.Contains(said, want) {
				t.Errorf("%s It ended with %d, want %q:\n%s", tc.reason, code, want, said)
			}
		})
	}
	for _, url := range []string{"git@git.acme.example:templates.git", "ssh://git@git.acme.example/templates.git"} {
		if said, code := r.create("ssh", url+ours); code != 2 || !strings.Contains(said, "ssh takes --template-key-file and --template-known-hosts") {
			t.Errorf("%s ended with %d:\n%s", url, code, said)
		}
	}
}

// TestTemplatesByCredentialHelpers: credentials come of Git's own helpers where a server asks, and of flags before that. What is good is kept, and what is not is
// forgotten, as Git does. They are in no message and in no record.
func TestTemplatesByCredentialHelpers(t *testing.T) {
	r := newTemplates(t)
	asks := gittest.BasicAuth(gittest.HTTPHandler(t, r.Repo), "ann", "s3cret")
	url := gittest.Serve(t, asks)

	kept := r.knows(url, "ann", "s3cret")
	if said, code := r.create("one", url+ours); code != 0 || !strings.Contains(kept(), "ann:s3cret@") {
		t.Errorf("it ended with %d, and %q is kept:\n%s", code, kept(), said)
	}
	if said, code := r.create("two", strings.Replace(url, "://", "://ann@", 1)+ours); code != 0 {
		t.Errorf("with a user in the address it ended with %d:\n%s", code, said)
	}
	record, err := os.ReadFile(filepath.Join(r.platform, "projects/one/.template.lock"))
	if err != nil || bytes.Contains(record, []byte("s3cret")) {
		t.Errorf("the record is %s, %v", record, err)
	}

	other := gittest.Serve(t, asks)
	kept = r.knows(other, "ann", "0ther")
	if said, code := r.create("three", other+ours); code != 1 || strings.Contains(said, "0ther") || !strings.Contains(said, "authentication required") || strings.Contains(kept(), "0ther") {
		t.Errorf("with what is not good it ended with %d, and %q is kept:\n%s", code, kept(), said)
	}

	r.knows(other, "ann", "0ther")
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := r.create("four", other+ours, "--template-username", "ann", "--template-password-file", file); code != 0 {
		t.Errorf("with flags it ended with %d:\n%s", code, said)
	}
}

// TestTemplatesByHTTPS: a server whose certificate is of an authority of one's own.
func TestTemplatesByHTTPS(t *testing.T) {
	r := newTemplates(t)
	server := httptest.NewUnstartedServer(gittest.BasicAuth(gittest.HTTPHandler(t, r.Repo), "ann", "s3cret"))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the client that does not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	url := server.URL + gittest.RepoPath
	r.knows(url, "ann", "s3cret")
	if said, code := r.create("one", url+ours); code != 1 || !strings.Contains(said, "name the server's authority in the CA file") {
		t.Errorf("without it, it ended with %d:\n%s", code, said)
	}
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := r.create("two", url+ours, "--template-ca-file", authority); code != 0 {
		t.Errorf("it ended with %d:\n%s", code, said)
	}
}

// TestTemplatesOfATagThatMoved: an update says so, shows what that changes, and records the commit.
func TestTemplatesOfATagThatMoved(t *testing.T) {
	r := newTemplates(t)
	url := gittest.ServeHTTP(t, r.Repo)
	if said, code := r.create("pay", url+ours); code != 0 {
		t.Fatalf("it ended with %d:\n%s", code, said)
	}
	record := filepath.Join(r.platform, "projects/pay/.template.lock")
	before, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	_, was, _ := strings.Cut(string(before), "commit: ")
	was, _, _ = strings.Cut(was, "\n")
	is := r.tag("v1", "two")
	out, said := trunkline(t, 0, "new", "--update", "pay", "--from", r.platform)
	if want := url + ours + " is not what it was when the project was made: it was the commit " + was + ", and is " + is + "\n"; said != want {
		t.Errorf("it says %q, want %q", said, want)
	}
	if !strings.Contains(out, "-  description: one\n+  description: two\n") {
		t.Errorf("it shows\n%s", out)
	}
	if after, err := os.ReadFile(record); err != nil || !strings.Contains(string(after), "commit: "+is+"\n") {
		t.Errorf("the record is %s, %v", after, err)
	}
}

// TestTemplatesOfASlowServer: nobody waits for ever; what was read before is used, and that is said.
func TestTemplatesOfASlowServer(t *testing.T) {
	r := newTemplates(t)
	h := gittest.HTTPHandler(t, r.Repo)
	slow := make(chan struct{})
	var hangs atomic.Bool
	url := gittest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if hangs.Load() {
			select {
			case <-slow:
			case <-req.Context().Done():
			}
			return
		}
		h.ServeHTTP(w, req)
	}))
	t.Cleanup(func() { close(slow) })
	open := func(timeout time.Duration, what string) (*scaffold.Template, string, error) {
		cmd, said := &cobra.Command{}, &bytes.Buffer{}
		cmd.SetContext(t.Context())
		cmd.SetErr(said)
		source := templateSource{timeout: timeout}
		template, err := source.open(cmd, &catalog.Catalog{}, scaffold.Project, url+what)
		return template, said.String(), err
	}
	before, _, err := open(templateTimeout, ours)
	if err != nil {
		t.Fatal(err)
	}
	hangs.Store(true)
	const soon = 50 * time.Millisecond
	after, said, err := open(soon, ours)
	if err != nil || after.Commit != before.Commit || !strings.Contains(said, "it was waited for 50ms; the template is the one that was read last, of "+before.Commit) {
		t.Errorf("it is %+v, %v, and said is %q", after, err, said)
	}
	if _, _, err := open(soon, theirs); err == nil || !strings.Contains(err.Error(), "it was waited for 50ms") {
		t.Errorf("of what was never read: %v", err)
	}
}
