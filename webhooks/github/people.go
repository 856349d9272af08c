// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks"
)

// loginOrSlug is what logins and names of teams look like; they become a part of addresses.
var loginOrSlug = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?$`)

// Permission implements [webhooks.People]. Where everybody may read, strangers have that permission too.
func (r *Repository) Permission(ctx context.Context, login string) (webhooks.Permission, error) {
	if !loginOrSlug.MatchString(login) {
		return webhooks.None, nil // nobody has that name
	}
	permission := webhooks.None
	err := r.call(ctx, "asking what "+login+" may do", func(api *github.Client) error {
		level, _, err := api.Repositories.GetPermissionLevel(ctx, r.owner, r.name, login)
		if err != nil {
			return err
		}
		switch level.GetPermission() {
		case "admin":
			permission = webhooks.Admin
		case "write":
			permission = webhooks.Write
		case "read":
			permission = webhooks.Read
		}
		return nil
	})
	if errors.Is(err, webhooks.ErrNotFound) {
		return webhooks.None, nil
	}
	return permission, err
}

// Teams implements [webhooks.People]. An answer serves for some minutes: every
// push and every approval asks for the same few.
func (r *Repository) Teams(ctx context.Context, login string, teams []string) ([]string, error) {
	if !loginOrSlug.MatchString(login) {
		return nil, nil
	}
	var in []string
	for _, asked := range teams {
		if !strings.Contains(asked, "/") {
			asked = r.owner + "/" + asked
		}
		org, team, _ := strings.Cut(asked, "/")
		if !loginOrSlug.MatchString(team) || !strings.EqualFold(org, r.owner) {
			continue
		}
		known, member := r.members.known(login, team, r.client.config.now())
		if known {
			if member {
				in = append(in, asked)
			}
			continue
		}
		err := r.call(ctx, "asking whether "+login+" is in the team "+team, func(api *github.Client) error {
			m, _, err := api.Teams.GetTeamMembershipBySlug(ctx, r.owner, team, login)
			member = m.GetState() == "active" // an invitation is not one yet
			return err
		})
		if err != nil && !errors.Is(err, webhooks.ErrNotFound) {
			return nil, err
		}
		member = err == nil && member
		r.members.learn(login, team, member, r.client.config.now())
		if member {
			in = append(in, asked)
		}
	}
	return in, nil
}
