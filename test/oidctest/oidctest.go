// SPDX-License-Identifier: Apache-2.0

// Package oidctest runs an issuer of OpenID Connect for tests: the provider of zitadel/oidc, which is certified, with its pages for signing
// on, its flow for devices, and tokens that can be forged.
//
// It imports nothing of Trunkline.
package oidctest

import (
	"context"
	"log/slog"
	"maps"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	// WebClient is what the issuer knows a daemon by.
	WebClient = "trunkline"
	// WebSecret is the secret of the daemon.
	WebSecret = "the-secret-of-the-daemon"
	// CLIClient is what it knows the command line by, which has no secret.
	CLIClient = "trunkline-cli"
	// Password is everybody's.
	Password = "correct-horse-battery"
)

// Issuer is one that runs until its test ends.
type Issuer struct {
	*httptest.Server

	t     *testing.T
	store *store
}

// Start starts an issuer for people by their mail addresses, which are also what they sign on with, each with groups. A daemon is reached
// at the redirect URIs.
func Start(t *testing.T, groups map[string][]string, redirects ...string) *Issuer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String()
	s := &store{
		Storage: storage.NewStorageWithClients(users(groups), map[string]*storage.Client{
			WebClient: storage.WebClient(WebClient, WebSecret, redirects...),
			CLIClient: storage.NativeClient(CLIClient, "http://127.0.0.1/callback"),
		}),
		groups: groups,
	}
	server.Config.Handler = exampleop.SetupServer(issuer, s, slog.New(slog.DiscardHandler), false)
	server.Start()
	t.Cleanup(server.Close)
	return &Issuer{server, t, s}
}

// Token is a token of someone that the issuer has signed, with changes to its claims; a nil takes one away.
func (i *Issuer) Token(mail string, changes map[string]any) string {
	i.t.Helper()
	return i.signed(mail, changes, jwt.SigningMethodRS256, i.key().Key())
}

// SignedWith is a token of someone that says it is of the issuer, and is signed in another way.
func (i *Issuer) SignedWith(mail string, method jwt.SigningMethod, key any) string {
	i.t.Helper()
	return i.signed(mail, nil, method, key)
}

func (i *Issuer) key() op.SigningKey {
	i.t.Helper()
	key, err := i.store.SigningKey(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	return key
}

func (i *Issuer) signed(mail string, changes map[string]any, method jwt.SigningMethod, key any) string {
	i.t.Helper()
	now := time.Now() // an issuer has the time of day
	claims := jwt.MapClaims{
		"iss": i.URL, "sub": mail, "aud": CLIClient, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"email": mail, "email_verified": true, "groups": i.store.groups[mail],
	}
	maps.Copy(claims, changes)
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = i.key().ID()
	text, err := token.SignedString(key)
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// users are those who sign on.
type users map[string][]string

// GetUserByID implements [storage.UserStore].
func (u users) GetUserByID(mail string) *storage.User {
	if _, known := u[mail]; !known {
		return nil
	}
	return &storage.User{ID: mail, Username: mail, Password: Password, Email: mail, EmailVerified: true}
}

// GetUserByUsername implements [storage.UserStore].
func (u users) GetUserByUsername(mail string) *storage.User { return u.GetUserByID(mail) }

// ExampleClientID implements [storage.UserStore].
func (u users) ExampleClientID() string { return "" }

// store has groups, and a client for devices that has no secret.
type store struct {
	*storage.Storage

	groups map[string][]string
}

// GetClientByClientID implements [op.Storage].
func (s *store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return client{c}, nil
}

// SetUserinfoFromRequest implements [op.CanSetUserinfoFromRequest].
func (s *store) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string) error {
	if slices.Contains(scopes, "groups") {
		info.AppendClaims("groups", s.groups[request.GetSubject()])
	}
	return s.Storage.SetUserinfoFromRequest(ctx, info, request, scopes)
}

// client is one whose tokens have what people are called, and their groups.
type client struct{ op.Client }

// IDTokenUserinfoClaimsAssertion implements [op.Client].
func (client) IDTokenUserinfoClaimsAssertion() bool { return true }

// IsScopeAllowed implements [op.Client].
func (client) IsScopeAllowed(scope string) bool { return scope == "groups" }

// GrantTypes implements [op.Client].
func (c client) GrantTypes() []oidc.GrantType {
	return append(c.Client.GrantTypes(), oidc.GrantTypeDeviceCode)
}
