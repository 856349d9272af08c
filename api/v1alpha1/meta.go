// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Version is the apiVersion of every declaration in this package.
const Version = "trunkline.dev/v1alpha1"

// Kind names a kind of declaration.
type Kind string

// The kinds of declaration.
const (
	KindPlatform    Kind = "Platform"
	KindCluster     Kind = "Cluster"
	KindEnvironment Kind = "Environment"
	KindBlueprint   Kind = "Blueprint"
	KindProject     Kind = "Project"
)

// Kinds lists the kinds of declaration, in the order in which people meet them.
func Kinds() []Kind {
	return []Kind{
		KindPlatform, KindCluster, KindEnvironment, KindBlueprint, KindProject, KindPolicy, KindPolicyTest, KindAccess, KindPackage,
	}
}

// newObject makes an empty declaration of a kind; nil if there is no such kind.
func newObject(k Kind) any {
	switch k {
	case KindPlatform:
		return &Platform{}
	case KindCluster:
		return &Cluster{}
	case KindEnvironment:
		return &Environment{}
	case KindBlueprint:
		return &Blueprint{}
	case KindProject:
		return &Project{}
	case KindPolicy:
		return &Policy{}
	case KindPolicyTest:
		return &PolicyTest{}
	case KindAccess:
		return &Access{}
	case KindPackage:
		return &Package{}
	case KindDaemonConfiguration: // is none of a repository
	}
	return nil
}

// Metadata identifies a declaration among those of its kind.
type Metadata struct {
	// Name is a DNS label (RFC 1123): lower-case letters, digits and dashes, at most 63 characters.
	Name string `json:"name" required:"true"`
	// Labels are texts by name, for policies and people to go by; Trunkline itself reads none.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are texts by name, for tools and people to keep; Trunkline itself reads none.
	Annotations map[string]string `json:"annotations,omitempty"`
}
