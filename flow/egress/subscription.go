// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"slices"

	"trunkline.dev/trunkline/api/glob"
)

// OwnAirflow is the target that the Airflow of an environment is, if it has one. Nobody can configure a target of this name.
const OwnAirflow = "@airflow"

// Subscription says what is told to a target. It needs nothing from those whose data it is about.
type Subscription struct {
	// Target is the name by which whoever runs the daemon says where that is.
	Target string
	// Datasets are patterns of ids, with "*" for any text; none: all. A run is of all that it reads and writes.
	Datasets []string
	// Types are those of lots that are told; none: all.
	Types []Type
}

// Selects reports whether a fact is to be told.
func (s Subscription) Selects(f Fact) bool {
	if !f.OfRun() {
		return (len(s.Types) == 0 || slices.Contains(s.Types, f.Type)) && s.names(f.Dataset)
	}
	named := func(d Series) bool { return s.names(d.ID) }
	return len(s.Datasets) == 0 || slices.ContainsFunc(f.Reads, named) || slices.ContainsFunc(f.Writes, named)
}

func (s Subscription) names(dataset string) bool {
	return len(s.Datasets) == 0 || slices.ContainsFunc(s.Datasets, func(pattern string) bool { return glob.Match(pattern, dataset) })
}
