// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/secrets"
)

// errUnseen reports that the cluster holds objects of a release that the watches have not seen yet.
var errUnseen = errors.New("waiting to see what is left of the release")

// brokenObjectError reports that nothing can be planned for an object.
type brokenObjectError struct{ err error }

func (e *brokenObjectError) Error() string { return e.err.Error() }
func (e *brokenObjectError) Unwrap() error { return e.err }

// replacedError reports that an object was deleted to be created again, since what changes of it cannot be changed.
type replacedError struct {
	ref plan.Ref
	uid types.UID
}

func (e *replacedError) Error() string {
	return fmt.Sprintf("%s cannot be changed: it was deleted, and is created again once it is gone", e.ref)
}

// ownedError reports that an object is part of another release, which has not let go of it yet: it is retried.
type ownedError struct {
	ref     plan.Ref
	owner   string
	release catalog.ReleaseID
	// undecided is set while it is not known whether the other release declares it in the newest commit.
	undecided bool
}

func (e *ownedError) Error() string {
	if e.undecided {
		return fmt.Sprintf("%s is part of the release %s, which the newest commit was not handed to yet", e.ref, e.owner)
	}
	return fmt.Sprintf("%s is part of the release %s, which is still kept with it, and %s declares it too: declare it in one of the two alone", e.ref, e.owner, e.release)
}

// unknownClusterError reports that the daemon was not told how to reach a cluster.
type unknownClusterError struct{ name string }

func (e *unknownClusterError) Error() string {
	return fmt.Sprintf("this daemon has no way to cluster %q: name it in its configuration, or start it with --cluster %s=KUBECONFIG", e.name, e.name)
}

// together joins what went wrong with several objects. What waits for the same namespace to be gone is told of one of them.
func together(errs []error) error {
	var out []error
	first := map[string]*crowdError{}
	for _, err := range errs {
		object, ok := errors.AsType[*cluster.ObjectError](err)
		if !ok || object.AwaitsNamespace() == "" {
			out = append(out, err)
			continue
		}
		if crowd := first[object.AwaitsNamespace()]; crowd != nil {
			crowd.more++
			continue
		}
		crowd := &crowdError{err: err}
		first[object.AwaitsNamespace()] = crowd
		out = append(out, crowd)
	}
	return errors.Join(out...)
}

// crowdError is what went wrong with an object, and with more of them in the same way.
type crowdError struct {
	err  error
	more int
}

func (e *crowdError) Error() string {
	if e.more == 0 {
		return e.err.Error()
	}
	return fmt.Sprintf("%s (and %d more)", e.err, e.more)
}

func (e *crowdError) Unwrap() error { return e.err }

// terminal reports whether a retry cannot help until something changes. Of several errors, all have to be terminal.
func terminal(err error) bool {
	var unknown *unknownClusterError
	var broken *brokenObjectError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(joined.Unwrap(), func(e error) bool { return !terminal(e) })
	}
	if sealed, ok := errors.AsType[*secrets.Error](err); ok {
		return !sealed.Transient
	}
	return errors.As(err, &unknown) || errors.As(err, &broken) || cluster.Terminal(err)
}
