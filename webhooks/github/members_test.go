// SPDX-License-Identifier: Apache-2.0

package github_test

import (
	"testing"
	"time"

	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// TestTeamsAreKnownForMinutes: who is in a team is asked once in a while, and what changed is found out.
func TestTeamsAreKnownForMinutes(t *testing.T) {
	now := time.Now()
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{}, github.WithClock(func() time.Time { return now }))
	w.hub.AddOrg("acme")
	for _, login := range []string{"alice", "bob"} {
		w.hub.AddUser(login)
	}
	w.hub.AddTeam("acme", "data", "alice")
	for _, step := range []struct {
		reason string
		after  time.Duration
		do     func()
		login  string
		want   []string
		asked  int
	}{
		{"the first question", 0, nil, "alice", []string{"acme/data"}, 1},
		{"the answer is known", time.Minute, nil, "alice", []string{"acme/data"}, 0},
		{"logins have any case", 0, nil, "Alice", []string{"acme/data"}, 0},
		{"another person is another question", 0, nil, "bob", nil, 1},
		{"that somebody is not in it is known for a shorter time", 10 * time.Second, func() { w.hub.AddTeam("acme", "data", "alice", "bob") }, "bob", nil, 0},
		{"who was added is found to be in it", 30 * time.Second, nil, "bob", []string{"acme/data"}, 1},
		{"who was removed is found to be gone", 5 * time.Minute, func() { w.hub.AddTeam("acme", "data", "bob") }, "alice", nil, 1},
	} {
		now = now.Add(step.after)
		if step.do != nil {
			step.do()
		}
		// The token of the installation is got once, and is none of these questions.
		before := memberships(w.hub.Usage().Log)
		diff(t, step.want, must(w.forge.Teams(t.Context(), step.login, []string{"data"})), step.reason)
		diff(t, step.asked, memberships(w.hub.Usage().Log)-before, step.reason)
	}
}

// memberships counts the questions after who is in a team.
func memberships(log []string) int { return count(log, "/memberships/") }

// TestInstallationIsFoundOnce: whatever is asked, and by Git, the App's installation is looked for once.
func TestInstallationIsFoundOnce(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	must(w.forge.OpenPulls(t.Context()))
	for range 3 {
		must(w.client.Token(t.Context(), "Acme/data"))
	}
	diff(t, 1, count(w.hub.Usage().Log, "/installation"))
}

// TestInstallationOfAnotherOrganisation: the installation that is configured has the repositories of its own organisation, and no others.
func TestInstallationOfAnotherOrganisation(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{Private: true})
	for name, private := range map[string]bool{"other/orders": true, "third/secret": true, "third/open": false} {
		must(w.hub.AddRepo(name, githubtest.RepoSpec{Private: private}))
	}
	w.hub.Install(w.app, "other")
	client := must(github.New(github.WithApp(w.app.ID, w.app.Key), github.WithBaseURL(w.hub.APIURL()), github.WithInstallation(w.install, "ACME")))
	own := must(client.Repository("acme/data"))
	must(own.OpenPulls(t.Context()))
	diff(t, 0, count(w.hub.Usage().Log, "/installation"))
	must(must(client.Repository("other/orders")).OpenPulls(t.Context()))
	diff(t, 1, count(w.hub.Usage().Log, "/installation"))
	diff(t, false, must(client.Token(t.Context(), "acme/data")) == must(client.Token(t.Context(), "other/orders")))
	if _, err := client.Token(t.Context(), "third/open"); !isNotFound(err) {
		t.Errorf("the App is installed nowhere there: %v", err)
	}
	for name, want := range map[string]bool{"third/open": true, "third/secret": false, "other/orders": false, "third/nothing": false} {
		diff(t, want, must(own.Shows(t.Context(), name)), name)
	}
}
