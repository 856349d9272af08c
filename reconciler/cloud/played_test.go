// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"k8s.io/client-go/rest"
)

// door is the API server of a cluster of a cloud: it signs on whom the cloud vouches for, and passes what they ask for on.
type door struct {
	*httptest.Server

	mu   sync.Mutex
	seen []string // tokens
}

// newDoor opens one in front of an API server; nil: it says its version only.
func newDoor(t *testing.T, behind *rest.Config, known func(token string) bool) *door {
	t.Helper()
	var pass http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"gitVersion":"v1.36.3"}`) })
	if behind != nil {
		to, err := url.Parse(behind.Host)
		if err != nil {
			t.Fatal(err)
		}
		transport, err := rest.TransportFor(behind)
		if err != nil {
			t.Fatal(err)
		}
		pass = &httputil.ReverseProxy{Transport: transport, FlushInterval: -1, ErrorLog: quiet, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Authorization")
		}}
	}
	d := &door{}
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		d.mu.Lock()
		d.seen = append(d.seen, token)
		d.mu.Unlock()
		if !bearer || !known(token) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401}`)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	d.Config.ErrorLog = quiet
	d.StartTLS()
	t.Cleanup(d.Close)
	return d
}

var quiet = log.New(io.Discard, "", 0)

// tokens are those that were shown at the door, each once, in their order.
func (d *door) tokens() (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.seen {
		if len(out) == 0 || out[len(out)-1] != t {
			out = append(out, t)
		}
	}
	return out
}

// authority is that of the door's certificate, in PEM and then in base64, as clouds say it.
func (d *door) authority() string {
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}))
}

// mint makes tokens, each another one, and knows those that are good.
type mint struct {
	mu    sync.Mutex
	made  int
	good  map[string]bool
	fails bool
}

func (m *mint) next() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.good == nil {
		m.good = map[string]bool{}
	}
	m.made++
	t := fmt.Sprintf("t0ken-%d", m.made)
	m.good[t] = true
	return t
}

func (m *mint) knows(token string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.good[token]
}

// revoke has no token be good that was made until now.
func (m *mint) revoke() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.good = map[string]bool{}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // it is what a test plays
}

// made makes clouds with the clock and the environment of the test.
func made(o Options) *Clouds {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Env = os.Getenv
	return New(o)
}

type object = map[string]any

// noIdentity takes away what the environment of whoever runs the test has.
func noIdentity(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ENDPOINT_URL",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "GOOGLE_APPLICATION_CREDENTIALS",
		"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST",
	} {
		t.Setenv(name, "")
	}
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1", "HOME": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
}

// playEKS is EKS: who asks has to have signed with these credentials; without a key, with some.
func playEKS(t *testing.T, key, secret string, d func() *door) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		again := httptest.NewRequest(r.Method, "http://"+r.Host+r.URL.RequestURI(), nil)
		who := aws.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: r.Header.Get("X-Amz-Security-Token")}
		const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // the hash of no body
		if err == nil {
			err = v4.NewSigner().SignHTTP(r.Context(), who, again, nothing, "eks", "eu-west-1", at)
		}
		switch {
		case err != nil || key == "" && r.Header.Get("X-Amz-Security-Token") == "" || key != "" && again.Header.Get("Authorization") != r.Header.Get("Authorization"):
			answer(w, http.StatusForbidden, object{"message": "The request signature we calculated does not match the signature you provided."})
		case r.URL.Path != "/clusters/prod":
			answer(w, http.StatusNotFound, object{"message": "No cluster found for name: other."})
		default:
			answer(w, http.StatusOK, object{"cluster": object{"endpoint": d().URL, "status": "ACTIVE", "certificateAuthority": object{"data": d().authority()}}})
		}
	})
}

// playMetadata is the server of a machine of Google Cloud, with tokens of a mint.
func playMetadata(t *testing.T, m *mint) {
	t.Helper()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		switch {
		case r.Header.Get("Metadata-Flavor") != "Google":
			w.WriteHeader(http.StatusForbidden)
		case strings.HasSuffix(r.URL.Path, "/service-accounts/default/token"):
			answer(w, http.StatusOK, object{"access_token": m.next(), "expires_in": 3600, "token_type": "Bearer"})
		case strings.HasSuffix(r.URL.Path, "/project/project-id"):
			_, _ = io.WriteString(w, "acme")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(at, "http://"))
}

// playGKE is the API of containers of Google Cloud.
func playGKE(t *testing.T, m *mint, d func() *door) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		m.mu.Lock()
		fails := m.fails
		m.mu.Unlock()
		switch {
		case fails:
			answer(w, http.StatusServiceUnavailable, object{})
		case !m.knows(token):
			answer(w, http.StatusForbidden, object{"error": object{"code": 403, "message": "Required \"container.clusters.get\" permission"}})
		case r.URL.Path != "/v1/projects/acme/locations/europe-west1/clusters/prod":
			answer(w, http.StatusNotFound, object{"error": object{"message": "Not found"}})
		default: // without a scheme, as it is
			answer(w, http.StatusOK, object{"endpoint": strings.TrimPrefix(d().URL, "https://"), "status": "RUNNING", "masterAuth": object{"clusterCaCertificate": d().authority()}})
		}
	})
}

// kubeconfigOf is what Azure says of a cluster. Its user runs a program, unless it is not of Entra ID.
func kubeconfigOf(d *door, user string) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: %s}]
`, d.URL, d.authority(), user))
}

const kubelogin = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: kubelogin, interactiveMode: Never}}"

// playAzure is Azure: where tokens are exchanged, and where clusters are asked for. It sets the environment that AKS gives a pod.
func playAzure(t *testing.T, m *mint, d func() *door, user string) (api string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("assert10n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	authority := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/tenant/oauth2/v2.0/token" || r.PostFormValue("grant_type") != "client_credentials":
			answer(w, http.StatusBadRequest, object{"error": "invalid_request", "error_description": "AADSTS90002: Tenant not found."})
		case r.PostFormValue("client_assertion") != "assert10n" || r.PostFormValue("client_id") != "client":
			answer(w, http.StatusUnauthorized, object{"error": "invalid_client", "error_description": "AADSTS70021: No matching federated identity record found."})
		default:
			answer(w, http.StatusOK, object{"token_type": "Bearer", "expires_in": 86399, "access_token": r.PostFormValue("scope") + " " + m.next()})
		}
	})
	for name, value := range map[string]string{"AZURE_CLIENT_ID": "client", "AZURE_TENANT_ID": "tenant", "AZURE_FEDERATED_TOKEN_FILE": file, "AZURE_AUTHORITY_HOST": authority + "/"} {
		t.Setenv(name, value)
	}
	return playARM(t, m, d, user)
}

func playARM(t *testing.T, m *mint, d func() *door, user string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		token, ours := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer https://management.azure.com/.default ")
		switch {
		case !ours || !m.knows(token):
			answer(w, http.StatusForbidden, object{"error": object{"code": "AuthorizationFailed", "message": "The client does not have authorization"}})
		case r.Method != http.MethodPost || r.URL.Path != "/subscriptions/"+subscription+"/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/prod/listClusterUserCredential":
			answer(w, http.StatusNotFound, object{"error": object{"message": "Not found"}})
		default:
			answer(w, http.StatusOK, object{"kubeconfigs": []object{{"name": "clusterUser", "value": kubeconfigOf(d(), user)}}})
		}
	})
}

// aksKnows reports whether a token is one for API servers of AKS.
func (m *mint) aksKnows(token string) bool {
	t, ours := strings.CutPrefix(token, aksResource+"/.default ")
	return ours && m.knows(t)
}
