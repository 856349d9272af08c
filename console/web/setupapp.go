// SPDX-License-Identifier: Apache-2.0

package web

import (
	"time"

	"trunkline.dev/trunkline/console"
)

// setupGitHubPage is what the page shows.
type setupGitHubPage struct {
	At moment
	// Host is where GitHub is, and Repository the one there; empty: the daemon is not connected.
	Host, Repository string
	Findings         findingsView
	// Place says what becomes of credentials, and Cannot why no App can be made here; empty: one can.
	Place, Cannot string
	Suggested     console.NewApp
	Made          *madeAppView
}

// madeAppView is an App that was made, and what is left to do.
type madeAppView struct {
	console.MadeApp

	When moment
}

func showSetupGitHub(a *ask) (shown, error) {
	if err := a.noSetup(); err != nil {
		return shown{}, err
	}
	found, err := a.Setup.GitHub(a.request.Context())
	if err != nil {
		return shown{}, err
	}
	return shown{Title: "GitHub", View: setupGitHubOf(found, a.now), Still: true}, nil
}

func setupGitHubOf(found console.GitHubSetup, now time.Time) setupGitHubPage {
	v := setupGitHubPage{
		At: at(now, found.At), Host: found.Host, Place: found.Place, Repository: found.Repository, Cannot: found.Cannot, Suggested: found.Suggested,
	}
	if found.Repository != "" {
		v.Findings = viewOf(found.Findings)
	}
	if found.Made != nil {
		v.Made = madeOf(*found.Made, now)
	}
	return v
}

func madeOf(made console.MadeApp, now time.Time) *madeAppView {
	made.Settings, made.Install = external(made.Settings), external(made.Install)
	return &madeAppView{made, at(now, made.At)}
}

// newAppPage is the form that leads to GitHub.
type newAppPage struct {
	Asked console.NewApp
	Offer console.AppOffer
	Host  string
}

// showNewApp begins: what it shows is good in this browser, for this person, for a while.
func showNewApp(a *ask) (shown, error) {
	asked := console.NewApp{
		Organization: a.one("organization"), Name: a.one("name"), URL: a.one("url"),
		Webhook: a.choice("webhook", "no", "yes") == "yes", Promotions: a.choice("promotions", "no", "yes") == "yes",
	}
	if a.choice("owner", "organization", "account") == "account" {
		asked.Organization = ""
	} else if asked.Organization == "" {
		a.fail("name the organization that is to own the App, or choose your own account")
	}
	if err := a.wrong(); err != nil {
		return shown{}, err
	}
	offer, cookie, err := console.AppDeskOf(a.request.Context()).Begin(a.request, asked)
	if err != nil {
		return shown{}, err
	}
	a.cookies = append(a.cookies, cookie)
	return shown{Title: "A GitHub App", View: newAppPage{asked, offer, offer.Origin}, Still: true, FormsTo: offer.Origin}, nil
}

// showAppMade is where GitHub sends the browser back to.
func showAppMade(a *ask) (shown, error) {
	code, state := a.one("code"), a.one("state")
	if err := a.wrong(); err != nil {
		return shown{}, err
	}
	made, cookie, err := console.AppDeskOf(a.request.Context()).Finish(a.request, code, state)
	if cookie != nil {
		a.cookies = append(a.cookies, cookie)
	}
	if err != nil {
		return shown{}, err
	}
	return shown{Title: "The App is registered", View: madeOf(made, a.now), Still: true}, nil
}
