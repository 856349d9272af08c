// SPDX-License-Identifier: Apache-2.0

package run

import (
	"fmt"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// Seen is what the stores have when a run is started.
type Seen struct {
	// Inputs are the manifests that count of the lots that are read, by role, in the order of the lots.
	Inputs map[string][]Found
	// Partial are the addresses of what earlier attempts at the lot left in the sinks, by role.
	Partial map[string][]string
	// Now is when the run starts.
	Now time.Time
	// Local reports whether it is started by hand, on someone's machine.
	Local bool
}

// Found is a manifest that counts.
type Found struct {
	Lot lot.Lot
	manifest.Manifest
}

// address is where a manifest that counts lies.
func (p Place) address(f Found) string {
	return strings.TrimSuffix(p.Store, "/") + "/" + manifest.Key{Dataset: p.Name, Lot: f.Lot, State: f.State}.Path()
}

// Waits returns why the run cannot be started: which lots of which inputs are not there. It is empty if it can. What does not trigger
// the workload is read as it is found, and what is not needed by its join too. A run that is short of inputs, since the rest has been waited
// for long enough, needs no more than some lot of one of them.
func (r Run) Waits(seen Seen, short bool) []string {
	var waits []string
	there, some := 0, false
	for _, in := range r.Inputs {
		if !in.Triggers {
			continue
		}
		some = some || len(seen.Inputs[in.Role]) > 0
		missing := in.missing(seen.Inputs[in.Role])
		if len(missing) == 0 {
			there++
			continue
		}
		waits = append(waits, fmt.Sprintf("%s (%s): %s", in.ID, in.Role, few(missing)))
	}
	if there >= r.Need || short && some {
		return nil
	}
	return waits
}

// missing are the lots that are read and of which no manifest counts.
func (in Input) missing(found []Found) (missing []string) {
	there := make(map[lot.Lot]bool, len(found))
	for _, f := range found {
		there[f.Lot] = true
	}
	for _, l := range in.Lots {
		if !there[l] {
			missing = append(missing, l.ID())
		}
	}
	if len(in.Lots) == 0 {
		missing = append(missing, "no lot of it is as old as that")
	}
	return missing
}

// few names the first of many.
func few(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
