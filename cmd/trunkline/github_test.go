// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
	"trunkline.dev/trunkline/webhooks/github/setup"
)

var (
	pageAddress  = regexp.MustCompile(`http://127\.0\.0\.1:\d+/\w+`)
	pageForm     = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	pageManifest = regexp.MustCompile(`name="manifest" value="([^"]+)"`)
	appID        = regexp.MustCompile(`appID: (\d+)`)
)

// person opens a page and presses the button of each form that it leads to, as in a browser. It returns the last page.
func person(page string) (string, error) {
	body, err := read(http.Get(page)) //nolint:bodyclose // read closes it
	for err == nil {
		form, manifest := pageForm.FindStringSubmatch(body), pageManifest.FindStringSubmatch(body)
		if form == nil || manifest == nil {
			return body, nil
		}
		var at, to *url.URL
		if at, err = url.Parse(page); err != nil {
			return "", err
		}
		if to, err = at.Parse(html.UnescapeString(form[1])); err != nil {
			return "", err
		}
		page = to.String()
		body, err = read(http.PostForm(page, url.Values{"manifest": {html.UnescapeString(manifest[1])}})) //nolint:bodyclose // read closes it
	}
	return "", err
}

func read(resp *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return string(body), err
}

// setUp runs the command, and does something once its page is shown. It returns the exit code and what it printed.
func setUp(t *testing.T, do func(page string), args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out strings.Builder
	pr, pw := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := run(append([]string{"github", "setup"}, args...), strings.NewReader(""), &out, pw)
		_ = pw.Close()
		ended <- code
	}()
	var said strings.Builder
	lines := bufio.NewScanner(pr)
	for shown := false; lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		// The page is the first address; an error may name one at GitHub.
		if page := pageAddress.FindString(lines.Text()); page != "" && !shown {
			shown = true
			go do(page)
		}
	}
	return <-ended, out.String(), said.String()
}

func TestGitHubSetup(t *testing.T) {
	g := githubtest.Start(t, githubtest.Options{})
	dir := t.TempDir()
	var problem error
	last := make(chan string, 1)
	code, stdout, stderr := setUp(t, func(page string) {
		var text string
		text, problem = person(page)
		last <- text
	}, "--org", "acme", "--url", "https://trunkline.example.com", "--github", g.URL(), "--out", dir)
	if text := <-last; problem != nil || code != exitFine {
		t.Fatalf("ended with %d (%v)\n%s\n%s", code, problem, stderr, text)
	}
	id := appID.FindStringSubmatch(stdout)
	if id == nil {
		t.Fatalf("there is no id of the App:\n%s", stdout)
	}
	want := `The App "Trunkline acme" is registered: GITHUB/organizations/acme/settings/apps/trunkline-acme

1. Install it, in the repository that the daemon follows and in no other:
   GITHUB/apps/trunkline-acme/installations/new

2. Add this to the DaemonConfiguration, with the name of the repository:

spec:
  github:
    repository: acme/REPOSITORY
    appID: ` + id[1] + `
    appKeyFile: DIR/trunkline-github.pem
    url: GITHUB
    publicURL: https://trunkline.example.com
  serve:
    hookSecretFile: DIR/trunkline-github-hook-secret

3. Keep the files as what they are: whoever has the private key is the App.

Next: docs/github.md, from "Install the App" on.
`
	got := strings.NewReplacer(g.URL(), "GITHUB", dir, "DIR").Replace(stdout)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	key, err := os.ReadFile(filepath.Join(dir, setup.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(filepath.Join(dir, setup.HookFile))
	if err != nil {
		t.Fatal(err)
	}
	if all := stdout + stderr; len(secret) == 0 || strings.Contains(all, string(secret)) || strings.Contains(all, "PRIVATE KEY") {
		t.Error("a secret is empty, or printed")
	}
	theKeyIsTheApps(t, g, id[1], key)

	// The files are in use now: a second App needs another folder, and nothing is asked of GitHub before that is known.
	code, _, stderr = setUp(t, func(string) { t.Error("a page is shown") },
		"--org", "acme", "--name", "Another", "--url", "https://trunkline.example.com", "--github", g.URL(), "--out", dir)
	if again, _ := os.ReadFile(filepath.Join(dir, setup.KeyFile)); code != exitFindings || !strings.Contains(stderr, "exists already") || string(again) != string(key) {
		t.Errorf("the second one ended with %d:\n%s", code, stderr)
	}
}

// theKeyIsTheApps signs in as the App, with the id and the key that the daemon will have.
func theKeyIsTheApps(t *testing.T, g *githubtest.GitHub, id string, key []byte) {
	t.Helper()
	var number int64
	if _, err := fmt.Sscan(id, &number); err != nil {
		t.Fatal(err)
	}
	client, err := github.New(github.WithApp(number, key), github.WithBaseURL(g.APIURL()))
	if err != nil {
		t.Fatal(err)
	}
	forge, err := client.Repository("acme/data")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forge.RateLimit(t.Context()); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("got %v, want that the App is known and not installed", err)
	}
}

func TestGitHubSetupFails(t *testing.T) {
	for _, c := range []struct {
		reason, want string
		fault        githubtest.Fault
	}{
		{"GitHub is down", "GitHub answers with 503", githubtest.Fault{Path: "/app-manifests", Status: http.StatusServiceUnavailable}},
		{"the answer is lost", "look for the App at ", githubtest.Fault{Path: "/app-manifests", Lost: true}},
		{"half of the answer is lost", "look for the App at ", githubtest.Fault{Path: "/app-manifests", Half: true}},
		{"the code was used by someone else", "it was used already", githubtest.Fault{Path: "/app-manifests", Status: http.StatusNotFound}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := githubtest.Start(t, githubtest.Options{})
			g.Fail(c.fault)
			dir := t.TempDir()
			done := make(chan error, 1)
			code, stdout, stderr := setUp(t, func(page string) {
				_, err := person(page)
				done <- err
			}, "--org", "acme", "--url", "https://trunkline.example.com", "--github", g.URL(), "--out", dir)
			if err := <-done; err == nil || !strings.Contains(err.Error(), "the terminal says why") {
				t.Errorf("the browser shows %v", err)
			}
			left, err := os.ReadDir(dir)
			if code != exitFindings || stdout != "" || !strings.Contains(stderr, c.want) || err != nil || len(left) != 0 {
				t.Errorf("ended with %d, left %v (%v) and printed\n%s%s", code, left, err, stdout, stderr)
			}
		})
	}
}
