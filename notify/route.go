// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"slices"
	"time"

	"trunkline.dev/trunkline/api/glob"
)

// Route says what a channel is told. Lists that are empty stand for all; patterns have "*" for any text.
type Route struct {
	Channel string
	Topics  []Topic
	// Projects, Environments and Names are patterns of what it is about; a platform's own troubles are of no project.
	Projects, Environments, Names []string
	// Clusters are those of the environments: what is about one of them is about these, too.
	Clusters []string
	// After is how long something is so before it is told, nil for what the topic has; Repeat after how long it is told again.
	After  *time.Duration
	Repeat time.Duration
}

// DefaultRepeat is after how long something is told again that is still so.
const DefaultRepeat = 24 * time.Hour

// selects reports whether a channel is told of a condition.
func (r Route) selects(c Condition) bool {
	if len(r.Topics) > 0 && !slices.Contains(r.Topics, c.Topic) {
		return false
	}
	if !match(r.Projects, c.Subject.Project) || !match(r.Names, c.Subject.Name) {
		return false
	}
	return match(r.Environments, c.Subject.Environment) || c.Subject.Environment == "" && slices.Contains(r.Clusters, c.Subject.Cluster)
}

func (r Route) after(t Topic) time.Duration {
	if r.After != nil {
		return *r.After
	}
	return t.After()
}

func (r Route) repeat() time.Duration {
	if r.Repeat > 0 {
		return r.Repeat
	}
	return DefaultRepeat
}

// match reports whether a name is of one of the patterns, or there are none.
func match(patterns []string, name string) bool {
	return len(patterns) == 0 || name != "" && slices.ContainsFunc(patterns, func(p string) bool { return glob.Match(p, name) })
}

// terms are what the routes to one channel say of a condition: the soonest of each.
type terms struct{ after, repeat time.Duration }

// termsOf returns the channels that are told of a condition.
func termsOf(routes []Route, c Condition) map[string]terms {
	out := map[string]terms{}
	for _, r := range routes {
		if !r.selects(c) {
			continue
		}
		t := terms{r.after(c.Topic), r.repeat()}
		if o, twice := out[r.Channel]; twice {
			t = terms{min(o.after, t.after), min(o.repeat, t.repeat)}
		}
		out[r.Channel] = t
	}
	return out
}

// Covers reports whether the route tells of an environment.
func (r Route) Covers(environment string) bool { return match(r.Environments, environment) }
