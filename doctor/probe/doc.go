// SPDX-License-Identifier: Apache-2.0

// Package probe collects the facts that package doctor judges. Each probe is bounded in time, and those that do not need each other run at
// once: what hangs keeps nothing else from being looked at. Nothing is changed but a file that is written and removed again in folders that
// have to be writable.
//
// Of Trunkline it may import api, catalog, console, console/client, deploy, doctor, evaluate, plan/preview, reconciler/artifact,
// reconciler/cluster, reconciler/git, reconciler/secrets, reconciler/signers and webhooks/github.
package probe
