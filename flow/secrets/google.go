// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash/crc32"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	googleScope = "https://www.googleapis.com/auth/cloud-platform"
	googleAPI   = "https://secretmanager.googleapis.com"
)

// googleStore is the Secret Manager of a project of Google Cloud.
type googleStore struct {
	o        Options
	client   *http.Client
	declared v1alpha1.SecretStore
	known    string
}

func (*googleStore) leave(context.Context) {}

func (s *googleStore) read(ctx context.Context, ref v1alpha1.SecretRef) (document, error) {
	token, err := s.token(ctx)
	if err != nil {
		return document{}, err
	}
	at := strings.TrimSuffix(cmp.Or(s.declared.Endpoint, googleAPI), "/") + "/v1/projects/" + url.PathEscape(s.declared.Project) +
		"/secrets/" + url.PathEscape(ref.Name) + "/versions/" + url.PathEscape(cmp.Or(ref.Version, "latest")) + ":access"
	a, err := get(ctx, s.client, at, token)
	if err != nil {
		return document{}, err
	}
	var said struct {
		Error struct {
			Status string `json:"status"`
		} `json:"error"`
		Payload struct {
			Data string `json:"data"`
			Sum  string `json:"dataCrc32c"`
		} `json:"payload"`
	}
	if a.status != http.StatusOK {
		_ = json.Unmarshal(a.body, &said) // without it, the status has to do
		if said.Error.Status == "FAILED_PRECONDITION" {
			return document{}, refused(secretref.NotFound, "%s: the version is disabled or destroyed", a.says())
		}
		return document{}, a.refusal(said.Error.Status)
	}
	if err := a.decode(&said); err != nil {
		return document{}, err
	}
	data, err := base64.StdEncoding.DecodeString(said.Payload.Data)
	if err != nil {
		return document{}, refused(secretref.Refused, "%s answers without a value", a.host)
	}
	if sum, err := strconv.ParseUint(said.Payload.Sum, 10, 32); said.Payload.Sum != "" && (err != nil || uint32(sum) != crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))) {
		return document{}, refused(secretref.Unreachable, "what %s answers was changed on its way", a.host)
	}
	return document{text: string(data)}, nil
}

// token is that of the account of the pod, by the server of metadata of GKE or a federation.
func (s *googleStore) token(ctx context.Context) (string, error) {
	if s.known != "" {
		return s.known, nil
	}
	found, err := google.FindDefaultCredentials(context.WithValue(ctx, oauth2.HTTPClient, s.client), googleScope)
	if err != nil {
		return "", refused(secretref.NoIdentity, "the pod has no identity in Google Cloud: its service account needs Workload Identity Federation")
	}
	type made struct {
		token *oauth2.Token
		err   error
	}
	done := make(chan made, 1)
	go func() { // the server of metadata is asked without a context
		t, err := found.TokenSource.Token()
		done <- made{t, err}
	}()
	select {
	case m := <-done:
		if m.err != nil {
			return "", googleIdentityError(m.err)
		}
		s.known = m.token.AccessToken
		return s.known, nil
	case <-ctx.Done():
		return "", refused(secretref.Unreachable, "who gives the pod its token does not answer")
	}
}

func googleIdentityError(err error) error {
	if said, ok := errors.AsType[*oauth2.RetrieveError](err); ok && said.Response != nil {
		a := answer{host: "who gives the pod its token", status: said.Response.StatusCode}
		if a.status >= http.StatusInternalServerError {
			return refused(secretref.Unreachable, "%s", a.says())
		}
		return refused(secretref.NoIdentity, "%s", a.says(said.ErrorCode))
	}
	return refused(secretref.NoIdentity, "nobody gives the pod a token of Google Cloud")
}
