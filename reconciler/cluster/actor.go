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
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/plan"
)

// Actor changes and reads objects of one release with one identity. It is made for each run: it costs no connection and no
// request.
type Actor struct {
	conn   *Conn
	as     Identity
	scope  plan.Scope
	http   *http.Client
	client dynamic.Interface
}

// As returns an actor that changes objects of a release with an identity, inside of a scope.
func (conn *Conn) As(as Identity, scope plan.Scope) (*Actor, error) {
	a := &Actor{conn: conn, as: as, scope: scope, http: conn.http, client: conn.client}
	if as == Daemon() {
		return a, nil
	}
	var err error
	if a.http, err = as.client(conn.http); err != nil {
		return nil, err
	}
	if a.client, err = dynamic.NewForConfigAndClient(conn.config, a.http); err != nil {
		return nil, fmt.Errorf("acting as %s on cluster %q: %w", as, conn.cluster.Name(), err)
	}
	return a, nil
}

// Outside reports whether an object is not in the release's namespace.
func (a *Actor) Outside(ref plan.Ref) bool { return ref.Namespace != a.scope.Namespace }

// of returns the client for one object or kind, at a namespace if the kind has them.
func (a *Actor) of(m *meta.RESTMapping, namespace string) dynamic.ResourceInterface {
	return scoped(a.client, m, namespace)
}

// scoped returns a client for a kind, at a namespace if the kind has them.
func scoped(client dynamic.Interface, m *meta.RESTMapping, namespace string) dynamic.ResourceInterface {
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		return client.Resource(m.Resource).Namespace(namespace)
	}
	return client.Resource(m.Resource)
}

var serviceAccounts = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}

// CheckAccount makes sure that the account is there. The API server itself does not: it takes the name of an account that
// was deleted, and whoever deleted it meant that nothing is done as it any more.
func (a *Actor) CheckAccount(ctx context.Context) error {
	if a.as.daemon {
		return nil
	}
	account := plan.Ref{GroupKind: schema.GroupKind{Kind: "ServiceAccount"}, Namespace: a.as.namespace, Name: a.as.name}
	var live *unstructured.Unstructured
	err := a.conn.do(ctx, a.as.String(), func(ctx context.Context) (err error) {
		live, err = a.conn.client.Resource(serviceAccounts).Namespace(account.Namespace).Get(ctx, account.Name, metav1.GetOptions{})
		return err
	})
	switch {
	case apierrors.IsNotFound(err), err == nil && live.GetDeletionTimestamp() != nil:
		return &AccountError{Account: account}
	case err != nil:
		return &ObjectError{Object: account, Doing: "looking for", Err: err}
	}
	return nil
}

// AccountError says that the account is not there as which a release is deployed.
type AccountError struct{ Account plan.Ref }

// Error names the account, and says what helps.
func (e *AccountError) Error() string {
	return fmt.Sprintf("waiting for the %s, as which the environment deploys: it is not there; create it, or name a clusterRole in "+
		"spec.serviceAccount of the environment to have it made", e.Account)
}
