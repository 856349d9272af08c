// SPDX-License-Identifier: Apache-2.0

package ownership_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan/ownership"
)

// entryOf makes an entry of managedFields.
func entryOf(manager, operation, subresource, fields string) metav1.ManagedFieldsEntry {
	f := &metav1.FieldsV1{}
	f.SetRawString(fields)
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationType(operation), Subresource: subresource, APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: f,
	}
}

func lines(entries []metav1.ManagedFieldsEntry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Manager+" "+string(e.Operation)+" "+e.FieldsV1.GetRawString())
	}
	return out
}

func TestDisown(t *testing.T) {
	ours := entryOf("trunkline", "Apply", "", `{"f:data":{"f:a":{},"f:b":{}}}`)
	cases := map[string]struct {
		reason  string
		entries []metav1.ManagedFieldsEntry
		want    []string // nil if nothing is changed
	}{
		"Edited": {
			"What was changed by hand, and is declared since, is ours alone.",
			[]metav1.ManagedFieldsEntry{ours, entryOf("kubectl-edit", "Update", "", `{"f:data":{"f:a":{},"f:c":{}}}`)},
			[]string{`trunkline Apply {"f:data":{"f:a":{},"f:b":{}}}`, `kubectl-edit Update {"f:data":{"f:c":{}}}`},
		},
		"All": {
			"With nothing left the entry goes.",
			[]metav1.ManagedFieldsEntry{entryOf("kubectl-set", "Update", "", `{"f:data":{"f:b":{}}}`), ours},
			[]string{`trunkline Apply {"f:data":{"f:a":{},"f:b":{}}}`},
		},
		"Addition":    {"What nobody declares is theirs.", []metav1.ManagedFieldsEntry{ours, entryOf("kubectl-edit", "Update", "", `{"f:data":{"f:c":{}}}`)}, nil},
		"Controller":  {"What a controller shares with us stays shared.", []metav1.ManagedFieldsEntry{ours, entryOf("kube-controller-manager", "Update", "", `{"f:data":{"f:a":{}}}`)}, nil},
		"ServerSide":  {"Who applies declares as we do.", []metav1.ManagedFieldsEntry{ours, entryOf("kubectl", "Apply", "", `{"f:data":{"f:a":{}}}`)}, nil},
		"Subresource": {"A subresource is another matter.", []metav1.ManagedFieldsEntry{ours, entryOf("kubectl", "Update", "scale", `{"f:data":{"f:a":{}}}`)}, nil},
		"OtherVersion": {"In another version the same path may be another field.", []metav1.ManagedFieldsEntry{ours, func() metav1.ManagedFieldsEntry {
			e := entryOf("kubectl-edit", "Update", "", `{"f:data":{"f:a":{}}}`)
			e.APIVersion = "v1beta1"
			return e
		}()}, nil},
		"NotOurs":       {"Without an entry of ours there is nothing to take.", []metav1.ManagedFieldsEntry{entryOf("kubectl-edit", "Update", "", `{"f:data":{"f:a":{}}}`)}, nil},
		"WithoutFields": {"An entry without fields has none.", []metav1.ManagedFieldsEntry{ours, {Manager: "kubectl-edit", Operation: "Update"}}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := lines(tc.entries[:1])
			got, changed, err := ownership.Disown(tc.entries, "trunkline")
			if err != nil || changed != (tc.want != nil) {
				t.Fatalf("%s\nchanged: %t, %v", tc.reason, changed, err)
			}
			if !changed {
				return
			}
			if diff := cmp.Diff(tc.want, lines(got)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(before, lines(tc.entries[:1])); diff != "" {
				t.Errorf("the entries that were given are changed:\n%s", diff)
			}
		})
	}
}

func TestReclaim(t *testing.T) {
	ours := entryOf("trunkline", "Apply", "", `{"f:data":{"f:a":{}}}`)
	theirs := entryOf("kubectl-edit", "Update", "", `{"f:data":{"f:c":{},"f:d":{}},"f:spec":{"f:containers":{"k:{\"name\":\"side\"}":{".":{},"f:image":{},"f:name":{}}}}}`)
	added, err := ownership.Added(ownership.Of([]metav1.ManagedFieldsEntry{ours, theirs}, "trunkline"), "trunkline")
	if err != nil {
		t.Fatal(err)
	}
	var fields []ownership.Field
	for _, f := range added {
		if f.Path.String() != ".data.d" {
			fields = append(fields, f)
		}
	}
	got, changed, err := ownership.Reclaim([]metav1.ManagedFieldsEntry{theirs, ours}, "trunkline", fields)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	want := []string{
		`kubectl-edit Update {"f:data":{"f:d":{}}}`,
		`trunkline Apply {"f:data":{"f:a":{},"f:c":{}},"f:spec":{"f:containers":{"k:{\"name\":\"side\"}":{".":{},"f:image":{},"f:name":{}}}}}`,
	}
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, changed, _ := ownership.Reclaim(got, "trunkline", fields); changed {
		t.Error("what was taken back is taken back again")
	}
	if _, changed, _ := ownership.Reclaim([]metav1.ManagedFieldsEntry{theirs}, "trunkline", fields); changed {
		t.Error("an object that we have not applied is not ours to take from")
	}
	if _, changed, _ := ownership.Reclaim([]metav1.ManagedFieldsEntry{theirs, ours}, "trunkline", []ownership.Field{{Path: field.Path{{Field: "x"}}}}); changed {
		t.Error("a field that nobody has is taken")
	}
}

