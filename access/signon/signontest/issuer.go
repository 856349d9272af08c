// SPDX-License-Identifier: Apache-2.0

// Package signontest is an issuer of OpenID Connect for tests, mockoidc, whose tokens can be forged in many ways.
//
// It imports nothing of Trunkline.
package signontest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"
)

// Issuer is one that runs until its test ends.
type Issuer struct {
	*mockoidc.MockOIDC

	t *testing.T
}

// Start starts an issuer.
func Start(t *testing.T) *Issuer {
	t.Helper()
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Shutdown() })
	return &Issuer{m, t}
}

// Next is who signs on next.
func (i *Issuer) Next(mail string, groups ...string) {
	i.QueueUser(&mockoidc.MockUser{Subject: mail, Email: mail, EmailVerified: true, Groups: groups})
}

// Claims are those of a good token of someone, with changes; a nil takes one away.
func (i *Issuer) Claims(mail string, changes map[string]any) jwt.MapClaims {
	now := time.Now() //nolint:forbidigo // an issuer has the time of day
	c := jwt.MapClaims{
		"iss": i.Issuer(), "sub": mail, "aud": i.ClientID, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "email": mail, "email_verified": true,
		"groups": []string{"team-orders"},
	}
	maps.Copy(c, changes)
	for name, value := range c {
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

// Token is a token of someone that the issuer has signed.
func (i *Issuer) Token(mail string, changes map[string]any) string {
	i.t.Helper()
	token, err := i.Keypair.SignJWT(i.Claims(mail, changes))
	if err != nil {
		i.t.Fatal(err)
	}
	return token
}

// SignedBy is a token that says it is of the issuer, and that another key has signed.
func (i *Issuer) SignedBy(key *mockoidc.Keypair, mail string) string {
	i.t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, i.Claims(mail, nil))
	kid, err := i.Keypair.KeyID()
	if err != nil {
		i.t.Fatal(err)
	}
	token.Header["kid"] = kid
	signed, err := token.SignedString(key.PrivateKey)
	if err != nil {
		i.t.Fatal(err)
	}
	return signed
}

// Unsigned is a token without a signature, and Symmetric one that is signed with the public key as if both sides knew it alone.
func (i *Issuer) Unsigned(mail string) string {
	return i.assemble(map[string]any{"alg": "none", "typ": "JWT"}, mail, func(string) []byte { return nil })
}

// Symmetric is a token that is signed with the public key, as if it were a secret that both sides know.
func (i *Issuer) Symmetric(mail string) string {
	i.t.Helper()
	public, err := i.Keypair.JWKS()
	if err != nil {
		i.t.Fatal(err)
	}
	kid, err := i.Keypair.KeyID()
	if err != nil {
		i.t.Fatal(err)
	}
	return i.assemble(map[string]any{"alg": "HS256", "typ": "JWT", "kid": kid}, mail, func(text string) []byte {
		mac := hmac.New(sha256.New, public)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	})
}

func (i *Issuer) assemble(header map[string]any, mail string, sign func(text string) []byte) string {
	i.t.Helper()
	var parts []string
	for _, part := range []any{header, i.Claims(mail, nil)} {
		data, err := json.Marshal(part)
		if err != nil {
			i.t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(data))
	}
	text := strings.Join(parts, ".")
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
}

// Rotate has the issuer sign with another key from now on, and forget the one before.
func (i *Issuer) Rotate() {
	i.t.Helper()
	key, err := mockoidc.RandomKeypair(2048)
	if err != nil {
		i.t.Fatal(err)
	}
	i.Keypair = key
}
