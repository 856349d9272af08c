// SPDX-License-Identifier: Apache-2.0

// Package promotion knows which build of a project is declared in an environment, and how declarations change to have the same
// build in another one. A build is the images and parameters of the project's workloads, the rest of its declaration as far as
// it is the same in all environments, and the files that it names. It is pure.
//
// Of Trunkline it may import api.
package promotion
