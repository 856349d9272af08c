// SPDX-License-Identifier: Apache-2.0

package signontest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"
)

// DeviceClient is what a [DeviceIssuer] knows the command line by.
const DeviceClient = "trunkline-cli"

// DeviceIssuer is an issuer with the flow for devices (RFC 8628), which mockoidc has not: someone enters the code between the first and
// the second question for a token.
type DeviceIssuer struct {
	*httptest.Server

	mail string
	life time.Duration
	key  *mockoidc.Keypair

	mu    sync.Mutex
	asked map[string]int
}

// StartDevice starts an issuer whose only user is one of a mail address, and whose tokens are good for so long.
func StartDevice(t *testing.T, mail string, life time.Duration) *DeviceIssuer {
	t.Helper()
	key, err := mockoidc.RandomKeypair(2048)
	if err != nil {
		t.Fatal(err)
	}
	d := &DeviceIssuer{mail: mail, life: life, key: key, asked: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{
			"issuer": d.URL, "authorization_endpoint": d.URL + "/authorize", "token_endpoint": d.URL + "/token", "jwks_uri": d.URL + "/keys",
			"device_authorization_endpoint": d.URL + "/device", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		keys, err := key.JWKS()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(keys)
	})
	mux.HandleFunc("POST /device", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("client_id") != DeviceClient || r.FormValue("code_challenge") == "" {
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_client"})
			return
		}
		answer(w, http.StatusOK, map[string]any{
			"device_code": "device", "user_code": "WDJB-MJHT", "verification_uri": d.URL + "/enter", "expires_in": 60, "interval": 1,
		})
	})
	mux.HandleFunc("POST /token", d.token)
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	return d
}

// Asked is how often a token was asked for in a way.
func (d *DeviceIssuer) Asked(grant string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[grant]
}

func (d *DeviceIssuer) token(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	grant := r.FormValue("grant_type")
	d.asked[grant]++
	device := grant == "urn:ietf:params:oauth:grant-type:device_code" && r.FormValue("device_code") == "device" && r.FormValue("code_verifier") != ""
	switch {
	case device && d.asked[grant] == 1:
		answer(w, http.StatusBadRequest, map[string]any{"error": "authorization_pending"})
		return
	case !device && (grant != "refresh_token" || r.FormValue("refresh_token") != "refresh"):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now := time.Now() //nolint:forbidigo // an issuer has the time of day
	id, err := d.key.SignJWT(jwt.MapClaims{
		"iss": d.URL, "sub": d.mail, "aud": DeviceClient, "iat": now.Unix(), "exp": now.Add(d.life).Unix(), "email": d.mail, "email_verified": true,
	})
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]any{"error": "server_error"})
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": "access", "token_type": "Bearer", "expires_in": int(d.life.Seconds()), "refresh_token": "refresh", "id_token": id,
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever does not get it fails
}
