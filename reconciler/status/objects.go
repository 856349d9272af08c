// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Object is an object of a release, as its cluster has told of it last. No content of it is here.
type Object struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Health    Health `json:"health"`
	Message   string `json:"message,omitempty"`
	// Changed is when it was seen to change last.
	Changed  time.Time `json:"changed,omitzero"`
	Deleting bool      `json:"deleting,omitempty"`
	// ByRun reports whether a run has made it; it is no part of what is declared.
	ByRun bool `json:"byRun,omitempty"`
	// Events are what Kubernetes says happened to it, the last of them; only for who may read logs.
	Events []ObjectEvent `json:"events,omitempty"`
}

// ObjectEvent is what Kubernetes says happened to an object.
type ObjectEvent struct {
	// Type is "Normal" or "Warning".
	Type    string    `json:"type"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int       `json:"count"`
	Time    time.Time `json:"time,omitzero"`
}

// CompareObjects orders objects: those that are worst first, then by kind and name.
func CompareObjects(a, b Object) int {
	rank := func(h Health) int {
		return slices.Index([]Health{Unhealthy, Stalled, Unknown, Progressing, Healthy}, h)
	}
	return cmp.Or(rank(a.Health)-rank(b.Health), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
