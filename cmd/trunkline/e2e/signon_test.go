// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/oidctest"
	"trunkline.dev/trunkline/test/pgtest"
)

// contributor and operator are bound as docs/access.md has it; stranger is known to the issuer, and bound to nothing.
const contributor, operator, stranger = "carol@acme.example", "olga@acme.example", "mallory@acme.example"

// signedOnPlatform is one with two projects in two environments, of which people may do different things.
func signedOnPlatform() map[string]string {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	out := map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"access.yaml": head + `kind: Access
metadata: {name: acme}
spec:
  teams: [{name: receipts, groups: [team-receipts]}]
  bindings:
    - {role: platform-admin, users: [ada@acme.example]}
    - {role: project-contributor, teams: [receipts], projects: [receipts]}
    - {role: environment-contributor, teams: [receipts], environments: [dev]}
    - {role: environment-operator, groups: [operations], environments: [prod]}
`,
	}
	for _, e := range []string{"dev", "prod"} {
		out[e+".yaml"] = head + "kind: Environment\nmetadata: {name: " + e + "}\nspec: {clusters: [test]}\n"
	}
	for _, p := range []string{"receipts", "payroll"} {
		out[p+".yaml"] = head + fmt.Sprintf(`kind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev, prod]
  image: img:1
  workloads: [{name: web, blueprint: service, command: [serve]}]
`, p)
	}
	return out
}

// role is what someone is bound to.
type role struct{ role, project, environment string }

var roles = map[string][]role{
	contributor: {{"project-contributor", "receipts", ""}, {"environment-contributor", "", "dev"}},
	operator:    {{"environment-operator", "", "prod"}},
	stranger:    nil,
}

// roleTable is the table of docs/access.md: the roles that give a right, and what is needed beside.
func roleTable(t *testing.T) map[string]struct {
	roles []string
	needs string
} {
	t.Helper()
	text, err := os.ReadFile("../../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]struct {
		roles []string
		needs string
	}{}
	var header []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		switch {
		case len(cells) != 10:
		case cells[0] == "right":
			header = cells
		case header != nil && !strings.HasPrefix(cells[0], "---"):
			row := out[cells[0]]
			for i := 2; i < 9; i++ {
				if cells[i] == "✓" {
					row.roles = append(row.roles, header[i])
				}
			}
			row.needs = cells[9]
			out[cells[0]] = row
		}
	}
	if len(out) < 15 {
		t.Fatalf("the table has %d rows", len(out))
	}
	return out
}

// attempt is one thing that someone tries.
type attempt struct {
	Name                 string `json:"name"`
	Method               string `json:"method"`
	Path                 string `json:"path"`
	Body                 any    `json:"body,omitempty"`
	right                string
	project, environment string
}

// attempts are what there is to try, for each right that a route needs.
func attempts(by string) []attempt {
	var out []attempt
	add := func(right, project, environment, method, path string, body any) {
		out = append(out, attempt{fmt.Sprintf("%s in %s/%s: %s", right, project, environment, path), method, path, body, right, project, environment})
	}
	why := map[string]any{"why": "a test"}
	for _, p := range []string{"receipts", "payroll"} {
		for _, e := range []string{"dev", "prod"} {
			release := "/api/v1/releases/" + p + "/" + e + "/test"
			add("view", p, e, "GET", release, nil)
			add("view-cost", p, e, "GET", "/api/v1/cost?since=2026-11-01&project="+p+"&environment="+e, nil)
			add("view-logs", p, e, "GET", "/api/v1/lots/"+e+"/"+p+"/a@1/20260101PT1H004/log", nil)
			add("deploy", p, e, "POST", release+"/reconcile", why)
			add("rollback", p, e, "POST", release+"/rollback", why)
			add("suspend", p, e, "POST", release+"/suspend", why)
			add("resume", p, e, "POST", release+"/resume", why)
			add("retry-lots", p, e, "POST", "/api/v1/workloads/"+e+"/"+p+"/web/retry", why)
			add("switch-lots", p, e, "POST", "/api/v1/workloads/"+e+"/"+p+"/web/enable", why)
			add("remove-lots", p, e, "POST", "/api/v1/lots/"+e+"/"+p+"/a@1/remove", why)
		}
		add("project-tokens", p, "", "POST", "/api/v1/tokens", map[string]any{"name": "t-" + by, "project": p})
	}
	for _, e := range []string{"dev", "prod"} {
		add("approve", "", e, "POST", "/api/v1/environments/"+e+"/approve", map[string]any{"digest": "x"})
	}
	add("sync", "", "", "POST", "/hooks/sync", nil)
	add("metrics", "", "", "GET", "/metrics", nil)
	add("admin", "", "", "POST", "/api/v1/sessions/end", map[string]any{"name": "nobody@acme.example"})
	add("signed-on", "", "", "GET", "/api/v1/me", nil)
	return out
}

