// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	_ "embed" // the names of time zones
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // their tables, where the machine has none
)

// zoneNames are the names of the IANA time zone database that comes with Go, sorted, one a line. `go test -run
// TestZones -update` writes them again from the Go that runs it.
//
//go:embed zones.txt
var zoneNames string

// Zones returns the names of all time zones, sorted.
func Zones() []string { return strings.Fields(zoneNames) }

// known reports whether there is a zone of a name.
func known(name string) bool {
	_, found := slices.BinarySearch(Zones(), name)
	return found
}

// findZone finds a zone by its name, in exactly the case that Kubernetes wants. Only a name of the list is looked for, so
// that nothing else of the machine is read.
func findZone(name string) (*time.Location, error) {
	if name == "" || name == "UTC" {
		return time.UTC, nil
	}
	if !known(name) {
		e := wrong("zone", "%.80q is not a time zone of the IANA database, as in \"Europe/Brussels\"", name)
		e.Known, e.Meant = Zones(), Meant(name)
		return nil, e
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, wrong("zone", "the table of the time zone %.80q cannot be read: %v", name, err)
	}
	return zone, nil
}
