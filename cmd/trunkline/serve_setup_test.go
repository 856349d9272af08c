// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	agekeys "filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/bootstrap"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cmd/trunkline/config"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/console/web"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
	"trunkline.dev/trunkline/webhooks/github/githubtest/contract"
	"trunkline.dev/trunkline/webhooks/github/setup"
)

const madeAt = "https://trunkline.example.com/setup/github/made"

// appAsked is an App of acme's.
func appAsked() console.NewApp {
	return console.NewApp{Organization: "acme", Name: "Trunkline acme", URL: "https://trunkline.example.com", Webhook: true}
}

// newAppMaker is one at a GitHub, that logs into a buffer.
func newAppMaker(t *testing.T, at string, change func(*serve), keys ...agekeys.Identity) (*appMaker, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	m := &appMaker{
		flags: &serve{data: t.TempDir(), github: atGitHub{url: at}}, catalog: func() *catalog.Catalog { return nil },
		log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), keys: &secrets.Decrypter{},
	}
	m.flags.remote.URL = at + "/acme/data.git"
	if len(keys) > 0 {
		m.keys.Age = []secrets.AgeKeys{{Scope: "trunkline/platform", Identities: keys}}
	}
	change(m.flags)
	return m, &log
}

var (
	confirmAction = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	confirmField  = regexp.MustCompile(`name="manifest" value="([^"]+)"`)
)

// agreeTo sends a form to GitHub as a browser does, presses the button there, and returns the query with which GitHub sends it back.
func agreeTo(t *testing.T, at string, offer console.AppOffer) url.Values {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post := func(to, manifest string) (status int, back, body string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader(url.Values{"manifest": {manifest}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("Location"), string(data)
	}
	status, _, confirm := post(offer.Action, offer.Manifest)
	action, field := confirmAction.FindStringSubmatch(confirm), confirmField.FindStringSubmatch(confirm)
	if status != http.StatusOK || action == nil || field == nil {
		t.Fatalf("GitHub refuses the manifest with %d: %s", status, confirm)
	}
	_, location, body := post(at+html.UnescapeString(action[1]), html.UnescapeString(field[1]))
	back, err := url.Parse(location)
	if err != nil || back.Scheme+"://"+back.Host+back.Path != madeAt {
		t.Fatalf("GitHub sends the browser to %v (%v): %s", back, err, body)
	}
	return back.Query()
}

// register goes the whole way of a person.
func register(t *testing.T, m *appMaker, at string) (console.MadeApp, error) {
	t.Helper()
	offer, err := m.Offer(appAsked(), "5tate", madeAt)
	if err != nil {
		return console.MadeApp{}, err
	}
	q := agreeTo(t, at, offer)
	if q.Get("state") != "5tate" {
		t.Errorf("the state is %q", q.Get("state"))
	}
	return m.Register(t.Context(), appAsked(), q.Get("code"), access.Principal{Name: "ada", SignOn: access.BySession})
}

// noSecrets fails if a credential is in what people read, or in the log.
func noSecrets(t *testing.T, m *appMaker, log *bytes.Buffer, made console.MadeApp, known ...string) {
	t.Helper()
	said, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	kept := []byte{}
	names, _ := filepath.Glob(filepath.Join(m.flags.data, "setup", "*"))
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, data...)
	}
	for where, text := range map[string]string{"the page": string(said), "the data folder": string(kept), "the log": log.String()} {
		for _, secret := range append(known, "PRIVATE KEY") {
			if strings.Contains(text, secret) {
				t.Errorf("%s has a secret: %s", where, text)
			}
		}
	}
}

