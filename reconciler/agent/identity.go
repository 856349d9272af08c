// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// Identity is who the agent of one cluster is: the holder of a certificate, or of a token. It is the operator's, and an agent that
// is someone else is not let in, whatever cluster it names.
type Identity struct {
	// Certificate is a DNS name or URI in the client certificate; empty: no certificate counts.
	Certificate string
	// Token says which tokens count; nil: none does.
	Token *Tokens
}

// Verify returns why the caller is not the agent; nil if it is.
func (i Identity) Verify(r *http.Request) error {
	var errs []error
	if i.Certificate != "" {
		err := i.certificate(r)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	if i.Token != nil {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return errors.Join(append(errs, errors.New("it brings no token"))...)
		}
		err := i.Token.verify(r.Context(), token)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return errors.New("nothing is configured by which an agent of the cluster could be known")
	}
	return errors.Join(errs...)
}

func (i Identity) certificate(r *http.Request) error {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return errors.New("it brings no certificate of an authority that is trusted")
	}
	leaf := r.TLS.VerifiedChains[0][0]
	names := namesOf(leaf)
	if !slices.Contains(names, i.Certificate) {
		return fmt.Errorf("its certificate is for %s, and not for %q", strings.Join(names, ", "), i.Certificate)
	}
	return nil
}

// namesOf are the names that count: what a certificate says as its subject is for people.
func namesOf(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, u := range leaf.URIs {
		names = append(names, u.String())
	}
	return names
}

// Tokens are those that an agent may bring: of one issuer, for one audience, and about one subject, such as a service account.
type Tokens struct {
	subject  string
	verifier *oidc.IDTokenVerifier
}

// keysTimeout bounds how long an issuer is asked for its keys.
const keysTimeout = 10 * time.Second

// algorithms are those of Kubernetes and of others; none of them is symmetric.
func algorithms() []string {
	return []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}
}

// NewTokens returns tokens of an issuer. Its keys are in a file, for one that cannot be reached, such as that of the agent's own
// cluster: "kubectl get --raw /openid/v1/jwks" writes it. Without a file the issuer is asked when the first token comes.
func NewTokens(issuer, audience, subject, keysFile string, client *http.Client) (*Tokens, error) {
	var keys oidc.KeySet = &discovered{issuer: issuer, client: client, turn: make(chan struct{}, 1)}
	if keysFile != "" {
		static, err := readKeys(keysFile)
		if err != nil {
			return nil, err
		}
		keys = static
	}
	config := &oidc.Config{ClientID: audience, SupportedSigningAlgs: algorithms()}
	return &Tokens{subject, oidc.NewVerifier(issuer, keys, config)}, nil
}

// readKeys reads a set of public keys.
func readKeys(file string) (*oidc.StaticKeySet, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the keys of an issuer: %w", err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("reading the keys of an issuer in %s: it is no JSON Web Key Set: %w", file, err)
	}
	static := &oidc.StaticKeySet{}
	for _, k := range set.Keys {
		if !k.IsPublic() {
			return nil, fmt.Errorf("the file %s holds a private key: it is to hold those that an issuer publishes", file)
		}
		static.PublicKeys = append(static.PublicKeys, crypto.PublicKey(k.Key))
	}
	if len(static.PublicKeys) == 0 {
		return nil, fmt.Errorf("the file %s holds no key of an issuer", file)
	}
	return static, nil
}

// verify returns why a token does not count. The token itself is in no error.
func (t *Tokens) verify(ctx context.Context, token string) error {
	found, err := t.verifier.Verify(ctx, token)
	if err != nil {
		return fmt.Errorf("its token does not count: %s", strings.ReplaceAll(err.Error(), token, "(the token)"))
	}
	if found.Subject != t.subject {
		return fmt.Errorf("its token is about %q, and not about %q", found.Subject, t.subject)
	}
	return nil
}

// discovered are keys that are asked for at their issuer, when they are first needed and when a key is not known.
type discovered struct {
	issuer string
	client *http.Client
	// turn is held by whoever asks.
	turn chan struct{}
	keys oidc.KeySet
}

// VerifySignature implements [oidc.KeySet].
func (d *discovered) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	keys, err := d.get(ctx)
	if err != nil {
		return nil, err
	}
	return keys.VerifySignature(ctx, token)
}

func (d *discovered) get(ctx context.Context) (oidc.KeySet, error) {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-d.turn }()
	if d.keys != nil {
		return d.keys, nil
	}
	asking := oidc.ClientContext(ctx, d.client)
	provider, err := oidc.NewProvider(asking, d.issuer)
	if err != nil {
		return nil, fmt.Errorf("asking the issuer for its keys: %w", err)
	}
	var claims struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&claims); err != nil {
		return nil, fmt.Errorf("asking the issuer for its keys: %w", err)
	}
	d.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), d.client), claims.Keys)
	return d.keys, nil
}
