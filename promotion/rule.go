// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"fmt"
	"time"
)

// Source is a release of the environment from which a build is promoted.
type Source struct {
	// Release is its name.
	Release string
	// Build is the one that is in place; empty if that is not known.
	Build BuildID
	// Healthy reports whether it is in its declared state and healthy, and Since when that began.
	Healthy bool
	Since   time.Time
}

// Question asks whether a build is promoted by itself.
type Question struct {
	Now time.Time
	// Soak is how long each source must have been healthy with the build.
	Soak time.Duration
	// Build is declared in the environment that is promoted from, and Target in the one that is promoted to.
	Build, Target BuildID
	Sources       []Source
}

// Answer is whether a build is promoted now.
type Answer struct {
	Promote bool
	// Reason says why not, to people.
	Reason string
	// Until is when it is by itself, if nothing changes; zero if that depends on something else.
	Until time.Time
}

// Decide decides whether a build is promoted by itself.
func Decide(q Question) Answer {
	if q.Build == q.Target {
		return Answer{Reason: "both environments have the build " + q.Build.Short()}
	}
	if len(q.Sources) == 0 {
		return Answer{Reason: "there is no release to promote from"}
	}
	var ready time.Time
	for _, s := range q.Sources {
		switch {
		case s.Build != q.Build:
			return Answer{Reason: fmt.Sprintf("the build %s is not in place in %s", q.Build.Short(), s.Release)}
		case !s.Healthy:
			return Answer{Reason: s.Release + " is not healthy"}
		}
		if at := s.Since.Add(q.Soak); at.After(ready) {
			ready = at
		}
	}
	if ready.After(q.Now) {
		return Answer{Reason: "soaking until " + ready.UTC().Format(time.RFC3339), Until: ready}
	}
	return Answer{Promote: true}
}
