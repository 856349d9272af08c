// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// checkRates checks that the changes of prices are in the order of their days.
func checkRates(k *checker, r v1alpha1.Rates) {
	for i, change := range r.Changes {
		if i > 0 && !change.From.After(r.Changes[i-1].From.Time) {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "rates", "changes", i, "from"},
				fmt.Sprintf("prices change on %s, which is not after the change before it, on %s",
					change.From.Format(time.DateOnly), r.Changes[i-1].From.Format(time.DateOnly)),
				"write the earliest change first, and each day once")
		}
	}
}
