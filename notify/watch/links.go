// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"net/url"
	"strings"
)

// Links are where people read more.
type Links struct {
	// Console is where people reach the daemon, and Repository the repository at its forge; empty: nowhere.
	Console, Repository string
}

// Home is the page of the platform.
func (l Links) Home() string {
	if l.Console == "" {
		return ""
	}
	return strings.TrimSuffix(l.Console, "/") + "/"
}

// Previews is the page of previews.
func (l Links) Previews() string {
	if l.Console == "" {
		return ""
	}
	return l.Home() + "previews"
}

// Release is the page of a release.
func (l Links) Release(project, environment, cluster string) string {
	if l.Console == "" {
		return ""
	}
	return l.Home() + "releases/" + url.PathEscape(project) + "/" + url.PathEscape(environment) + "/" + url.PathEscape(cluster)
}

// Commit is the page of a commit, or else that of the platform.
func (l Links) Commit(hash string) string {
	if l.Repository == "" || hash == "" {
		return l.Home()
	}
	return strings.TrimSuffix(l.Repository, "/") + "/commit/" + url.PathEscape(hash)
}