// answered is what came of an attempt.
type answered struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
}

// came is that in a word: "allowed", "denied", or "unseen", where it is answered as if there was no such thing.
func (a answered) came() string {
	switch {
	case a.Status == http.StatusNotFound && strings.Contains(a.Body, "or it is not yours to see"):
		return "unseen"
	case a.Status == http.StatusForbidden || a.Status == http.StatusUnauthorized:
		return "denied"
	}
	return "allowed"
}

// expected is what the table says of an attempt by someone.
func expected(t *testing.T, who string, a attempt) string {
	t.Helper()
	table := roleTable(t)
	may := func(right string) bool {
		row, known := table[right]
		if !known {
			t.Fatalf("the table has no right %q", right)
		}
		var project, environment bool
		for _, r := range roles[who] {
			if slices.Contains(row.roles, r.role) {
				project = project || r.project != "" && r.project == a.project
				environment = environment || r.environment != "" && r.environment == a.environment
			}
		}
		switch row.needs {
		case "to have signed on":
			return true
		case "a role in the project or in the environment":
			return project || environment
		case "roles in the project and in the environment":
			return project && environment
		}
		return false // a role on the platform, which none of them has
	}
	switch {
	case may(a.right):
		return "allowed"
	case a.project+a.environment != "" && !may("view"):
		return "unseen"
	}
	return "denied"
}

// holdTo holds what came of attempts to the table.
func holdTo(t *testing.T, who, where string, all []attempt, answers map[string]answered) {
	t.Helper()
	want, got := map[string]string{}, map[string]string{}
	for _, a := range all {
		want[a.Name], got[a.Name] = expected(t, who, a), answers[a.Name].came()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s in %s can do what the table does not say (-table +got):\n%s", who, where, diff)
	}
}

// try asks a daemon with a token.
func try(t *testing.T, server, token string, a attempt) answered {
	t.Helper()
	var body io.Reader
	if a.Body != nil {
		data, err := json.Marshal(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(t.Context(), a.Method, server+a.Path, body)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{resp.StatusCode, string(text)}
}

// browsed is what a browser has seen.
type browsed struct {
	Answers  map[string]answered `json:"answers"`
	Seen     map[string]string   `json:"seen"`
	Replayed map[string]int      `json:"replayed"`
}

// browse has a browser go through a plan: see hack/browser/signon.mjs.
func browse(t *testing.T, plan map[string]any) (out browsed) {
	t.Helper()
	plan["password"] = oidctest.Password
	data, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "../../../hack/browser/signon.mjs", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	if err := json.Unmarshal(said, &out); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return out
}

// person is someone with a command line of their own.
type person struct {
	t            *testing.T
	mail, folder string
}

// run runs a command as that person.
func (p person) run(args ...string) (out string, ok bool) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+p.folder)
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

var deviceAddress = regexp.MustCompile(`or open (http\S+)`)

// login signs the person on by a code that is entered in a browser.
func (p person) login(server string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), binary, "login", "--server", server)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+p.folder)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	said, code := "", ""
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said += lines.Text() + "\n"
		if found := deviceAddress.FindStringSubmatch(lines.Text()); found != nil {
			code = found[1]
			break
		}
	}
	if code == "" {
		_ = cmd.Wait()
		p.t.Fatalf("login shows no address: %s", said)
	}
	browse(p.t, map[string]any{"mail": p.mail, "code": code})
	rest, err := io.ReadAll(stderr)
	if err := cmd.Wait(); err != nil {
		p.t.Fatalf("login: %v\n%s%s", err, said, rest)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// token is what the command line keeps.
func (p person) token() string {
	p.t.Helper()
	found := ""
	err := filepath.WalkDir(p.folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm() != 0o600 {
			p.t.Errorf("%s can be read by others: %v", path, err)
		}
		var kept struct{ Token string }
		data, err := os.ReadFile(path)
		if err == nil && json.Unmarshal(data, &kept) == nil && kept.Token != "" {
			found = kept.Token
		}
		return err
	})
	if err != nil || found == "" {
		p.t.Fatalf("no token is kept: %v", err)
	}
	return found
}

