// SPDX-License-Identifier: Apache-2.0

// Package asking has what all have in common that people ask the daemon for: who asks, which release is meant, and why it cannot be.
//
// Of Trunkline it imports catalog.
package asking

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// What is refused is one of these; what is to be said to people is the text of the error.
var (
	// ErrNotFound means that there is no such thing.
	ErrNotFound = errors.New("not found")
	// ErrCannot means that it cannot be done as things are.
	ErrCannot = errors.New("it cannot be done")
	// ErrNotYet means that it is not known yet, or not here.
	ErrNotYet = errors.New("not known")
)

// problem is an error for people, of a kind.
type problem struct {
	kind error
	text string
}

func (p *problem) Error() string { return p.text }
func (p *problem) Unwrap() error { return p.kind }

// Errorf returns an error for people: its text is what the format makes, and errors.Is finds its kind, which is one of this package.
func Errorf(kind error, format string, args ...any) error {
	return &problem{kind, fmt.Sprintf(format, args...)}
}

// By is who asks for something, as the history names them, and how they had signed on.
type By struct{ Name, SignOn string }

// Release returns the project and the release of it that are meant. A cluster is one of the environment; empty: the first in which the project is.
func Release(c *catalog.Catalog, project, environment, cluster string) (*catalog.Project, catalog.ReleaseID, error) {
	id := catalog.ReleaseID{Project: project, Environment: environment, Cluster: cluster}
	p, ok := c.Project(project)
	if !ok {
		return nil, id, Errorf(ErrNotFound, "there is no project %q", project)
	}
	var clusters []string
	for _, release := range c.ReleasesOf(p) {
		if release.Environment == environment {
			clusters = append(clusters, release.Cluster)
		}
	}
	switch {
	case len(clusters) == 0:
		return nil, id, Errorf(ErrNotFound, "%s is not deployed in %q", project, environment)
	case cluster == "":
		all := c.Environments[environment].Spec.Clusters
		id.Cluster = all[slices.IndexFunc(all, func(name string) bool { return slices.Contains(clusters, name) })]
	case !slices.Contains(clusters, cluster):
		return nil, id, Errorf(ErrNotFound, "%s is not deployed in the cluster %q: it is in %s", project, cluster, strings.Join(clusters, ", "))
	}
	return p, id, nil
}

// Declared reports whether a release is declared, and has a namespace: what is in that namespace may be another platform's otherwise.
func Declared(c *catalog.Catalog, id catalog.ReleaseID, namespace string) bool {
	p, ok := c.Project(id.Project)
	return ok && slices.Contains(c.ReleasesOf(p), id) && c.Release(p, id).Namespace == namespace
}
