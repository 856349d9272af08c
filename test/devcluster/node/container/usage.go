// SPDX-License-Identifier: Apache-2.0

package container

import "time"

// Usage is what the processes of a container use.
type Usage struct {
	// CPU is the time that they took since the container started, those included that have ended. It never decreases.
	CPU time.Duration
	// Memory is what they hold in memory, in bytes: what several share counts once.
	Memory int64
}
