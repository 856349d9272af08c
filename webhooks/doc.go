// SPDX-License-Identifier: Apache-2.0

// Package webhooks makes the pull request the user interface: it takes the events of a forge in, finds out what a pull
// request would do when merged, and keeps its check, its comment and its deployments as that says.
//
// An event is a hint where to look, and never content: what counts is what the forge answers when it is asked. Each pull
// request is brought to its desired state by one function, however often it is called and whatever was lost in between;
// the forge itself is the memory of what was written.
//
// Of Trunkline it may import access, api, catalog, cost, evaluate, plan, policy and webhooks/report. The forge is an interface here;
// webhooks/github implements it.
package webhooks
