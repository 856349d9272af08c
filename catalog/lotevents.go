// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"regexp"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// targetForm is how targets of events are called: what is kept of one is in a folder of its name.
var targetForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkLotEvents checks who is told of the lots of an environment. Whether there is such a target is known to the daemon alone.
func checkLotEvents(k *checker, events []v1alpha1.LotEvents) {
	for i, e := range events {
		if !targetForm.MatchString(e.To) {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "lots", "events", i, "to"}, fmt.Sprintf("%.40q is no name of a target", e.To),
				"write the name that the configuration of the daemon has for it: lower-case letters, digits and dashes; URLs are said there, too")
		}
		for j, pattern := range e.Datasets {
			if owner, _, ok := ParseDataset("", pattern); !strings.Contains(pattern, "*") && (!ok || owner == "") {
				k.at(v1alpha1.RuleInvalidValue, []any{"spec", "lots", "events", i, "datasets", j}, fmt.Sprintf("%.80q is no dataset: it would match nothing", pattern),
					`write "project/name@version", with "*" for any text, as in "orders/*"`)
			}
		}
	}
}
