// SPDX-License-Identifier: Apache-2.0

// Package reference tells what there is to know of every field of every kind of declaration: its type, what it means,
// its default, its unit, which values it takes and whether it must be there.
//
// The JSON Schemas, "trunkline explain" and the tables of docs/declarations.md are all made of it, so that they
// cannot say different things. It is itself made of the types of api/v1alpha1: of their shape and tags, and of
// their doc comments, which `go test ./api/reference -update` writes into comments.go.
//
// A comment says what the field is; its default follows "; default: ", and examples follow "such as".
// Whether a field is required, and what its number counts, are the tags required and unit; the tag bare says that
// a field may not be there with nothing behind it.
//
// The package is pure. Of Trunkline it may import api/v1alpha1 only.
package reference
