// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"maps"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// Dags are how the DAGs of a project are doing in the Airflow of its environment.
type Dags struct {
	// Dags counts those that Airflow has, Paused those that are paused, and Running those of which a run goes on.
	Dags    int `json:"dags"`
	Paused  int `json:"paused"`
	Running int `json:"running"`
	// Failed counts those whose newest run that has ended has failed, and Broken the files that Airflow cannot load.
	Failed int `json:"failed"`
	Broken int `json:"broken"`
	// Message says why the first one failed; empty if none did. Log is where the console leads to the log of its task.
	Message string `json:"message,omitempty"`
	Log     string `json:"log,omitempty"`
	// Unknown says that Airflow does not answer, so that nothing of the others is known.
	Unknown bool `json:"unknown,omitempty"`
}

// Fine reports whether nobody has to look at them.
func (d Dags) Fine() bool { return d.Failed == 0 && d.Broken == 0 }

// String says what there is to say of them, such as "DAGs: 1 failed: daily: the task load failed: …"; empty if nothing is.
func (d Dags) String() string {
	if d.Unknown {
		return "DAGs: Airflow does not answer"
	}
	var parts []string
	if d.Running > 0 {
		parts = append(parts, fmt.Sprintf("%d running", d.Running))
	}
	if d.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed: %s", d.Failed, d.Message))
	}
	if d.Broken > 0 {
		text := fmt.Sprintf("%d with files that cannot be loaded", d.Broken)
		if d.Failed == 0 {
			text += ": " + d.Message
		}
		parts = append(parts, text)
	}
	if d.Log != "" {
		parts = append(parts, "its log is at "+d.Log)
	}
	if len(parts) == 0 {
		return ""
	}
	return "DAGs: " + strings.Join(parts, ", ")
}

// SetDags sets how the DAGs of all releases are doing that have any.
func (b *Board) SetDags(all map[catalog.ReleaseID]Dags) {
	b.update(func() (changed []subject) {
		for id := range b.releases {
			was, before := b.dags[id]
			if now, is := all[id]; is != before || now != was {
				changed = append(changed, subject{kind: ofRelease, release: id})
			}
		}
		b.dags = maps.Clone(all)
		return changed
	})
}
