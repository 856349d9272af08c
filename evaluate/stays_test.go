// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/policy"
)

// TestVolumesStay: a change by which a workload begins on another cluster with empty volumes is refused where the workload is declared; one that
// leaves the workload where it was, or whose claims say where their data are, is not.
func TestVolumesStay(t *testing.T) {
	claim := func(spec string) string {
		return "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}" + spec + "}\n"
	}
	const set = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: "ghcr.io/acme/db:1"}]}}
  volumeClaimTemplates: [{metadata: {name: files}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
`
	platform := mistakenPlatform(t)
	platform["clusters.yaml"] = strings.Replace(platform["clusters.yaml"], "---\n", "---\napiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: two}\n---\n", 1)
	platform["clusters.yaml"] = strings.Replace(platform["clusters.yaml"], "[one]", "[one, two]", 1)
	platform["trunkline.yaml"] += "spec: {rules: {removal: off}}\n"
	const where, elsewhere = `{cluster: {where: "name == 'one'"}}`, `{cluster: {where: "name == 'two'"}}`
	const moved = `volumes-stay: web/project.yaml:8:7: error: spec.workloads[0]: PersistentVolumeClaim "data": it moves in "prod" from the cluster "one" to "two", and what is in the volumes of the claim "data" does not
    hint: keep it there by the condition of its project: where: name == 'one'; or copy the data, and then let it move by an exception of this rule
`
	cases := map[string]struct {
		reason, objects string
		// before and after are how the project is placed.
		before, after string
		// drained has the first cluster drained after the change, and excepted the rule silenced for the project before it.
		drained, excepted bool
		want              string
	}{
		"Moves":      {reason: "It would begin with an empty volume.", objects: claim(""), before: where, after: elsewhere, want: moved},
		"Template":   {reason: "So it would with those of a StatefulSet.", objects: set, before: where, after: elsewhere, want: strings.NewReplacer(`PersistentVolumeClaim "data"`, `StatefulSet "db"`, `"data"`, `"files"`).Replace(moved)},
		"Drained":    {reason: "Why it moves is said.", objects: claim(""), before: "{cluster: {}}", after: "{cluster: {}}", drained: true, want: strings.Replace(moved, "does not\n", "does not (drained: upgrade)\n", 1)},
		"Stays":      {reason: "With no other cluster it does not move.", objects: claim(""), before: where, after: where, drained: true},
		"Chosen":     {reason: "What is on all and then on one of them has its volume there.", objects: claim(""), before: "{}", after: where},
		"Spread":     {reason: "What is on one and then on all begins with an empty one, and nothing is left behind.", objects: claim(""), before: where, after: "{cluster: {spread: all}}"},
		"NamesOne":   {reason: "A claim that names its volume finds what is in that.", objects: claim(", volumeName: shared"), before: where, after: elsewhere},
		"Restored":   {reason: "So does one that says where its data come from.", objects: claim(", dataSource: {kind: VolumeSnapshot, name: x, apiGroup: snapshot.storage.k8s.io}"), before: where, after: elsewhere},
		"NoClass":    {reason: "Without a class a volume is taken that someone has made.", objects: claim(`, storageClassName: ""`), before: where, after: elsewhere},
		"Stateless":  {reason: "What has no volumes moves.", objects: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n", before: where, after: elsewhere},
		"Excepted":   {reason: "Who knows better says so.", objects: claim(""), before: where, after: elsewhere, excepted: true},
		"StaysAtAll": {reason: "A project that does not choose is on all clusters, drained or not.", objects: claim(""), before: "{}", after: "{}", drained: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tree := func(placed string) map[string]string {
				out := maps.Clone(platform)
				out["web/k8s/all.yaml"] = tc.objects
				out["web/project.yaml"] = strings.Replace(out["web/project.yaml"], "[prod]", "{prod: "+placed+"}", 1)
				if tc.excepted {
					out["trunkline.yaml"] = strings.Replace(out["trunkline.yaml"], "spec: {", "spec: {exceptions: [{rule: volumes-stay, project: web, reason: a cache, until: 2026-12-31}], ", 1)
				}
				return out
			}
			next := tree(tc.after)
			if tc.drained {
				next["clusters.yaml"] = strings.Replace(next["clusters.yaml"], "metadata: {name: one}\n", "metadata: {name: one}\nspec: {drained: {reason: upgrade}}\n", 1)
			}
			before, after := filesOf(tree(tc.before)), filesOf(next)
			var out strings.Builder
			for _, p := range headOf(t, Input{
				Tree: after, Thorough: true, Runs: true, Want: nobody, Before: loaded(t, before), Change: &Change{}, Changed: differing(before, after),
			}).Problems() {
				if p.Rule == policy.RuleVolumes || p.Severity == "deny" {
					out.WriteString(p.Rule + ": " + p.String() + "\n")
				}
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func filesOf(texts map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range texts {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}
