// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"maps"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// Resources are how what a project has made in the cloud is doing, where its environment has the daemon make it.
type Resources struct {
	// Made counts those that are as declared, Waiting those that were not looked at yet, and Failed those that are not as declared.
	Made    int `json:"made"`
	Waiting int `json:"waiting"`
	Failed  int `json:"failed"`
	// Message says why the first that failed did; empty if none did.
	Message string `json:"message,omitempty"`
}

// Fine reports whether nobody has to look at them.
func (r Resources) Fine() bool { return r.Failed == 0 }

// String says what there is to say of them, such as "resources: 1 failed: the bucket a is there, …"; empty if nothing is.
func (r Resources) String() string {
	var parts []string
	if r.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting", r.Waiting))
	}
	if r.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed: %s", r.Failed, r.Message))
	}
	if len(parts) == 0 {
		return ""
	}
	return "resources: " + strings.Join(parts, ", ")
}

// SetResources sets how the resources of all releases are doing that have any.
func (b *Board) SetResources(all map[catalog.ReleaseID]Resources) {
	b.update(func() (changed []subject) {
		for id := range b.releases {
			was, before := b.resources[id]
			if now, is := all[id]; is != before || now != was {
				changed = append(changed, subject{kind: ofRelease, release: id})
			}
		}
		b.resources = maps.Clone(all)
		return changed
	})
}
