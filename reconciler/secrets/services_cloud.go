// SPDX-License-Identifier: Apache-2.0

//go:build sops_cloud

package secrets

import (
	"context"

	"github.com/getsops/sops/v3/azkv"
	"github.com/getsops/sops/v3/gcpkms"
	"github.com/getsops/sops/v3/kms"
)

// HasCloud reports whether this program can ask the clouds' key services.
const HasCloud = true

func decryptAWS(ctx context.Context, k kmsKey) ([]byte, error) {
	about := make(map[string]*string, len(k.Context))
	for name, value := range k.Context {
		about[name] = &value
	}
	m := kms.NewMasterKey(k.ARN, "", about)
	m.EncryptedKey = k.Enc
	return m.DecryptContext(ctx)
}

func decryptGoogle(ctx context.Context, k gcpKey) ([]byte, error) {
	m := gcpkms.NewMasterKeyFromResourceID(k.Resource)
	m.SetEncryptedDataKey([]byte(k.Enc))
	return m.DecryptContext(ctx)
}

func decryptAzure(ctx context.Context, k azureKey) ([]byte, error) {
	m := azkv.NewMasterKey(k.URL, k.Name, k.Version)
	m.SetEncryptedDataKey([]byte(k.Enc))
	return m.DecryptContext(ctx)
}
