// SPDX-License-Identifier: Apache-2.0

package install_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/install"
	"trunkline.dev/trunkline/test/clustertest"
)

func rights(t *testing.T, verbs string) (out []*unstructured.Unstructured) {
	t.Helper()
	for _, text := range []string{
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: trunkline, labels: {a: b}}, rules: [{apiGroups: [""], resources: [namespaces], verbs: [` + verbs + `]}]}`,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: trunkline, namespace: trunkline-system}, rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]}`,
	} {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
	return out
}

// TestRightsAndKey: rights are applied once, and again when they differ; a key is put where there is none, and never in the place of
// another one. A dry run changes nothing, and says the same.
func TestRightsAndKey(t *testing.T) {
	home := clustertest.Start(t, clustertest.Options{Name: "main"})
	c, err := install.Connect(t.Context(), install.Options{Config: cluster.Config{Name: "main", Kubeconfig: home.Kubeconfig}, Interval: 10 * time.Millisecond, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all := []string{"Namespace trunkline-system", "ClusterRole trunkline", "Role trunkline-system/trunkline"}
	for _, step := range []struct {
		reason, verbs string
		dry           bool
		want          []string
	}{
		{"nothing is there", "get", true, all},
		{"a dry run has changed nothing", "get", false, all},
		{"once more", "get", false, nil},
		{"once more, dry", "get", true, nil},
		{"more rights, dry", "get, list", true, []string{"ClusterRole trunkline"}},
		{"more rights", "get, list", false, []string{"ClusterRole trunkline"}},
		{"fewer again", "get", false, []string{"ClusterRole trunkline"}},
	} {
		got, err := c.Rights(t.Context(), rights(t, step.verbs), step.dry)
		if diff := cmp.Diff(step.want, got); diff != "" || err != nil {
			t.Fatalf("%s: %v (-want +got):\n%s", step.reason, err, diff)
		}
	}
	role, err := home.Client(t).RbacV1().ClusterRoles().Get(t.Context(), "trunkline", metav1.GetOptions{})
	if err != nil || len(role.Rules[0].Verbs) != 1 {
		t.Errorf("the role is %+v: %v", role, err)
	}

	if running, err := c.Running(t.Context(), "trunkline-platform", "trunkline"); running || err != nil {
		t.Errorf("a daemon runs: %v, %v", running, err)
	}
	if _, err := home.Client(t).CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "trunkline-platform"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		reason, key string
		dry, made   bool
	}{
		{"a dry run", "AGE-SECRET-KEY-1A", true, true},
		{"none is there", "AGE-SECRET-KEY-1A", false, true},
		{"the same", "AGE-SECRET-KEY-1A", false, false},
		{"the same, dry", "AGE-SECRET-KEY-1A", true, false},
	} {
		if made, err := c.Key(t.Context(), "trunkline-platform", "trunkline-age", "keys.txt", []byte(step.key), step.dry); made != step.made || err != nil {
			t.Errorf("%s: made %v, %v", step.reason, made, err)
		}
	}
	_, err = c.Key(t.Context(), "trunkline-platform", "trunkline-age", "keys.txt", []byte("AGE-SECRET-KEY-1B"), false)
	if _, other := errors.AsType[*install.KeyError](err); !other || strings.Contains(err.Error(), "SECRET-KEY") {
		t.Errorf("another key: %v", err)
	}
	secret, err := home.Client(t).CoreV1().Secrets("trunkline-platform").Get(t.Context(), "trunkline-age", metav1.GetOptions{})
	if err != nil || string(secret.Data["keys.txt"]) != "AGE-SECRET-KEY-1A" {
		t.Errorf("the key is %v: %v", secret, err)
	}
	if _, err := c.Key(t.Context(), "nowhere", "trunkline-age", "keys.txt", []byte("AGE-SECRET-KEY-1A"), false); err == nil || apierrors.IsNotFound(err) || strings.Contains(err.Error(), "SECRET-KEY") {
		t.Errorf("a namespace that is not there: %v", err)
	}
}
