// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"net/http"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/doctor"
)

// Setup says what the daemon is connected to and what is missing there, and connects it to GitHub. What it refuses is a [Problem] for the
// person who asked, or else for the log.
type Setup interface {
	// Clusters and GitHub look around, or return what was found a moment ago. Both are bounded in time.
	Clusters(ctx context.Context) (ClusterSetup, error)
	GitHub(ctx context.Context) (GitHubSetup, error)
	// Offer returns the form by which a person has GitHub make an App, which sends them back to an address with a state.
	Offer(asked NewApp, state, back string) (AppOffer, error)
	// Register exchanges the code that GitHub sent for the App, and puts its credentials where they belong.
	Register(ctx context.Context, asked NewApp, code string, by access.Principal) (MadeApp, error)
}

// ClusterSetup is how the clusters are and what they lack, as of a time.
type ClusterSetup struct {
	At       time.Time      `json:"at"`
	Clusters []SetupCluster `json:"clusters"`
	// Findings are those that are about no one cluster.
	Findings []doctor.Finding `json:"findings"`
}

// SetupCluster is a cluster as the daemon is configured to reach it.
type SetupCluster struct {
	Name string `json:"name"`
	// ReachedBy says by what it is reached, without any credential.
	ReachedBy string           `json:"reachedBy"`
	Agent     *SetupAgent      `json:"agent,omitempty"`
	Findings  []doctor.Finding `json:"findings"`
}

// SetupAgent is the agent that keeps a cluster. Times are zero if they are not known.
type SetupAgent struct {
	Connected bool `json:"connected"`
	// Since is when it connected, and Seen when it was heard of last.
	Since time.Time `json:"since,omitzero"`
	Seen  time.Time `json:"seen,omitzero"`
	// Version is its release, and Protocol what is spoken with it; 0: nothing.
	Version  string `json:"version,omitempty"`
	Protocol int    `json:"protocol,omitempty"`
	// Runs reports whether it can be asked for runs of lots.
	Runs bool `json:"runs"`
	// Behind counts the releases that have not dealt with what they were told last, and RoundTrip is how long a message takes there and
	// back, in seconds.
	Behind    int     `json:"behind"`
	RoundTrip float64 `json:"roundTrip,omitempty"`
}

// GitHubSetup is how the daemon is connected to GitHub.
type GitHubSetup struct {
	At time.Time `json:"at"`
	// Host is where GitHub is, and Repository the one that is followed there; empty: the daemon is not connected.
	Host       string           `json:"host"`
	Repository string           `json:"repository,omitempty"`
	Findings   []doctor.Finding `json:"findings"`
	// Place says what becomes of the credentials of an App that is made here. Cannot says why none can be made; empty: one can.
	Place  string `json:"place,omitempty"`
	Cannot string `json:"cannot,omitempty"`
	// Suggested is the App that suits what is configured.
	Suggested NewApp `json:"suggested"`
	// Made is the one that was made here last and is not in use yet.
	Made *MadeApp `json:"made,omitempty"`
}

// NewApp is a GitHub App that someone asks for.
type NewApp struct {
	// Organization owns it; empty: the account of the person in the browser.
	Organization string `json:"organization,omitempty"`
	Name         string `json:"name"`
	// URL is where people and GitHub reach the daemon.
	URL string `json:"url"`
	// Webhook has GitHub tell the daemon what happens, and Promotions lets the App write to branches.
	Webhook    bool `json:"webhook"`
	Promotions bool `json:"promotions"`
}

// AppOffer is the form that a person sends to GitHub.
type AppOffer struct {
	// Origin is GitHub's, as a Content-Security-Policy has it; Action is where the form goes, by POST, with the field "manifest".
	Origin, Action, Manifest string
	Permissions              []AppPermission
	Events                   []string
	// Hook is where GitHub sends events; empty: nowhere.
	Hook string
	// Place says what becomes of the credentials.
	Place string
}

// AppPermission is one that an App asks for, and why.
type AppPermission struct {
	Title, Why string
	Write      bool
}

// MadeApp is a GitHub App that was made here. It holds no credential that is not encrypted.
type MadeApp struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Settings string `json:"settings"`
	// Install is where it is installed.
	Install string    `json:"install"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	// Files are where its credentials were written on the daemon's machine. Or Sealed is a Secret that SOPS has encrypted, to be
	// committed as File.
	Files  []string `json:"files,omitempty"`
	File   string   `json:"file,omitempty"`
	Sealed string   `json:"sealed,omitempty"`
	// Configuration is what to add to Goes, as YAML.
	Configuration string `json:"configuration"`
	Goes          string `json:"goes"`
}

// Problemf returns the answer that a request is refused, with what is said to the person who asked.
func Problemf(status int, format string, args ...any) *Problem {
	return problemf(status, format, args...)
}

// noSetup is said where nobody looks around.
func noSetup() error { return problemf(http.StatusNotFound, "this daemon is not set up by pages") }

func (c *console) setupClusters(w http.ResponseWriter, r *http.Request) error {
	if c.opts.Setup == nil {
		return noSetup()
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	found, err := c.opts.Setup.Clusters(r.Context())
	if err != nil {
		return err
	}
	c.answer(w, http.StatusOK, found)
	return nil
}

func (c *console) setupGitHub(w http.ResponseWriter, r *http.Request) error {
	if c.opts.Setup == nil {
		return noSetup()
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	found, err := c.opts.Setup.GitHub(r.Context())
	if err != nil {
		return err
	}
	c.answer(w, http.StatusOK, found)
	return nil
}
