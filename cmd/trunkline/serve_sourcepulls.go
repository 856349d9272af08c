// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/github"
)

// sourceForge is the repository of a source at GitHub, whose pull requests are worked on.
type sourceForge struct {
	name  string
	forge *github.Repository
}

// sourceForges makes the clients for the sources whose pull requests are worked on, by name: with a token of their own, or with the
// credentials of the platform's repository.
func (d *daemon) sourceForges(own *github.Client) ([]sourceForge, error) {
	settings, err := d.flags.sources.sources()
	if err != nil {
		return nil, err
	}
	g := d.flags.github
	var out []sourceForge
	taken := map[string]string{strings.ToLower(g.repository): "the platform's own"}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		c := settings[name]
		if c.github == "" {
			continue
		}
		if other, is := taken[strings.ToLower(c.github)]; is {
			return nil, usagef("--source-github-repo %s=%s: it is %s repository: a pull request there would have two checks of one name", name, c.github, other)
		}
		taken[strings.ToLower(c.github)] = "the source " + name + "'s"
		client, token := own, ""
		if err := readSecret(c.githubToken, &token); err != nil {
			return nil, err
		}
		if token != "" {
			if _, client, err = g.connect(c.github, token, false, 0); err != nil {
				return nil, err
			}
		}
		forge, err := client.Repository(c.github)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--source-github-repo %s: %w", name, err)}
		}
		out = append(out, sourceForge{name, forge})
	}
	return out, nil
}

// sourceTrunk is what is followed of a source, as those who work on its pull requests see it: what the accepted platform includes of it.
type sourceTrunk struct {
	d    *daemon
	name string
}

// declared is how the accepted platform includes the source; false if it does not.
func (t sourceTrunk) declared() (v1alpha1.IncludedRepository, bool) {
	_, e := t.d.rec.Accepted()
	if e == nil {
		return v1alpha1.IncludedRepository{}, false
	}
	all := e.Catalog().Sources()
	i := slices.IndexFunc(all, func(s v1alpha1.IncludedRepository) bool { return s.Name == t.name })
	if i < 0 || t.d.checkSource(reconciler.LineOf(all[i])) != nil {
		return v1alpha1.IncludedRepository{}, false
	}
	return all[i], true
}

// Branch implements [webhooks.Trunk].
func (t sourceTrunk) Branch() string {
	s, ok := t.declared()
	if !ok {
		return ""
	}
	return reconciler.LineOf(s).Branch
}

// Follows implements [webhooks.Trunk].
func (t sourceTrunk) Follows() string {
	s, ok := t.declared()
	if !ok {
		return ""
	}
	line := reconciler.LineOf(s)
	if line.Branch != "" {
		return line.Branch
	}
	return line.String()
}

// Tip implements [webhooks.Trunk].
func (t sourceTrunk) Tip() string {
	s, ok := t.declared()
	if !ok {
		return ""
	}
	head, _, err := t.d.sources.Known(reconciler.LineOf(s))
	if err != nil {
		return ""
	}
	return head.Commit
}

// Accepted implements [webhooks.Trunk].
func (t sourceTrunk) Accepted() (string, *evaluate.Evaluation) {
	commit, e := t.d.rec.Accepted()
	return status.PartOf(commit, t.d.partsOf(commit), t.name), e
}

// folder is that of the source which counts.
func (t sourceTrunk) folder() string {
	s, _ := t.declared()
	return s.Path
}

// remote is where its pull requests are fetched, with the credentials that are good now.
func (t sourceTrunk) remote(ctx context.Context) (git.Remote, error) {
	s, ok := t.declared()
	if !ok {
		return git.Remote{}, fmt.Errorf("the platform includes no repository as %q", t.name)
	}
	return t.d.sourceRemote(ctx, reconciler.LineOf(s))
}
