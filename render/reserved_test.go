// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/catalog"
)

// TestReservedMetadata renders objects that pass for another release's, or for Trunkline's own.
func TestReservedMetadata(t *testing.T) {
	const (
		pod    = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, "
		deploy = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {metadata: {"
		ours   = ": it is set by Trunkline only"
	)
	for name, tc := range map[string]struct{ reason, text, want string }{
		"Inventory":           {"An inventory names its members itself.", pod + "annotations: {applyset.kubernetes.io/id: x}}\n", "sets applyset.kubernetes.io/id in metadata.annotations: applyset.kubernetes.io/* is set by Trunkline only"},
		"InventoryOfTemplate": {"What a controller makes is nobody's member.", deploy + "labels: {applyset.kubernetes.io/part-of: applyset-sales-v1}}}}\n", "sets applyset.kubernetes.io/part-of in spec.template.metadata.labels: applyset.kubernetes.io/* is set by Trunkline only"},
		"InventoryOfClaims":   {"Nor in a list of templates.", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: x}\nspec: {volumeClaimTemplates: [{metadata: {name: a}}, {metadata: {labels: {applyset.kubernetes.io/part-of: z}}}]}\n", "sets applyset.kubernetes.io/part-of in spec.volumeClaimTemplates[1].metadata.labels: applyset.kubernetes.io/* is set by Trunkline only"},
		"InventoryOfJobs":     {"Nor in a template of a template.", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {jobTemplate: {spec: {template: {metadata: {labels: {trunkline.dev/project: sales}}}}}}\n", `sets trunkline.dev/project in spec.jobTemplate.spec.template.metadata.labels to "sales", but the release's is "orders"`},
		"InventoryOfCustom":   {"Nor in one of a kind that nobody knows.", "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: x}\nspec: {a: [[{metadata: {labels: {trunkline.dev/environment: dev}}}]]}\n", `sets trunkline.dev/environment in spec.a[0][0].metadata.labels to "dev", but the release's is "prod"`},
		"Memory":              {"What is remembered of a release is on its inventory.", pod + "annotations: {trunkline.dev/memory: '{}'}}\n", "sets trunkline.dev/memory in metadata.annotations" + ours},
		"Digest":              {"What was applied is not for a file to say.", pod + "annotations: {trunkline.dev/digest: x}}\n", "sets trunkline.dev/digest in metadata.annotations" + ours},
		"Replicas":            {"Replicas are not assigned by a file.", pod + "labels: {trunkline.dev/replicas: x}}\n", "sets trunkline.dev/replicas in metadata.labels" + ours},
		"Platform":            {"Nor is an inventory made by one.", pod + "labels: {trunkline.dev/platform: acme}}\n", "sets trunkline.dev/platform in metadata.labels" + ours},
		"Access":              {"Nor an account's rights, in a template either.", deploy + "labels: {trunkline.dev/access: granted}}}}\n", "sets trunkline.dev/access in spec.template.metadata.labels" + ours},
		"WaveAsLabel":         {"An annotation is no label.", pod + "labels: {trunkline.dev/wave: '1'}}\n", "sets trunkline.dev/wave in metadata.labels" + ours},
		"ProjectAsAnnotation": {"Nor the other way round.", pod + "annotations: {trunkline.dev/project: orders}}\n", "sets trunkline.dev/project in metadata.annotations" + ours},
		"Finalizer":           {"No object waits for Trunkline to let it go.", pod + "finalizers: [a.b/c, trunkline.dev/run]}\n", "sets trunkline.dev/run in metadata.finalizers" + ours},
		"FinalizerOfTemplate": {"Nor one that is made of a template.", deploy + "finalizers: [applyset.kubernetes.io/x]}}}\n", "sets applyset.kubernetes.io/x in spec.template.metadata.finalizers" + ours},
		"OwnerOfTemplate":     {"Owners are not for templates.", deploy + "ownerReferences: [{}]}}}\n", "has spec.template.metadata.ownerReferences: what owns it is decided in the cluster, not in a file"},

		"OwnTemplate":   {"The release's own labels are what the blueprints put on pods.", deploy + "labels: {trunkline.dev/project: orders, trunkline.dev/environment: prod, trunkline.dev/workload: a}}}}\n", ""},
		"Settable":      {"What is about the object itself is its own to say.", pod + "annotations: {trunkline.dev/wave: '1', trunkline.dev/prune: disabled, trunkline.dev/adopt: enabled, trunkline.dev/replace: enabled}}\n", ""},
		"Overwritten":   {"A label of the object that lies is overwritten.", pod + "labels: {trunkline.dev/project: sales}}\n", ""},
		"OtherPrefix":   {"A name that only begins alike is anybody's.", pod + "annotations: {trunkline.development/x: a}, finalizers: [trunkline.development/x]}\n", ""},
		"TextOnly":      {"What is a text is no metadata.", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {metadata: 'labels: {trunkline.dev/project: sales}'}\n", ""},
		"OtherSelector": {"To select is not to be.", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {selector: {trunkline.dev/project: sales}}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := renderAll(t, map[string]string{"a": tc.text}, catalog.Allowed{})
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("%s got %v", tc.reason, err)
			case tc.want != "" && (err == nil || !strings.HasSuffix(err.Error(), tc.want)):
				t.Errorf("%s\nwant …%s\ngot  %v", tc.reason, tc.want, err)
			}
			for _, o := range result.Objects {
				if project := o.GetLabels()["trunkline.dev/project"]; project != "orders" {
					t.Errorf("%s %q says that it is of the project %q", o.GetKind(), o.GetName(), project)
				}
			}
		})
	}
}
