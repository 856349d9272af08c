// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

// Served is what an API server says that it serves, in the words of a declaration of a cluster.
type Served struct {
	// KubeVersion is the version of Kubernetes, such as "v1.36.2".
	KubeVersion string
	// APIVersions are those of APIs and of their kinds, as charts are told them: "apps/v1" and "apps/v1/Deployment". They are
	// sorted, and those of groups that are silent are left out.
	APIVersions []string
	// Silent are the groups that do not say what they serve, sorted.
	Silent []string
}

// Version asks the API server which version of Kubernetes it is.
func (conn *Conn) Version(ctx context.Context) (string, error) {
	var info *version.Info
	err := conn.do(ctx, "", func(ctx context.Context) (err error) {
		info, err = conn.discovery.ServerVersionWithContext(ctx)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("asking cluster %q for its version: %w", conn.cluster.Name(), err)
	}
	return info.GitVersion, nil
}

// Served asks the API server what it serves. A group that does not answer, as an aggregated API whose server is down, is no
// error: nothing is known of that one alone.
func (conn *Conn) Served(ctx context.Context) (Served, error) {
	kube, err := conn.Version(ctx)
	if err != nil {
		return Served{}, err
	}
	var f *foundKinds
	err = conn.do(ctx, "", func(ctx context.Context) (err error) {
		if f, err = conn.kinds.list(ctx); err == nil {
			err = f.partial
		}
		return err
	})
	if err != nil {
		return Served{}, fmt.Errorf("asking cluster %q for its APIs: %w", conn.cluster.Name(), err)
	}
	return f.served(kube), nil
}

// served puts a listing into words.
func (f *foundKinds) served(kube string) Served {
	out := Served{KubeVersion: kube, Silent: slices.Sorted(maps.Keys(f.failed))}
	known := map[string]bool{}
	for groupVersion, list := range f.resources {
		if gv, err := schema.ParseGroupVersion(groupVersion); err != nil || f.failed[gv.Group] != nil {
			continue
		}
		known[groupVersion] = true
		for _, r := range list.APIResources {
			known[groupVersion+"/"+r.Kind] = true
		}
	}
	out.APIVersions = slices.Sorted(maps.Keys(known))
	return out
}
