// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"embed"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

//go:embed examples/*.yaml
var exampleFiles embed.FS

// example returns a declaration of a kind, in YAML.
func example(k v1alpha1.Kind) string {
	data, err := exampleFiles.ReadFile("examples/" + strings.ToLower(string(k)) + ".yaml")
	if err != nil {
		return "" // a test holds that there is one of each kind
	}
	return string(data)
}
