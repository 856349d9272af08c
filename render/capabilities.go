// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render/helm"
)

// maxNamed bounds how many versions of APIs a message names.
const maxNamed = 3

// Differences says in which ways a cluster is not what charts are told that it is, as far as that can make them render to what
// it does not take: it is of another minor version, or does not serve what is declared. That it serves more is none, since a
// chart then leaves something out that nobody has asked for. Of groups that are silent nothing is known.
func Differences(declared, served catalog.Kubernetes, silent []string) []string {
	var out []string
	told, is := cmp.Or(declared.Version, helm.KubeVersion), served.Version
	if a, b := minor(told), minor(is); a != b {
		what := "charts are told Kubernetes " + told
		if declared.Version == "" {
			what += ", the default"
		}
		out = append(out, fmt.Sprintf("%s, and it is %s", what, is))
	}
	var missing []string
	for _, v := range declared.APIVersions {
		switch {
		case slices.Contains(served.APIVersions, v), slices.Contains(silent, APIGroup(v)):
		case slices.Contains(missing, apiVersionOf(v)): // follows from it
		default:
			missing = append(missing, v)
		}
	}
	if n := len(missing); n > 0 {
		named := strings.Join(missing[:min(n, maxNamed)], ", ")
		if n > maxNamed {
			named += fmt.Sprintf(" and %d more", n-maxNamed)
		}
		out = append(out, fmt.Sprintf("charts are told that it serves %s, and it does not", named))
	}
	return out
}

// minor returns the major and minor version.
func minor(v string) string {
	parsed, err := version.ParseGeneric(v)
	if err != nil {
		return v
	}
	return fmt.Sprintf("%d.%d", parsed.Major(), parsed.Minor())
}

// APIGroup returns the group of a version of an API, or of a kind of it, as charts are told them; that of the core is empty.
func APIGroup(v string) string {
	group, _, grouped := strings.Cut(apiVersionOf(v), "/")
	if !grouped {
		return ""
	}
	return group
}

// apiVersionOf returns the version of an API that a kind is of; of a version, itself.
func apiVersionOf(v string) string {
	if i := strings.LastIndexByte(v, '/'); i >= 0 && i+1 < len(v) && v[i+1] >= 'A' && v[i+1] <= 'Z' {
		return v[:i]
	}
	return v
}
