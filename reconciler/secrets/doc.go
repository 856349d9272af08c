// Package secrets decrypts Secrets that SOPS has encrypted, right before they are applied. What it gives is held by
// whoever applies it, for as long as that takes: nothing is kept here, logged, or written anywhere.
//
// Of the SOPS library it takes the cipher and the clients of the clouds' key services. The library's own ways to find
// keys are not used: they read environment variables and files in the home folder, run programs, and call any URL that
// a document names.
//
// It may know api.
package secrets
