// SPDX-License-Identifier: Apache-2.0

package secretref_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// TestParse: what a pod is told is taken only if a declaration can say it. It becomes addresses.
func TestParse(t *testing.T) {
	plan := func(store v1alpha1.SecretStore, ref v1alpha1.SecretRef) string {
		store.Resolve, ref.Store = v1alpha1.ByEntrypoint, "main"
		return secretref.Plan{Stores: map[string]v1alpha1.SecretStore{"main": store}, Secrets: map[string]v1alpha1.SecretRef{"A": ref}}.String()
	}
	vault := v1alpha1.SecretStore{Provider: v1alpha1.Vault, URL: "https://vault.acme.example", Role: "orders"}
	aws := v1alpha1.SecretStore{Provider: v1alpha1.AWSSecretsManager, Region: "eu-west-1"}
	for name, tc := range map[string]struct{ reason, text, want string }{
		"Vault":      {"A path and a key.", plan(vault, v1alpha1.SecretRef{Name: "orders/db", Key: "password"}), ""},
		"ARN":        {"A secret by its ARN.", plan(aws, v1alpha1.SecretRef{Name: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-a1b2c3"}), ""},
		"Parameter":  {"A parameter by its path.", plan(v1alpha1.SecretStore{Provider: v1alpha1.AWSParameterStore, Region: "eu-west-1"}, v1alpha1.SecretRef{Name: "/orders/db"}), ""},
		"Google":     {"A secret of a project.", plan(v1alpha1.SecretStore{Provider: v1alpha1.GoogleSecretManager, Project: "acme-prod"}, v1alpha1.SecretRef{Name: "orders_db", Version: "3"}), ""},
		"NotJSON":    {"It is not what Trunkline wrote.", "{", "not JSON"},
		"Up":         {"A path that leads elsewhere.", plan(vault, v1alpha1.SecretRef{Name: "../sys/seal", Key: "a"}), "name"},
		"Query":      {"A path with a query.", plan(vault, v1alpha1.SecretRef{Name: "orders/db?version=1", Key: "a"}), "name"},
		"Clear":      {"A server whose answers anybody can read.", plan(v1alpha1.SecretStore{Provider: v1alpha1.Vault, URL: "http://vault.acme.example", Role: "a"}, v1alpha1.SecretRef{Name: "a", Key: "a"}), "url"},
		"Path":       {"An address with a path.", plan(v1alpha1.SecretStore{Provider: v1alpha1.Vault, URL: "https://vault.acme.example/v1", Role: "a"}, v1alpha1.SecretRef{Name: "a", Key: "a"}), "url"},
		"Unknown":    {"A store that it does not name.", `{"secrets": {"A": {"store": "b", "name": "c"}}}`, "a store that is not there"},
		"OldVersion": {"An engine without versions.", plan(v1alpha1.SecretStore{Provider: v1alpha1.Vault, URL: "https://v.example", Role: "a", Engine: "v1"}, v1alpha1.SecretRef{Name: "a", Key: "a", Version: "1"}), "version"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := secretref.Parse(tc.text)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s\ngot %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

// TestMessage: what a pod leaves behind is read again, and nothing else is taken for it.
func TestMessage(t *testing.T) {
	for _, r := range secretref.Reasons() {
		if variable, why, ok := secretref.ParseMessage(secretref.Message("DB_PASSWORD", r) + "\n"); !ok || variable != "DB_PASSWORD" || why != r {
			t.Errorf("%s is read as %q, %q, %v", r, variable, why, ok)
		}
	}
	for _, text := range []string{"", "trunkline-secret", "trunkline-secret denied", "trunkline-secret stolen A", "trunkline-secret denied A b", "trunkline-secret denied <b>", "denied A"} {
		if variable, why, ok := secretref.ParseMessage(text); ok {
			t.Errorf("%q is read as %q, %q", text, variable, why)
		}
	}
}

// TestWhere names a secret with all that tells it from others.
func TestWhere(t *testing.T) {
	got := secretref.Where(v1alpha1.SecretRef{Store: "vault", Name: "orders/db", Key: "password", Version: "3"})
	if want := `orders/db, key "password", in version 3 of the store "vault"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
