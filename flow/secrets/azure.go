// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// keyVaultVersion is the version of the API of Azure Key Vault.
	keyVaultVersion = "7.4"
	// azureAuthority gives tokens where the cluster does not say who does.
	azureAuthority = "https://login.microsoftonline.com"
)

// azureID is what tenants and clients are called, which become parts of an address.
var azureID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$`)

// azureStore is a vault of Azure.
type azureStore struct {
	o        Options
	client   *http.Client
	declared v1alpha1.SecretStore
	known    string
}

func (*azureStore) leave(context.Context) {}

func (s *azureStore) read(ctx context.Context, ref v1alpha1.SecretRef) (document, error) {
	token, err := s.token(ctx)
	if err != nil {
		return document{}, err
	}
	at := strings.TrimSuffix(s.declared.URL, "/") + "/secrets/" + url.PathEscape(ref.Name)
	if ref.Version != "" {
		at += "/" + url.PathEscape(ref.Version)
	}
	a, err := get(ctx, s.client, at+"?api-version="+keyVaultVersion, token)
	if err != nil {
		return document{}, err
	}
	if a.status != http.StatusOK {
		var said struct {
			Error struct {
				Code string `json:"code"`
			} `json:"error"`
		}
		_ = json.Unmarshal(a.body, &said) // without it, the status has to do
		return document{}, a.refusal(said.Error.Code)
	}
	var said struct {
		Value *string `json:"value"`
	}
	if err := a.decode(&said); err != nil {
		return document{}, err
	}
	if said.Value == nil {
		return document{}, refused(secretref.Refused, "%s answers without a value", a.host)
	}
	return document{text: *said.Value}, nil
}

// audience is whom tokens for a vault are for: the service in the cloud of Azure that the vault is in.
func audience(vault string) string {
	for _, suffix := range []string{"vault.azure.cn", "vault.usgovcloudapi.net"} {
		if u, err := url.Parse(vault); err == nil && strings.HasSuffix(u.Hostname(), "."+suffix) {
			return "https://" + suffix
		}
	}
	return "https://vault.azure.net"
}

// token exchanges the token of the account for one of Azure.
func (s *azureStore) token(ctx context.Context) (string, error) {
	if s.known != "" {
		return s.known, nil
	}
	tenant, client, file := s.o.Env("AZURE_TENANT_ID"), s.o.Env("AZURE_CLIENT_ID"), s.o.Env("AZURE_FEDERATED_TOKEN_FILE")
	authority := strings.TrimSuffix(cmp.Or(s.o.Env("AZURE_AUTHORITY_HOST"), azureAuthority), "/")
	switch {
	case file == "" || !azureID.MatchString(tenant) || !azureID.MatchString(client):
		return "", refused(secretref.NoIdentity, "the pod has no workload identity of Azure: its service account needs the annotation %s", v1alpha1.AnnotationAzure)
	case !secretref.Secure(authority):
		return "", refused(secretref.NoIdentity, "AZURE_AUTHORITY_HOST is no https address")
	}
	assertion, err := s.o.token(file)
	if err != nil {
		return "", err
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {client}, "scope": {audience(s.declared.URL) + "/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, authority+"/"+url.PathEscape(tenant)+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := call(s.client, req)
	if err != nil {
		return "", err
	}
	var said struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := a.decode(&said); err != nil || said.Token == "" || a.status != http.StatusOK {
		return "", refused(secretref.NoIdentity, "%s", a.says(said.Error))
	}
	s.known = said.Token
	return said.Token, nil
}
