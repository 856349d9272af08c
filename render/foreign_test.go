// SPDX-License-Identifier: Apache-2.0

package render

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render/internal/manifest"
)

// TestForeignAnnotations: what other tools are told by annotations is done here, or named in a warning.
func TestForeignAnnotations(t *testing.T) {
	type table = map[string]string
	const argo, flux = "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/"
	kept, replaced := table{pruneAnnotation: "disabled"}, table{replaceAnnotation: "enabled"}
	cases := map[string]struct {
		reason      string
		annotations table
		labels      table
		want        table // that are added
		dropped     bool
		odd         int
	}{
		"None":          {"nothing is asked for", table{"x": "y"}, nil, nil, false, 0},
		"Keep":          {"Helm does not delete it", table{"helm.sh/resource-policy": "keep"}, nil, kept, false, 0},
		"KeepSaid":      {"who says to prune it has it pruned", table{"helm.sh/resource-policy": "keep", pruneAnnotation: "enabled"}, nil, nil, false, 0},
		"Policy":        {"a policy that Helm does not know", table{"helm.sh/resource-policy": "delete"}, nil, nil, false, 1},
		"FluxPrune":     {"Flux does not delete it", table{flux + "prune": "disabled"}, nil, kept, false, 0},
		"FluxLabel":     {"by a label too", nil, table{flux + "prune": "disabled"}, kept, false, 0},
		"FluxForce":     {"Flux makes it again", table{flux + "force": "enabled"}, nil, replaced, false, 0},
		"FluxReconcile": {"Flux leaves it alone", table{flux + "reconcile": "disabled"}, nil, nil, false, 1},
		"FluxSSA":       {"Flux creates it only", table{flux + "ssa": "IfNotPresent"}, nil, nil, false, 1},
		"FluxOverride":  {"what is done in any case", table{flux + "ssa": "Override"}, nil, nil, false, 0},
		"FluxDrift":     {"Flux does not look for drift", table{"helm.toolkit.fluxcd.io/driftDetection": "disabled"}, nil, nil, false, 1},
		"ArgoPrune":     {"Argo CD does not delete it", table{argo + "sync-options": "Prune=false"}, nil, kept, false, 0},
		"ArgoDelete":    {"nor with the application", table{argo + "sync-options": "Delete=false"}, nil, kept, false, 0},
		"ArgoConfirm":   {"or only after asking", table{argo + "sync-options": "Prune=confirm"}, nil, kept, false, 1},
		"ArgoSeveral":   {"each option counts", table{argo + "sync-options": "Prune=false, Force=true,Validate=false"}, nil, table{pruneAnnotation: "disabled", replaceAnnotation: "enabled"}, false, 1},
		"ArgoUsual":     {"what is done in any case", table{argo + "sync-options": "ServerSideApply=true"}, nil, nil, false, 0},
		"ArgoWave":      {"a wave is a wave", table{argo + "sync-wave": "-3"}, nil, table{waveAnnotation: "-3"}, false, 0},
		"ArgoNoWave":    {"a wave that is none", table{argo + "sync-wave": "first"}, nil, nil, false, 1},
		"ArgoBefore":    {"a hook comes before", table{argo + "hook": "PreSync"}, nil, table{waveAnnotation: "-500", replaceAnnotation: "enabled"}, false, 0},
		"ArgoWaves":     {"among hooks, the wave counts", table{argo + "hook": "PostSync", argo + "sync-wave": "2"}, nil, table{waveAnnotation: "502", replaceAnnotation: "enabled"}, false, 0},
		"ArgoSaid":      {"who says a wave has it", table{argo + "hook": "PreSync", waveAnnotation: "1"}, nil, table{replaceAnnotation: "enabled"}, false, 0},
		"ArgoSync":      {"a hook of the sync itself", table{argo + "hook": "Sync"}, nil, nil, false, 0},
		"ArgoSkip":      {"Argo CD does not apply it", table{argo + "hook": "Skip"}, nil, nil, true, 1},
		"ArgoFail":      {"only after a failure", table{argo + "hook": "SyncFail"}, nil, nil, true, 1},
		"ArgoDeletion":  {"only at a deletion", table{argo + "hook": "PostDelete"}, nil, nil, true, 1},
		"ArgoDone":      {"a hook that is deleted once it has run", table{argo + "hook": "Sync", argo + "hook-delete-policy": "HookSucceeded"}, nil, nil, false, 1},
		"ArgoCompare":   {"Argo CD does not compare it", table{argo + "compare-options": "IgnoreExtraneous"}, nil, nil, false, 1},
		"ArgoUnknown":   {"what Argo CD may have one day", table{argo + "new-thing": "x"}, nil, nil, false, 1},
		"FluxUnknown":   {"or Flux", table{flux + "new-thing": "x"}, nil, nil, false, 1},
		"ArgoHealth":    {"Argo CD does not watch it", table{argo + "ignore-healthcheck": "true"}, nil, nil, false, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := &unstructured.Unstructured{Object: map[string]any{"kind": "ConfigMap", "metadata": map[string]any{"name": "m"}}}
			o.SetAnnotations(tc.annotations)
			o.SetLabels(tc.labels)
			keep, odd := honour(o)
			if keep == tc.dropped || len(odd) != tc.odd {
				t.Errorf("%s: kept %v, want %v; %d warnings, want %d: %q", tc.reason, keep, !tc.dropped, len(odd), tc.odd, odd)
			}
			added := table{}
			for key, v := range o.GetAnnotations() {
				if _, before := tc.annotations[key]; !before {
					added[key] = v
				}
			}
			if diff := cmp.Diff(tc.want, added); diff != "" && len(tc.want)+len(added) > 0 {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestTheTableOfAnnotations runs each row of the table in docs/compatibility.md, and holds it to have all annotations that there are.
func TestTheTableOfAnnotations(t *testing.T) {
	page, err := os.ReadFile("../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Annotations of other tools")
	quoted := regexp.MustCompile("`([^`]+)`")
	seen := map[string]bool{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 3 || !strings.HasPrefix(cells[0], "`") {
			continue
		}
		for _, key := range quoted.FindAllStringSubmatch(cells[0], -1) {
			seen[key[1]] = true
			values := quoted.FindAllStringSubmatch(cells[1], -1)
			if len(values) == 0 {
				t.Errorf("%s: no value in %q", key[1], line)
			}
			for _, value := range values {
				if got := outcome(t, key[1], value[1]); got != cells[2] {
					t.Errorf("%s: %s: here %q, by the page %q", key[1], value[1], got, cells[2])
				}
			}
		}
	}
	for key := range foreign {
		if !seen[key] {
			t.Errorf("the page does not have %s", key)
		}
	}
}

// outcome renders an object with an annotation, and says what becomes of it in the words of the page.
func outcome(t *testing.T, key, value string) string {
	t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "m"}}}
	o.SetAnnotations(map[string]string{key: value})
	f := newFinisher(catalog.Release{})
	if err := f.add("w", []manifest.Object{{Unstructured: o}}); err != nil {
		t.Fatal(err)
	}
	var out []string
	if len(f.objects) == 0 {
		out = append(out, "left out")
	} else {
		annotations := f.objects[0].GetAnnotations()
		if wave := annotations[waveAnnotation]; wave != "" {
			out = append(out, "wave "+wave)
		}
		if annotations[pruneAnnotation] == "disabled" {
			out = append(out, "kept")
		}
		if annotations[replaceAnnotation] == "enabled" {
			out = append(out, "replaced")
		}
	}
	for _, w := range f.warnings {
		if !strings.Contains(w.Message, value) || !strings.Contains(w.Message, `ConfigMap "m"`) {
			t.Errorf("%s: %s: the warning names neither: %s", key, value, w.Message)
		}
	}
	if len(f.warnings) > 0 {
		out = append(out, "warning")
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}
