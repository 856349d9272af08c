// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// Role is what someone may do in Airflow: each may do what those before it may.
type Role string

// The roles of Airflow's simple auth manager.
const (
	// Viewer sees everything but connections and variables.
	Viewer Role = "VIEWER"
	// User runs, clears and pauses DAGs, too.
	User Role = "USER"
	// Op changes connections, variables, pools and assets, too.
	Op Role = "OP"
	// Admin may do everything.
	Admin Role = "ADMIN"
)

const (
	// TokenLife is how long a token is good: for one request, and clocks that differ.
	TokenLife = time.Minute
	// audience is whom Airflow's tokens are for, unless it is configured otherwise.
	audience = "apache-airflow"
)

// Token makes the token by which Airflow takes someone for who they are. The key is that of its API server.
func Token(key, subject string, role Role, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{
		"sub": subject, "role": role, "aud": audience, "iat": now.Unix(), "nbf": now.Add(-TokenLife).Unix(), "exp": now.Add(TokenLife).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("making a token for Airflow: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS512","typ":"JWT"}`)) + "." + encode(claims)
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil)), nil
}
