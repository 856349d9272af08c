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
	const job, account = "batch/v1, kind: Job", "v1, kind: ServiceAccount"
	cases := map[string]struct {
		reason, kind, annotations string
		want                      map[string]string
		warnings                  int
	}{
		"Plain":        {"an object that is no hook stays as it is", job, `x: z`, map[string]string{"x": "z"}, 0},
		"Before":       {"before an installation and an upgrade is the same here", job, `helm.sh/hook: "pre-install,pre-upgrade"`, wave("-500"), 0},
		"After":        {"after them too", job, `helm.sh/hook: post-upgrade`, wave("500"), 0},
		"Case":         {"as Helm reads them", job, `helm.sh/hook: "Post-Install , post-upgrade"`, wave("500"), 0},
		"Weight":       {"a lower weight comes first", job, `helm.sh/hook: pre-install, helm.sh/hook-weight: "-5"`, wave("-505"), 0},
		"NoWeight":     {"a weight that is none is 0, as with Helm", job, `helm.sh/hook: pre-install, helm.sh/hook-weight: heavy`, wave("-500"), 1},
		"Heavy":        {"what comes before stays before", job, `helm.sh/hook: pre-install, helm.sh/hook-weight: "1000"`, wave("-100"), 1},
		"Kept":         {"Helm would fail to make it again", job, `helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-failed`, map[string]string{waveAnnotation: "-500"}, 0},
		"Succeeded":    {"Helm has deleted it, so that it can be made again", job, `helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-succeeded`, wave("-500"), 0},
		"Policy":       {"one of several", job, `helm.sh/hook: pre-install, helm.sh/hook-delete-policy: "hook-failed,before-hook-creation"`, wave("-500"), 0},
		"Said":         {"who says a wave has it", job, `helm.sh/hook: pre-install, trunkline.dev/wave: "3"`, wave("3"), 0},
		"SaidReplace":  {"who says not to replace it", job, `helm.sh/hook: pre-install, trunkline.dev/replace: disabled`, map[string]string{waveAnnotation: "-500", replaceAnnotation: "disabled"}, 0},
		"Together":     {"other annotations stay", job, `helm.sh/hook: post-install, x: z`, map[string]string{waveAnnotation: "500", replaceAnnotation: "enabled", "x": "z"}, 0},
		"Log":          {"what is logged is no annotation of an object", job, `helm.sh/hook: post-install, helm.sh/hook-output-log-policy: hook-failed`, wave("500"), 0},
		"Account":      {"an object that is needed by both comes first", account, `helm.sh/hook: "pre-install,pre-upgrade,post-install,post-upgrade"`, wave("-500"), 0},
		"Both":         {"a job of both runs once, when all is there", job, `helm.sh/hook: "post-install,pre-upgrade"`, wave("500"), 1},
		"Rollback":     {"a rollback applies the older objects, this one among them", job, `helm.sh/hook: "pre-upgrade,pre-rollback"`, wave("-500"), 0},
		"Deletion":     {"only the part that has a meaning is done", job, `helm.sh/hook: "pre-install,pre-delete"`, wave("-500"), 1},
		"TestToo":      {"a test that is a hook too", job, `helm.sh/hook: "test,post-install"`, wave("500"), 0},
		"OnlyTest":     {"tests are left out", job, `helm.sh/hook: test`, nil, 0},
		"OnlySuccess":  {"by the older name too", job, `helm.sh/hook: test-success`, nil, 0},
		"OnlyRollback": {"nothing here rolls back a chart", job, `helm.sh/hook: "pre-rollback,post-rollback"`, nil, 1},
		"OnlyDeletion": {"nothing here deletes a chart", account, `helm.sh/hook: "pre-delete,post-delete"`, nil, 1},
		"Unknown":      {"left out, as Helm does", job, `helm.sh/hook: "crd-install"`, nil, 1},
		"UnknownToo":   {"also if the others are known", job, `helm.sh/hook: "pre-install,test-failure"`, nil, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text := fmt.Sprintf("{apiVersion: %s, metadata: {name: j, annotations: {%s}}}\n", tc.kind, tc.annotations)
			out, err := Render(t.Context(), Input{FS: one("", map[string]string{"templates/j.yaml": text}), Dir: "c", Name: "rel", Namespace: "ns"})
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]string
			for _, o := range out.Objects {
				got = o.GetAnnotations()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || len(out.Warnings) != tc.warnings {
				t.Errorf("%s: %d warnings, want %d: %v; -want +got:\n%s", tc.reason, len(out.Warnings), tc.warnings, out.Warnings, diff)
			}
		})
	}
}
