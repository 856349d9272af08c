// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"slices"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/webhooks"
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
		func() { f.Access = ask(ctx, o.Timeout, "GitHub", o.access) },
		func() { f.Permissions = ask(ctx, o.Timeout, "GitHub", o.permissions) },
		func() { f.Deliveries = ask(ctx, o.Timeout, "GitHub", o.deliveries) },
	)
}

func (o Options) access(ctx context.Context) doctor.Fact[doctor.Access] {
	limits, err := o.GitHub.RateLimit(ctx)
	if err != nil {
		return doctor.Known(doctor.Access{Error: err.Error()})
	}
	return doctor.Known(doctor.Access{App: o.GitHub.IsApp(), Limit: limits.Limit, Remaining: limits.Remaining, Reset: limits.Reset})
}

func (o Options) permissions(ctx context.Context) doctor.Fact[[]doctor.Permission] {
	if !o.GitHub.IsApp() {
		return doctor.Unknown[[]doctor.Permission]("GitHub does not say what a token may do")
	}
	installed, err := o.GitHub.Installed(ctx)
	if err != nil {
		return doctor.Unknown[[]doctor.Permission]("%v", err)
	}
	if installed.Suspended != "" {
		return doctor.Unknown[[]doctor.Permission]("the installation of the App is suspended since %s", installed.Suspended)
	}
	all := slices.Clone(o.Permissions)
	for i := range all {
		all[i].Has = installed.Permissions[all[i].API]
	}
	return doctor.Known(all)
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
