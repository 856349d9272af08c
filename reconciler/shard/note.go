// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a Lease says of its replica to people and commands that have no way to the replica itself. Nothing is decided by it here.
const (
	AnnotationAccepted = "trunkline.dev/accepted" // The commit that a replica keeps clusters at, on its Lease.
	AnnotationTrouble  = "trunkline.dev/trouble"  // Why a replica does not keep clusters at the newest commit, on its Lease.

	// maxNote bounds a text, in bytes.
	maxNote = 2 << 10
)

// Note is how far a replica is.
type Note struct {
	// Accepted is the commit that it keeps clusters at; empty if none. Trouble says why that is not the newest one; empty if it is.
	Accepted, Trouble string
}

// note writes into the Lease of this replica how far it is. It goes with the renewals, and costs no request.
func (c *Coordinator) note(lease *coordinationv1.Lease) {
	n := c.opts.Note()
	for key, text := range map[string]string{AnnotationAccepted: n.Accepted, AnnotationTrouble: n.Trouble} {
		if delete(lease.Annotations, key); text != "" {
			metav1.SetMetaDataAnnotation(&lease.ObjectMeta, key, strings.ToValidUTF8(text[:min(len(text), maxNote)], ""))
		}
	}
}
