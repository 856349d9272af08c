// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/reconciler/secrets"
)

// maxKeyFile bounds a file of private keys, in bytes.
const maxKeyFile = 1 << 20

// unsealing holds the flags that say with what encrypted Secrets are decrypted.
type unsealing struct {
	ageFiles []string
	kms      []string
}

func (u *unsealing) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&u.ageFiles, "sops-age-key-file", nil,
		"file with private keys of age for Secrets that SOPS has encrypted: FILE, or PROJECT/ENVIRONMENT=FILE for some releases only (* matches any); repeat for more")
	f.StringArrayVar(&u.kms, "sops-kms", nil,
		"key of AWS KMS, Google Cloud KMS or Azure Key Vault that may be asked to decrypt, with the daemon's own cloud credentials: KEY, or PROJECT/ENVIRONMENT=KEY; a KEY that ends with * allows all that begin so; repeat for more")
}

// decrypter reads the keys. Nothing is read from the environment, nor from a place that no flag names.
func (u *unsealing) decrypter() (*secrets.Decrypter, error) {
	d := &secrets.Decrypter{}
	for _, flag := range u.ageFiles {
		scope, file, err := secrets.ParseScope(flag)
		if err != nil {
			return nil, usagef("--sops-age-key-file: %w", err)
		}
		info, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("reading a key: %w", err)
		}
		if info.Size() > maxKeyFile {
			return nil, fmt.Errorf("reading a key: %s has more than %d KiB", file, maxKeyFile>>10)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a key: %w", err)
		}
		ids, err := secrets.ParseAgeKeys(string(data))
		if err != nil {
			return nil, fmt.Errorf("reading the key file %s: %w", file, err)
		}
		d.Age = append(d.Age, secrets.AgeKeys{Scope: scope, Identities: ids})
	}
	for _, flag := range u.kms {
		scope, name, err := secrets.ParseScope(flag)
		if err != nil {
			return nil, usagef("--sops-kms: %w", err)
		}
		if name == "" {
			return nil, usagef("--sops-kms names no key: write its ARN, its Google Cloud name or its Azure URL, or * for all")
		}
		d.Cloud = append(d.Cloud, secrets.CloudKey{Scope: scope, Name: name})
	}
	if len(d.Cloud) > 0 && !secrets.HasCloud {
		return nil, usagef("--sops-kms: %w", secrets.ErrNoCloud)
	}
	return d, nil
}
