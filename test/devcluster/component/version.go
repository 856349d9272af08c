// SPDX-License-Identifier: Apache-2.0

package component

import (
	"fmt"
	"strings"
	_ "unsafe" // for go:linkname

	"k8s.io/component-base/version"
)

// KubernetesVersion is the release that go.mod pins; a test compares the two.
const KubernetesVersion = "v1.36.3"

// Kubernetes learns its own version from linker flags (-X), because its repository is built by its own scripts.
// Without them it reports v0.0.0-master, which clients refuse or warn about. These two variables are what the flags
// would set; reaching them from here keeps a plain `go build` right.

//go:linkname gitVersion k8s.io/component-base/version.gitVersion
var gitVersion string

//go:linkname gitMajor k8s.io/component-base/version.gitMajor
var gitMajor string

//go:linkname gitMinor k8s.io/component-base/version.gitMinor
var gitMinor string

// SetVersion makes Kubernetes report the version it was released as. Call it before anything of Kubernetes starts.
func SetVersion() error {
	parts := strings.Split(strings.TrimPrefix(KubernetesVersion, "v"), ".")
	gitVersion, gitMajor, gitMinor = KubernetesVersion, parts[0], parts[1]
	if err := version.SetDynamicVersion(KubernetesVersion); err != nil {
		return fmt.Errorf("setting the version of Kubernetes to %s: %w", KubernetesVersion, err)
	}
	return nil
}