// TestSignOn: a contributor and an operator sign on at a real issuer, in a browser, on the command line and for the API, and can do exactly
// what the table of docs/access.md says; what proves nothing gets nothing; and a session that is ended is ended at all replicas.
func TestSignOn(t *testing.T) {
	tools, err := cached.Path("browser", "browser-tools")
	if err != nil {
		t.Skipf("no browser: %v", err)
	}
	if _, err := os.Stat(filepath.Join(tools, "program")); err != nil {
		t.Skip("no browser: \"make browser-tools\" says why")
	}
	cluster := pkg.Cluster(t)
	repo := gittest.New(t)
	repo.Commit(t, "all", signedOnPlatform())
	addresses := []string{freeAddress(t), freeAddress(t)}
	issuer := oidctest.Start(t, map[string][]string{contributor: {"team-receipts"}, operator: {"operations"}, stranger: nil},
		"http://"+addresses[0]+"/login/callback", "http://"+addresses[1]+"/login/callback")
	dir := t.TempDir()
	secret := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const shared = "0123456789abcdef0123456789abcdef"
	start := func(address string) *daemon {
		d := serveAt(t, address, nil, binary, "--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test="+cluster.Kubeconfig, "--home", "test", "--poll", "1h",
			"--history", "postgres", "--history-dsn-file", filepath.Join(dir, "dsn"), "--token-file", secret("shared", shared),
			"--sign-on-issuer", issuer.URL, "--sign-on-client-id", oidctest.WebClient, "--sign-on-client-secret-file", secret("client", oidctest.WebSecret),
			"--sign-on-cli-client-id", oidctest.CLIClient, "--sign-on-url", "http://"+address, "--sign-on-session-key-file", secret("key", strings.Repeat("k", 40)))
		d.token = shared
		return d
	}
	secret("dsn", pgtest.Start(t).Database(t))
	d := start(addresses[0])
	d.await("the commit to be fine at the replica that leads", func(p status.Platform) bool {
		return p.Fine() && p.Replica != nil && p.Replica.Name != "" && p.Replica.Leader == p.Replica.Name && len(p.Releases) == 4 && p.Releases[0].Result == status.Applied
	})
	other := start(addresses[1])
	other.await("the other replica to answer", func(status.Platform) bool { return true })

	for _, who := range []string{contributor, operator, stranger} {
		t.Run(who, func(t *testing.T) {
			p := person{t, who, t.TempDir()}
			p.login(d.server)
			token := p.token()
			all := attempts("cli")
			answers := map[string]answered{}
			for _, a := range all {
				answers[a.Name] = try(t, d.server, token, a)
			}
			holdTo(t, who, "the API", all, answers)
			p.commands(d.server)
		})
	}
	for _, who := range []string{contributor, operator} {
		t.Run(who+" in a browser", func(t *testing.T) {
			all := attempts("browser")
			plan := map[string]any{"mail": who, "origin": d.server, "asks": all, "leave": true, "other": other.server}
			if who == contributor {
				plan["act"] = "/releases/receipts/dev/test"
			}
			saw := browse(t, plan)
			holdTo(t, who, "a browser", all, saw.Answers)
			for _, where := range []string{"footer", "other"} {
				if !strings.Contains(saw.Seen[where], "Signed on as "+who) {
					t.Errorf("%s does not say who is signed on: %s", where, saw.Seen[where])
				}
			}
			for name, sees := range map[string]bool{"receipts": true, "payroll": true, "dev": who == contributor, "prod": true} {
				if strings.Contains(saw.Seen["releases"], name) != sees {
					t.Errorf("the page of releases: has %s: want %t:\n%s", name, sees, saw.Seen["releases"])
				}
			}
			// The session of the browser, and that of another window, at both replicas, with the cookies as they were.
			want := map[string]int{"elsewhere": 403, "here": 401, "stranger": 401, "second": 401, "otherReplica": 401, "secondAtOther": 401}
			if diff := cmp.Diff(want, saw.Replayed); diff != "" {
				t.Errorf("what is over is good for something (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("Forged", func(t *testing.T) { forged(t, d.server, issuer) })
	t.Run("Recorded", func(t *testing.T) { recorded(t, d.server, shared) })
}

// commands tries a few commands as that person.
func (p person) commands(server string) {
	p.t.Helper()
	for _, c := range []struct {
		reason string
		args   []string
		who    []string // whom it is done for
		says   string   // to the others
	}{
		{"who one is", []string{"whoami"}, []string{contributor, operator, stranger}, ""},
		{"a release where one may", []string{"suspend", "receipts/dev/test", "--why", "by hand"}, []string{contributor}, "there "},
		{"and back", []string{"resume", "receipts/dev/test"}, []string{contributor}, "there "},
		{"one where nobody of them may", []string{"suspend", "receipts/prod/test"}, nil, ""},
		{"a token that is less", []string{"tokens", "create", "laptop", "--right", "view"}, []string{contributor, operator, stranger}, ""},
		{"the daemon's own numbers are none of theirs", []string{"sessions", "end", "ada@acme.example"}, nil, "platform-admin"},
	} {
		out, ok := p.run(append(c.args, "--server", server)...)
		done := slices.Contains(c.who, p.mail)
		if ok != done || !done && !strings.Contains(out, c.says) {
			p.t.Errorf("%s: %q by %s: done: %t, want %t: %s", c.reason, c.args, p.mail, ok, done, out)
		}
		if c.args[0] == "whoami" && !strings.Contains(out, p.mail+" (oidc)") {
			p.t.Errorf("whoami says %s", out)
		}
	}
}

// forged tries what proves nothing.
func forged(t *testing.T, server string, issuer *oidctest.Issuer) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := issuer.Token(contributor, nil)
	me := attempt{Method: "GET", Path: "/api/v1/me"}
	if got := try(t, server, good, me); got.Status != http.StatusOK {
		t.Fatalf("a good token: %+v", got)
	}
	parts := strings.Split(good, ".")
	of := func(changes map[string]any) string { return issuer.Token(contributor, changes) }
	for name, token := range map[string]string{
		"another key":      issuer.SignedWith(contributor, jwt.SigningMethodRS256, key),
		"no signature":     issuer.SignedWith(contributor, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"symmetric":        issuer.SignedWith(contributor, jwt.SigningMethodHS256, []byte(oidctest.WebSecret)),
		"claims of others": parts[0] + "." + strings.Split(issuer.Token("ada@acme.example", nil), ".")[1] + "." + parts[2],
		"cut off":          parts[0] + "." + parts[1] + ".",
		"expired":          of(map[string]any{"iat": 1_700_000_000, "exp": 1_700_003_600}),
		"another audience": of(map[string]any{"aud": "another-daemon"}),
		"another party":    of(map[string]any{"aud": []string{oidctest.CLIClient, "x"}, "azp": "x"}),
		"another issuer":   of(map[string]any{"iss": "https://elsewhere.example.com"}),
		"no mail":          of(map[string]any{"email": nil}),
		"not verified":     of(map[string]any{"email_verified": false}),
		"empty":            "",
	} {
		if got := try(t, server, token, me); got.Status != http.StatusUnauthorized || strings.Contains(got.Body, "acme") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// recorded holds the history to who did what, how they had signed on, and why.
func recorded(t *testing.T, server, token string) {
	t.Helper()
	c, err := client.New(server, client.Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		"suspended receipts/dev by carol@acme.example (oidc): by hand":               false,
		"suspended receipts/dev by carol@acme.example (oidc): a test":                false,
		"suspended receipts/dev by carol@acme.example (session): a test":             false,
		"suspended receipts/dev by carol@acme.example (session): tried in a browser": false,
		"token-made / by olga@acme.example (oidc): ":                                 false,
		"sessions-ended / by olga@acme.example (session): ":                          false,
	}
	var all []string
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	for ctx.Err() == nil { // it is written in the background
		p, err := c.History(ctx, url.Values{"limit": {"1000"}})
		if err != nil {
			t.Fatalf("%v %v\n%s", err, want, strings.Join(all, "\n"))
		}
		all = nil
		for _, e := range p.Events {
			line := fmt.Sprintf("%s %s/%s by %s (%s): %s", e.Kind, e.Release.Project, e.Release.Environment, e.By, e.SignOn, e.Why)
			all = append(all, line)
			if _, known := want[line]; known {
				want[line] = true
			}
			if e.SignOn == "" && strings.Contains(e.By, "@") {
				t.Fatalf("it does not say how %s had signed on: %+v", e.By, e)
			}
		}
		if !slices.Contains(slices.Collect(maps.Values(want)), false) {
			return
		}
	}
	t.Errorf("not all is recorded: %v\n%s", want, strings.Join(all, "\n"))
}
