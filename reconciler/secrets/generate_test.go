// SPDX-License-Identifier: Apache-2.0

package secrets_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/generated"
	"trunkline.dev/trunkline/reconciler/secrets"
)

// TestGenerate makes many values: each has its length, letters of its alphabet alone and in time all of them, and no two are the
// same.
func TestGenerate(t *testing.T) {
	const alphabet = "0123456789abcdef!"
	spec := generated.Spec{Keys: map[string]generated.Key{"a": {Length: 20, Alphabet: alphabet}, "b": {Length: 20, Alphabet: alphabet}}}
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}
	if make, err := secrets.Generate(o); make != nil || err != nil {
		t.Fatalf("for a Secret like any other: %v", err)
	}
	o.SetAnnotations(map[string]string{generated.Annotation: spec.String()})
	generate, err := secrets.Generate(o)
	if err != nil {
		t.Fatal(err)
	}
	seen, letters := map[string]bool{}, map[rune]bool{}
	for range 50 {
		data := generate(nil)["data"].(map[string]any)
		for _, key := range []string{"a", "b"} {
			value, err := base64.StdEncoding.DecodeString(data[key].(string))
			if err != nil || len(value) != 20 || seen[string(value)] || strings.Trim(string(value), alphabet) != "" {
				t.Fatalf("the value %q (%v)", value, err)
			}
			seen[string(value)] = true
			for _, r := range string(value) {
				letters[r] = true
			}
		}
	}
	if len(letters) != len(alphabet) {
		t.Errorf("2000 letters have only %d of %d", len(letters), len(alphabet))
	}

	live := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"a": "b2xk", "other": "eA=="}}}
	fields := generate(live)
	data := fields["data"].(map[string]any)
	if data["a"] != "b2xk" || data["other"] != "eA==" || len(data) != 3 {
		t.Errorf("what is there is kept, and what is missing made: %v", data)
	}
	live.Object["data"] = data
	live.SetAnnotations(map[string]string{generated.MadeAnnotation: "0"})
	if diff := cmp.Diff(map[string]any(nil), generate(live)); diff != "" {
		t.Errorf("what was made is to be written again (-want +got):\n%s", diff)
	}
	o.SetAnnotations(map[string]string{generated.Annotation: "x"})
	if _, err := secrets.Generate(o); err == nil {
		t.Error("what cannot be read is accepted")
	}
}