// TestAnAppIntoAFolder: the credentials are in files for nobody else, and what is left to do names them.
func TestAnAppIntoAFolder(t *testing.T) {
	g := githubtest.Start(t, contract.Check(t, githubtest.Options{}))
	folder := t.TempDir()
	m, log := newAppMaker(t, g.URL(), func(s *serve) { s.github.setupFolder = folder })
	made, err := register(t, m, g.URL())
	if err != nil {
		t.Fatal(err)
	}
	key, hook := filepath.Join(folder, setup.KeyFile), filepath.Join(folder, setup.HookFile)
	if diff := cmp.Diff([]string{key, hook}, made.Files); diff != "" || made.Sealed != "" || made.By != "ada" {
		t.Errorf("made %+v: %s", made, diff)
	}
	for _, name := range made.Files {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	secret, err := os.ReadFile(hook)
	if err != nil {
		t.Fatal(err)
	}
	noSecrets(t, m, log, made, string(secret))
	const head = "apiVersion: trunkline.dev/v1alpha1\nkind: DaemonConfiguration\n"
	settings, problems := config.Read("/d.yaml", []byte(head+made.Configuration+"  repository: {url: /r}\n  clusters: [{name: c, inCluster: true}]\n"))
	if len(problems) > 0 {
		t.Fatalf("the daemon does not take it: %v\n%s", problems, made.Configuration)
	}
	got := map[string]string{}
	for _, s := range settings {
		got[s.Flag] = strings.Join(s.Values, " ")
	}
	for flag, want := range map[string]string{"github-repo": "acme/data", "github-app-key-file": key, "hook-secret-file": hook, "github-url": g.URL()} {
		if got[flag] != want {
			t.Errorf("%s is %q, want %q", flag, got[flag], want)
		}
	}
	if last := m.madeLast(); last == nil || last.ID != made.ID {
		t.Errorf("what is left to do is %+v", last)
	}
	if m.flags.github.app = made.ID; m.madeLast() != nil {
		t.Error("an App that is in use is said not to be")
	}
	_, err = m.Offer(appAsked(), "5tate", madeAt)
	if p, ok := err.(*console.Problem); !ok || p.Status != http.StatusConflict || !strings.Contains(p.Detail, "exists already") { //nolint:errorlint // it is what is answered
		t.Errorf("another App over it: %v", err)
	}
}

// TestAnAppThatIsSealed: the credentials are encrypted for the daemon, and for nobody else.
func TestAnAppThatIsSealed(t *testing.T) {
	g := githubtest.Start(t, contract.Check(t, githubtest.Options{}))
	id, err := agekeys.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	m, log := newAppMaker(t, g.URL(), func(s *serve) { s.dir = "deploy" }, id)
	made, err := register(t, m, g.URL())
	if err != nil {
		t.Fatal(err)
	}
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(made.Sealed), &o.Object); err != nil {
		t.Fatal(err)
	}
	opened, err := m.keys.Open(t.Context(), secrets.Release{Project: bootstrap.Project, Environment: bootstrap.Environment}, &o)
	if err != nil {
		t.Fatal(err)
	}
	values, _, err := unstructured.NestedStringMap(opened.Object, "stringData")
	if err != nil || !strings.Contains(values["app.pem"], "PRIVATE KEY") || values["hook"] == "" || opened.GetName() != bootstrap.GitHubSecret {
		t.Errorf("the Secret has %d values (%v)", len(values), err)
	}
	noSecrets(t, m, log, made, values["hook"])
	if made.File != "deploy/projects/trunkline/secrets/trunkline-github.yaml" || len(made.Files) > 0 {
		t.Errorf("it goes to %s, and %v", made.File, made.Files)
	}
	var chart struct {
		Config struct {
			GitHub v1alpha1.DaemonGitHub `json:"github"`
			Serve  map[string]string     `json:"serve"`
		} `json:"config"`
		Secrets []string `json:"secrets"`
	}
	if err := yaml.UnmarshalStrict([]byte(made.Configuration), &chart); err != nil {
		t.Fatalf("%v\n%s", err, made.Configuration)
	}
	if chart.Config.GitHub.AppKeyFile != "/etc/trunkline/secrets/trunkline-github/app.pem" || chart.Config.Serve["hookSecretFile"] != "/etc/trunkline/secrets/trunkline-github/hook" ||
		!slices.Contains(chart.Secrets, bootstrap.GitHubSecret) || chart.Config.GitHub.Repository != "acme/data" {
		t.Errorf("got\n%s", made.Configuration)
	}
}

