// SPDX-License-Identifier: Apache-2.0

// Package signon finds out who people and machines are, from what issuers of OpenID Connect say: people by the authorization code
// flow in a browser, or with the token that the command line got; machines with the tokens that the place where they run gives
// them. Keys of issuers are fetched, and again when one is used that is not known.
//
// Of Trunkline it may import access.
package signon
