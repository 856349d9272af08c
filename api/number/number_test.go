// SPDX-License-Identifier: Apache-2.0

package number_test

import (
	"testing"

	"trunkline.dev/trunkline/api/number"
)

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 lots", 1: "1 lot", 999: "999 lots", 1000: "1,000 lots", -1234567: "-1,234,567 lots", -100: "-100 lots"} {
		if got := number.Count(n, "lot"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
