// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// TestSourcesOfOtherOrganisations: a source without credentials of its own is fetched with a token of the installation that its repository is
// in, also where the configuration names that of the platform's own; with none what everyone may read; and it is said that the App is missing.
func TestSourcesOfOtherOrganisations(t *testing.T) {
	hub := githubtest.Start(t, githubtest.Options{})
	app, err := hub.AddApp(githubtest.App{Owner: "acme", Permissions: githubtest.LeastPermissions()})
	if err != nil {
		t.Fatal(err)
	}
	for name, private := range map[string]bool{"acme/platform": true, "acme/orders": true, "other/orders": true, "third/secret": true, "third/open": false} {
		if _, err := hub.AddRepo(name, githubtest.RepoSpec{Private: private}); err != nil {
			t.Fatal(err)
		}
	}
	number := hub.Install(app, "acme")
	hub.Install(app, "other")
	for _, installation := range []int64{0, number} {
		client, err := github.New(github.WithBaseURL(hub.APIURL()), github.WithApp(app.ID, app.Key), github.WithInstallation(installation, "acme"))
		if err != nil {
			t.Fatal(err)
		}
		own, err := client.Repository("acme/platform")
		if err != nil {
			t.Fatal(err)
		}
		d := &daemon{flags: &serve{github: atGitHub{url: hub.URL()}}}
		with := d.sourceTokens(client, own)
		for _, tt := range []struct{ url, reads, says string }{
			{hub.URL() + "/acme/orders.git", "acme/orders acme/platform", ""},
			{hub.URL() + "/other/orders.git", "other/orders", ""},
			{hub.URL() + "/third/open.git", "", ""},
			{hub.URL() + "/third/secret.git", "", "install the App in that repository"},
			{"https://git.example.com/other/orders.git", "", ""},
		} {
			remote, err := with(t.Context(), git.Remote{URL: tt.url})
			if (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v, want something of %q", tt.url, err, tt.says)
			}
			if got := reads(t, hub, remote.Auth.Password); got != tt.reads {
				t.Errorf("%s: its token reads %q, want %q", tt.url, got, tt.reads)
			}
		}
	}
}

// reads names the repositories of a token of an installation, sorted; empty without one.
func reads(t *testing.T, hub *githubtest.GitHub, token string) string {
	t.Helper()
	if token == "" {
		return ""
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(hub.APIURL(), "/")+"/installation/repositories", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all struct {
		Repositories []struct {
			Name string `json:"full_name"`
		} `json:"repositories"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(all.Repositories))
	for _, r := range all.Repositories {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
