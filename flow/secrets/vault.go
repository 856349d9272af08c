// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// vaultStore is a server of Vault or OpenBao.
type vaultStore struct {
	o        Options
	client   *http.Client
	declared v1alpha1.SecretStore
	name     string
	// token is good for this server; empty until the pod has signed on.
	token string
}

// newTLS is the least that is accepted of a server.
func newTLS() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} }

func (s *vaultStore) read(ctx context.Context, ref v1alpha1.SecretRef) (document, error) {
	if err := s.signOn(ctx); err != nil {
		return document{}, err
	}
	mount, v2 := cmp.Or(s.declared.Mount, "secret"), s.declared.Engine != v1alpha1.VaultV1
	path := mount + "/" + ref.Name
	if v2 {
		path = mount + "/data/" + ref.Name
	}
	if ref.Version != "" {
		path += "?version=" + url.QueryEscape(ref.Version)
	}
	a, err := s.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return document{}, err
	}
	if a.status != http.StatusOK {
		return document{}, a.refusal()
	}
	var said struct {
		Data json.RawMessage `json:"data"`
	}
	if err := a.decode(&said); err != nil {
		return document{}, err
	}
	table := said.Data
	if v2 {
		var inner struct {
			Data json.RawMessage `json:"data"`
		}
		if json.Unmarshal(said.Data, &inner) != nil || inner.Data == nil {
			return document{}, refused(secretref.Refused, "%s answers as the engine v1 does: say so in engine of the store", a.host)
		}
		table = inner.Data
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(table, &members) != nil {
		return document{}, refused(secretref.Refused, "%s answers with something else than was asked for", a.host)
	}
	if members == nil {
		return document{}, refused(secretref.NotFound, "the version was deleted")
	}
	return document{members: members}, nil
}

// signOn shows the token of the account, once.
func (s *vaultStore) signOn(ctx context.Context) error {
	if s.token != "" {
		return nil
	}
	jwt, err := s.o.token(s.o.Token(s.name))
	if err != nil {
		return err
	}
	a, err := s.ask(ctx, http.MethodPost, "auth/"+cmp.Or(s.declared.Auth, "kubernetes")+"/login", map[string]string{"role": s.declared.Role, "jwt": jwt})
	if err != nil {
		return err
	}
	var said struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	if a.status != http.StatusOK || a.decode(&said) != nil || said.Auth.Token == "" {
		return refused(secretref.NoIdentity, "signing on with the role %q: %s", s.declared.Role, a.says())
	}
	s.token = said.Auth.Token
	return nil
}

// leave has the server forget the token: it is not needed any more, and ends by itself where this fails.
func (s *vaultStore) leave(ctx context.Context) {
	if s.token != "" {
		_, _ = s.ask(ctx, http.MethodPost, "auth/token/revoke-self", nil)
	}
}

func (s *vaultStore) ask(ctx context.Context, method, path string, in map[string]string) (answer, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return answer{}, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.declared.URL, "/")+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("X-Vault-Request", "true")
	if s.token != "" {
		req.Header.Set("X-Vault-Token", s.token)
	}
	if s.declared.VaultNamespace != "" {
		req.Header.Set("X-Vault-Namespace", s.declared.VaultNamespace)
	}
	return call(s.client, req)
}
