package plan

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The stages: what later ones need, earlier ones bring.
const (
	stageDefinitions = iota // what makes other kinds possible
	stageNamespaces
	stageBasis // what workloads refer to by name
	stageRest
)

// stage tells when a kind is applied.
func stage(kind schema.GroupKind) int {
	switch kind.Group {
	case "apiextensions.k8s.io":
		return stageDefinitions
	case "rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io":
		return stageBasis
	case "":
		switch kind.Kind {
		case "Namespace":
			return stageNamespaces
		case "ServiceAccount", "ConfigMap", "Secret", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota", "LimitRange":
			return stageBasis
		}
	}
	return stageRest
}

// definedGroup gives the group of the kind that a CustomResourceDefinition defines: deleting it deletes every
// object of the kind, whatever those objects say. It is "-", which is no group, for any other object.
func definedGroup(r Ref) string {
	if r.Kind != "CustomResourceDefinition" || r.Group != "apiextensions.k8s.io" {
		return "-"
	}
	_, group, _ := strings.Cut(r.Name, ".") // the API server holds the name to "plural.group"
	return group
}

func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }
