// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	values := map[string]string{"A": "alpha", "EMPTY": "", "NESTED": "$(A)"}
	lookup := func(name string) (string, bool) { value, ok := values[name]; return value, ok }
	for _, c := range []struct{ reason, in, want string }{
		{"text without references stays", "plain", "plain"},
		{"a known name is replaced", "x-$(A)-y", "x-alpha-y"},
		{"an empty value is a value", "[$(EMPTY)]", "[]"},
		{"an unknown name stays as it is", "$(NONE)", "$(NONE)"},
		{"two dollars stand for one and escape the name", "$$(A)", "$(A)"},
		{"three dollars are an escaped one and a reference", "$$$(A)", "$alpha"},
		{"a replacement is not expanded again", "$(NESTED)", "$(A)"},
		{"the shell's own syntax stays", "$A ${A} $", "$A ${A} $"},
		{"an open reference stays", "$(A", "$(A"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			if diff := cmp.Diff(c.want, expand(c.in, lookup)); diff != "" {
				t.Errorf("expand(%q) (-want +got):\n%s", c.in, diff)
			}
		})
	}
}
