// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

const (
	// callTimeout bounds all that is asked of a cloud for one thing.
	callTimeout = 20 * time.Second
	// placeFor is for how long it counts where a cluster is: one that was made again is found after that.
	placeFor = 5 * time.Minute
	// early is how long before its end a token is renewed.
	early = 2 * time.Minute
)

// Options are how clouds are asked. Now and Env are required.
type Options struct {
	// Transport is what requests are made by; nil: http.DefaultTransport. The API server has one of its own.
	Transport http.RoundTripper
	Now       func() time.Time
	// Env returns a variable of the environment, in which AKS says who a pod is. The libraries of the others read their own.
	Env func(name string) string
}

// Clouds reaches clusters and registries of clouds. It may be used by several goroutines.
type Clouds struct {
	client *http.Client
	// own reports that the client is one of the caller's.
	own bool
	now func() time.Time
	env func(string) string

	mu       sync.Mutex
	clusters map[Ref]*Cluster
	aws      map[string]*awsAccount // by region and role
	gcp      *gcpAccount
	azure    map[string]*azureAccount // by client id
}

// New makes one, and asks nobody yet.
func New(o Options) *Clouds {
	own := o.Transport != nil
	if !own {
		o.Transport = http.DefaultTransport
	}
	return &Clouds{
		own:    own,
		client: &http.Client{Transport: o.Transport, Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		now:    o.Now, env: o.Env, clusters: map[Ref]*Cluster{}, aws: map[string]*awsAccount{}, azure: map[string]*azureAccount{},
	}
}

// Cluster returns the cluster of a reference: the same one each time.
func (c *Clouds) Cluster(ref Ref) *Cluster {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clusters[ref] == nil {
		c.clusters[ref] = &Cluster{ref: ref, clouds: c, account: c.account(ref)}
	}
	return c.clusters[ref]
}

// account is who we are for a cluster. The caller holds the lock.
func (c *Clouds) account(ref Ref) account {
	switch ref.Provider {
	case AWS:
		return c.awsAccount(ref.Place, ref.Role)
	case GCP:
		return c.gcpAccount()
	default:
		return c.azureAccount(ref.Client)
	}
}

// account is who we are in a cloud.
type account interface {
	// place finds out where a cluster is.
	place(ctx context.Context, ref Ref) (place, error)
	// token makes one that signs on to a cluster.
	token(ctx context.Context, ref Ref) (*oauth2.Token, error)
}

// place is where an API server is, and the authority of its certificate in PEM.
type place struct {
	address   string
	authority []byte
}

// Cluster is one that a cloud runs.
type Cluster struct {
	ref     Ref
	clouds  *Clouds
	account account

	mu     sync.Mutex
	known  place
	at     time.Time
	tokens transport.ResettableTokenSource
}

// String is the address of the cluster.
func (c *Cluster) String() string { return c.ref.String() }

// REST returns where the cluster is, as its cloud says, with what signs on to it: a token that is renewed before it ends, and at once when the
// API server refuses it. It asks the cloud if it has not for a while, and is bounded in time by itself.
func (c *Cluster) REST() (*rest.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() || c.clouds.now().Sub(c.at) >= placeFor {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		found, err := c.account.place(ctx, c.ref)
		if err == nil && c.ref.Address != "" {
			found.address = c.ref.Address
		}
		if err == nil && !secure(found.address) {
			err = fmt.Errorf("the cloud says that its API server is at %q, which is no https address", found.address)
		}
		// What is known counts for longer if the cloud does not answer just now.
		if err != nil && c.at.IsZero() {
			return nil, fmt.Errorf("finding the cluster %s: %w", c.ref.name(), err)
		}
		if err == nil {
			c.known = found
		}
		c.at = c.clouds.now()
	}
	if c.tokens == nil {
		c.tokens = transport.NewCachedTokenSource(tokenSource{c})
	}
	return &rest.Config{
		Host: c.known.address, TLSClientConfig: rest.TLSClientConfig{CAData: c.known.authority}, WrapTransport: transport.ResettableTokenSourceWrapTransport(c.tokens),
	}, nil
}

// name is the cluster for people, without parameters.
func (r Ref) name() string {
	return Ref{Provider: r.Provider, Owner: r.Owner, Place: r.Place, Cluster: r.Cluster}.String()
}

// tokenSource makes tokens as the client of Kubernetes asks for them.
type tokenSource struct{ c *Cluster }

// Token implements [oauth2.TokenSource].
func (s tokenSource) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	t, err := s.c.account.token(ctx, s.c.ref)
	if err != nil {
		return nil, fmt.Errorf("signing on to the cluster %s: %w", s.c.ref.name(), err)
	}
	// The type is a bearer's whatever the cloud says, and what else it said stays here.
	return &oauth2.Token{AccessToken: t.AccessToken, TokenType: "Bearer", Expiry: t.Expiry.Add(-early)}, nil
}
