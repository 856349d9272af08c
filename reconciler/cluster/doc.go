// Package cluster talks to one Kubernetes API server: it applies and deletes objects, keeps the inventory of
// each release as an ApplySet, and watches what the releases own.
//
// It is I/O; it decides nothing. Of Trunkline it may import catalog (for names) and reconciler/plan.
package cluster
