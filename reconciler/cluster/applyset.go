// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
)

// The labels and annotations of ApplySets, as KEP-3659 has them, and ours beside them.
const (
	labelPartOf          = "applyset.kubernetes.io/part-of"
	labelID              = "applyset.kubernetes.io/id"
	annotationTooling    = "applyset.kubernetes.io/tooling"
	annotationKinds      = "applyset.kubernetes.io/contains-group-kinds"
	annotationNamespaces = "applyset.kubernetes.io/additional-namespaces"

	labelManagedBy   = "app.kubernetes.io/managed-by"
	labelPlatform    = "trunkline.dev/platform"    // The platform that an inventory is of.
	labelProject     = "trunkline.dev/project"     // The project of a release.
	labelEnvironment = "trunkline.dev/environment" // The environment of a release.
	labelCluster     = "trunkline.dev/cluster"     // The cluster of a release, as declarations call it.
	// labelPreview says of the releases of previews whether they are awake or asleep.
	labelPreview     = "trunkline.dev/preview"
	annotationCommit = "trunkline.dev/commit" // The commit that was applied last, on an inventory.
	annotationDigest = plan.DigestAnnotation
	annotationMemory = "trunkline.dev/memory" // What is to be remembered of a release, such as that it is suspended, on an inventory; as JSON.
	// annotationAccount names the account, by which the release can be removed when its environment is not declared any more.
	annotationAccount = "trunkline.dev/service-account"
	annotationSource  = "trunkline.dev/source" // The included repository that declares the release, or "." for the platform's own, on an inventory.
	annotationParts   = "trunkline.dev/parts"  // What the commits that an inventory names join, for those that join several repositories.

	tooling = "trunkline/v1"
)

// Inventory is the parent object of a release's ApplySet: it says which kinds of object the release may have
// in the cluster, and since which commit.
type Inventory struct {
	Platform  string
	Release   catalog.ReleaseID
	Namespace string
	Kinds     []schema.GroupKind
	// Commit is the last one that changed the release.
	Commit string
	// Digest identifies what the release rendered to.
	Digest string
	// Account is the service account in Namespace as which the release was last deployed; empty if it was the daemon.
	Account string
	// Preview says what the release is to a preview, if it is one's.
	Preview plan.Preview
	// Memory is what else has to be remembered of the release.
	Memory gate.Memory
	// Repository is the one that declares the release, of those that the platform includes: [catalog.OwnSource] is the platform's own.
	// It is empty if the platform included none when it was written.
	Repository string
	// Parts says of the commits that the inventory names what they join, for those that join commits of several repositories.
	Parts map[string]string
}

// Commits are those that the inventory names.
func (i Inventory) Commits() []string {
	named := []string{i.Commit}
	for _, mark := range i.Memory.Healthy {
		named = append(named, mark.Commit)
	}
	if i.Memory.Failed != nil {
		named = append(named, i.Memory.Failed.Commit)
	}
	return slices.DeleteFunc(named, func(commit string) bool { return commit == "" })
}

// Covers reports whether writing the other inventory would add nothing to this one.
func (i Inventory) Covers(o Inventory) bool {
	return i.Commit == o.Commit && i.Digest == o.Digest && i.Namespace == o.Namespace && i.Account == o.Account && i.Preview == o.Preview && i.Memory.String() == o.Memory.String() &&
		i.Repository == o.Repository && maps.Equal(i.Parts, o.Parts) &&
		!slices.ContainsFunc(o.Kinds, func(k schema.GroupKind) bool { return !slices.Contains(i.Kinds, k) })
}

// name of the parent, which is in catalog.SystemNamespace. Names of platforms, environments and projects hold
// no dots, so that no two releases share one.
func (i Inventory) name() string {
	return i.Platform + "." + i.Release.Environment + "." + i.Release.Project
}

