// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// gcpScope is what tokens are for: GKE says by IAM and RBAC what may be done.
const gcpScope = "https://www.googleapis.com/auth/cloud-platform"

const noGCP = "this process has no identity in Google Cloud (%w): bind its service account by Workload Identity Federation, or have GOOGLE_APPLICATION_CREDENTIALS name a file of a federation; docs/clouds.md says how"

// gcpAccount is who we are in Google Cloud.
type gcpAccount struct{ clouds *Clouds }

// gcpAccount returns the one there is. The caller holds the lock.
func (c *Clouds) gcpAccount() *gcpAccount {
	if c.gcp == nil {
		c.gcp = &gcpAccount{clouds: c}
	}
	return c.gcp
}

// credentials finds out who we are. They keep a token as long as it is good, also one that was refused, and so are made for each.
func (a *gcpAccount) credentials(ctx context.Context) (*google.Credentials, error) {
	found, err := google.FindDefaultCredentials(context.WithValue(ctx, oauth2.HTTPClient, a.clouds.client), gcpScope)
	if err != nil {
		return nil, fmt.Errorf(noGCP, err)
	}
	return found, nil
}

func (a *gcpAccount) token(ctx context.Context, _ Ref) (*oauth2.Token, error) {
	c, err := a.credentials(ctx)
	if err != nil {
		return nil, err
	}
	return tokenOf(ctx, c)
}

// tokenOf waits for a token no longer than it may take: who asks a machine's own server goes by no context.
func tokenOf(ctx context.Context, c *google.Credentials) (*oauth2.Token, error) {
	type made struct {
		token *oauth2.Token
		err   error
	}
	done := make(chan made, 1)
	go func() {
		t, err := c.TokenSource.Token()
		done <- made{t, err}
	}()
	select {
	case m := <-done:
		if m.err != nil {
			return nil, fmt.Errorf(noGCP, saidBy(m.err))
		}
		return m.token, nil
	case <-ctx.Done():
		return nil, fmt.Errorf(noGCP, ctx.Err())
	}
}

// saidBy is an error of the token's server without its whole answer.
func saidBy(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Errorf("the server of tokens answers %s: %s", refused.Response.Status, message(refused.Body))
	}
	if asked, ok := errors.AsType[*url.Error](err); ok {
		return asked.Err
	}
	return err
}

// place asks GKE.
func (a *gcpAccount) place(ctx context.Context, ref Ref) (place, error) {
	c, err := a.credentials(ctx)
	if err != nil {
		return place{}, err
	}
	t, err := tokenOf(ctx, c)
	if err != nil {
		return place{}, err
	}
	at := ref.API
	if at == "" {
		domain, err := c.GetUniverseDomain()
		if err != nil || domain == "" {
			domain = "googleapis.com" // and not a sovereign cloud
		}
		at = "https://container." + domain
	}
	address := fmt.Sprintf("%s/v1/projects/%s/locations/%s/clusters/%s", strings.TrimSuffix(at, "/"), url.PathEscape(ref.Owner), url.PathEscape(ref.Place), url.PathEscape(ref.Cluster))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return place{}, err
	}
	req.Header.Set("Authorization", "Bearer "+t.AccessToken)
	var said struct {
		Endpoint string `json:"endpoint"`
		Status   string `json:"status"`
		Auth     struct {
			Authority string `json:"clusterCaCertificate"`
		} `json:"masterAuth"`
	}
	err = call(a.clouds.client, req, &said)
	if refused, ok := errors.AsType[*refusedError](err); ok && refused.code == http.StatusForbidden {
		err = fmt.Errorf("%w; the account needs the role roles/container.clusterViewer in the project %s", err, ref.Owner)
	}
	switch {
	case err != nil:
		return place{}, err
	case said.Endpoint == "":
		return place{}, fmt.Errorf("it has no API server yet: its status is %q", said.Status)
	}
	authority, err := authorityOf(said.Auth.Authority)
	return place{withHTTPS(said.Endpoint), authority}, err
}

// login is who we are for a registry of Google Cloud.
func (a *gcpAccount) login(ctx context.Context) (login, error) {
	t, err := a.token(ctx, Ref{})
	if err != nil {
		return login{}, err
	}
	return login{"oauth2accesstoken", t.AccessToken, t.Expiry}, nil
}
