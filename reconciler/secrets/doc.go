// SPDX-License-Identifier: Apache-2.0

// Package secrets decrypts Secrets that were encrypted with SOPS, right before they are applied, and makes the values of those
// that are declared to have some made. The caller holds the values for as long as the apply takes: nothing is cached here,
// logged, or written anywhere.
//
// The package reads the format of SOPS itself, and links the SOPS library only for the clients of the clouds' key
// services, with the build tag sops_cloud. The library's own ways to find keys are never used: they read environment
// variables and files in the home folder, run programs, and call any URL that a document names.
//
// It may know api.
package secrets
