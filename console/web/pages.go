// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/url"

	"trunkline.dev/trunkline/access"
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
}

// pages are all that there are.
func pages() []page {
	return []page{
		{"GET /{$}", "platform", "/", "", showPlatform},
		{"GET /projects/{project}", "project", "/", access.View, showProject},
		{"GET /releases", "releases", "/releases", "", showReleases},
		{"GET /releases/{project}/{environment}/{cluster}", "release", "/releases", access.View, showRelease},
		{"GET /graph", "graph", "/graph", "", showGraph},
		{"GET /history", "history", "/history", "", showHistory},
		{"GET /search", "search", "", "", showSearch},
		{"GET /lots", "lots", "/lots", "", showLots},
		{"GET /lots/{environment}/{project}/{dataset}", "dataset", "/lots", access.View, showDataset},
		{"GET /lots/{environment}/{project}/{dataset}/{lot}", "lot", "/lots", access.View, showLot},
		{"GET /previews", "previews", "/previews", "", showPreviews},
		{"GET /rules", "rules", "/rules", "", showRules},
		{"GET /rules/{rule}", "rule", "/rules", "", showRule},
		{"GET /clusters", "clusters", "/clusters", "", showClusters},
	}
}

// tab is an entry of the navigation.
type tab struct {
	Path, Name string
	// Key goes there, after "g".
	Key string
}

// tabs are the navigation.
func tabs() []tab {
	return []tab{
		{"/", "Platform", "p"},
		{"/releases", "Releases", "r"},
		{"/graph", "Graph", "d"},
		{"/history", "History", "h"},
		{"/lots", "Lots", "l"},
		{"/previews", "Previews", "v"},
		{"/rules", "Rules", "u"},
		{"/clusters", "Clusters", "c"},
	}
}
