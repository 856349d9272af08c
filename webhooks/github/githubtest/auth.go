// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// caller is who a request is from.
type caller struct {
	user         *account // a person, or the bot of an App
	app          *App
	installation *installation // nil for a person and for the App itself
}

// payer is whom the rate limit is counted for.
func (c caller) payer() string {
	switch {
	case c.installation != nil:
		return "installation ID " + strconv.FormatInt(c.installation.id, 10)
	case c.app != nil:
		return "app ID " + strconv.FormatInt(c.app.ID, 10)
	case c.user != nil:
		return "user ID " + strconv.FormatInt(c.user.id, 10)
	default:
		return "127.0.0.1"
	}
}

func badCredentials(message string) error {
	return &failure{status: http.StatusUnauthorized, message: message}
}

// signedBy finds who signed a request, which has to be of the kind that the route is for.
func (g *GitHub) signedBy(r *http.Request, to route) (caller, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if secret == "" || !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return caller{}, badCredentials("Requires authentication")
	}
	if strings.Count(secret, ".") == 2 {
		if !to.asApp {
			return caller{}, badCredentials("Bad credentials") // a JWT is for the App's own routes
		}
		return g.byJWT(secret)
	}
	if to.asApp {
		return caller{}, badCredentials("A JSON web token could not be decoded")
	}
	t := g.tokens[secret]
	if t == nil || !t.expires.IsZero() && !g.now().Before(t.expires) {
		return caller{}, badCredentials("Bad credentials")
	}
	if i := t.installation; i != nil {
		if i.suspended {
			return caller{}, forbidden("This installation has been suspended")
		}
		return caller{user: g.account(i.app.Slug+"[bot]", "Bot"), app: i.app, installation: i}, nil
	}
	return caller{user: t.user}, nil
}

// byJWT finds the App that signed a JWT, by GitHub's rules: RS256, ten minutes at most, not from the future.
func (g *GitHub) byJWT(signed string) (caller, error) {
	var app *App
	claims := jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(signed, &claims, func(*jwt.Token) (any, error) {
		for _, a := range g.apps {
			if claims.Issuer == strconv.FormatInt(a.ID, 10) || claims.Issuer == a.ClientID {
				app = a
				return a.public, nil
			}
		}
		return nil, notFound()
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(g.opts.Now), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	switch {
	case app == nil:
		return caller{}, &failure{status: http.StatusNotFound, message: "Integration not found"}
	case err != nil && strings.Contains(err.Error(), "expired"):
		return caller{}, badCredentials("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case err != nil:
		return caller{}, badCredentials("A JSON web token could not be decoded")
	case claims.IssuedAt == nil || claims.ExpiresAt.Sub(g.now()) > 10*time.Minute:
		return caller{}, badCredentials("'Expiration time' claim ('exp') is too far in the future")
	}
	return caller{app: app, user: g.account(app.Slug+"[bot]", "Bot")}, nil
}

// sees reports whether a repository is there for a caller.
func (c caller) sees(r *repo) bool {
	switch {
	case !r.private:
		return true
	case c.installation != nil:
		return c.installation.has(r)
	case c.user != nil:
		return r.role(c.user.login) != ""
	default:
		return false
	}
}

// may reports why a caller may not do what needs a permission, such as "checks:write"; nil: it may.
func (c caller) may(r *repo, needs string) error {
	what, level, _ := strings.Cut(needs, ":")
	if needs == "" || level == "read" && what == "metadata" {
		return nil
	}
	if c.installation != nil {
		if c.installation.has(r) {
			for w := range strings.SplitSeq(what, "|") {
				if got := c.installation.permissions[w]; got == "write" || got == level || got == "admin" {
					return nil
				}
			}
		} else if level == "read" && !r.private {
			return nil
		}
		return &failure{
			status: http.StatusForbidden, message: "Resource not accessible by integration",
			header: map[string]string{"X-Accepted-Github-Permissions": strings.ReplaceAll(strings.ReplaceAll(what, "|", "="+level+"; "), ":", "=") + "=" + level},
		}
	}
	role := r.role(c.user.login)
	switch {
	case what == "checks" && level == "write":
		return forbidden("You must authenticate via a GitHub App.")
	case level == "read" && (role != "" || !r.private):
		return nil
	case role == "write" || role == "maintain" || role == "admin":
		return nil
	case what == "issues|pull_requests" && (role != "" || !r.private):
		return nil // whoever sees it may comment
	case role == "" && r.private:
		return notFound()
	default:
		return forbidden("Resource not accessible by personal access token")
	}
}

// role is what a person may do in a repository: read, triage, write, maintain, admin; empty: nothing that not everybody may.
func (r *repo) role(login string) string {
	if strings.EqualFold(login, r.owner.login) {
		return "admin"
	}
	return r.grants[strings.ToLower(login)]
}

// InstallationToken makes a token of an App's installation in an account, for tests that ask without a client.
func (g *GitHub) InstallationToken(app *App, owner string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range g.installations {
		if i.app == app && lower(i.account.login) == lower(owner) {
			return g.newToken("ghs_", &token{installation: i, expires: g.now().Add(g.opts.TokenLifetime)})
		}
	}
	return ""
}

// JWT signs a JWT of an App that is good for five minutes, for tests that ask without a client.
func (g *GitHub) JWT(app *App) string {
	key, err := jwt.ParseRSAPrivateKeyFromPEM(app.Key)
	if err != nil {
		return ""
	}
	now := g.opts.Now()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: strconv.FormatInt(app.ID, 10), IssuedAt: jwt.NewNumericDate(now.Add(-time.Second)), ExpiresAt: jwt.NewNumericDate(now.Add(5 * time.Minute)),
	}).SignedString(key)
	if err != nil {
		return ""
	}
	return signed
}
