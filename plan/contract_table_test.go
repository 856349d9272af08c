// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/field"
)

// TestTheTableOfContracts: every row says where it is from, and can be read.
func TestTheTableOfContracts(t *testing.T) {
	for _, c := range contracts() {
		if !strings.HasPrefix(c.source, "https://") && !strings.HasPrefix(c.source, "docs/") {
			t.Errorf("%s %v has no source", c.kind, c.fields)
		}
		if len(c.fields) == 0 {
			t.Errorf("%s has no fields", c.kind)
		}
		for _, f := range c.fields {
			if _, err := field.ParsePattern(f); err != nil {
				t.Errorf("%s: %v", c.kind, err)
			}
		}
	}
	clauses() // does not panic
}
