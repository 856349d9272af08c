// SPDX-License-Identifier: Apache-2.0

//go:build !sops_cloud

package secrets

import "context"

// HasCloud reports whether this program can ask the clouds' key services.
const HasCloud = false

func decryptAWS(context.Context, kmsKey) ([]byte, error)     { return nil, ErrNoCloud }
func decryptGoogle(context.Context, gcpKey) ([]byte, error)  { return nil, ErrNoCloud }
func decryptAzure(context.Context, azureKey) ([]byte, error) { return nil, ErrNoCloud }
