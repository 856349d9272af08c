// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// login is a name and a password for a registry, and when they end.
type login struct {
	name, secret string
	ends         time.Time
}

// ecr are registries of AWS, and their regions.
var ecr = regexp.MustCompile(`^[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]{1,40})\.(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.aws)$`)

// registryOf says whose registry a host is, and in which region; only names that nobody else can have count.
func registryOf(host string) (p Provider, region string, found bool) {
	if m := ecr.FindStringSubmatch(host); m != nil {
		return AWS, m[1], true
	}
	for suffix, p := range map[string]Provider{
		".gcr.io": GCP, "-docker.pkg.dev": GCP, ".azurecr.io": Azure, ".azurecr.cn": Azure, ".azurecr.us": Azure,
	} {
		if name, ok := strings.CutSuffix(host, suffix); ok && name != "" && !strings.Contains(name, ":") {
			return p, "", true
		}
	}
	return GCP, "", host == "gcr.io"
}

// keychain has the credentials of registries that clouds run, and asks another one for those of others.
type keychain struct {
	clouds *Clouds
	first  authn.Keychain

	mu    sync.Mutex
	known map[string]login
}

// Keychain returns the credentials of another keychain, and where that has none, those of who we are in the cloud that runs a registry.
func (c *Clouds) Keychain(first authn.Keychain) authn.Keychain {
	return &keychain{clouds: c, first: first, known: map[string]login{}}
}

var (
	_ authn.Keychain        = (*keychain)(nil)
	_ authn.ContextKeychain = (*keychain)(nil)
)

// Resolve implements [authn.Keychain].
func (k *keychain) Resolve(of authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), of)
}

// ResolveContext implements [authn.ContextKeychain].
func (k *keychain) ResolveContext(ctx context.Context, of authn.Resource) (authn.Authenticator, error) {
	found, err := authn.Resolve(ctx, k.first, of)
	if err != nil {
		return nil, err
	}
	if given, err := found.Authorization(); err != nil || *given != (authn.AuthConfig{}) {
		return found, err
	}
	host := of.RegistryStr()
	p, region, ours := registryOf(host)
	if !ours {
		return authn.Anonymous, nil
	}
	k.mu.Lock()
	known, there := k.known[host]
	k.mu.Unlock()
	if !there || !k.clouds.now().Before(known.ends.Add(-early)) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if known, err = k.login(ctx, p, region, host); err != nil {
			return nil, fmt.Errorf("signing on to the registry %s: %w", host, err)
		}
		k.mu.Lock()
		k.known[host] = known
		k.mu.Unlock()
	}
	return authn.FromConfig(authn.AuthConfig{Username: known.name, Password: known.secret}), nil
}

func (k *keychain) login(ctx context.Context, p Provider, region, host string) (login, error) {
	k.clouds.mu.Lock()
	account := k.clouds.account(Ref{Provider: p, Place: region})
	k.clouds.mu.Unlock()
	switch a := account.(type) {
	case *awsAccount:
		return a.login(ctx)
	case *azureAccount:
		return a.login(ctx, host)
	case *gcpAccount:
		return a.login(ctx)
	}
	return login{}, fmt.Errorf("no cloud runs %s", host)
}
