// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// replayText is the declaration that has lots made once more, as it goes into that of the project: docs/data.md, "Replays". It is never
// put anywhere by itself.
func replayText(dataset string, first lot.Lot, until time.Time, why string) string {
	_, name, _ := strings.Cut(dataset, "/")
	name, version, _ := strings.Cut(name, "@")
	if why == "" {
		why = "say here why"
	}
	return fmt.Sprintf(`spec:
  datasets:
    - name: %s
      version: %s
      replay:
        - id: %s
          from: %s
          until: %s
          reason: %s
          cascade: true
`, yamlText(name), yamlText(version), yamlText("again-"+first.Name()), yamlText(stamp(first.Start)), yamlText(stamp(until)), yamlText(why))
}

// yamlText is a string of YAML, whatever is in it: that of JSON is one, of what can be printed.
func yamlText(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "?"))
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return `""` // a string is always one of JSON
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// noReplay says why the lots of a dataset cannot be made once more by a declaration; empty if they can.
func noReplay(v report.View, id string) string {
	producer := v.Graph.Producer(id)
	arc, ok := v.Graph.Arc(producer)
	switch {
	case producer == "" || !ok:
		return "no workload makes its lots"
	case arc.Stop == plan.Arrives:
		return "a boundary makes its lots of what has arrived"
	case arc.Stop == plan.Scheduled, arc.Stop == plan.Steady:
		return "the workload runs by itself, and writes its lots by itself"
	case arc.Stop == plan.Excluded:
		return "the workload is excluded here"
	}
	return ""
}
