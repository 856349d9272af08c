// SPDX-License-Identifier: Apache-2.0

//go:build !sops_cloud

package secrets_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/secrets/secrettest"
)

// TestWithoutCloud allows keys that this program has no client for: the error says how to get it, and is terminal.
func TestWithoutCloud(t *testing.T) {
	for _, test := range []struct {
		reason, field string
		key           map[string]any
	}{
		{"AWS", "kms", map[string]any{"arn": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd", "enc": "AAAA"}},
		{"Google Cloud", "gcp_kms", map[string]any{"resource_id": "projects/p/locations/global/keyRings/r/cryptoKeys/k", "enc": "AAAA"}},
		{"Azure", "azure_kv", map[string]any{"vault_url": "https://v.vault.azure.net", "name": "k", "version": "1", "enc": "AAAA"}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			o := object(t, secrettest.Encrypt(t, plain, secrettest.Fields, secrettest.Key(t)))
			part := o.Object["sops"].(map[string]any)
			delete(part, "age")
			part[test.field] = []any{test.key}
			d := &secrets.Decrypter{Cloud: []secrets.CloudKey{{Name: "*"}}}
			_, err := d.Open(t.Context(), orders, o)
			var e *secrets.Error
			if !errors.As(err, &e) || e.Transient || !strings.Contains(err.Error(), secrets.ErrNoCloud.Error()) {
				t.Errorf("error %v; want a terminal one with %q", err, secrets.ErrNoCloud)
			}
		})
	}
}

// TestNoCloudIsLinked holds the default build to the packages that it needs: through a package that looks small, SOPS
// imports the clients of every key service that it knows.
func TestNoCloudIsLinked(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		for _, cloud := range []string{"getsops/", "aws/", "Azure/", "cloud.google.com/", "google.golang.org/grpc", "hashicorp/", "huaweicloud/"} {
			if strings.Contains(pkg, cloud) {
				t.Errorf("%s is linked without -tags sops_cloud", pkg)
			}
		}
	}
}
