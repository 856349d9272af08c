// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"slices"
	"time"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/github"
)

// deliveries is how many of the last ones are looked at.
const deliveries = 50

// gitHub asks GitHub what it lets us do, and what it sent.
func (o Options) gitHub(ctx context.Context, f *doctor.Facts) {
	if o.GitHub == nil {
		return
	}
	f.GitHub = o.GitHub.FullName()
	together(
		func() {
			f.Access, f.Permissions = AtGitHub{Repository: o.GitHub, Permissions: o.Permissions}.look(ctx, o.Timeout)
		},
		func() { f.Events = ask(ctx, o.Timeout, "GitHub", o.events) },
		func() { f.Deliveries = ask(ctx, o.Timeout, "GitHub", o.deliveries) },
		func() {
			f.GitHubSources = make([]doctor.AtGitHub, len(o.Sources))
			looks := make([]func(), len(o.Sources))
			for i, s := range o.Sources {
				looks[i] = func() {
					at := doctor.AtGitHub{Name: s.Repository.FullName()}
					at.Access, at.Permissions = s.look(ctx, o.Timeout)
					if a := at.Access.Value; s.Fetched && a != nil && a.Error != "" {
						if public, err := o.GitHub.Shows(ctx, at.Name); err == nil && public {
							at.Access, at.Permissions = doctor.Known(doctor.Access{Public: true}), doctor.Known([]doctor.Permission{})
						}
					}
					f.GitHubSources[i] = at
				}
			}
			together(looks...)
		},
	)
}

// AtGitHub is a repository there, with the permissions that the App needs in it.
type AtGitHub struct {
	Repository  *github.Repository
	Permissions []doctor.Permission
	// Fetched says that the daemon does nothing but fetch it, which takes no App if everyone may read it.
	Fetched bool
}

// look asks GitHub what it lets us do with the repository.
func (a AtGitHub) look(ctx context.Context, timeout time.Duration) (access doctor.Fact[doctor.Access], permissions doctor.Fact[[]doctor.Permission]) {
	together(
		func() { access = ask(ctx, timeout, "GitHub", a.access) },
		func() { permissions = ask(ctx, timeout, "GitHub", a.permissions) },
	)
	return access, permissions
}

func (a AtGitHub) access(ctx context.Context) doctor.Fact[doctor.Access] {
	limits, err := a.Repository.RateLimit(ctx)
	if err != nil {
		return doctor.Known(doctor.Access{Error: err.Error()})
	}
	return doctor.Known(doctor.Access{App: a.Repository.IsApp(), Limit: limits.Limit, Remaining: limits.Remaining, Reset: limits.Reset})
}

func (a AtGitHub) permissions(ctx context.Context) doctor.Fact[[]doctor.Permission] {
	if !a.Repository.IsApp() {
		return doctor.Unknown[[]doctor.Permission]("GitHub does not say what a token may do")
	}
	installed, err := a.Repository.Installed(ctx)
	if err != nil {
		return doctor.Unknown[[]doctor.Permission]("%v", err)
	}
	if installed.Suspended != "" {
		return doctor.Unknown[[]doctor.Permission]("the installation of the App is suspended since %s", installed.Suspended)
	}
	all := slices.Clone(a.Permissions)
	for i := range all {
		all[i].Has = installed.Permissions[all[i].API]
	}
	return doctor.Known(all)
}

// events asks which events the App is told of in the platform's own repository.
func (o Options) events(ctx context.Context) doctor.Fact[doctor.Events] {
	if !o.GitHub.IsApp() {
		return doctor.Unknown[doctor.Events]("there is no App, which GitHub would say that of")
	}
	installed, err := o.GitHub.Installed(ctx)
	if err != nil {
		return doctor.Unknown[doctor.Events]("%v", err)
	}
	return doctor.Known(doctor.Events{Needed: o.Events, Has: installed.Events})
}

func (o Options) deliveries(ctx context.Context) doctor.Fact[doctor.Deliveries] {
	if !o.GitHub.IsApp() {
		return doctor.Unknown[doctor.Deliveries]("there is no App, which GitHub would say that of")
	}
	var out doctor.Deliveries
	hook, err := o.GitHub.Hook(ctx)
	if err == nil && hook == "" || errors.Is(err, webhooks.ErrNotFound) {
		return doctor.Known(out)
	}
	if err != nil {
		out.Error = err.Error()
		return doctor.Known(out)
	}
	all, err := o.GitHub.Deliveries(ctx, deliveries)
	if err != nil {
		out.Error = err.Error()
		return doctor.Known(out)
	}
	out.Hook, out.Count = hook, len(all)
	for _, d := range all {
		if !d.Arrived() {
			out.Failed = append(out.Failed, doctor.Delivery{Event: d.Event, At: d.At, Status: d.Status, Code: d.Code})
		}
	}
	return doctor.Known(out)
}
