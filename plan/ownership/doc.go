// SPDX-License-Identifier: Apache-2.0

// Package ownership reads who owns which field of an object in a cluster: the entries of metadata.managedFields,
// which the API server keeps for server-side apply.
//
// After server-side apply, our entry lists exactly the fields that we declare. When someone else changes one of
// them, the API server takes it out of our entry. So what is declared and not in our entry is drift, and whoever has
// it in theirs is who did it: no value has to be read or remembered, and nothing has to be asked of the API server.
//
// It is pure; of ours it imports api/field.
package ownership
