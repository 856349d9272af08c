// SPDX-License-Identifier: Apache-2.0

//go:build sops_cloud

package secrets_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/secrets/secrettest"
)

// TestCloudFailureIsTransient asks a key service that is not there.
func TestCloudFailureIsTransient(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", canary)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	o := object(t, secrettest.Encrypt(t, plain, secrettest.Fields, secrettest.Key(t)))
	part := o.Object["sops"].(map[string]any)
	arn := "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
	part["kms"] = []any{map[string]any{"arn": arn, "enc": "AAAA", "created_at": "2026-01-01T00:00:00Z"}}
	d := &secrets.Decrypter{Cloud: []secrets.CloudKey{{Scope: "*/prod", Name: "arn:aws:kms:eu-west-1:*"}}}
	_, err := d.Open(t.Context(), orders, o)
	var e *secrets.Error
	if !errors.As(err, &e) || !e.Transient || !strings.Contains(err.Error(), arn) || strings.Contains(err.Error(), canary) {
		t.Errorf("error %v; want a transient one that names the key", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Open(ended, orders, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want that of the context", err)
	}
}
