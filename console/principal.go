// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/signon"
	"trunkline.dev/trunkline/access/tokens"
)

const (
	// ClaimHeader says who asks, where the sign-on does not: it is recorded as claimed, and never trusted.
	ClaimHeader = "Trunkline-Claim"
	// maxName bounds a name that is claimed, in bytes.
	maxName = 100
)

// Token is a bearer token, and who has it.
type Token struct {
	// Name is the principal's; empty: the token is shared by people who say who they are.
	Name   string
	Secret string
}

type principalKey struct{}

// principalOf returns who makes a request; the zero value for one that needs no sign-on.
func principalOf(ctx context.Context) access.Principal {
	p, _ := ctx.Value(principalKey{}).(access.Principal)
	return p
}

func withPrincipal(r *http.Request, p access.Principal) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), principalKey{}, p))
}

// signOn finds out who makes a request.
func (c *console) signOn(w http.ResponseWriter, r *http.Request) (access.Principal, error) {
	if r.Header.Get("Authorization") == "" {
		if who, ok, err := c.bySession(w, r); ok || err != nil {
			return who, err
		}
	}
	if c.opts.Tokens != nil || c.opts.Sessions != nil {
		return c.byToken(r)
	}
	// Nobody but this machine can connect. A page in a browser on it still can, by a name that it has its own server resolve
	// to 127.0.0.1: the name by which it asks gives it away.
	if !local(r.Host) {
		return access.Principal{}, problemf(http.StatusForbidden, "without a token the daemon answers to localhost only")
	}
	claim, err := claimOf(r)
	return access.Principal{Name: access.Anonymous, SignOn: access.ByLoopback, Claim: claim}, err
}

// byToken finds the owner of a token. All tokens are compared, each in constant time.
func (c *console) byToken(r *http.Request) (access.Principal, error) {
	sent := sha256.Sum256([]byte(r.Header.Get("Authorization")))
	found, known := -1, []Token(nil)
	if c.opts.Tokens != nil {
		known = c.opts.Tokens()
	}
	for i, t := range known {
		want := sha256.Sum256([]byte("Bearer " + t.Secret))
		if subtle.ConstantTimeCompare(sent[:], want[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return c.byMadeToken(r)
	}
	if name := known[found].Name; name != "" {
		return access.Principal{Name: name, SignOn: access.ByToken}, nil
	}
	claim, err := claimOf(r)
	return access.Principal{Name: access.SharedToken, SignOn: access.ByToken, Claim: claim}, err
}

// taken reports whether a name is that of a token of the configuration: nobody signs on as that at an issuer, where people may choose
// their names.
func (c *console) taken(name string) bool {
	return c.opts.Tokens != nil && slices.ContainsFunc(c.opts.Tokens(), func(t Token) bool { return t.Name == name })
}

// byMadeToken finds out whose a token is that an issuer has made, or someone for themselves.
func (c *console) byMadeToken(r *http.Request) (access.Principal, error) {
	required := problemf(http.StatusUnauthorized, "a token is required")
	sent, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || sent == "" {
		return access.Principal{}, required
	}
	if tokens.Is(sent) {
		if c.opts.OwnTokens == nil {
			return access.Principal{}, required
		}
		who, err := c.opts.OwnTokens.Principal(r.Context(), sent)
		if err != nil {
			c.opts.Log.Warn("a token is refused", "err", err.Error())
			return access.Principal{}, required
		}
		return who, nil
	}
	if c.opts.Sessions == nil {
		return access.Principal{}, required
	}
	who, err := c.opts.Sessions.Service.Bearer(r.Context(), sent)
	switch {
	case err == nil && c.taken(who.Name):
		c.opts.Log.Warn("a token is refused", "err", "its name is that of a token of the configuration", "name", who.Name)
		return access.Principal{}, required
	case signon.Away(err):
		c.opts.Log.Warn("a token cannot be checked", "err", err.Error())
		return access.Principal{}, problemf(http.StatusServiceUnavailable, "the issuer of the token cannot be reached; see the daemon's log")
	case err != nil:
		c.opts.Log.Warn("a token is refused", "err", err.Error())
		return access.Principal{}, required
	}
	return who, nil
}

// same compares secrets in constant time.
func same(sent, want string) bool {
	a, b := sha256.Sum256([]byte(sent)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// claimOf returns the name that a request claims.
func claimOf(r *http.Request) (string, error) {
	claim := strings.TrimSpace(r.Header.Get(ClaimHeader))
	if len(claim) > maxName || !utf8.ValidString(claim) || strings.ContainsFunc(claim, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", problemf(http.StatusBadRequest, "%s has to be a name of at most %d bytes", ClaimHeader, maxName)
	}
	return claim, nil
}

// local reports whether the host of a request is this machine.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
