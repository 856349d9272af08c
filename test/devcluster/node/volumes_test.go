// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// stock is what the pods of these tests can refer to.
type stock struct{ folder string }

func (stock) ConfigMap(_ context.Context, _, name string) (*corev1.ConfigMap, error) {
	if name != "settings" {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name)
	}
	return &corev1.ConfigMap{Data: map[string]string{"a": "alpha", "b.txt": "beta"}, BinaryData: map[string][]byte{"bin": {0}}}, nil
}

func (stock) Secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	if name != "password" {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	return &corev1.Secret{Data: map[string][]byte{"pw": []byte("geheim")}}, nil
}

func (s stock) Folder(_ context.Context, namespace, name string) (string, error) {
	if name != "data" && name != "p-v" {
		return "", fmt.Errorf("the claim %s/%s has no volume yet", namespace, name)
	}
	return s.folder, nil
}

func (stock) Token(_ context.Context, _ *corev1.Pod, audience string, _ *int64) (string, error) {
	return "token for " + audience, nil
}

func testPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "ns", UID: "u", Labels: map[string]string{"b": "2", "a": `say "1"`}},
		Spec: corev1.PodSpec{
			NodeName: "node-1", ServiceAccountName: "sa",
			Containers: []corev1.Container{{Name: "main", Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{"cpu": resource.MustParse("250m"), "memory": resource.MustParse("100Mi")},
			}}},
		},
	}
}

func TestVolumesOnDisk(t *testing.T) {
	settings := corev1.LocalObjectReference{Name: "settings"}
	none := corev1.LocalObjectReference{Name: "none"}
	for _, c := range []struct {
		reason string
		source corev1.VolumeSource
		want   map[string]string // path to mode and content
		fails  string
	}{
		{
			reason: "a ConfigMap becomes one file for each key",
			source: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: settings}},
			want:   map[string]string{"a": "644 alpha", "b.txt": "644 beta", "bin": "644 \x00"},
		},
		{
			reason: "items choose, rename and set modes",
			source: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: settings, DefaultMode: new(int32(0o600)),
				Items: []corev1.KeyToPath{{Key: "a", Path: "deep/er/a"}, {Key: "b.txt", Path: "b", Mode: new(int32(0o755))}},
			}},
			want: map[string]string{"deep/er/a": "600 alpha", "b": "755 beta"},
		},
		{
			reason: "an item without its key fails",
			source: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: settings, Items: []corev1.KeyToPath{{Key: "x", Path: "x"}}}},
			fails:  "couldn't find key x in ConfigMap ns/settings",
		},
		{
			reason: "a missing object fails",
			source: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: none}},
			fails:  `configmaps "none" not found`,
		},
		{
			reason: "a missing object that is optional leaves the folder empty",
			source: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: none, Optional: new(true)}},
			want:   map[string]string{},
		},
		{
			reason: "a Secret can be for its owner only",
			source: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "password", DefaultMode: new(int32(0o400))}},
			want:   map[string]string{"pw": "400 geheim"},
		},
		{
			reason: "several sources are projected into one folder",
			source: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", Audience: "me"}},
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: settings, Items: []corev1.KeyToPath{{Key: "a", Path: "a"}}}},
				{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{
					{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}},
					{Path: "cpu", ResourceFieldRef: &corev1.ResourceFieldSelector{ContainerName: "main", Resource: "requests.cpu", Divisor: resource.MustParse("1m")}},
				}}},
			}}},
			want: map[string]string{"token": "644 token for me", "a": "644 alpha", "labels": "644 a=\"say \\\"1\\\"\"\nb=\"2\"", "cpu": "644 250"},
		},
		{reason: "an emptyDir is empty", source: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}, want: map[string]string{}},
		{
			reason: "hostPath is refused with a way out",
			source: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/data"}}, fails: "start it with --mount /data=HOSTDIR",
		},
		{
			reason: "a claim is the folder that it got",
			source: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}, want: map[string]string{"kept": "644 kept"},
		},
		{
			reason: "a volume of the pod's own is that of the claim made for it",
			source: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}}, want: map[string]string{"kept": "644 kept"},
		},
		{
			reason: "a claim without a volume is waited for",
			source: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "none"}}, fails: "has no volume yet",
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			dir, folder := filepath.Join(t.TempDir(), "v"), t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "kept"), []byte("kept"), 0o644); err != nil {
				t.Fatal(err)
			}
			content, err := volumeContent(t.Context(), stock{folder}, testPod(), "127.0.0.9", &corev1.Volume{Name: "v", VolumeSource: c.source})
			if err == nil {
				err = content.write(dir)
			}
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Fatalf("error: %v, want one with %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, readTree(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		got[rel] = octal(info.Mode()) + " " + string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func octal(mode fs.FileMode) string {
	const digits = "01234567"
	p := mode.Perm()
	return string([]byte{digits[p>>6&7], digits[p>>3&7], digits[p&7]})
}

func TestEnvironment(t *testing.T) {
	settings := corev1.LocalObjectReference{Name: "settings"}
	container := &corev1.Container{
		Name: "main",
		EnvFrom: []corev1.EnvFromSource{
			{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: settings}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "none"}, Optional: new(true)}},
		},
		Env: []corev1.EnvVar{
			{Name: "FIRST", Value: "1"},
			{Name: "SECOND", Value: "$(FIRST)+1 $(LATER) $(BASE)"},
			{Name: "LATER", Value: "x"},
			{Name: "PW", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "password"}, Key: "pw"}}},
			{Name: "IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
			{Name: "LABEL", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels['b']"}}},
			{Name: "MIB", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "requests.memory", Divisor: resource.MustParse("1Mi")}}},
			{Name: "CPUS", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "requests.cpu"}}},
			{Name: "UNSET", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: settings, Key: "none", Optional: new(true)}}},
		},
	}
	got, err := environment(t.Context(), stock{}, testPod(), "127.0.0.9", container, map[string]string{"BASE": "base"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"BASE=base", "CPUS=1", "FIRST=1", "IP=127.0.0.9", "LABEL=2", "LATER=x", "MIB=100", "PW=geheim", "P_a=alpha", "P_b.txt=beta",
		"SECOND=1+1 $(LATER) base",
	}
	if diff := cmp.Diff(want, environ(got)); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}

	container.Env = []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.magic"}}}}
	_, err = environment(t.Context(), stock{}, testPod(), "", container, nil)
	if err == nil || !strings.Contains(err.Error(), `environment variable X: the field "spec.magic"`) {
		t.Errorf("error for an unknown field: %v", err)
	}
}
