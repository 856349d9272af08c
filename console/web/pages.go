// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/url"
	"slices"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/console"
)

// page is a row of the table of pages.
type page struct {
	// pattern is that of the route.
	pattern string
	// name is that of the template, templates/NAME.html.
	name string
	// tab is the one of the navigation that the page belongs to; empty: none.
	tab string
	// right is needed, on the project and the environment that the pattern names; none: the page is for everybody who has signed on,
	// and shows what they see.
	right access.Right
	// open needs no sign-on: it shows nothing of the platform.
	open bool
	// show reads what the page shows.
	show func(*ask) (shown, error)
}

// shown is what a page shows.
type shown struct {
	// Title is the page's, without the platform's name.
	Title string
	// View is what the template of the page gets.
	View any
	// Scope says which releases the page is about, in the parameters of /api/v1/changes; empty: all of them.
	Scope url.Values
	// Style is a file of styles that only this page needs; empty: none.
	Style string
	// Still has the page not stay current by itself.
	Still bool
	// Every is after how many seconds the page is loaded again, for what no change of the platform tells of; 0: never.
	Every int
	// FormsTo is the one origin besides the daemon's to which a form of the page goes; empty: none.
	FormsTo string
}

// pages are all that there are.
func pages() []page {
	return []page{
		{pattern: "GET /{$}", name: "platform", tab: "/", show: showPlatform},
		{pattern: "GET /projects/{project}", name: "project", tab: "/", right: access.View, show: showProject},
		{pattern: "GET /releases", name: "releases", tab: "/releases", show: showReleases},
		{pattern: "GET /releases/{project}/{environment}/{cluster}", name: "release", tab: "/releases", right: access.View, show: showRelease},
		{pattern: "GET /releases/{project}/{environment}/{cluster}/commits/{commit}", name: "commit", tab: "/releases", right: access.View, show: showCommit},
		{pattern: "GET /graph", name: "graph", tab: "/graph", show: showGraph},
		{pattern: "GET /history", name: "history", tab: "/history", show: showHistory},
		{pattern: "GET /search", name: "search", show: showSearch},
		{pattern: "GET " + console.SignedOut, name: "signedout", open: true, show: showSignedOut},
		{pattern: "GET /lots", name: "lots", tab: "/lots", show: showLots},
		{pattern: "GET /lots/{environment}/{project}/{dataset}", name: "dataset", tab: "/lots", right: access.View, show: showDataset},
		{pattern: "GET /lots/{environment}/{project}/{dataset}/{lot}", name: "lot", tab: "/lots", right: access.View, show: showLot},
		{pattern: "GET /runs/{environment}/{project}/{workload}/{run}", name: "run", tab: "/lots", right: access.View, show: showRun},
		{pattern: "GET /previews", name: "previews", tab: "/previews", show: showPreviews},
		{pattern: "GET /notebooks", name: "notebooks", tab: "/notebooks", show: showNotebooks},
		{pattern: "GET /pulls", name: "pulls", tab: "/pulls", show: showPulls},
		{pattern: "GET /pulls/{pull}", name: "pull", tab: "/pulls", show: showPull},
		{pattern: "GET /costs", name: "costs", tab: "/costs", show: showCosts},
		{pattern: "GET /rules", name: "rules", tab: "/rules", show: showRules},
		{pattern: "GET /rules/{rule}", name: "rule", tab: "/rules", show: showRule},
		{pattern: "GET /clusters", name: "clusters", tab: "/clusters", show: showClusters},
		{pattern: "GET " + setupPath, name: "setup", tab: setupPath, right: access.Admin, show: showSetup},
		{pattern: "GET " + setupPath + "/clusters", name: "setupclusters", tab: setupPath, right: access.Admin, show: showSetupClusters},
		{pattern: "GET " + setupPath + "/github", name: "setupgithub", tab: setupPath, right: access.Admin, show: showSetupGitHub},
		{pattern: "GET " + setupPath + "/github/new", name: "setupnew", tab: setupPath, right: access.Admin, show: showNewApp},
		{pattern: "GET " + console.AppMadePath, name: "setupmade", tab: setupPath, right: access.Admin, show: showAppMade},
	}
}

// tab is an entry of the navigation.
type tab struct {
	Path, Name string
	// Key goes there, after "g".
	Key string
	// Right is needed on the platform for it to be shown; empty: none.
	Right access.Right
}

// tabs are the navigation, as far as it is for the caller.
func (a *ask) tabs() []tab {
	return slices.DeleteFunc(allTabs(), func(t tab) bool { return t.Right != "" && !a.sight.May(t.Right, access.Scope{}).Allowed })
}

func allTabs() []tab {
	return []tab{
		{Path: "/", Name: "Platform", Key: "p"},
		{Path: "/releases", Name: "Releases", Key: "r"},
		{Path: "/graph", Name: "Graph", Key: "d"},
		{Path: "/history", Name: "History", Key: "h"},
		{Path: "/lots", Name: "Lots", Key: "l"},
		{Path: "/pulls", Name: "Pull requests", Key: "m"},
		{Path: "/previews", Name: "Previews", Key: "v"},
		{Path: "/notebooks", Name: "Notebooks", Key: "n"},
		{Path: "/costs", Name: "Costs", Key: "o"},
		{Path: "/rules", Name: "Rules", Key: "u"},
		{Path: "/clusters", Name: "Clusters", Key: "c"},
		{Path: setupPath, Name: "Set-up", Key: "s", Right: access.Admin},
	}
}

// showSignedOut shows nothing but that a session has ended.
func showSignedOut(*ask) (shown, error) { return shown{Title: "Signed out", Still: true}, nil }