func TestInstead(t *testing.T) {
	cases := map[string]struct {
		reason       string
		change       func(o map[string]any)
		sent, want   string // sent defaults to the deployment
		runs         any
		owners       string
		nothingThere bool
	}{
		"Same":     {reason: "What comes back as it was sent is as declared."},
		"Image":    {reason: "A policy has rewritten the image.", change: set("mirror/img:1", "spec", "template", "spec", "containers", 0, "image"), want: `.spec.template.spec.containers[name="main"].image`, runs: "mirror/img:1"},
		"Replicas": {reason: "A webhook has capped the replicas.", change: set(int64(1), "spec", "replicas"), want: ".spec.replicas", runs: int64(1)},
		"Label":    {reason: "A label was taken out.", change: set(nil, "metadata", "labels", "a.b/c"), want: `.metadata.labels["a.b/c"]`, nothingThere: true},
		"Command":  {reason: "A list that is replaced as a whole.", change: set([]any{"serve", "slowly"}, "spec", "template", "spec", "containers", 0, "command"), want: `.spec.template.spec.containers[name="main"].command`, runs: []any{"serve", "slowly"}},
		"Default":  {reason: "What is filled in beside it is no difference.", change: set("Always", "spec", "template", "spec", "containers", 0, "imagePullPolicy")},
		"Sidecar":  {reason: "Nor is a container that was added: that is an addition.", change: func(o map[string]any) { prepend(o, map[string]any{"name": "side", "image": "x"}) }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sent, live := object(t, deployment), object(t, deployment)
			protocols(live)
			if tc.change != nil {
				tc.change(live)
			}
			got, err := ownership.Instead(sent, live, ownership.Owners{Ours: applied})
			if err != nil {
				t.Fatal(err)
			}
			if tc.want == "" {
				if len(got) > 0 {
					t.Errorf("%s\ngot %v", tc.reason, got)
				}
				return
			}
			if len(got) != 1 || got[0].Path.String() != tc.want || (got[0].Runs == nil) != tc.nothingThere || tc.runs != nil && !cmp.Equal(normal(tc.runs), normal(got[0].Runs)) {
				t.Errorf("%s\ngot %+v, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

// TestOtherWords has values that the API server writes in other words than they were declared in.
func TestOtherWords(t *testing.T) {
	for _, tc := range []struct {
		reason         string
		declared, live any
		same           bool
	}{
		{"a quantity", "1000m", "1", true},
		{"another quantity", "500m", "1", false},
		{"a number", int64(1), float64(1), true},
		{"a number as text", "80", int64(80), true},
		{"a duration", "60m", "1h0m0s", true},
		{"another duration", "60m", "2h0m0s", false},
		{"a time", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", true},
		{"an empty text that is left out", "", nil, true},
		{"a false that is left out", false, nil, true},
		{"a text that is left out", "x", nil, false},
		{"an empty table that is left out", map[string]any{}, nil, true},
		{"a table with defaults beside", map[string]any{"a": "1"}, map[string]any{"a": "1", "b": "2"}, true},
		{"a list with defaults inside", []any{map[string]any{"a": "1"}}, []any{map[string]any{"a": "1", "b": "2"}}, true},
		{"a longer list", []any{"a"}, []any{"a", "b"}, false},
		{"null is nothing", nil, "x", true},
	} {
		sent := map[string]any{"apiVersion": "v1", "kind": "X", "spec": map[string]any{"f": tc.declared}}
		live := map[string]any{"apiVersion": "v1", "kind": "X", "spec": map[string]any{"f": tc.live}}
		got, err := ownership.Instead(sent, live, ownership.Owners{Ours: `{"f:spec":{"f:f":{}}}`})
		if err != nil || (len(got) == 0) != tc.same {
			t.Errorf("%s: got %v, %v", tc.reason, got, err)
		}
	}
	secret := map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"a": "eA=="}}
	if got, err := ownership.Instead(secret, map[string]any{"data": map[string]any{"a": "eQ=="}}, ownership.Owners{}); err != nil || len(got) > 0 {
		t.Errorf("a value of a Secret is told: %v, %v", got, err)
	}
}

// set changes what is at a path; nil removes it.
func set(v any, path ...any) func(map[string]any) {
	return func(o map[string]any) {
		var at any = o
		for i, step := range path {
			last := i == len(path)-1
			switch s := step.(type) {
			case string:
				table := at.(map[string]any)
				if last && v == nil {
					delete(table, s)
				} else if last {
					table[s] = v
				}
				at = table[s]
			case int:
				at = at.([]any)[s]
			}
		}
	}
}

func prepend(o, item map[string]any) {
	spec := o["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	spec["containers"] = append([]any{item}, spec["containers"].([]any)...)
}

// protocols fills in what the API server fills in, and what the keys of ports are made of.
func protocols(o map[string]any) {
	set("TCP", "spec", "template", "spec", "containers", 0, "ports", 0, "protocol")(o)
}

func normal(v any) any {
	if n, ok := v.(float64); ok {
		return int64(n)
	}
	return v
}
