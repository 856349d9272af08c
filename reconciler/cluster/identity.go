// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/transport"
)

// Identity is as whom requests are made. The zero value is nobody, as whom nothing is done: what was forgotten, or came out
// empty, is never done with the daemon's rights.
type Identity struct {
	daemon          bool
	namespace, name string
}

// Daemon is the daemon with its own rights.
func Daemon() Identity { return Identity{daemon: true} }

// ServiceAccount is an account of the cluster. The error is an [*IdentityError].
func ServiceAccount(namespace, name string) (Identity, error) {
	if len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return Identity{}, &IdentityError{Namespace: namespace, Name: name}
	}
	return Identity{namespace: namespace, name: name}, nil
}

// String returns the name by which the API server knows an account.
func (i Identity) String() string {
	switch {
	case i.daemon:
		return "the daemon"
	case i.name == "":
		return "nobody"
	}
	return "system:serviceaccount:" + i.namespace + ":" + i.name
}

// IdentityError says that there is nobody as whom something could be done.
type IdentityError struct{ Namespace, Name string }

// Error names the account that is none.
func (e *IdentityError) Error() string {
	return fmt.Sprintf("nothing is done as the service account %q in the namespace %q: that is no account; "+
		"fix spec.serviceAccount of the environment", e.Name, e.Namespace)
}

// client returns an HTTP client that makes all requests as someone, over the connections of the daemon's own.
func (i Identity) client(own *http.Client) (*http.Client, error) {
	switch {
	case i.daemon:
		return own, nil
	case i.name == "" || i.namespace == "":
		return nil, &IdentityError{Namespace: i.namespace, Name: i.name}
	}
	// The groups of the account are added by the API server. Whom the daemon's own configuration may name is overridden.
	base := own.Transport
	if base == nil {
		base = http.DefaultTransport // as http.Client has it
	}
	as := transport.NewImpersonatingRoundTripper(transport.ImpersonationConfig{UserName: i.String()}, base)
	return &http.Client{Transport: as, Timeout: own.Timeout}, nil
}
