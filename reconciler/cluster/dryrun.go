// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/plan"
)

// readOnly lets only those requests through that cannot change anything.
type readOnly struct{ next http.RoundTripper }

// RoundTrip refuses all but GET, and PATCH as a dry run. An upgraded GET is refused as well: it could run a program
// in a container.
func (t *readOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	dry := r.URL.Query()["dryRun"]
	switch {
	case r.Method == http.MethodGet && r.Header.Get("Upgrade") == "":
	case r.Method == http.MethodPatch && len(dry) == 1 && dry[0] == metav1.DryRunAll:
	default:
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper has to, also when it fails
		}
		return nil, fmt.Errorf("refusing %s %s: this client only reads, and makes dry runs", r.Method, r.URL.Path)
	}
	return t.next.RoundTrip(r)
}

// DryRun returns the object as it would be if the actor applied it; see [Actor.Apply], which refuses the same. Nothing is
// changed.
func (a *Actor) DryRun(ctx context.Context, o *unstructured.Unstructured, how Applying) (after *unstructured.Unstructured, err error) {
	ref := plan.RefOf(o)
	m, err := a.conn.resource(ctx, ref.GroupKind, o.GroupVersionKind().Version)
	if err != nil {
		return nil, &ObjectError{Object: ref, Doing: "trying to apply", Err: err}
	}
	if err := a.scope.Check(ref, m.Scope.Name() == meta.RESTScopeNameRoot, how.Own); err != nil {
		return nil, err
	}
	err = a.conn.do(ctx, releaseOf(o), func(ctx context.Context) (err error) {
		after, err = a.of(m, ref.Namespace).Apply(ctx, ref.Name, o, metav1.ApplyOptions{
			FieldManager: FieldManager, Force: how.Force, DryRun: []string{metav1.DryRunAll},
		})
		return err
	})
	if err == nil {
		return after, nil
	}
	if c := conflict(ref, err); c != nil {
		return nil, c
	}
	return nil, &ObjectError{Object: ref, Doing: "trying to apply", Err: err}
}

// Get reads an object, in the version if one is given; nil if it is not there.
func (conn *Conn) Get(ctx context.Context, ref plan.Ref, versions ...string) (o *unstructured.Unstructured, err error) {
	m, err := conn.resource(ctx, ref.GroupKind, versions...)
	if err != nil {
		return nil, &ObjectError{Object: ref, Doing: "reading", Err: err}
	}
	err = conn.do(ctx, conn.ownerOf(ref), func(ctx context.Context) (err error) {
		o, err = scoped(conn.client, m, ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	switch {
	case err == nil:
		return o, nil
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // that it is not there is an answer
	}
	return nil, &ObjectError{Object: ref, Doing: "reading", Err: err}
}
