// SPDX-License-Identifier: Apache-2.0

package person_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/person"
)

// TestSlug: people have folders of their own, with names that are labels.
func TestSlug(t *testing.T) {
	label := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		if got := person.Slug(a); !label.MatchString(got) {
			t.Fatalf("%q becomes %q", a, got)
		}
		if a != b && person.Slug(a) == person.Slug(b) {
			t.Fatalf("%q and %q share %q", a, b, person.Slug(a))
		}
	})
	if diff := cmp.Diff("ada-acme-example-", person.Slug("ada@acme.example")[:17]); diff != "" {
		t.Errorf("a name that can be read (-want +got):\n%s", diff)
	}
	if person.Slug("a.b") == person.Slug("a-b") {
		t.Error("two people have one folder")
	}
}
