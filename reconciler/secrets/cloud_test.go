// SPDX-License-Identifier: Apache-2.0

package secrets_test

import (
	"errors"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/secrets/secrettest"
)

// TestCloudKeysAreRefused has keys that no cloud may be asked for. None of these tests could reach one; that a call is
// tried would show as another error, since the context has ended.
func TestCloudKeysAreRefused(t *testing.T) {
	arn := "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
	for _, test := range []struct {
		reason, field string
		key           map[string]any
		allow         []secrets.CloudKey
		want          string
	}{
		{"nothing is allowed", "kms", map[string]any{"arn": arn}, nil, "encrypted for AWS KMS " + arn},
		{"another key is", "kms", map[string]any{"arn": arn}, []secrets.CloudKey{{Name: arn + "x"}}, "no key for it"},
		{"it is for others", "kms", map[string]any{"arn": arn}, []secrets.CloudKey{{Scope: "billing/*", Name: "*"}}, "no key for it"},
		{"a role", "kms", map[string]any{"arn": arn, "role": "arn:aws:iam::1:role/admin"}, []secrets.CloudKey{{Name: "*"}}, "names a role"},
		{"a host in an ARN", "kms", map[string]any{"arn": "arn:aws:kms:evil.example/:111122223333:key/1"}, []secrets.CloudKey{{Name: "*"}}, "not the ARN"},
		{"a URL of someone's", "azure_kv", map[string]any{"vault_url": "https://169.254.169.254", "name": "k"}, []secrets.CloudKey{{Name: "*"}}, "not the URL of an Azure vault"},
		{"a URL that only looks right", "azure_kv", map[string]any{"vault_url": "https://evil.example/.vault.azure.net", "name": "k"}, []secrets.CloudKey{{Name: "*"}}, "not the URL of an Azure vault"},
		{"a path for a resource", "gcp_kms", map[string]any{"resource_id": "projects/../x"}, []secrets.CloudKey{{Name: "*"}}, "not the name of a key"},
		{"HashiCorp Vault", "hc_vault", map[string]any{"vault_address": "http://127.0.0.1:1", "engine_path": "e", "key_name": "k"}, []secrets.CloudKey{{Name: "*"}}, "encrypted for HashiCorp Vault"},
		{"PGP", "pgp", map[string]any{"fp": "ABCD"}, []secrets.CloudKey{{Name: "*"}}, "encrypted for PGP ABCD"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			o := object(t, secrettest.Encrypt(t, plain, secrettest.Fields, secrettest.Key(t)))
			part := o.Object["sops"].(map[string]any)
			delete(part, "age")
			part[test.field] = []any{test.key}
			d := &secrets.Decrypter{Cloud: test.allow}
			_, err := d.Open(t.Context(), orders, o)
			var e *secrets.Error
			if !errors.As(err, &e) || e.Transient || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want a terminal one with %q", err, test.want)
			}
		})
	}
}