// TestAnAppThatIsNotMade: what is wrong is said before GitHub is asked, and nothing is left behind.
func TestAnAppThatIsNotMade(t *testing.T) {
	id, err := agekeys.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		reason string
		change func(t *testing.T, m *appMaker, asked *console.NewApp)
		code   string
		status int
		says   string
	}{
		"no place":       {"GitHub hands a key out once", func(_ *testing.T, m *appMaker, _ *console.NewApp) { m.keys.Age = nil }, "c0de", 409, "github.setupFolder"},
		"keys of others": {"keys for other projects are not the daemon's", func(_ *testing.T, m *appMaker, _ *console.NewApp) { m.keys.Age[0].Scope = "orders/*" }, "c0de", 409, "sops.ageKeyFiles"},
		"no folder": {"a folder that is not there is not made", func(t *testing.T, m *appMaker, _ *console.NewApp) {
			t.Helper()
			m.flags.github.setupFolder = filepath.Join(t.TempDir(), "x")
		}, "c0de", 409, "making the file"},
		"wrong name":   {"it is looked at again", func(_ *testing.T, _ *appMaker, asked *console.NewApp) { asked.Organization = "a/b" }, "c0de", 400, "is not the name of an organization"},
		"private":      {"GitHub cannot reach it", func(_ *testing.T, _ *appMaker, asked *console.NewApp) { asked.URL = "http://localhost:8080" }, "c0de", 400, "GitHub cannot reach"},
		"unknown code": {"GitHub knows nothing of it", func(*testing.T, *appMaker, *console.NewApp) {}, "c0de5ecret", 502, "begin again at /setup/github"},
		"hostile code": {"a code is a part of an address", func(*testing.T, *appMaker, *console.NewApp) {}, "../../user?x=c0de5ecret", 502, "no code"},
		"folder, again": {"nothing is left in it", func(t *testing.T, m *appMaker, _ *console.NewApp) {
			t.Helper()
			m.flags.github.setupFolder = t.TempDir()
		}, "c0de5ecret", 502, "begin again at /setup/github"},
	} {
		t.Run(name, func(t *testing.T) {
			g := githubtest.Start(t, githubtest.Options{})
			m, log := newAppMaker(t, g.URL(), func(*serve) {}, id)
			asked := appAsked()
			c.change(t, m, &asked)
			made, err := m.Register(t.Context(), asked, c.code, access.Principal{Name: "ada"})
			p, ok := err.(*console.Problem) //nolint:errorlint // it is what is answered
			if !ok || p.Status != c.status || !strings.Contains(p.Detail, c.says) || strings.Contains(p.Detail+log.String(), "5ecret") {
				t.Errorf("%s: got %v", c.reason, err)
			}
			if diff := cmp.Diff(console.MadeApp{}, made); diff != "" || m.madeLast() != nil {
				t.Errorf("%s: %s", c.reason, diff)
			}
			if folder := m.flags.github.setupFolder; folder != "" {
				if left, _ := os.ReadDir(folder); len(left) > 0 {
					t.Errorf("%s: %v is left", c.reason, left)
				}
			}
		})
	}
}

// appPages are those of an appMaker.
type appPages struct{ *appMaker }

// Clusters implements [console.Setup].
func (appPages) Clusters(context.Context) (console.ClusterSetup, error) {
	return console.ClusterSetup{At: time.Unix(0, 0)}, nil
}

// GitHub implements [console.Setup].
func (p appPages) GitHub(context.Context) (console.GitHubSetup, error) {
	return console.GitHubSetup{At: time.Unix(0, 0), Host: p.flags.github.url, Suggested: suggestedApp(p.flags), Made: p.madeLast()}, nil
}

