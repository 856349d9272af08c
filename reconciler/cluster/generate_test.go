// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/base64"
	"fmt"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestValuesAreMadeOnce: of many who make the values of a Secret at the same time one does, whether the Secret is there or not.
func TestValuesAreMadeOnce(t *testing.T) {
	t.Parallel()
	secrets := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	for name, there := range map[string]bool{"Missing": false, "There": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t, schema.GroupKind{Kind: "Secret"})
			client := r.conn.client.Resource(secrets).Namespace(r.inventory.Namespace)
			if there {
				o := object(t, "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {user: dQ==}}")
				if _, err := client.Create(t.Context(), o, metav1.CreateOptions{FieldManager: "kubectl-create"}); err != nil {
					t.Fatal(err)
				}
			}
			var mu sync.Mutex
			made := map[string]bool{}
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					value := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "value %d", i))
					_, err := r.actor.Apply(t.Context(), r.declare("{apiVersion: v1, kind: Secret, metadata: {name: s}}"), Applying{
						Generate: func(live *unstructured.Unstructured) map[string]any {
							if live != nil {
								data, _, _ := unstructured.NestedMap(live.Object, "data")
								if data["password"] != nil {
									return nil
								}
							}
							return map[string]any{"data": map[string]any{"password": value}}
						},
					})
					if err != nil {
						t.Error(err)
					}
					live, err := client.Get(t.Context(), "s", metav1.GetOptions{})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					made[fmt.Sprint(live.Object["data"])] = true
				})
			}
			all.Wait()
			if len(made) != 1 {
				t.Errorf("the Secret was seen with %d contents, want one: %v", len(made), made)
			}
			live, err := client.Get(t.Context(), "s", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if data, _, _ := unstructured.NestedMap(live.Object, "data"); there && data["user"] != "dQ==" {
				t.Errorf("what was there is %v", data["user"])
			}
		})
	}
}

// TestValuesOfAnotherWriterStay has another writer make the values after one has seen that there are none, and before it writes.
func TestValuesOfAnotherWriterStay(t *testing.T) {
	t.Parallel()
	secrets := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	for name, there := range map[string]bool{"Missing": false, "There": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t, schema.GroupKind{Kind: "Secret"})
			client := r.conn.client.Resource(secrets).Namespace(r.inventory.Namespace)
			if there {
				o := object(t, "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {user: dQ==}}")
				if _, err := client.Create(t.Context(), o, metav1.CreateOptions{FieldManager: "kubectl-create"}); err != nil {
					t.Fatal(err)
				}
			}
			making := func(value string, before func()) Applying {
				return Applying{Generate: func(live *unstructured.Unstructured) map[string]any {
					before()
					if live != nil {
						if _, has, _ := unstructured.NestedString(live.Object, "data", "password"); has {
							return nil
						}
					}
					return map[string]any{"data": map[string]any{"password": value}}
				}}
			}
			declared := r.declare("{apiVersion: v1, kind: Secret, metadata: {name: s}}")
			var other sync.Once
			if _, err := r.actor.Apply(t.Context(), declared, making("b3Vycw==", func() {
				other.Do(func() {
					if _, err := r.actor.Apply(t.Context(), declared, making("dGhlaXJz", func() {})); err != nil {
						t.Error(err)
					}
				})
			})); err != nil {
				t.Fatal(err)
			}
			live, err := client.Get(t.Context(), "s", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := unstructured.NestedString(live.Object, "data", "password"); got != "dGhlaXJz" {
				t.Errorf("the value is %q, want that of the writer who was first", got)
			}
		})
	}
}
