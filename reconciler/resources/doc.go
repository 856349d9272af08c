// SPDX-License-Identifier: Apache-2.0

// Package resources keeps what projects have made in the cloud as it is declared: buckets of S3, and databases and tables of AWS Glue,
// where environments have the daemon make them.
//
// Whose a resource is, and what becomes of it once it is not declared any more, is written on the resource itself: nothing else is
// remembered. What belongs to others is never changed.
//
// Of Trunkline it may import api, catalog, plan/gate and plan/resource.
package resources

import (
	"context"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/resource"
)

// Cloud makes resources. Its methods may be called by any goroutine.
type Cloud interface {
	// Ensure brings a resource into its declared state for an owner. May is asked with the owner that is written on one that is there, before
	// anything of it is changed. What was done is returned also with an error.
	Ensure(ctx context.Context, r catalog.Resource, owner resource.Owner, may func(mark string) error) (Done, error)
	// Left lists what belongs to an environment of a platform.
	Left(ctx context.Context, platform, environment string) ([]resource.Left, error)
	// Remove removes what belongs to someone, if nothing is in it, and returns an error that says what is, otherwise. What is not there is
	// removed.
	Remove(ctx context.Context, l resource.Left) error
}

// Clouds returns the one of an environment.
type Clouds func(ctx context.Context, r v1alpha1.EnvironmentResources) (Cloud, error)

// Done is what was done to a resource.
type Done struct {
	// Made reports whether it was made, or taken over; Changed names the settings that were changed.
	Made    bool
	Changed []string
	// Unknown names the settings that the store knows nothing of.
	Unknown []string
}

// State is how a resource is doing.
type State struct {
	Release catalog.ReleaseID
	// ID is as of the declaration, such as "bucket acme-orders".
	ID string
	// Made reports whether it is as declared, and Err says why not; both are empty before it was looked at. Unknown names what the store
	// knows nothing of.
	Made    bool
	Err     string
	Unknown []string
	// Undeclared reports whether it is to be removed.
	Undeclared bool
}

// Act is what was done to a resource.
type Act string

// The acts.
const (
	// Made is one that was made or taken over; Changed one whose declaration changed, and Corrected one that someone else had changed.
	Made      Act = "made"
	Changed   Act = "changed"
	Corrected Act = "corrected"
	// Removed is one that was not declared any more.
	Removed Act = "removed"
)

// Event is something that was done to a resource.
type Event struct {
	Act     Act
	Release catalog.ReleaseID
	ID      string
	Fields  []string
	Took    time.Duration
}
