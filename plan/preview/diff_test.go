// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDiffLeavesOutWhatTheAPIServerFillsIn: people compare what they declare. The objects themselves stay as they are.
func TestDiffLeavesOutWhatTheAPIServerFillsIn(t *testing.T) {
	declared := parse(t, `{apiVersion: batch/v1, kind: Job, metadata: {name: a, namespace: ns, labels: {l: "1"}}, spec: {template: {}}}`)
	live := parse(t, `{apiVersion: batch/v1, kind: Job, metadata: {name: a, namespace: ns, uid: u-1, resourceVersion: "7", generation: 2,
  creationTimestamp: "2026-01-01T00:00:00Z", selfLink: x, managedFields: [{manager: trunkline}], labels: {l: "1"}, annotations: {trunkline.dev/digest: d}},
  spec: {selector: {matchLabels: {controller-uid: u-1}}, template: {metadata: {labels: {controller-uid: u-1}}}}, status: {active: 1}}`)
	kept := live.DeepCopy()
	got, err := Mask{}.Diff(live, declared)
	if err != nil {
		t.Fatal(err)
	}
	want := `@@ -6,8 +6,4 @@
   name: a
   namespace: ns
 spec:
-  selector:
-    matchLabels: {}
-  template:
-    metadata:
-      labels: {}
+  template: {}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(kept, live); diff != "" {
		t.Errorf("the object itself was changed:\n%s", diff)
	}
}

func TestDiffKeepsLines(t *testing.T) {
	o := parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {s: \"if a\\n\\tb\\nend\\n\"}}")
	got, err := Mask{}.Diff(nil, o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, "+  s: |\n+    if a\n+    \tb\n+    end\n") {
		t.Errorf("a text of several lines is not shown in several lines:\n%s", got)
	}
}

func TestDiffIsBounded(t *testing.T) {
	was, is := parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"), parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	was.Object["data"] = map[string]any{"a": strings.Repeat("a", maxText)}
	is.Object["data"] = map[string]any{"a": strings.Repeat("b", maxText)}
	got, err := Mask{}.Diff(was, is)
	if want := "(too long to compare: 2097215 bytes before and 2097215 after; at most 2097152 are)\n"; err != nil || got != want {
		t.Errorf("got %.200q, %v, want %q", got, err, want)
	}
}
