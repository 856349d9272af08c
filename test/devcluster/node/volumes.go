// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// file is one file of a volume.
type file struct {
	content []byte
	mode    os.FileMode
}

// volume is what a volume holds, before it is on disk. Files nil means an empty folder to write to.
type volume struct {
	files    map[string]file
	readOnly bool
	// folder is a folder of the host that the volume is, instead.
	folder string
}

// volumeContent reads what a volume of the pod holds.
func volumeContent(ctx context.Context, from objects, pod *corev1.Pod, ip string, v *corev1.Volume) (volume, error) {
	switch {
	case v.EmptyDir != nil:
		return volume{}, nil
	case v.ConfigMap != nil:
		files, err := configMapFiles(ctx, from, pod.Namespace, &corev1.ConfigMapProjection{
			LocalObjectReference: v.ConfigMap.LocalObjectReference, Items: v.ConfigMap.Items, Optional: v.ConfigMap.Optional,
		}, mode(v.ConfigMap.DefaultMode))
		return volume{files: files, readOnly: true}, err
	case v.Secret != nil:
		files, err := secretFiles(ctx, from, pod.Namespace, &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: v.Secret.SecretName}, Items: v.Secret.Items, Optional: v.Secret.Optional,
		}, mode(v.Secret.DefaultMode))
		return volume{files: files, readOnly: true}, err
	case v.DownwardAPI != nil:
		files, err := downwardFiles(pod, ip, v.DownwardAPI.Items, mode(v.DownwardAPI.DefaultMode))
		return volume{files: files, readOnly: true}, err
	case v.Projected != nil:
		files, err := projectedFiles(ctx, from, pod, ip, v.Projected)
		return volume{files: files, readOnly: true}, err
	case v.HostPath != nil:
		return volume{}, fmt.Errorf("volume %q: devcluster gives pods no hostPath; start it with --mount %s=HOSTDIR instead", v.Name, v.HostPath.Path)
	case v.PersistentVolumeClaim != nil:
		folder, err := from.Folder(ctx, pod.Namespace, v.PersistentVolumeClaim.ClaimName)
		return volume{folder: folder, readOnly: v.PersistentVolumeClaim.ReadOnly}, err
	case v.Ephemeral != nil:
		folder, err := from.Folder(ctx, pod.Namespace, pod.Name+"-"+v.Name) // which a controller has made
		return volume{folder: folder}, err
	default:
		return volume{}, fmt.Errorf("volume %q: devcluster knows only configMap, secret, emptyDir, projected, downwardAPI, persistentVolumeClaim and ephemeral", v.Name)
	}
}

func projectedFiles(ctx context.Context, from objects, pod *corev1.Pod, ip string, p *corev1.ProjectedVolumeSource) (map[string]file, error) {
	all, m := map[string]file{}, mode(p.DefaultMode)
	for _, source := range p.Sources {
		var (
			files map[string]file
			err   error
		)
		switch {
		case source.ConfigMap != nil:
			files, err = configMapFiles(ctx, from, pod.Namespace, source.ConfigMap, m)
		case source.Secret != nil:
			files, err = secretFiles(ctx, from, pod.Namespace, source.Secret, m)
		case source.DownwardAPI != nil:
			files, err = downwardFiles(pod, ip, source.DownwardAPI.Items, m)
		case source.ServiceAccountToken != nil:
			t := source.ServiceAccountToken
			var token string
			token, err = from.Token(ctx, pod, t.Audience, t.ExpirationSeconds)
			files = map[string]file{t.Path: {[]byte(token), m}}
		default:
			err = fmt.Errorf("devcluster projects only configMap, secret, downwardAPI and serviceAccountToken")
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(all, files)
	}
	return all, nil
}

func configMapFiles(ctx context.Context, from objects, namespace string, p *corev1.ConfigMapProjection, m os.FileMode) (map[string]file, error) {
	object, err := from.ConfigMap(ctx, namespace, p.Name)
	if err != nil {
		return map[string]file{}, unlessOptional(p.Optional, err)
	}
	data := maps.Clone(object.BinaryData)
	if data == nil {
		data = map[string][]byte{}
	}
	for key, value := range object.Data {
		data[key] = []byte(value)
	}
	return pick(data, p.Items, p.Optional, m, "ConfigMap "+namespace+"/"+p.Name)
}

func secretFiles(ctx context.Context, from objects, namespace string, p *corev1.SecretProjection, m os.FileMode) (map[string]file, error) {
	object, err := from.Secret(ctx, namespace, p.Name)
	if err != nil {
		return map[string]file{}, unlessOptional(p.Optional, err)
	}
	return pick(object.Data, p.Items, p.Optional, m, "Secret "+namespace+"/"+p.Name)
}

// pick takes all keys, or the items.
func pick(data map[string][]byte, items []corev1.KeyToPath, optional *bool, m os.FileMode, what string) (map[string]file, error) {
	files := map[string]file{}
	if len(items) == 0 {
		for key, content := range data {
			files[key] = file{content, m}
		}
		return files, nil
	}
	for _, item := range items {
		content, ok := data[item.Key]
		if !ok {
			if err := unlessOptional(optional, noKeyError{item.Key, what}); err != nil {
				return nil, err
			}
			continue
		}
		files[item.Path] = file{content, itemMode(item.Mode, m)}
	}
	return files, nil
}

func downwardFiles(pod *corev1.Pod, ip string, items []corev1.DownwardAPIVolumeFile, m os.FileMode) (map[string]file, error) {
	files := map[string]file{}
	for _, item := range items {
		var (
			value string
			err   error
		)
		if item.FieldRef != nil {
			value, err = fieldValue(pod, ip, item.FieldRef.FieldPath)
		} else if item.ResourceFieldRef != nil {
			value, err = resourceValue(pod, item.ResourceFieldRef.ContainerName, item.ResourceFieldRef)
		}
		if err != nil {
			return nil, err
		}
		files[item.Path] = file{[]byte(value), itemMode(item.Mode, m)}
	}
	return files, nil
}

func mode(m *int32) os.FileMode { return itemMode(m, 0o644) }

func itemMode(m *int32, otherwise os.FileMode) os.FileMode {
	if m == nil {
		return otherwise
	}
	return os.FileMode(*m) & os.ModePerm //nolint:gosec // validated by the API server
}

// write puts the volume into dir, which it makes.
func (v volume) write(dir string) error {
	if v.folder != "" {
		return link(v.folder, dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil { //nolint:gosec // as the kubelet does
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(v.files)) {
		if !filepath.IsLocal(path) {
			return fmt.Errorf("the path %q leaves the volume", path)
		}
		full := filepath.Join(dir, path)
		if strings.Contains(path, "/") {
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil { //nolint:gosec // as the kubelet does
				return err
			}
		}
		f := v.files[path]
		if err := os.WriteFile(full, f.content, f.mode); err != nil {
			return err
		}
		if err := os.Chmod(full, f.mode); err != nil { // whatever the umask
			return err
		}
	}
	return nil
}

// link has path lead to a folder, which outlives it.
func link(folder, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	err := os.Symlink(folder, path)
	if errors.Is(err, fs.ErrExist) { // of an attempt before
		return nil
	}
	return err
}
