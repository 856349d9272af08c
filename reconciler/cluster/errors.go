// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
)

// callTimeout bounds one call, so that a server that hangs is a server that fails.
const callTimeout = 30 * time.Second

// connectTimeout bounds one attempt to connect.
const connectTimeout = 15 * time.Second

// ConflictError says that others own fields that the release declares.
type ConflictError struct {
	Object plan.Ref
	Fields []OwnedField
}

// OwnedField is a field and the manager that owns it.
type OwnedField struct{ Field, Manager string }

// Error names the object, and each field with its owner.
func (e *ConflictError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = fmt.Sprintf("%s is owned by %s", f.Field, f.Manager)
	}
	return fmt.Sprintf("conflict on %s: %s; to take the fields over, give the object the annotation %s: enabled",
		e.Object, strings.Join(parts, ", "), plan.AdoptAnnotation)
}

// ObjectError is what went wrong with one object.
type ObjectError struct {
	Object plan.Ref
	Doing  string
	Err    error
}

// Error names the object and what was being done to it.
func (e *ObjectError) Error() string {
	if namespace := e.AwaitsNamespace(); namespace != "" {
		return fmt.Sprintf("%s %s: waiting for Namespace %s to be gone: it is being deleted", e.Doing, e.Object, namespace)
	}
	hint := ""
	if Immutable(e.Err) {
		hint = replacing(e.Object)
	}
	if e.Object.Kind == "Secret" && e.Object.Group == "" && !Unreachable(e.Err) {
		// The API server repeats invalid values in its messages.
		if said := harmless(e.Err); said != "" {
			return fmt.Sprintf("%s %s: %s", e.Doing, e.Object, said)
		}
		return fmt.Sprintf("%s %s: %s (the message is withheld, since it may repeat values of the Secret)%s",
			e.Doing, e.Object, reasonOf(e.Err), hint)
	}
	// Webhooks and policies of others write into what the API server says: it is given in full, on one line.
	return fmt.Sprintf("%s %s: %s%s", e.Doing, e.Object, health.Line(e.Err.Error()), hint)
}

// AwaitsNamespace returns the namespace that has to be gone, and made again, before the object can be; empty if it is not that.
func (e *ObjectError) AwaitsNamespace() string {
	if !apierrors.HasStatusCause(e.Err, corev1.NamespaceTerminatingCause) {
		return ""
	}
	return e.Object.Namespace
}

// Unwrap returns the cause.
func (e *ObjectError) Unwrap() error { return e.Err }

// Of what is said of a Secret, these hold names and numbers alone: who has which right missing, and which quota is used up.
var (
	missingRight  = regexp.MustCompile(`^secrets "[-a-z0-9.]*" is forbidden: User "[-:a-zA-Z0-9.@_]*" cannot [-a-z:]+ resource "secrets" in API group "" in the namespace "[-a-z0-9]*"`)
	quotaExceeded = regexp.MustCompile(`^secrets "[-a-z0-9.]*" is forbidden: exceeded quota: [-a-z0-9.]+((, (requested|used|limited): |,)[-a-z0-9./]+=[0-9a-zA-Z.]+)+$`)
)

// harmless returns what the API server says of a Secret if it cannot hold any of its values; empty if it can.
func harmless(err error) string {
	var status apierrors.APIStatus
	if !apierrors.IsForbidden(err) || !errors.As(err, &status) {
		return ""
	}
	m := status.Status().Message
	return cmp.Or(missingRight.FindString(m), quotaExceeded.FindString(m))
}

func reasonOf(err error) string {
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		return string(reason)
	}
	if malformed(err) {
		return "a value is of the wrong type"
	}
	return "failed"
}

// conflict reads the owners out of the API server's answer to a server-side apply; nil if it is another error.
func conflict(ref plan.Ref, err error) error {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	e := &ConflictError{Object: ref}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		manager := cause.Message
		if parts := strings.Split(cause.Message, `"`); len(parts) >= 3 {
			manager = parts[1]
		}
		e.Fields = append(e.Fields, OwnedField{Field: cause.Field, Manager: manager})
	}
	if len(e.Fields) == 0 {
		return nil
	}
	slices.SortFunc(e.Fields, func(a, b OwnedField) int { return strings.Compare(a.Field+a.Manager, b.Field+b.Manager) })
	return e
}

// Unreachable reports whether the API server gave no answer: nothing is known of what it holds.
func Unreachable(err error) bool {
	var netErr net.Error
	var urlErr *url.Error
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	return utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) ||
		errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) || errors.As(err, &urlErr)
}

// Terminal reports whether trying again cannot help until the repository, or someone in the cluster, changes
// something. Of several errors joined, all must be terminal.
func Terminal(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(joined.Unwrap(), func(e error) bool { return !Terminal(e) })
	}
	var c *ConflictError
	var s *plan.ScopeError
	var i *IdentityError
	return errors.As(err, &c) || errors.As(err, &s) || errors.As(err, &i) || errors.Is(err, ErrForeign) || malformed(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) ||
		apierrors.IsMethodNotSupported(err) || apierrors.IsRequestEntityTooLargeError(err)
}

// Immutable reports whether the API server refused a change since what would change cannot. It has no reason of its own
// for that: the words are those of the API server's validation.
func Immutable(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) {
		return false
	}
	m := status.Status().Message
	return slices.ContainsFunc(immutable, func(said string) bool { return strings.Contains(m, said) })
}

// immutable is how API servers say that a field cannot change: there is no code for it.
var immutable = []string{
	"is immutable", // most kinds, and by convention the rules of definitions
	"updates to statefulset spec for fields other than",
	"pod updates may not change fields other than",
	"cannot change roleRef",           // of bindings
	"may not change once set",         // the addresses of a Service
	"updates to parameters are",       // of a StorageClass
	"may not be changed in an update", // the value of a PriorityClass
}

// malformed reports whether server-side apply cannot make sense of the object: a value of the wrong type. The API
// server answers that with status 500 and without a reason, so the message is all there is to go by.
func malformed(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && strings.Contains(status.Status().Message, "failed to create typed patch object")
}
