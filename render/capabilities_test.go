// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// TestDifferences: what can matter is told, and noise is not.
func TestDifferences(t *testing.T) {
	const monitors = "monitoring.coreos.com/v1"
	for name, tc := range map[string]struct {
		reason           string
		declared, served catalog.Kubernetes
		silent, want     []string
	}{
		"Same":         {"It is as declared.", catalog.Kubernetes{Version: "v1.36.2", APIVersions: []string{"v1", "v1/Pod"}}, catalog.Kubernetes{Version: "v1.36.2", APIVersions: []string{"v1", "v1/Pod"}}, nil, nil},
		"Patch":        {"Patches come and go.", catalog.Kubernetes{Version: "v1.36.2"}, catalog.Kubernetes{Version: "v1.36.9-gke.1000"}, nil, nil},
		"Minor":        {"A minor version brings and takes APIs.", catalog.Kubernetes{Version: "v1.35.0"}, catalog.Kubernetes{Version: "v1.36.0"}, nil, []string{"charts are told Kubernetes v1.35.0, and it is v1.36.0"}},
		"Default":      {"Nothing is declared, and charts are told something all the same.", catalog.Kubernetes{}, catalog.Kubernetes{Version: "v1.31.4"}, nil, []string{"charts are told Kubernetes v1.36.0, the default, and it is v1.31.4"}},
		"DefaultFine":  {"The default happens to be right.", catalog.Kubernetes{}, catalog.Kubernetes{Version: "v1.36.4"}, nil, nil},
		"Unreadable":   {"A version that is none is told as it is.", catalog.Kubernetes{}, catalog.Kubernetes{Version: "master"}, nil, []string{"charts are told Kubernetes v1.36.0, the default, and it is master"}},
		"NotServed":    {"Objects of it could not be applied.", catalog.Kubernetes{APIVersions: []string{monitors}}, catalog.Kubernetes{Version: "v1.36.0"}, nil, []string{"charts are told that it serves " + monitors + ", and it does not"}},
		"Kinds":        {"That its kinds are not served follows.", catalog.Kubernetes{APIVersions: []string{monitors, monitors + "/ServiceMonitor", monitors + "/PodMonitor"}}, catalog.Kubernetes{Version: "v1.36.0"}, nil, []string{"charts are told that it serves " + monitors + ", and it does not"}},
		"Kind":         {"A kind alone may be missing.", catalog.Kubernetes{APIVersions: []string{monitors, monitors + "/Probe"}}, catalog.Kubernetes{Version: "v1.36.0", APIVersions: []string{monitors}}, nil, []string{"charts are told that it serves " + monitors + "/Probe, and it does not"}},
		"Many":         {"Not all of them fit into a line.", catalog.Kubernetes{APIVersions: []string{"a.io/v1", "b.io/v1", "c.io/v1", "d.io/v1", "v9"}}, catalog.Kubernetes{Version: "v1.36.0"}, nil, []string{"charts are told that it serves a.io/v1, b.io/v1, c.io/v1 and 2 more, and it does not"}},
		"More":         {"What it serves besides is none.", catalog.Kubernetes{APIVersions: []string{"v1"}}, catalog.Kubernetes{Version: "v1.36.0", APIVersions: []string{"v1", monitors}}, nil, nil},
		"Silent":       {"A group that does not answer may serve it.", catalog.Kubernetes{APIVersions: []string{"metrics.k8s.io/v1beta1", "metrics.k8s.io/v1beta1/PodMetrics"}}, catalog.Kubernetes{Version: "v1.36.0"}, []string{"metrics.k8s.io"}, nil},
		"SilentOthers": {"Of others it is known.", catalog.Kubernetes{APIVersions: []string{monitors}}, catalog.Kubernetes{Version: "v1.36.0"}, []string{"metrics.k8s.io"}, []string{"charts are told that it serves " + monitors + ", and it does not"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, render.Differences(tc.declared, tc.served, tc.silent)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
