// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
)

// replacing says how an object is deleted and made again whose fields cannot change, and what that costs.
func replacing(ref plan.Ref) string {
	hint := "; to have the object deleted and made again, give it the annotation " + plan.ReplaceAnnotation + ": enabled"
	if cost := deleting(ref); cost != "" {
		hint += "; that would " + cost
	}
	return hint
}

// handOver is the command by which an object becomes a member of a release.
func handOver(ref plan.Ref, applySet string) string {
	command := fmt.Sprintf("kubectl label %s %s %s=%s", strings.ToLower(ref.Kind), ref.Name, labelPartOf, applySet)
	if ref.Namespace != "" {
		command += " --namespace " + ref.Namespace
	}
	return command
}

// orDelete is the other way out, with what it costs.
func orDelete(ref plan.Ref) string {
	if cost := deleting(ref); cost != "" {
		return "; to delete it would " + cost
	}
	return "; or delete it"
}

// deleting says what else happens when an object is deleted; empty if nothing does that anybody would miss.
func deleting(ref plan.Ref) string {
	if cost, ok := deletions[ref.GroupKind]; ok {
		return cost
	}
	if strings.Contains(ref.Group, ".") && !strings.HasSuffix(ref.Group, ".k8s.io") {
		return "also delete what its controller has made for it, such as data" // a database, a topic, a bucket
	}
	return ""
}

// deletions are the kinds of Kubernetes itself of which more goes than the object.
var deletions = map[schema.GroupKind]string{
	{Kind: "Namespace"}: "delete all that is in it",
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: "delete all objects of its kind",
	{Kind: "PersistentVolumeClaim"}:                                   "delete its data, unless its volume's reclaim policy is Retain",
	{Kind: "PersistentVolume"}:                                        "cut its claim off from the data",
	{Group: "snapshot.storage.k8s.io", Kind: "VolumeSnapshot"}:        "delete the snapshot, unless its class's deletion policy is Retain",
	{Group: "apps", Kind: "StatefulSet"}:                              "end all its pods at once, and delete their data if its persistentVolumeClaimRetentionPolicy says so",
	{Group: "apps", Kind: "Deployment"}:                               "end all its pods at once",
	{Group: "apps", Kind: "DaemonSet"}:                                "end all its pods at once",
	{Group: "apps", Kind: "ReplicaSet"}:                               "end all its pods at once",
	{Group: "batch", Kind: "Job"}:                                     "run it again from the beginning",
	{Kind: "Service"}:                                                 "give up its addresses",
}
