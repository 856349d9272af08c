// SPDX-License-Identifier: Apache-2.0

package plan

import "trunkline.dev/trunkline/catalog"

// Origin says whose an object of a release is. Each has its own rule for prune, drift, rollback and restart.
type Origin string

const (
	// Rendered objects are what the declarations render to. They are pruned when they are not declared any more, drift of them
	// is corrected or reported, and a rollback goes back to older ones.
	Rendered Origin = ""
	// Platform objects are Trunkline's own: the namespace, the account and its rights. They follow the newest environment,
	// also while a release is held or was rolled back, and are written as the daemon: without them there is no account.
	Platform Origin = "platform"
	// ByRun objects were made by a run, such as the Job of a lot. They are no part of the declared state: they are neither
	// pruned, corrected, rolled back nor applied again, and go when the release does.
	ByRun Origin = "run"
)

// RunLabel is on what was made by a run, and names the run. Only Trunkline sets it; [catalog.LabelAccess] is on what gives the
// account of a release its rights.
const RunLabel = "trunkline.dev/run"

// OriginOf returns whose an object is, by its labels.
func OriginOf(ref Ref, labels map[string]string) Origin {
	switch {
	case labels[RunLabel] != "":
		return ByRun
	case labels[catalog.LabelAccess] != "", isNamespace(ref):
		return Platform
	}
	return Rendered
}
