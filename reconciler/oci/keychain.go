// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"fmt"
	"io"
	"os"

	"github.com/docker/cli/cli/config"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// maxConfig bounds the file with credentials.
const maxConfig = 1 << 20

// NewKeychain returns the credentials in a docker config.json, which is read whenever they are needed; empty: there are none. The
// flag is how people have named it.
func NewKeychain(file, flag string) (authn.Keychain, error) {
	if file != "" {
		if _, err := readConfig(file); err != nil {
			return nil, err
		}
	}
	return keychain{file, flag}, nil
}

// keychain is the name of a docker config.json, and of the flag that says it; without a file there are no credentials.
type keychain struct{ file, flag string }

// Resolve implements [authn.Keychain].
func (k keychain) Resolve(of authn.Resource) (authn.Authenticator, error) {
	if k.file == "" {
		return authn.Anonymous, nil
	}
	read, err := readConfig(k.file)
	if err != nil {
		return nil, err
	}
	key := of.RegistryStr()
	if key == name.DefaultRegistry {
		key = authn.DefaultAuthKey
	}
	found, err := read(key)
	if err != nil {
		return nil, fmt.Errorf("the file of %s names a helper that has no credentials for %s", k.flag, of.RegistryStr())
	}
	return authn.FromConfig(found), nil
}

// readConfig returns what finds the credentials for a registry in a file.
func readConfig(file string) (func(registry string) (authn.AuthConfig, error), error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the credentials of registries: %w", err)
	}
	defer f.Close()
	parsed, err := config.LoadFromReader(io.LimitReader(f, maxConfig))
	if err != nil {
		return nil, fmt.Errorf("%s is no docker config.json", file) // the error may repeat what is in it
	}
	return func(registry string) (authn.AuthConfig, error) {
		found, err := parsed.GetAuthConfig(registry)
		return authn.AuthConfig{
			Username: found.Username, Password: found.Password, Auth: found.Auth, IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
		}, err
	}, nil
}
