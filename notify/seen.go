// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Subject is what something is about. All but the zero value of a part narrows it.
type Subject struct {
	Project     string `json:"project,omitempty"`
	Environment string `json:"environment,omitempty"`
	Cluster     string `json:"cluster,omitempty"`
	// Name is that of a dataset, a workload, or an included repository.
	Name string `json:"name,omitempty"`
}

// String names a subject for people.
func (s Subject) String() string {
	var parts []string
	switch {
	case s.Project != "" && s.Name != "":
		parts = append(parts, s.Project+"/"+s.Name)
	case s.Project != "" || s.Name != "":
		parts = append(parts, s.Project+s.Name)
	}
	if s.Environment != "" {
		parts = append(parts, "in "+s.Environment)
	}
	if s.Cluster != "" {
		parts = append(parts, "on "+s.Cluster)
	}
	return strings.Join(parts, " ")
}

// has reports whether another subject is the same, or part of this one.
func (s Subject) has(o Subject) bool {
	in := func(of, is string) bool { return of == "" || of == is }
	return in(s.Project, o.Project) && in(s.Environment, o.Environment) && in(s.Cluster, o.Cluster) && in(s.Name, o.Name)
}

// Condition is something that is so, or that has happened.
type Condition struct {
	Topic   Topic   `json:"topic"`
	Subject Subject `json:"subject"`
	// Mark tells one from another about the same subject, such as a commit that was refused; empty: there is one.
	Mark   string `json:"mark,omitempty"`
	Owner  string `json:"owner,omitempty"`
	Commit string `json:"commit,omitempty"`
	// Reason is why, in the words of whoever found out; others may have written parts of it.
	Reason string `json:"reason,omitempty"`
	// Link is where to read more; empty: nowhere.
	Link string `json:"link,omitempty"`
	// Since is since when it is so, or when it happened.
	Since time.Time `json:"since"`
}

// Key is the same for the same condition, whenever it is seen, and fit for any system.
func (c Condition) Key() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{
		string(c.Topic), c.Subject.Project, c.Subject.Environment, c.Subject.Cluster, c.Subject.Name, c.Mark,
	}, "\x00")))
	return string(c.Topic) + "-" + hex.EncodeToString(sum[:8])
}

// Blind is what nothing is known of just now. A zero part stands for all.
type Blind struct {
	Topic   Topic
	Subject Subject
}

// Observation is what is so now.
type Observation struct {
	Conditions []Condition
	// Blind is of what it says nothing: what was so there is neither so nor over.
	Blind []Blind
	// Partial reports that more may be so than is seen, as after a start: nothing is over by it.
	Partial bool
}

// blind reports whether the observation says nothing of a condition.
func (o Observation) blind(c Condition) bool {
	if o.Partial {
		return true
	}
	for _, b := range o.Blind {
		if (b.Topic == "" || b.Topic == c.Topic) && b.Subject.has(c.Subject) {
			return true
		}
	}
	return false
}

// Happening is something that has happened once. Its ID is never that of another.
type Happening struct {
	ID string
	Condition
}
