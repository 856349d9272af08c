// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"testing"

	"k8s.io/client-go/rest"
)

// Made makes clouds with the clock and the environment of the test.
func Made() *Clouds { return made(Options{}) }

// NoIdentity takes away what the environment has.
func NoIdentity(t *testing.T) {
	t.Helper()
	noIdentity(t)
}

// PlayGKE plays a cluster of GKE in front of an API server.
func PlayGKE(t *testing.T, behind *rest.Config) Ref {
	t.Helper()
	noIdentity(t)
	m := &mint{}
	playMetadata(t, m)
	d := newDoor(t, behind, m.knows)
	return Ref{Provider: GCP, Owner: "acme", Place: "europe-west1", Cluster: "prod", API: playGKE(t, m, func() *door { return d })}
}

// PlayAKS plays a cluster of AKS in front of an API server.
func PlayAKS(t *testing.T, behind *rest.Config) Ref {
	t.Helper()
	noIdentity(t)
	m := &mint{}
	d := newDoor(t, behind, m.aksKnows)
	return Ref{Provider: Azure, Owner: subscription, Place: "rg", Cluster: "prod", API: playAzure(t, m, func() *door { return d }, kubelogin)}
}

// PlayEKS plays a cluster of EKS in front of an API server, which knows tokens as it is told. What asks EKS has to be signed with the credentials of
// mototest, or if that is not said, with those of anybody.
func PlayEKS(t *testing.T, behind *rest.Config, own bool, knows func(token string) bool) Ref {
	t.Helper()
	d := newDoor(t, behind, knows)
	key := "test"
	if !own {
		key = ""
	}
	return Ref{Provider: AWS, Place: "eu-west-1", Cluster: "prod", API: playEKS(t, key, "test", func() *door { return d })}
}