// ApplySet returns the id of the set, which its members carry as a label. The formula is that of KEP-3659.
func (i Inventory) ApplySet() string {
	sum := sha256.Sum256([]byte(i.name() + "." + catalog.SystemNamespace + ".ConfigMap."))
	return "applyset-" + base64.RawURLEncoding.EncodeToString(sum[:]) + "-v1"
}

// Member returns a copy of the object that carries the label of the set.
func (i Inventory) Member(o *unstructured.Unstructured) *unstructured.Unstructured {
	c := o.DeepCopy()
	i.Mark(c)
	return c
}

// Mark puts the label of the set on an object.
func (i Inventory) Mark(o *unstructured.Unstructured) {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelPartOf] = i.ApplySet()
	o.SetLabels(labels)
}

func (i Inventory) object() *unstructured.Unstructured {
	kinds := make([]string, len(i.Kinds))
	for k, kind := range i.Kinds {
		kinds[k] = kind.String()
	}
	slices.Sort(kinds)
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("v1")
	o.SetKind("ConfigMap")
	o.SetNamespace(catalog.SystemNamespace)
	o.SetName(i.name())
	o.SetLabels(map[string]string{
		labelID: i.ApplySet(), labelManagedBy: FieldManager, labelPlatform: i.Platform,
		labelProject: i.Release.Project, labelEnvironment: i.Release.Environment,
		labelCluster: i.Release.Cluster,
	})
	if i.Preview != plan.NoPreview {
		labels := o.GetLabels()
		labels[labelPreview] = string(i.Preview)
		o.SetLabels(labels)
	}
	o.SetAnnotations(map[string]string{
		annotationTooling: tooling, annotationKinds: strings.Join(slices.Compact(kinds), ","),
		annotationNamespaces: i.Namespace, annotationCommit: i.Commit, annotationDigest: i.Digest,
	})
	annotations := o.GetAnnotations()
	for key, value := range map[string]string{
		annotationMemory: i.Memory.String(), annotationAccount: i.Account, annotationSource: i.Repository, annotationParts: i.parts(),
	} {
		if value != "" {
			annotations[key] = value
		}
	}
	o.SetAnnotations(annotations)
	return o
}

func inventoryOf(o *unstructured.Unstructured) Inventory {
	i := Inventory{
		Platform: o.GetLabels()[labelPlatform],
		Release: catalog.ReleaseID{
			Project: o.GetLabels()[labelProject], Environment: o.GetLabels()[labelEnvironment], Cluster: o.GetLabels()[labelCluster],
		},
		Namespace: o.GetAnnotations()[annotationNamespaces],
		Commit:    o.GetAnnotations()[annotationCommit],
		Digest:    o.GetAnnotations()[annotationDigest],
		Account:   o.GetAnnotations()[annotationAccount],
		Preview:   plan.ReadPreview(o.GetLabels()[labelPreview]),
		Memory:    gate.ReadMemory(o.GetAnnotations()[annotationMemory]),

		Repository: o.GetAnnotations()[annotationSource],
		Parts:      readParts(o.GetAnnotations()[annotationParts]),
	}
	for kind := range strings.SplitSeq(o.GetAnnotations()[annotationKinds], ",") {
		if kind != "" {
			i.Kinds = append(i.Kinds, schema.ParseGroupKind(kind))
		}
	}
	return i
}

// parts writes what commits join, a line for each.
func (i Inventory) parts() string {
	lines := make([]string, 0, len(i.Parts))
	for _, commit := range slices.Sorted(maps.Keys(i.Parts)) {
		lines = append(lines, commit+" "+i.Parts[commit])
	}
	return strings.Join(lines, "\n")
}

