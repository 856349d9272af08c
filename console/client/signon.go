// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"

	"trunkline.dev/trunkline/access/tokens"
	"trunkline.dev/trunkline/console"
)

// SignOn returns how people sign on, which the daemon tells everyone.
func (c *Client) SignOn(ctx context.Context) (console.SignOnInfo, error) {
	var info console.SignOnInfo
	return info, c.get(ctx, "/api/v1/sign-on", &info)
}

// Me returns as whom the daemon knows the caller.
func (c *Client) Me(ctx context.Context) (console.Me, error) {
	var me console.Me
	return me, c.get(ctx, "/api/v1/me", &me)
}

// Tokens returns the tokens that the caller may revoke.
func (c *Client) Tokens(ctx context.Context) ([]tokens.Token, error) {
	var page console.Page[tokens.Token]
	return page.Items, c.get(ctx, "/api/v1/tokens", &page)
}

// CreateToken makes a token, and returns it with its secret, which cannot be asked for again.
func (c *Client) CreateToken(ctx context.Context, q console.TokenRequest) (console.MadeToken, error) {
	var made console.MadeToken
	err := c.post(ctx, "/api/v1/tokens", q, &made)
	return made, err
}

// EndSessions ends all sessions of someone in browsers.
func (c *Client) EndSessions(ctx context.Context, of console.SessionsEnd) (console.Outcome, error) {
	var done console.Outcome
	err := c.post(ctx, "/api/v1/sessions/end", of, &done)
	return done, err
}

// RevokeToken ends a token at once.
func (c *Client) RevokeToken(ctx context.Context, id string) (console.Outcome, error) {
	var done console.Outcome
	err := c.post(ctx, path("tokens", id, "revoke"), nil, &done)
	return done, err
}
