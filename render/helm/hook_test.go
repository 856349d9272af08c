// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHooksAreWaves: what Helm runs before or after everything else is an object of an earlier or later wave.
func TestHooksAreWaves(t *testing.T) {
	wave := func(n string) map[string]string {
		return map[string]string{waveAnnotation: n, replaceAnnotation: "enabled"}
	}
	cases := map[string]struct {
		reason, annotations string
		want                map[string]string
	}{
		"Plain":    {"an object that is no hook stays as it is", `x: z`, map[string]string{"x": "z"}},
		"Before":   {"before an installation and an upgrade is the same here", `helm.sh/hook: "pre-install,pre-upgrade"`, wave("-500")},
		"After":    {"after them too", `helm.sh/hook: post-upgrade`, wave("500")},
		"Weight":   {"a lower weight comes first", `helm.sh/hook: pre-install, helm.sh/hook-weight: "-5"`, wave("-505")},
		"Policy":   {"Helm deletes the one of before unless it is told otherwise", `helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-succeeded`, map[string]string{waveAnnotation: "-500"}},
		"Said":     {"who says a wave has it", `helm.sh/hook: pre-install, trunkline.dev/wave: "3"`, wave("3")},
		"Together": {"other annotations stay", `helm.sh/hook: post-install, x: z`, map[string]string{waveAnnotation: "500", replaceAnnotation: "enabled", "x": "z"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			job := fmt.Sprintf("apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {%s}}\n", tc.annotations)
			objects, err := Render(t.Context(), Input{FS: one("", map[string]string{"templates/j.yaml": job}), Dir: "c", Name: "rel", Namespace: "ns"})
			if err != nil || len(objects) != 1 {
				t.Fatalf("got %d objects and error %v", len(objects), err)
			}
			if diff := cmp.Diff(tc.want, objects[0].GetAnnotations()); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
