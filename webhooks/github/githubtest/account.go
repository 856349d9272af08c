// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"
)

// account is a user, an organisation, or the bot of an App.
type account struct {
	id      int64
	login   string
	kind    string // "User", "Organization" or "Bot"
	created time.Time
}

// team is a team of an organisation; members have "member" or "maintainer".
type team struct {
	id        int64
	org, slug string
	members   map[string]string
}

// App is a GitHub App.
type App struct {
	ID           int64
	Slug, Name   string
	Owner        string
	ClientID     string
	ClientSecret string
	// Key is the private key, as GitHub hands it out once: PEM.
	Key []byte
	// Permissions are what it asks for, such as checks: write; Events are what it hears of.
	Permissions map[string]string
	Events      []string
	// HookURL and HookSecret are where its deliveries go and what they are signed with; without a URL there are none.
	HookURL, HookSecret string

	public  *rsa.PublicKey
	created time.Time
	hook    *hook
}

// LeastPermissions are those that docs/github.md asks an administrator for, where there are promotions and a webhook.
func LeastPermissions() map[string]string {
	return map[string]string{
		"checks": "write", "pull_requests": "write", "contents": "write", "deployments": "write", "issues": "read",
		"members": "read", "merge_queues": "read", "metadata": "read",
	}
}

// installation is an App in an account.
type installation struct {
	id          int64
	app         *App
	account     *account
	all         bool
	repos       map[*repo]bool
	permissions map[string]string
	created     time.Time
	suspended   bool
}

// has reports whether the installation reaches a repository.
func (i *installation) has(r *repo) bool {
	return i.repos[r] || i.all && strings.EqualFold(r.owner.login, i.account.login)
}

// token is what a user or an installation signs its requests with.
type token struct {
	user         *account
	installation *installation
	expires      time.Time // zero: never
}

// AddUser adds a user, and AddOrg an organisation; one that is there stays as it is.
func (g *GitHub) AddUser(login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.account(login, "User")
}

// AddOrg adds an organisation.
func (g *GitHub) AddOrg(login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.account(login, "Organization")
}

func (g *GitHub) account(login, kind string) *account {
	if a := g.accounts[strings.ToLower(login)]; a != nil {
		return a
	}
	a := &account{id: g.id(), login: login, kind: kind, created: g.now()}
	g.accounts[strings.ToLower(login)] = a
	return a
}

// AddTeam adds a team to an organisation, with its members.
func (g *GitHub) AddTeam(org, slug string, members ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.account(org, "Organization")
	t := &team{id: g.id(), org: org, slug: slug, members: map[string]string{}}
	for _, m := range members {
		g.account(m, "User")
		t.members[strings.ToLower(m)] = "member"
	}
	g.teams[teamKey(org, slug)] = t
}

func teamKey(org, slug string) string { return strings.ToLower(org + "/" + slug) }

// Token makes a personal access token of a user, which never expires.
func (g *GitHub) Token(login string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.newToken("ghp_", &token{user: g.account(login, "User")})
}

func (g *GitHub) newToken(prefix string, t *token) string {
	secret := prefix + random(18)
	g.tokens[secret] = t
	return secret
}

// RevokeTokens ends all tokens of installations, as GitHub does when a permission changes.
func (g *GitHub) RevokeTokens() {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.tokens, func(_ string, t *token) bool { return t.installation != nil })
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// sharedKey is the key of Apps that bring none: making one takes a tenth of a second.
var sharedKey = sync.OnceValues(newKey)

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

func encodeKey(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// AddApp registers an App; its id is set, and so are its name, owner, key and permissions where they are empty.
func (g *GitHub) AddApp(app App) (*App, error) {
	key, err := sharedKey()
	if err != nil {
		return nil, fmt.Errorf("making the key of an App: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addApp(app, key), nil
}

func (g *GitHub) addApp(app App, key *rsa.PrivateKey) *App {
	app.ID, app.created = g.id(), g.now()
	if app.Slug == "" {
		app.Slug = "trunkline"
	}
	if app.Name == "" {
		app.Name = app.Slug
	}
	if app.Owner == "" {
		app.Owner = "acme"
	}
	if app.Permissions == nil {
		app.Permissions = LeastPermissions()
	}
	if app.Events == nil {
		app.Events = []string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push", "repository"}
	}
	app.Key, app.public = encodeKey(key), &key.PublicKey
	app.ClientID, app.ClientSecret = "Iv1."+random(8), random(20)
	owner := g.account(app.Owner, "Organization")
	g.account(app.Slug+"[bot]", "Bot")
	added := &app
	added.hook = &hook{id: g.id(), app: added, owner: owner.login, created: g.now()}
	g.apps = append(g.apps, added)
	return added
}

// SetHook sets where the deliveries of an App go, and what they are signed with.
func (g *GitHub) SetHook(app *App, url, secret string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	app.HookURL, app.HookSecret = url, secret
}

// Install installs an App in an account, for some of its repositories or, without any, for all. It returns the id.
func (g *GitHub) Install(app *App, owner string, repos ...*Repo) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := &installation{
		id: g.id(), app: app, account: g.account(owner, "Organization"), all: len(repos) == 0, repos: map[*repo]bool{},
		permissions: maps.Clone(app.Permissions), created: g.now(),
	}
	for _, r := range repos {
		i.repos[r.repo] = true
	}
	g.installations = append(g.installations, i)
	g.emit(event{name: "installation", action: "created", installation: i, sender: i.account, fields: object{
		"installation": g.shapeInstallation(i, true), "repositories": []any{},
	}})
	return i.id
}

// SetPermissions changes what an installation may do: an empty permission is taken away.
func (g *GitHub) SetPermissions(installation int64, permissions map[string]string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range g.installations {
		if i.id == installation {
			i.permissions = maps.Clone(permissions)
		}
	}
}

// Suspend suspends an installation, or resumes it.
func (g *GitHub) Suspend(installation int64, suspended bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range g.installations {
		if i.id == installation {
			i.suspended = suspended
		}
	}
}
