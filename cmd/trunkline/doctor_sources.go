// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/doctor/probe"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
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
