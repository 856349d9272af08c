// SPDX-License-Identifier: Apache-2.0

// Package oci asks registries, and servers that are asked like them: with TLS, within bounds, with the credentials of a docker
// config.json, and with errors that are for people and have no secrets.
//
// Of Trunkline it may import api.
package oci
