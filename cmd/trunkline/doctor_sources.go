// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/doctor/probe"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/webhooks/github"
)

// asDaemon returns how a daemon with this configuration reads a repository that the platform includes.
func (s *serve) asDaemon(declared v1alpha1.IncludedRepository) (probe.Source, error) {
	all, err := s.sources.read(slog.New(slog.DiscardHandler))
	if err != nil {
		return probe.Source{}, err
	}
	line, c := reconciler.LineOf(declared), all[declared.Name]
	if err := c.check(line); err != nil {
		return probe.Source{}, err
	}
	remote := c.remote
	remote.Auth = c.auth.get()
	if app, _, err := s.github.client(); err == nil && app != nil && remote.Auth == (git.Auth{CAFile: remote.Auth.CAFile}) {
		return probe.Source{}, fmt.Errorf("%w: the daemon reads it with a token of its GitHub App", probe.ErrUnread)
	}
	out := probe.Source{Remote: line.Remote(remote), Line: line.String()}
	if c.who != nil {
		out.Signers = c.who.get()
	}
	return out, nil
}

// sourcesAtForge adds the repositories at GitHub of sources: those whose pull requests are worked on, and those that are fetched with a token
// of the App.
func (s *serve) sourcesAtForge(o *probe.Options, own *github.Client) error {
	settings, err := s.sources.sources()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		c := settings[name]
		of, client := c.github, own
		at := probe.AtGitHub{Permissions: o.Permissions}
		switch secret := ""; {
		case c.githubToken != "":
			if err = readSecret(c.githubToken, &secret); err == nil {
				_, client, err = s.github.connect(of, secret, false, 0)
			}
		case of == "" && s.github.app != 0 && c.open() && sameHost(c.remote.URL, s.github.url):
			of = atGitHubOf(c.remote.URL)
			at.Fetched = true
			at.Permissions = slices.DeleteFunc(slices.Clone(o.Permissions), func(p doctor.Permission) bool { return p.API != "contents" })
			for i := range at.Permissions {
				at.Permissions[i].Needed = "read" // it is fetched, and no more
			}
		}
		if err == nil && of != "" {
			at.Repository, err = client.Repository(of)
		}
		if err != nil {
			o.Configuration.Problems = append(o.Configuration.Problems, err.Error())
			err = nil
			continue
		}
		if at.Repository != nil {
			o.Sources = append(o.Sources, at)
		}
	}
	return nil
}
