// SPDX-License-Identifier: Apache-2.0

// Package edit changes values of a YAML file in place. All that is not part of the changed value stays as it is, byte for
// byte: comments, order, quotes, indentation, line ends, anchors, and the other documents of the file. It is pure.
//
// Of Trunkline it may import api/v1alpha1.
package edit
