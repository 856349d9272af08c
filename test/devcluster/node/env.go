// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
)

// objects reads what a pod refers to. Not found is an error; its text reaches people.
type objects interface {
	ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error)
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	// Folder is the folder of the host that a claim has got. That it has none yet is an error.
	Folder(ctx context.Context, namespace, claim string) (string, error)
	Token(ctx context.Context, pod *corev1.Pod, audience string, seconds *int64) (string, error)
}

// environment is the environment of a container: what the machine has, then envFrom, then env, later ones winning.
func environment(ctx context.Context, from objects, pod *corev1.Pod, ip string, c *corev1.Container, base map[string]string) (map[string]string, error) {
	env := maps.Clone(base)
	if env == nil {
		env = map[string]string{}
	}
	for _, source := range c.EnvFrom {
		if err := addAll(ctx, from, pod.Namespace, source, env); err != nil {
			return nil, err
		}
	}
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	for _, e := range c.Env {
		value, ok := expand(e.Value, lookup), true
		if e.ValueFrom != nil {
			var err error
			if value, ok, err = valueFrom(ctx, from, pod, ip, c.Name, e.ValueFrom); err != nil {
				return nil, fmt.Errorf("the value of the environment variable %s: %w", e.Name, err)
			}
		}
		if ok {
			env[e.Name] = value
		}
	}
	return env, nil
}

func addAll(ctx context.Context, from objects, namespace string, source corev1.EnvFromSource, env map[string]string) error {
	add := func(key, value string) {
		if name := source.Prefix + key; len(validation.IsEnvVarName(name)) == 0 {
			env[name] = value // others are left out, as the kubelet does
		}
	}
	switch {
	case source.ConfigMapRef != nil:
		ref := source.ConfigMapRef
		object, err := from.ConfigMap(ctx, namespace, ref.Name)
		if err != nil {
			return unlessOptional(ref.Optional, err)
		}
		for key, value := range object.Data {
			add(key, value)
		}
	case source.SecretRef != nil:
		ref := source.SecretRef
		object, err := from.Secret(ctx, namespace, ref.Name)
		if err != nil {
			return unlessOptional(ref.Optional, err)
		}
		for key, value := range object.Data {
			add(key, string(value))
		}
	}
	return nil
}

func valueFrom(ctx context.Context, from objects, pod *corev1.Pod, ip, container string, source *corev1.EnvVarSource) (value string, ok bool, err error) {
	switch {
	case source.FieldRef != nil:
		value, err = fieldValue(pod, ip, source.FieldRef.FieldPath)
		return value, err == nil, err
	case source.ResourceFieldRef != nil:
		value, err = resourceValue(pod, container, source.ResourceFieldRef)
		return value, err == nil, err
	case source.ConfigMapKeyRef != nil:
		ref := source.ConfigMapKeyRef
		object, err := from.ConfigMap(ctx, pod.Namespace, ref.Name)
		if err != nil {
			return "", false, unlessOptional(ref.Optional, err)
		}
		if value, ok := object.Data[ref.Key]; ok {
			return value, true, nil
		}
		return "", false, unlessOptional(ref.Optional, noKeyError{ref.Key, "ConfigMap " + pod.Namespace + "/" + ref.Name})
	case source.SecretKeyRef != nil:
		ref := source.SecretKeyRef
		object, err := from.Secret(ctx, pod.Namespace, ref.Name)
		if err != nil {
			return "", false, unlessOptional(ref.Optional, err)
		}
		if value, ok := object.Data[ref.Key]; ok {
			return string(value), true, nil
		}
		return "", false, unlessOptional(ref.Optional, noKeyError{ref.Key, "Secret " + pod.Namespace + "/" + ref.Name})
	default:
		return "", false, fmt.Errorf("devcluster does not know this kind of source")
	}
}

// noKeyError is about a key that an object does not have.
type noKeyError struct{ key, object string }

// Error implements error in the kubelet's words.
func (e noKeyError) Error() string { return "couldn't find key " + e.key + " in " + e.object }

// unlessOptional swallows the error about an object or a key that need not be there, and no other.
func unlessOptional(optional *bool, err error) error {
	if optional == nil || !*optional || !errors.As(err, new(noKeyError)) && !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

// environ is the form the operating system wants, sorted so that equal environments are equal.
func environ(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
