// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/signon"
	"trunkline.dev/trunkline/access/signon/signontest"
	"trunkline.dev/trunkline/access/tokens"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// trusting is a daemon that trusts an issuer, at which carol contributes to orders in dev.
func trusting(t *testing.T, issuer, client, cli string) string {
	t.Helper()
	people, err := signon.NewPeople(signon.Options{Issuer: issuer, ClientID: client, CLIClientID: cli, Scopes: []string{"email"}, Client: &http.Client{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	database, err := history.SQLite(filepath.Join(t.TempDir(), "tokens.db"))
	if err != nil {
		t.Fatal(err)
	}
	own := tokens.NewStore(database, time.Now)
	t.Cleanup(func() { _ = own.Close() })
	d := consoletest.Start(t, func(o *console.Options) {
		o.Sessions, o.OwnTokens = &console.Sessions{Service: &signon.Service{People: people}, Now: time.Now}, own
		o.Access = func() *access.Rules {
			return access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
				{Role: v1alpha1.ProjectContributor, Users: []string{"carol@acme.example"}, Projects: []string{"orders"}},
				{Role: v1alpha1.EnvironmentContributor, Users: []string{"carol@acme.example"}, Environments: []string{"dev"}},
			}}}})
		}
	})
	for _, environment := range []string{"dev", "prod"} {
		d.Board.SetRelease(catalog.ReleaseID{Project: "orders", Environment: environment, Cluster: "c"}, func(r *status.Release) { r.Result = status.Applied })
	}
	return d.URL
}

// asks runs a command.
func asks(args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// keptIn returns the files in a folder, with their permissions.
func keptIn(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	out := map[string]fs.FileMode{}
	if err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		out[name] = info.Mode().Perm()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLoginByDevice: who enters the code is signed on, for all commands, until they sign out or the issuer says no.
func TestLoginByDevice(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	issuer := signontest.StartPublic(t, "carol@acme.example", time.Hour, true)
	server := trusting(t, issuer.URL, "trunkline", signontest.PublicClient)

	if code, _, stderr := asks("whoami", "--server", server); code != exitTrouble || !strings.Contains(stderr, "trunkline login") {
		t.Fatalf("before the sign-on: got %d %s", code, stderr)
	}
	if code, _, stderr := asks("login", "--server", server); code != exitFine || !strings.Contains(stderr, "WDJB-MJHT") {
		t.Fatalf("got %d %s", code, stderr)
	}
	kept := keptIn(t, config)
	for name, mode := range kept {
		if mode != 0o600 {
			t.Errorf("%s can be read by others: %v", name, mode)
		}
	}
	if len(kept) != 1 {
		t.Errorf("got %v", kept)
	}
	if code, out, stderr := asks("whoami", "--server", server); code != exitFine || !strings.HasPrefix(out, "carol@acme.example (oidc)\n") {
		t.Errorf("got %d %q %s", code, out, stderr)
	}
	for environment, want := range map[string]int{"dev": exitFine, "prod": exitTrouble} {
		if code, _, stderr := asks("suspend", "orders/"+environment+"/c", "--server", server, "--why", "test"); code != want {
			t.Errorf("suspending in %s: got %d %s", environment, code, stderr)
		}
	}
	code, secret, stderr := asks("tokens", "create", "laptop", "--right", "view", "--days", "1", "--server", server)
	if code != exitFine || !strings.HasPrefix(secret, "tlt_") || !strings.Contains(stderr, "carol@acme.example") {
		t.Fatalf("got %d %s", code, stderr)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := asks("whoami", "--server", server, "--token-file", file); code != exitFine || !strings.Contains(out, "(personal-token)") {
		t.Errorf("got %d %q", code, out)
	}
	code, list, _ := asks("tokens", "list", "--server", server)
	if code != exitFine || !strings.Contains(list, "laptop") || strings.Contains(list, secret[22:40]) {
		t.Fatalf("got %d %s", code, list)
	}
	if code, _, stderr := asks("tokens", "revoke", secret[4:20], "--server", server); code != exitFine {
		t.Errorf("got %d %s", code, stderr)
	}
	if code, _, _ := asks("whoami", "--server", server, "--token-file", file); code != exitTrouble {
		t.Errorf("what is revoked is good: got %d", code)
	}
	for name := range kept {
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, stderr := asks("whoami", "--server", server); code != exitTrouble || !strings.Contains(stderr, "others can read") {
		t.Errorf("a token that others can read is used: got %d %s", code, stderr)
	}
	if code, _, _ := asks("logout", "--server", server); code != exitFine || len(keptIn(t, config)) != 0 {
		t.Errorf("got %d, and %v is left", code, keptIn(t, config))
	}
}

// TestLoginIsRenewed: a token that ends soon is renewed before it is used.
func TestLoginIsRenewed(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	issuer := signontest.StartPublic(t, "carol@acme.example", 30*time.Second, true)
	server := trusting(t, issuer.URL, "trunkline", signontest.PublicClient)
	if code, _, stderr := asks("login", "--server", server); code != exitFine {
		t.Fatalf("got %d %s", code, stderr)
	}
	if code, out, stderr := asks("whoami", "--server", server); code != exitFine || !strings.HasPrefix(out, "carol@") || issuer.Asked("refresh_token") != 1 {
		t.Errorf("got %d %q %s, and it was renewed %d times", code, out, stderr, issuer.Asked("refresh_token"))
	}
	issuer.Close()
	if code, _, _ := asks("whoami", "--server", server); code != exitTrouble {
		t.Errorf("without the issuer: got %d", code)
	}
}

// TestLoginByBrowser: where the issuer has no codes, a browser comes back to the command; one that nobody sent for does not.
func TestLoginByBrowser(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	issuer := signontest.StartPublic(t, "carol@acme.example", time.Hour, false)
	server := trusting(t, issuer.URL, "trunkline", signontest.PublicClient)
	pr, pw := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := run([]string{"login", "--server", server}, strings.NewReader(""), io.Discard, pw)
		_ = pw.Close()
		ended <- code
	}()
	var said strings.Builder
	lines := bufio.NewScanner(pr)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		address, shown := strings.CutPrefix(lines.Text(), "Open ")
		if !shown {
			continue
		}
		req := httptest.NewRequest(http.MethodGet, address, nil)
		back := req.URL.Query().Get("redirect_uri")
		forged, err := http.Get(back + "?code=x&state=y")
		if err != nil {
			t.Fatal(err)
		}
		_ = forged.Body.Close()
		if forged.StatusCode != http.StatusForbidden {
			t.Errorf("a forged answer: got %d", forged.StatusCode)
		}
		if _, err := read(http.Get(address)); err != nil { //nolint:bodyclose // read closes it
			t.Error(err)
		}
	}
	if code := <-ended; code != exitFine {
		t.Fatalf("got %d: %s", code, said.String())
	}
	if code, out, stderr := asks("whoami", "--server", server); code != exitFine || !strings.HasPrefix(out, "carol@acme.example (oidc)") {
		t.Errorf("got %d %q %s", code, out, stderr)
	}
}