func readParts(text string) map[string]string {
	if text == "" {
		return nil
	}
	parts := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		if commit, joined, ok := strings.Cut(line, " "); ok {
			parts[commit] = joined
		}
	}
	return parts
}

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// Inventories lists the releases of a platform that the cluster holds anything of. Those that were made for a
// cluster of another name are not ours: the same API server may be known by two names while one is given up.
func (conn *Conn) Inventories(ctx context.Context, platform string) ([]Inventory, error) {
	var list *unstructured.UnstructuredList
	err := conn.do(ctx, "", func(ctx context.Context) (err error) {
		list, err = conn.client.Resource(configMaps).Namespace(catalog.SystemNamespace).
			List(ctx, metav1.ListOptions{LabelSelector: labelID + "," + labelPlatform + "=" + platform + "," + labelCluster + "=" + conn.cluster.Name()})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the inventories on cluster %q: %w", conn.cluster.Name(), err)
	}
	inventories := make([]Inventory, len(list.Items))
	for i := range list.Items {
		inventories[i] = inventoryOf(&list.Items[i])
	}
	return inventories, nil
}

// Inventory reads the inventory of one release; false if there is none.
func (conn *Conn) Inventory(ctx context.Context, platform string, id catalog.ReleaseID) (Inventory, bool, error) {
	var o *unstructured.Unstructured
	of := Inventory{Platform: platform, Release: id}
	err := conn.do(ctx, of.ApplySet(), func(ctx context.Context) (err error) {
		o, err = conn.client.Resource(configMaps).Namespace(catalog.SystemNamespace).Get(ctx, of.name(), metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return Inventory{}, false, nil
	}
	if err != nil {
		return Inventory{}, false, fmt.Errorf("reading the inventory of %s: %w", id, err)
	}
	i := inventoryOf(o)
	return i, i.Release == id, nil
}

// Record writes the inventory. It comes before anything that the inventory names is applied, so that a crash
// between the two leaves a record and never an orphan.
func (conn *Conn) Record(ctx context.Context, i Inventory) error {
	err := conn.system.with(ctx, func() error {
		err := conn.applyOwn(ctx, i.object())
		if !apierrors.IsNotFound(err) {
			return err
		}
		if err := conn.applyOwn(ctx, systemNamespace()); err != nil {
			return err
		}
		return conn.applyOwn(ctx, i.object())
	})
	if err != nil {
		return fmt.Errorf("recording the inventory of %s: %w", i.Release, err)
	}
	return nil
}

// Empty asks the API server itself whether it holds anything of the release: what was just applied may not have
// come by on a watch yet.
func (conn *Conn) Empty(ctx context.Context, i Inventory) (bool, error) {
	for _, kind := range i.Kinds {
		m, err := conn.resource(ctx, kind)
		if meta.IsNoMatchError(err) {
			continue // a kind that is not served has no objects
		}
		if err != nil {
			return false, err
		}
		var list *unstructured.UnstructuredList
		err = conn.do(ctx, i.ApplySet(), func(ctx context.Context) (err error) {
			list, err = conn.client.Resource(m.Resource).List(ctx, metav1.ListOptions{LabelSelector: labelPartOf + "=" + i.ApplySet()})
			return err
		})
		if err != nil && !apierrors.IsNotFound(err) {
			return false, fmt.Errorf("looking for what is left of %s: %w", i.Release, err)
		}
		if list != nil && slices.ContainsFunc(list.Items, func(o unstructured.Unstructured) bool { return appliedByUs(&o) }) {
			return false, nil
		}
	}
	return true, nil
}

// Forget deletes the inventory of a release that the cluster holds nothing of any more.
func (conn *Conn) Forget(ctx context.Context, i Inventory) error {
	err := conn.write(ctx, i.ApplySet(), func(ctx context.Context) error {
		return conn.client.Resource(configMaps).Namespace(catalog.SystemNamespace).Delete(ctx, i.name(), metav1.DeleteOptions{})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("forgetting the inventory of %s: %w", i.Release, err)
	}
	return nil
}

func systemNamespace() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("v1")
	o.SetKind("Namespace")
	o.SetName(catalog.SystemNamespace)
	o.SetLabels(map[string]string{labelManagedBy: FieldManager})
	return o
}

// KindsOf lists kinds in their order, each once.
func KindsOf(kinds ...schema.GroupKind) []schema.GroupKind {
	return slices.Compact(slices.SortedFunc(slices.Values(kinds), func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) }))
}
