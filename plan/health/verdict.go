// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// State says how an object is doing.
type State string

// The states, from good to bad.
const (
	// Healthy is an object that does what it is for, or has done it.
	Healthy State = "healthy"
	// Progressing is an object on its way, and one that nothing can be said of: unknown is never healthy.
	Progressing State = "progressing"
	// Stalled is an object that does not go on by itself, and may when something around it changes: a quota, an image that
	// cannot be pulled, nodes that are full.
	Stalled State = "stalled"
	// Failed is an object that has ended badly: a Job that is out of retries.
	Failed State = "failed"
)

// Worse reports whether a state is worse than another one. One that is none is worse than none.
func (s State) Worse(than State) bool { return s.rank() > than.rank() }

func (s State) rank() int {
	switch s {
	case Progressing:
		return 1
	case Stalled:
		return 2
	case Failed:
		return 3
	default:
		return 0
	}
}

// Verdict is how an object is doing, and unless it is healthy, why: one line of bounded length.
type Verdict struct {
	State   State
	Message string
}

// Of returns the health of an object. Rules say it for the kinds that have one; nil has none. For all others it is that of
// kstatus, which looks at the object's generation first, with a few differences: a Job is healthy once it is complete, a
// Pod that failed has failed, and what waits for something outside is stalled.
func Of(o *unstructured.Unstructured, rules *Rules) (v Verdict) {
	// What reads a status meets shapes that nobody thought of; one bad object must not end the process.
	defer func() {
		if r := recover(); r != nil {
			v = Verdict{Progressing, Line(fmt.Sprintf("its status cannot be read: %v", r))}
		}
	}()
	if o == nil || o.Object == nil {
		return Verdict{Progressing, "there is nothing to read"}
	}
	if deleting(o) {
		if Ended(o) == Healthy {
			return Verdict{State: Healthy} // it has done its work, and removes itself
		}
		return ofDeletion(o)
	}
	kind := o.GroupVersionKind().GroupKind()
	if rule := rules.of(kind); rule != nil {
		return rule.judge(o)
	}
	of := byKind[kind]
	if of == nil {
		of = generic
	}
	v = of(o)
	if v.State == Healthy {
		return Verdict{State: Healthy}
	}
	v.Message = Line(v.Message)
	return v
}

// deleting reports whether the object's deletion was asked for, even if the time of that is none.
func deleting(o *unstructured.Unstructured) bool {
	at, found, err := unstructured.NestedFieldNoCopy(o.Object, "metadata", "deletionTimestamp")
	return err == nil && found && at != nil && at != ""
}