// TestAnAppInABrowser goes the whole way in Chromium, whose policy for forms is its own: see hack/browser/app.mjs.
func TestAnAppInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser; left out by -short")
	}
	folder, err := cached.Path("browser", "browser-tools")
	if err != nil {
		t.Skipf("no browser: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "program")); err != nil {
		t.Skip("no browser: \"make browser-tools\" says why")
	}
	g := githubtest.Start(t, githubtest.Options{})
	m, log := newAppMaker(t, g.URL(), func(s *serve) {
		s.github.setupFolder, s.github.repository, s.github.public = t.TempDir(), "acme/data", "https://trunkline.example.com"
	})
	d := consoletest.Start(t, func(o *console.Options) {
		o.Setup = appPages{m}
		o.Pages = web.New(web.Sources{Board: o.Board, Setup: o.Setup, Now: time.Now})
	})
	plan, err := json.Marshal(map[string]string{"origin": d.URL, "forge": g.URL()})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, plan, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "../../hack/browser/app.mjs", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, &stderr, log)
	}
	var said struct {
		Console            []string
		Offer, Made, After string
		Again              int
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct{ where, text, want string }{
		{"the form", said.Offer, "to report on each commit"},
		{"the end", said.Made, "The App “Trunkline acme” is registered"},
		{"the end", said.Made, setup.KeyFile},
		{"what is left", said.After, "is not in use yet"},
	} {
		if !strings.Contains(c.text, c.want) || strings.Contains(c.text, "PRIVATE KEY") {
			t.Errorf("%s does not say %q:\n%s", c.where, c.want, c.text)
		}
	}
	if said.Again != http.StatusForbidden {
		t.Errorf("coming back again: got %d", said.Again)
	}
	for _, line := range said.Console {
		if !strings.Contains(line, "403") { // that of coming back again
			t.Errorf("the browser says: %s", line)
		}
	}
	if _, err := os.Stat(filepath.Join(m.flags.github.setupFolder, setup.KeyFile)); err != nil {
		t.Error(err)
	}
}

// TestSuggestedApp: what is configured is what is suggested.
func TestSuggestedApp(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		change func(*serve)
		want   console.NewApp
	}{
		"by the repository": {"the owner of the repository owns the App", func(s *serve) {
			s.remote.URL, s.github.public = "https://github.com/acme/data.git", "https://trunkline.example.com/"
		}, console.NewApp{Organization: "acme", Name: "Trunkline acme", URL: "https://trunkline.example.com", Webhook: true}},
		"elsewhere": {"of a repository that is not at GitHub nothing is known", func(s *serve) {
			s.remote.URL, s.signOn.address = "https://git.example.com/acme/data.git", "https://console.example.com"
		}, console.NewApp{Name: "Trunkline", URL: "https://console.example.com", Webhook: true}},
		"not reached": {"GitHub reaches nobody's own machine", func(s *serve) {
			s.github.repository, s.github.public, s.images.registries = "acme/data", "http://127.0.0.1:8080", []string{"ghcr.io"}
		}, console.NewApp{Organization: "acme", Name: "Trunkline acme", URL: "http://127.0.0.1:8080", Promotions: true}},
	} {
		s := &serve{github: atGitHub{url: setup.PublicGitHub}}
		c.change(s)
		if diff := cmp.Diff(c.want, suggestedApp(s)); diff != "" {
			t.Errorf("%s: %s: -want +got:\n%s", name, c.reason, diff)
		}
	}
}

// TestFindingsOfClusters: each is with its cluster, whatever check it is of.
func TestFindingsOfClusters(t *testing.T) {
	found := func(area doctor.Area, result doctor.Result, where string) doctor.Finding {
		return doctor.Finding{Check: "x", Area: area, Verdict: doctor.Verdict{Result: result, Where: where}}
	}
	out := console.ClusterSetup{At: time.Unix(0, 0), Clusters: []console.SetupCluster{{Name: "prod"}, {Name: "prod-2"}}}
	sortFindings(&out, doctor.Report{Findings: []doctor.Finding{
		found(doctor.Machine, doctor.Unchecked, ""), found(doctor.Machine, doctor.Fails, "prod-2 (/k#admin)"), found(doctor.Machine, doctor.OK, "cluster prod"),
		found(doctor.Clusters, doctor.Fails, "prod"), found(doctor.Clusters, doctor.Unchecked, ""), found(doctor.Clusters, doctor.Warning, "gone"),
	}})
	var got []string
	for _, c := range out.Clusters {
		for _, f := range c.Findings {
			got = append(got, c.Name+": "+f.Where)
		}
	}
	for _, f := range out.Findings {
		got = append(got, "all: "+f.Where)
	}
	if diff := cmp.Diff([]string{"prod: cluster prod", "prod: prod", "prod-2: prod-2 (/k#admin)", "all: ", "all: gone"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
