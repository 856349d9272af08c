// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"context"
	"fmt"
	"io/fs"
	"path"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render/helm"
)

const rbac = "rbac.authorization.k8s.io"

// Rights returns the roles of the daemon, and of the accounts that deploy for it, as the chart in the platform makes them of the values
// that the project has. The daemon cannot give them to itself: whoever installs it does.
func Rights(ctx context.Context, tree fs.FS, c *catalog.Catalog) ([]*unstructured.Unstructured, error) {
	p, ok := c.Project(Project)
	if !ok {
		return nil, fmt.Errorf("there is no project %q", Project)
	}
	w, _, ok := p.Workload(Project)
	bp := c.Blueprints[Project]
	if !ok || bp == nil {
		return nil, fmt.Errorf("the project %q has no workload of this name and blueprint", Project)
	}
	values := merged(w.Params, map[string]any{"rbac": map[string]any{"create": true}})
	out, err := helm.Render(ctx, helm.Input{FS: tree, Dir: path.Clean(bp.Source), Values: values, Name: Project, Namespace: Namespace})
	if err != nil {
		return nil, fmt.Errorf("rendering the rights of the daemon: %w", err)
	}
	var rights []*unstructured.Unstructured
	for _, o := range out.Objects {
		if o.GroupVersionKind().Group == rbac {
			labels := o.GetLabels()
			labels["app.kubernetes.io/managed-by"] = "trunkline-bootstrap"
			o.SetLabels(labels)
			rights = append(rights, o.Unstructured)
		}
	}
	if len(rights) == 0 {
		return nil, fmt.Errorf("the chart in %s makes no rights for the daemon", bp.Source)
	}
	return rights, nil
}
