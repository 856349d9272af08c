// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// aksResource is what tokens for API servers of AKS are for, the same in all clouds of Azure.
	aksResource = "6dae42f8-4368-4678-94ff-3960e28e3630"
	// armVersion is the version of the API of Azure's resources that is asked.
	armVersion = "2024-09-01"
	// imds is where a machine of Azure asks for the tokens of its identity.
	imds = "http://169.254.169.254/metadata/identity/oauth2/token"
	// maxAssertion bounds the file with the token of the pod, in bytes.
	maxAssertion = 64 << 10
)

const noAzure = "this process has no identity in Azure (%w): give its pod a workload identity, or its machine a managed one; docs/clouds.md says how"

// azureCloud is one of Azure's clouds: where tokens come from, and where its resources are.
type azureCloud struct{ authority, resources string }

// azureClouds are those that there are, by a part of their authority's host. The first is the public one.
var azureClouds = []struct {
	part string
	azureCloud
}{
	{"microsoftonline.com", azureCloud{"https://login.microsoftonline.com", "https://management.azure.com"}},
	{"chinacloudapi.cn", azureCloud{"https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn"}},
	{"microsoftonline.us", azureCloud{"https://login.microsoftonline.us", "https://management.usgovcloudapi.net"}},
}

// azureAccount is who we are in Azure: the workload identity of the pod, if the cluster gave it one, or the managed one of the machine.
type azureAccount struct {
	clouds *Clouds
	client string
	// The environment, as AKS sets it for a pod with an identity.
	envClient, tenant, file, authority string

	mu sync.Mutex
	// known is a token for Azure's resources.
	known *oauth2.Token
}

// azureAccount returns the one of a client id. The caller holds the lock.
func (c *Clouds) azureAccount(client string) *azureAccount {
	if c.azure[client] == nil {
		c.azure[client] = &azureAccount{
			clouds: c, client: client, envClient: c.env("AZURE_CLIENT_ID"), tenant: c.env("AZURE_TENANT_ID"), file: c.env("AZURE_FEDERATED_TOKEN_FILE"),
			authority: strings.TrimSuffix(c.env("AZURE_AUTHORITY_HOST"), "/"),
		}
	}
	return c.azure[client]
}

// cloud is the one that the authority is of.
func (a *azureAccount) cloud() azureCloud {
	for _, known := range azureClouds {
		if strings.Contains(a.authority, known.part) {
			return known.azureCloud
		}
	}
	out := azureClouds[0].azureCloud
	out.authority = cmp.Or(a.authority, out.authority)
	return out
}

// token makes another one each time: who asks has kept the one before, and it has ended or was refused.
func (a *azureAccount) token(ctx context.Context, _ Ref) (*oauth2.Token, error) {
	return a.made(ctx, aksResource)
}

// resources returns a token for Azure's resources, which is kept until shortly before its end.
func (a *azureAccount) resources(ctx context.Context) (*oauth2.Token, error) {
	a.mu.Lock()
	known := a.known
	a.mu.Unlock()
	if known != nil && a.clouds.now().Before(known.Expiry.Add(-early)) {
		return known, nil
	}
	t, err := a.made(ctx, a.cloud().resources)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.known = t
	a.mu.Unlock()
	return t, nil
}

// made asks for a token for something.
func (a *azureAccount) made(ctx context.Context, resource string) (*oauth2.Token, error) {
	ask := a.managed
	if a.file != "" {
		ask = a.federated
	}
	req, err := ask(ctx, resource)
	if err != nil {
		return nil, fmt.Errorf(noAzure, err)
	}
	var said struct {
		Token   string      `json:"access_token"`
		Expires json.Number `json:"expires_in"`
	}
	asked := a.clouds.now()
	if err := call(a.clouds.client, req, &said); err != nil {
		return nil, fmt.Errorf(noAzure, err)
	}
	seconds, err := strconv.Atoi(said.Expires.String())
	if err != nil || said.Token == "" {
		return nil, fmt.Errorf(noAzure, errors.New("the answer has no token"))
	}
	return &oauth2.Token{AccessToken: said.Token, Expiry: asked.Add(time.Duration(seconds) * time.Second)}, nil
}

