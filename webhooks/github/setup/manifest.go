// SPDX-License-Identifier: Apache-2.0

package setup

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
)

// Permission is one that the App asks for, and why. docs/github.md has the same list.
type Permission struct {
	// Name is what the API calls it, and Title what GitHub's pages do.
	Name, Title string
	// Access is "read" or "write".
	Access string
	Why    string
	// Events are those that GitHub sends only to who has the permission.
	Events []string
}

// Permissions returns all that an App with these options asks for, in the order of GitHub's pages: those of repositories,
// then those of organizations. That metadata may be read is implied by any of them.
func (o Options) Permissions() []Permission {
	contents := Permission{"contents", "Contents", "read", "to read commits, and the file that says who owns what", []string{"push"}}
	if o.Promotions {
		contents.Access, contents.Why = "write", "to read commits, and to commit promotions to branches of their own"
	}
	all := []Permission{
		{"checks", "Checks", "write", "to report on each commit, with annotations; and to run a check again", []string{"check_run", "check_suite"}},
		contents,
		{"deployments", "Deployments", "write", "to show what was deployed where", nil},
	}
	if o.Webhook {
		// Comments on pull requests are read and written by the permission for pull requests, but GitHub refuses a manifest
		// that subscribes to them without this one: see ADR 0064.
		all = append(all, Permission{"issues", "Issues", "read", "GitHub sends no event for comments on pull requests without it; issues are not read", []string{"issue_comment"}})
	}
	if o.Org != "" && o.Webhook { // whoever polls finds what is in a queue by its branches
		all = append(all, Permission{"merge_queues", "Merge queues", "read", "to hear of commits in a merge queue, which need the check too", []string{"merge_group"}})
	}
	all = append(all, Permission{"pull_requests", "Pull requests", "write", "to read pull requests, and to comment on them", []string{"pull_request", "pull_request_review"}})
	if o.Org != "" {
		all = append(all, Permission{"members", "Members", "read", "to find out whether who writes a command is in a team that owns what it is about", nil})
	}
	return all
}

// Manifest is what GitHub makes an App of:
// https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest.
type Manifest struct {
	Name        string `json:"name"`
	URL         string `json:"url"`
	Description string `json:"description"`
	Hook        Hook   `json:"hook_attributes"`
	RedirectURL string `json:"redirect_url"`
	// Public has others install the App too. It is never set.
	Public      bool              `json:"public"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

// Hook is the webhook of an App.
type Hook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

// Manifest returns what GitHub is asked for, with the address to which it sends the browser back.
func (o Options) Manifest(redirect string) Manifest {
	m := Manifest{
		Name: o.Name, URL: o.URL, RedirectURL: redirect,
		Description: "Checks what a pull request would change, says so on it, and deploys what is merged.",
		Hook:        Hook{URL: o.hookURL(), Active: o.Webhook},
		Permissions: map[string]string{}, Events: []string{},
	}
	for _, p := range o.Permissions() {
		m.Permissions[p.Name] = p.Access
		if o.Webhook {
			m.Events = append(m.Events, p.Events...)
		}
	}
	slices.Sort(m.Events)
	return m
}

// Offer is the form by which a person has GitHub make the App.
type Offer struct {
	// Action is where it is posted, by POST, with Manifest as the field "manifest".
	Action, Manifest string
	// Hook is where GitHub sends events.
	Hook string
}

// Offer returns the form, with what GitHub sends back as "state" beside the code, and the address to which it does.
func (o Options) Offer(state, redirect string) (Offer, error) {
	manifest, err := json.Marshal(o.Manifest(redirect))
	if err != nil {
		return Offer{}, fmt.Errorf("writing the manifest: %w", err)
	}
	return Offer{Action: o.settings() + "/new?state=" + url.QueryEscape(state), Manifest: string(manifest), Hook: o.hookURL()}, nil
}
