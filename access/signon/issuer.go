// SPDX-License-Identifier: Apache-2.0

package signon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// skew is by how much the clocks of an issuer and of the daemon may differ.
	skew = 2 * time.Minute
	// maxLife bounds how long a token may be good for: a longer one is a password.
	maxLife = 24 * time.Hour
	// askTimeout bounds one question to an issuer.
	askTimeout = 10 * time.Second
	// keysKept is how long keys of an issuer are good without asking for them again.
	keysKept = 10 * time.Minute
	// failureKept is how long an issuer that does not answer is not asked again.
	failureKept = 5 * time.Second
	// maxToken bounds a token, in bytes.
	maxToken = 32 << 10
)

// ErrRefused means that a token or an answer does not prove who someone is. Why is for whoever runs the daemon.
var ErrRefused = errors.New("the sign-on is refused")

// ErrAway means that an issuer cannot be asked just now.
var ErrAway = errors.New("the issuer cannot be reached")

// algorithms are those by which issuers sign. None of them has a key that both sides know.
func algorithms() []string {
	return []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}
}

// issuer is one that is asked when it is needed first: it may be away when the daemon starts.
type issuer struct {
	url    string
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	provider *oidc.Provider
	asked    time.Time
	// failed is why it could not be asked, when that was tried last.
	failed error
	tried  time.Time
}

// discovered returns what the issuer says of itself, with its keys. Both are forgotten after a while: a key that it has taken back is
// good no longer.
func (i *issuer) discovered(ctx context.Context) (*oidc.Provider, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	if i.provider != nil && now.Before(i.asked.Add(keysKept)) {
		return i.provider, nil
	}
	if i.failed != nil && now.Before(i.tried.Add(failureKept)) {
		return nil, i.failed // those who wait do not each ask for as long as the first
	}
	// Whoever asks first asks for all who wait, also if they hang up.
	ctx, cancel := context.WithTimeout(oidc.ClientContext(context.WithoutCancel(ctx), i.client), askTimeout)
	defer cancel()
	p, err := oidc.NewProvider(ctx, i.url)
	if err != nil {
		i.failed, i.tried = fmt.Errorf("%w: asking %s: %s", ErrAway, i.url, err), i.now() //nolint:errorlint // the cause is for people alone
		return nil, i.failed
	}
	i.provider, i.asked, i.failed = p, now, nil
	return p, nil
}

// claims are those of a token that is verified.
type claims struct {
	raw      map[string]json.RawMessage
	subject  string
	nonce    string
	audience []string
	expiry   time.Time
}

// verify checks all that a token says of itself: that the issuer has signed it, for one of these audiences, and for now.
// The party for whom it was made has to be one of them, too, where parties is set: some issuers name an account of the machine there.
func (i *issuer) verify(ctx context.Context, token string, audiences []string, parties bool) (claims, error) {
	refuse := func(format string, args ...any) (claims, error) {
		return claims{}, fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
	}
	if len(token) > maxToken {
		return refuse("the token is longer than %d bytes", maxToken)
	}
	provider, err := i.discovered(ctx)
	if err != nil {
		return claims{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, i.client), askTimeout)
	defer cancel()
	// Of the clock, the library lets "nbf" be a little in the future; here also "exp" a little in the past.
	verifier := provider.Verifier(&oidc.Config{
		SkipClientIDCheck: true, SupportedSigningAlgs: algorithms(), Now: func() time.Time { return i.now().Add(-skew) },
	})
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return refuse("%s", err)
	}
	c := claims{subject: verified.Subject, nonce: verified.Nonce, audience: verified.Audience, expiry: verified.Expiry}
	if err := verified.Claims(&c.raw); err != nil {
		return refuse("its claims cannot be read")
	}
	var times struct {
		NotBefore int64 `json:"nbf"`
		AZP       any   `json:"azp"`
	}
	if err := verified.Claims(&times); err != nil {
		return refuse("its claims cannot be read")
	}
	now := i.now()
	party, named := times.AZP.(string)
	switch {
	case !slices.ContainsFunc(verified.Audience, func(a string) bool { return a != "" && slices.Contains(audiences, a) }):
		return refuse("it is for another audience: %q", verified.Audience)
	case parties && times.AZP != nil && (!named || !slices.Contains(audiences, party)):
		return refuse("it was made for another party")
	case parties && times.AZP == nil && len(verified.Audience) > 1 && slices.ContainsFunc(verified.Audience, func(a string) bool { return !slices.Contains(audiences, a) }):
		return refuse("it is for others as well, and does not say for whom it was made")
	case times.NotBefore != 0 && now.Add(skew).Before(time.Unix(times.NotBefore, 0)):
		return refuse("it is not valid yet")
	case verified.IssuedAt.After(now.Add(skew)):
		return refuse("it was made in the future")
	case !verified.IssuedAt.IsZero() && verified.IssuedAt.Unix() > 0 && verified.Expiry.Sub(verified.IssuedAt) > maxLife:
		return refuse("it is good for longer than %s", maxLife)
	case verified.Expiry.After(now.Add(maxLife + skew)):
		return refuse("it is good for longer than %s", maxLife)
	}
	return c, nil
}

// text returns a claim that is a text; empty if it is not one.
func (c claims) text(name string) string {
	var s string
	if json.Unmarshal(c.raw[name], &s) != nil {
		return ""
	}
	return s
}

// texts returns a claim that is a list of texts, or one.
func (c claims) texts(name string) []string {
	var many []string
	if json.Unmarshal(c.raw[name], &many) == nil {
		return many
	}
	if one := c.text(name); one != "" {
		return []string{one}
	}
	return nil
}

// yes reports whether a claim is true, also as a text, as some issuers have it.
func (c claims) yes(name string) bool {
	var is bool
	return json.Unmarshal(c.raw[name], &is) == nil && is || c.text(name) == "true"
}
