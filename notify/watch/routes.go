// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/notify"
)

// Routes returns who is told of what, as it is declared: by the platform, its environments and its projects, in that order.
func Routes(c *catalog.Catalog) (out []notify.Route) {
	if c == nil || c.Platform == nil {
		return nil
	}
	for _, n := range c.Platform.Spec.Notify {
		r := route(n.To, n.About, n.After, n.Repeat)
		r.Projects, r.Environments = n.Projects, n.Environments
		for name, env := range c.Environments {
			if len(n.Environments) > 0 && len(n.Projects) == 0 && (notify.Route{Environments: n.Environments}).Covers(name) {
				r.Clusters = append(r.Clusters, env.Spec.Clusters...)
			}
		}
		slices.Sort(r.Clusters)
		out = append(out, r)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		env := c.Environments[name]
		for _, n := range env.Spec.Notify {
			r := route(n.To, n.About, n.After, n.Repeat)
			r.Projects, r.Environments = n.Projects, []string{name}
			if len(n.Projects) == 0 {
				r.Clusters = env.Spec.Clusters
			}
			out = append(out, r)
		}
	}
	for p := range c.Projects() {
		for _, n := range p.Spec.Notify {
			r := route(n.To, n.About, n.After, n.Repeat)
			r.Projects, r.Environments, r.Names = []string{p.Name}, n.Environments, n.Only
			out = append(out, r)
		}
	}
	return out
}

func route(to string, about []v1alpha1.NotificationTopic, after, repeat v1alpha1.Duration) notify.Route {
	r := notify.Route{Channel: to, Repeat: time.Duration(repeat)}
	for _, t := range about {
		r.Topics = append(r.Topics, notify.Topic(t))
	}
	if after > 0 {
		d := time.Duration(after)
		r.After = &d
	}
	return r
}

// Channels are the names of the channels that are declared.
func Channels(c *catalog.Catalog) []string {
	if c == nil || c.Platform == nil {
		return nil
	}
	return c.Platform.Spec.Channels
}
