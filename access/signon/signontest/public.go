// SPDX-License-Identifier: Apache-2.0

package signontest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"
)

// PublicClient is what a [PublicIssuer] knows the command line by.
const PublicClient = "trunkline-cli"

// PublicIssuer is an issuer for a client without a secret, which mockoidc has none of. Its one user signs on at once in a browser; with the
// flow for devices (RFC 8628) they enter the code between the first and the second question for a token.
type PublicIssuer struct {
	*httptest.Server

	mail string
	life time.Duration
	key  *mockoidc.Keypair

	mu    sync.Mutex
	asked map[string]int
	// challenge is what the code that was given belongs to.
	challenge string
}

// StartPublic starts an issuer whose only user is one of a mail address, and whose tokens are good for so long; with the flow for devices,
// or without it.
func StartPublic(t *testing.T, mail string, life time.Duration, devices bool) *PublicIssuer {
	t.Helper()
	key, err := mockoidc.RandomKeypair(2048)
	if err != nil {
		t.Fatal(err)
	}
	d := &PublicIssuer{mail: mail, life: life, key: key, asked: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		about := map[string]any{
			"issuer": d.URL, "authorization_endpoint": d.URL + "/authorize", "token_endpoint": d.URL + "/token", "jwks_uri": d.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid", "email", "offline_access"},
		}
		if devices {
			about["device_authorization_endpoint"] = d.URL + "/device"
		}
		answer(w, http.StatusOK, about)
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
		if r.FormValue("client_id") != PublicClient || r.FormValue("code_challenge") == "" {
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_client"})
			return
		}
		answer(w, http.StatusOK, map[string]any{
			"device_code": "device", "user_code": "WDJB-MJHT", "verification_uri": d.URL + "/enter", "expires_in": 60, "interval": 1,
		})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		d.mu.Lock()
		d.challenge = q.Get("code_challenge")
		d.mu.Unlock()
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"code"}, "state": {q.Get("state")}}.Encode(), http.StatusFound) //nolint:gosec // an issuer in a test, which sends to whoever asks
	})
	mux.HandleFunc("POST /token", d.token)
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	return d
}

// Asked is how often a token was asked for in a way.
func (d *PublicIssuer) Asked(grant string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[grant]
}

func (d *PublicIssuer) token(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	grant := r.FormValue("grant_type")
	d.asked[grant]++
	proof := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	code := grant == "authorization_code" && r.FormValue("code") == "code" && base64.RawURLEncoding.EncodeToString(proof[:]) == d.challenge
	device := grant == "urn:ietf:params:oauth:grant-type:device_code" && r.FormValue("device_code") == "device" && r.FormValue("code_verifier") != ""
	switch {
	case device && d.asked[grant] == 1:
		answer(w, http.StatusBadRequest, map[string]any{"error": "authorization_pending"})
		return
	case !device && !code && (grant != "refresh_token" || r.FormValue("refresh_token") != "refresh"):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now := time.Now() //nolint:forbidigo // an issuer has the time of day
	id, err := d.key.SignJWT(jwt.MapClaims{
		"iss": d.URL, "sub": d.mail, "aud": PublicClient, "iat": now.Unix(), "exp": now.Add(d.life).Unix(), "email": d.mail, "email_verified": true,
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
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // whoever does not get it fails
}
