// SPDX-License-Identifier: Apache-2.0

package secrets_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	// value is what nothing may say, and chatter is what a server says of a failure in its own words, which may hold anything.
	value   = "s3cr3t-of-orders"
	chatter = "no, and by the way it is " + value
	// jwt is the token of the account of the pod.
	jwt = "the-token-of-the-account"
)

// world are the stores of a test, and how they are.
type world struct {
	t *testing.T
	// busy is how many of the next requests are answered with 503.
	busy atomic.Int32
	// asked counts the requests.
	asked atomic.Int32
	// left is set once Vault was told that its token is not needed any more.
	left  atomic.Bool
	files map[string]string
	env   map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, files: map[string]string{"/token": jwt}, env: map[string]string{}}
}

// serve starts a server that is busy as the world has it.
func (w *world) serve(start func(*httptest.Server), handle http.HandlerFunc) *httptest.Server {
	w.t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		if w.busy.Add(-1) >= 0 {
			http.Error(rw, chatter, http.StatusServiceUnavailable)
			return
		}
		handle(rw, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(s)
	w.t.Cleanup(s.Close)
	return s
}

func says(rw http.ResponseWriter, status int, what any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	data, err := json.Marshal(what)
	if err != nil {
		panic(err) // of what the tests have it always can
	}
	_, _ = rw.Write(data)
}

type object = map[string]any

// playAWS plays Secrets Manager and the Parameter Store, which know one key, and verify what is signed.
func (w *world) playAWS() string {
	fails := func(rw http.ResponseWriter, code string) {
		says(rw, http.StatusBadRequest, object{"__type": "com.amazonaws#" + code, "message": chatter})
	}
	return w.serve((*httptest.Server).Start, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		service := map[string]string{"secretsmanager.GetSecretValue": "secretsmanager", "AmazonSSM.GetParameter": "ssm"}[r.Header.Get("X-Amz-Target")]
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		again, _ := http.NewRequest(r.Method, "http://"+r.Host+r.URL.Path, strings.NewReader(string(body)))
		for _, name := range []string{"Content-Type", "X-Amz-Target"} {
			again.Header.Set(name, r.Header.Get(name))
		}
		sum := sha256.Sum256(body)
		if err != nil || v4.NewSigner().SignHTTP(r.Context(), aws.Credentials{AccessKeyID: "AKIAPOD", SecretAccessKey: "key"}, again, hex.EncodeToString(sum[:]), service, "eu-west-1", at) != nil ||
			again.Header.Get("Authorization") != r.Header.Get("Authorization") {
			fails(rw, "UnrecognizedClientException")
			return
		}
		var in struct{ SecretId, VersionStage, VersionId, Name string }
		_ = json.Unmarshal(body, &in)
		switch name := in.SecretId + in.Name; {
		case name == "orders/db" && in.VersionStage == "" && in.VersionId == "":
			says(rw, http.StatusOK, object{"SecretString": `{"password": "` + value + `", "port": 5432, "nothing": null}`})
		case name == "orders/db" && in.VersionStage == "AWSPREVIOUS":
			says(rw, http.StatusOK, object{"SecretString": `{"password": "the one before"}`})
		case name == "orders/binary":
			says(rw, http.StatusOK, object{"SecretBinary": base64.StdEncoding.EncodeToString([]byte("a\x00b"))})
		case name == "/orders/password":
			says(rw, http.StatusOK, object{"Parameter": object{"Value": value}})
		case name == "/orders/password:3":
			says(rw, http.StatusOK, object{"Parameter": object{"Value": "the third"}})
		case name == "/orders/denied", name == "orders/denied":
			fails(rw, "AccessDeniedException")
		case name == "orders/busy":
			fails(rw, "ThrottlingException")
		case name == "orders/odd":
			fails(rw, "SomethingNew")
		case in.Name != "":
			fails(rw, "ParameterNotFound")
		default:
			fails(rw, "ResourceNotFoundException")
		}
	}).URL
}

// playAzure plays a vault of Azure, and who gives tokens for it.
func (w *world) playAzure() string {
	return w.serve((*httptest.Server).Start, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/tenant-1/oauth2/v2.0/token" {
			if r.FormValue("client_id") != "client-1" || r.FormValue("client_assertion") != jwt || r.FormValue("scope") != "https://vault.azure.net/.default" ||
				r.FormValue("grant_type") != "client_credentials" {
				says(rw, http.StatusBadRequest, object{"error": "unauthorized_client", "error_description": chatter})
				return
			}
			says(rw, http.StatusOK, object{"access_token": "azure-token", "expires_in": 3600})
			return
		}
		fails := func(status int, code string) {
			says(rw, status, object{"error": object{"code": code, "message": chatter}})
		}
		switch path := r.URL.Path; {
		case r.Header.Get("Authorization") != "Bearer azure-token" || r.URL.Query().Get("api-version") != "7.4":
			fails(http.StatusUnauthorized, "Unauthorized")
		case path == "/secrets/orders-db":
			says(rw, http.StatusOK, object{"value": value, "id": "x"})
		case path == "/secrets/orders-db/"+strings.Repeat("a", 32):
			says(rw, http.StatusOK, object{"value": "an older one"})
		case path == "/secrets/denied":
			fails(http.StatusForbidden, "Forbidden")
		default:
			fails(http.StatusNotFound, "SecretNotFound")
		}
	}).URL
}

