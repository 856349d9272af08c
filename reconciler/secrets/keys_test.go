// SPDX-License-Identifier: Apache-2.0

package secrets_test

import (
	"testing"

	"trunkline.dev/trunkline/reconciler/secrets"
)

// TestScope: a key is for the releases that its scope names, and for previews of pull requests only if it names those:
// anyone who can open a pull request could copy a Secret into theirs.
func TestScope(t *testing.T) {
	prod := secrets.Release{Project: "orders", Environment: "prod"}
	preview := secrets.Release{Project: "orders", Environment: "pr-7", Preview: true}
	for name, tc := range map[string]struct {
		scope         secrets.Scope
		prod, preview bool
	}{
		"Empty":        {"", true, false},
		"All":          {"*/*", true, false},
		"Project":      {"orders/*", true, false},
		"Environment":  {"*/prod", true, false},
		"Other":        {"billing/*", false, false},
		"Previews":     {"orders/pr-*", false, true},
		"AllPreviews":  {"*/pr-*", false, true},
		"OnePreview":   {"orders/pr-7", false, true},
		"OtherPreview": {"orders/pr-70", false, false},
		"OfOthers":     {"billing/pr-*", false, false},
		"Beginning":    {"orders/pr*", true, false},
		"Class":        {"orders/[a-z]*", true, false},
		"Marks":        {"orders/????", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.scope.Has(prod); got != tc.prod {
				t.Errorf("%q has %+v: %t", tc.scope, prod, got)
			}
			if got := tc.scope.Has(preview); got != tc.preview {
				t.Errorf("%q has %+v: %t", tc.scope, preview, got)
			}
		})
	}
}
