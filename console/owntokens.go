// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/tokens"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
)

// OwnTokens keeps the tokens that people make; it is a [tokens.Store] outside of tests.
//
//nolint:interfacebloat // it is one store
type OwnTokens interface {
	Principal(ctx context.Context, token string) (access.Principal, error)
	Create(ctx context.Context, q tokens.Request, by access.Principal) (tokens.Token, string, error)
	Get(ctx context.Context, id string) (tokens.Token, error)
	List(ctx context.Context, match func(tokens.Token) bool) ([]tokens.Token, error)
	Revoke(ctx context.Context, id string) error
	Seen(ctx context.Context, who access.Principal) error
}

// TokenRequest is the body of a request to make a token.
type TokenRequest struct {
	Name string `json:"name"`
	// Project is set for a token of a project, which acts as the project and not as whoever makes it.
	Project string `json:"project,omitempty"`
	// Rights, Projects and Environments are what it is for; empty: whatever its owner may.
	Rights       []access.Right `json:"rights,omitempty"`
	Projects     []string       `json:"projects,omitempty"`
	Environments []string       `json:"environments,omitempty"`
	// Days is how long it is good for; default: 90.
	Days int `json:"days,omitempty"`
}

// MadeToken is a token that was just made, with its secret, which cannot be asked for again.
type MadeToken struct {
	tokens.Token

	Secret string `json:"secret"`
}

func (c *console) noOwnTokens() error {
	if c.opts.OwnTokens == nil {
		return problemf(http.StatusNotFound, "this daemon keeps no tokens: it was started with --history off")
	}
	return nil
}

// mine reports whether a token is the caller's to see and to revoke: their own, those of projects that they administer, and all of
// them for whoever administers the platform.
func (c *console) mine(who access.Principal, t tokens.Token) bool {
	rules := c.opts.Access()
	if rules.May(who, access.Admin, access.Scope{}).Allowed {
		return true
	}
	if t.Project != "" {
		return rules.May(who, access.ProjectTokens, access.Scope{Project: t.Project}).Allowed
	}
	return who.Limits == nil && !who.Nameless() && t.Owner == who.Name
}

func (c *console) tokens(w http.ResponseWriter, r *http.Request) error {
	if err := c.noOwnTokens(); err != nil {
		return err
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	who := principalOf(r.Context())
	found, err := c.opts.OwnTokens.List(r.Context(), func(t tokens.Token) bool { return c.mine(who, t) })
	if err != nil {
		return err
	}
	c.answer(w, http.StatusOK, Page[tokens.Token]{Items: found})
	return nil
}

func (c *console) createToken(w http.ResponseWriter, r *http.Request) error {
	if err := c.noOwnTokens(); err != nil {
		return err
	}
	var body TokenRequest
	if err := c.body(w, r, &body); err != nil {
		return err
	}
	who, rules := principalOf(r.Context()), c.opts.Access()
	if rules == nil {
		return problemf(http.StatusConflict, "no Access is declared, so that nothing bounds a token: use those of the daemon's configuration, or declare who may do what")
	}
	if body.Project != "" {
		scope := access.Scope{Project: body.Project}
		if d := rules.May(who, access.ProjectTokens, scope); !d.Allowed {
			if !rules.May(who, access.View, scope).Allowed {
				return unseen()
			}
			return problemf(http.StatusForbidden, "%s", d.Why)
		}
	}
	made, secret, err := c.opts.OwnTokens.Create(r.Context(), tokens.Request{
		Name: body.Name, Project: body.Project, Rights: body.Rights, Projects: body.Projects, Environments: body.Environments,
		Life: time.Duration(body.Days) * 24 * time.Hour,
	}, who)
	if errors.Is(err, tokens.ErrInvalid) {
		return problemf(http.StatusBadRequest, "%s", err.Error())
	}
	if err != nil {
		return err
	}
	c.recordToken(history.TokenMade, made, who)
	c.answer(w, http.StatusCreated, MadeToken{made, secret})
	return nil
}

func (c *console) revokeToken(w http.ResponseWriter, r *http.Request) error {
	if err := c.noOwnTokens(); err != nil {
		return err
	}
	who := principalOf(r.Context())
	t, err := c.opts.OwnTokens.Get(r.Context(), r.PathValue("token"))
	if errors.Is(err, tokens.ErrUnknown) || err == nil && !c.mine(who, t) {
		return unseen()
	}
	if err == nil {
		err = c.opts.OwnTokens.Revoke(r.Context(), t.ID)
	}
	if err != nil {
		return err
	}
	c.recordToken(history.TokenRevoked, t, who)
	c.answer(w, http.StatusOK, Outcome{"the token " + t.Name + " of " + t.Owner + " is revoked"})
	return nil
}

// recordToken has the history say what became of a token, and who did it.
func (c *console) recordToken(kind history.Kind, t tokens.Token, by access.Principal) {
	if c.opts.Record != nil {
		c.opts.Record(history.Event{
			Kind: kind, By: by.String(), SignOn: string(by.SignOn), Object: t.Owner + " " + t.Name + " (" + t.ID + ")", Release: catalog.ReleaseID{Project: t.Project},
		})
	}
}