// playGoogle plays Secret Manager, and the server of metadata that knows the account of the pod.
func (w *world) playGoogle(known bool) string {
	metadata := w.serve((*httptest.Server).Start, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Metadata-Flavor", "Google")
		switch {
		case strings.HasSuffix(r.URL.Path, "/token") && known:
			says(rw, http.StatusOK, object{"access_token": "google-token", "expires_in": 3600, "token_type": "Bearer"})
		case strings.HasSuffix(r.URL.Path, "/token"):
			http.Error(rw, chatter, http.StatusForbidden)
		default:
			_, _ = io.WriteString(rw, "acme-prod")
		}
	})
	w.t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(metadata.URL, "http://"))
	w.t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	w.t.Setenv("HOME", w.t.TempDir())
	return w.serve((*httptest.Server).Start, func(rw http.ResponseWriter, r *http.Request) {
		fails := func(status int, code string) {
			says(rw, status, object{"error": object{"status": code, "message": chatter}})
		}
		payload := func(text, sum string) {
			says(rw, http.StatusOK, object{"payload": object{"data": base64.StdEncoding.EncodeToString([]byte(text)), "dataCrc32c": sum}})
		}
		switch path := strings.TrimPrefix(r.URL.Path, "/v1/projects/acme-prod/secrets/"); {
		case r.Header.Get("Authorization") != "Bearer google-token":
			fails(http.StatusUnauthorized, "UNAUTHENTICATED")
		case path == "orders-db/versions/latest:access":
			payload(value, crcOf(value))
		case path == "orders-db/versions/3:access":
			payload("the third", "")
		case path == "changed/versions/latest:access":
			payload(value, "7")
		case path == "disabled/versions/latest:access":
			fails(http.StatusBadRequest, "FAILED_PRECONDITION")
		case path == "denied/versions/latest:access":
			fails(http.StatusForbidden, "PERMISSION_DENIED")
		default:
			fails(http.StatusNotFound, "NOT_FOUND")
		}
	}).URL
}

// playVault plays a server of Vault with its own certificate, which is returned in PEM. Roles are "orders", and "nobody" that it does not know.
func (w *world) playVault() (address, certificate string) {
	s := w.serve((*httptest.Server).StartTLS, func(rw http.ResponseWriter, r *http.Request) {
		fails := func(status int) { says(rw, status, object{"errors": []string{chatter}}) }
		if r.Header.Get("X-Vault-Namespace") != "acme" {
			fails(http.StatusForbidden)
			return
		}
		if r.URL.Path == "/v1/auth/clusters/prod/login" {
			var in struct{ Role, JWT string }
			_ = json.NewDecoder(r.Body).Decode(&in)
			if r.Method != http.MethodPost || in.Role != "orders" || in.JWT != jwt {
				fails(http.StatusBadRequest)
				return
			}
			says(rw, http.StatusOK, object{"auth": object{"client_token": "vault-token"}})
			return
		}
		v1 := object{"password": value, "port": 5432, "": nil}
		v2 := func(data any) object {
			return object{"data": object{"data": data, "metadata": object{"version": 3}}}
		}
		switch path := r.URL.Path; {
		case r.Header.Get("X-Vault-Token") != "vault-token":
			fails(http.StatusForbidden)
		case path == "/v1/auth/token/revoke-self" && r.Method == http.MethodPost:
			w.left.Store(true)
			rw.WriteHeader(http.StatusNoContent)
		case path == "/v1/old/orders/db":
			says(rw, http.StatusOK, object{"data": v1})
		case path == "/v1/secret/data/orders/db" && r.URL.Query().Get("version") == "2":
			says(rw, http.StatusOK, v2(object{"password": "the second"}))
		case path == "/v1/secret/data/orders/db" && r.URL.RawQuery == "":
			says(rw, http.StatusOK, v2(v1))
		case path == "/v1/old/data/orders/db":
			says(rw, http.StatusOK, object{"data": v1})
		case path == "/v1/secret/data/orders/gone":
			says(rw, http.StatusOK, v2(nil))
		case path == "/v1/secret/data/orders/away":
			rw.Header().Set("Location", "https://elsewhere.example/")
			rw.WriteHeader(http.StatusTemporaryRedirect)
		case path == "/v1/secret/data/denied":
			fails(http.StatusForbidden)
		default:
			fails(http.StatusNotFound)
		}
	})
	return s.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

func (w *world) read(file string) ([]byte, error) {
	text, ok := w.files[file]
	if !ok {
		return nil, fmt.Errorf("open %s: no such file", file)
	}
	return []byte(text), nil
}
