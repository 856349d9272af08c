// SPDX-License-Identifier: Apache-2.0

// Package artifact fetches blueprints from registries and Helm repositories, each by its digest. What was fetched once is read from
// the disk: then nothing is asked any more.
//
// What is on the disk is not trusted for being there: manifests and content are held to their digests, and signatures are verified,
// whenever they are read.
//
// Of Trunkline it may import api, reconciler/durable and reconciler/oci.
package artifact