// federated exchanges the token of the pod, which its cluster renews in the file.
func (a *azureAccount) federated(ctx context.Context, resource string) (*http.Request, error) {
	client := cmp.Or(a.client, a.envClient)
	if client == "" || !plainName.MatchString(a.tenant) {
		return nil, errors.New("AZURE_FEDERATED_TOKEN_FILE is set, and AZURE_CLIENT_ID or AZURE_TENANT_ID is not")
	}
	authority := a.cloud().authority
	if !secure(authority) {
		return nil, fmt.Errorf("AZURE_AUTHORITY_HOST %q is no https address", authority)
	}
	info, err := os.Stat(a.file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxAssertion {
		return nil, fmt.Errorf("%s is too large for a token", a.file)
	}
	assertion, err := os.ReadFile(a.file)
	if err != nil {
		return nil, err
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {client}, "scope": {resource + "/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {strings.TrimSpace(string(assertion))},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, authority+"/"+a.tenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}

// managed asks the machine for the token of its identity.
func (a *azureAccount) managed(ctx context.Context, resource string) (*http.Request, error) {
	query := url.Values{"api-version": {"2018-02-01"}, "resource": {resource}}
	if client := cmp.Or(a.client, a.envClient); client != "" {
		query.Set("client_id", client)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, imds+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Metadata", "true")
	return req, nil
}

// place asks Azure for the kubeconfig of a user, of which where the cluster is counts alone.
func (a *azureAccount) place(ctx context.Context, ref Ref) (place, error) {
	resources := cmp.Or(ref.API, a.cloud().resources)
	t, err := a.resources(ctx)
	if err != nil {
		return place{}, err
	}
	address := fmt.Sprintf("%s/subscriptions/%s/resourceGroups/%s/providers/Microsoft.ContainerService/managedClusters/%s/listClusterUserCredential?api-version=%s",
		strings.TrimSuffix(resources, "/"), url.PathEscape(ref.Owner), url.PathEscape(ref.Place), url.PathEscape(ref.Cluster), armVersion)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, http.NoBody)
	if err != nil {
		return place{}, err
	}
	req.Header.Set("Authorization", "Bearer "+t.AccessToken)
	var said struct {
		Kubeconfigs []struct {
			Value string `json:"value"`
		} `json:"kubeconfigs"`
	}
	err = call(a.clouds.client, req, &said)
	refused, ok := errors.AsType[*refusedError](err)
	switch {
	case ok && refused.code == http.StatusForbidden:
		return place{}, fmt.Errorf(`%w; the identity needs the role "Azure Kubernetes Service Cluster User Role" on the cluster`, err)
	case err != nil:
		return place{}, err
	case len(said.Kubeconfigs) == 0:
		return place{}, errors.New("there is no kubeconfig for it")
	}
	text, err := base64.StdEncoding.DecodeString(said.Kubeconfigs[0].Value)
	if err != nil {
		return place{}, errors.New("the kubeconfig that Azure has for it cannot be read")
	}
	return placeIn(text)
}

// placeIn reads where a cluster is from a kubeconfig. What it says of credentials is for people, and is not used.
func placeIn(text []byte) (place, error) {
	file, err := clientcmd.Load(text)
	if err != nil {
		return place{}, errors.New("the kubeconfig that Azure has for it cannot be read") // the error may repeat what is in it
	}
	at := file.Contexts[file.CurrentContext]
	if at == nil || file.Clusters[at.Cluster] == nil {
		return place{}, errors.New("the kubeconfig that Azure has for it names no cluster")
	}
	if user := file.AuthInfos[at.AuthInfo]; user != nil && user.Exec == nil && user.AuthProvider == nil {
		return place{}, errors.New("it does not sign people on by Microsoft Entra ID, without which an identity is worth nothing there: az aks update --enable-aad")
	}
	found := file.Clusters[at.Cluster]
	if len(found.CertificateAuthorityData) == 0 {
		return place{}, errors.New("the kubeconfig that Azure has for it names no authority")
	}
	return place{found.Server, found.CertificateAuthorityData}, nil
}

// acrUser is what ACR calls whoever signs on with a token.
const acrUser = "00000000-0000-0000-0000-000000000000"

// login is who we are for a registry of Azure, which exchanges our token for its own.
func (a *azureAccount) login(ctx context.Context, host string) (login, error) {
	t, err := a.resources(ctx)
	if err != nil {
		return login{}, err
	}
	form := url.Values{"grant_type": {"access_token"}, "service": {host}, "access_token": {t.AccessToken}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/oauth2/exchange", strings.NewReader(form.Encode()))
	if err != nil {
		return login{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var said struct {
		Token string `json:"refresh_token"`
	}
	if err := call(a.clouds.client, req, &said); err != nil {
		return login{}, err
	}
	if said.Token == "" {
		return login{}, fmt.Errorf("%s gives no token", host)
	}
	return login{acrUser, said.Token, t.Expiry}, nil // it is good for three hours, and what it was made with may not be
}
