// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// DagContext is what the tasks of a project are told: the file .trunkline/context.json of package trunkline_airflow, but for the labels, which are the
// renderer's.
type DagContext struct {
	Version int `json:"version"`
	// Image is that of the project, and Images those of the projects that it depends on or reads from.
	Image  string            `json:"image,omitempty"`
	Images map[string]string `json:"images"`
	// Identity is the account of tasks that name none, and Identities are those that they may name.
	Identity   string   `json:"identity"`
	Identities []string `json:"identities"`
	// Size and Lifecycle are those of tasks that name none.
	Size      string                   `json:"size"`
	Lifecycle v1alpha1.Lifecycle       `json:"lifecycle"`
	Sizes     map[string]v1alpha1.Size `json:"sizes"`
	Spot      DagNodes                 `json:"spot"`
	Stores    map[string]string        `json:"stores"`
	Datasets  map[string]DagDataset    `json:"datasets"`
	// LotImage has the program that reads secrets and lots in pods; empty if there is none.
	LotImage     string                          `json:"lotImage,omitempty"`
	SecretStores map[string]v1alpha1.SecretStore `json:"secretStores,omitempty"`
}

// DagNodes say how pods get to machines, as the spec of a pod does.
type DagNodes struct {
	NodeSelector map[string]string   `json:"nodeSelector"`
	Tolerations  []map[string]string `json:"tolerations"`
}

// DagDataset is where a dataset is for a task, and where the manifests of its lots are.
type DagDataset struct {
	URI       string `json:"uri"`
	Unit      string `json:"unit,omitempty"`
	Manifests string `json:"manifests,omitempty"`
}

// dagContext is what the tasks of a project are told in a release.
func (c *Catalog) dagContext(p *Project, id ReleaseID) *DagContext {
	env, over := &c.Environments[id.Environment].Spec, p.Spec.Environments[id.Environment]
	out := &DagContext{
		Version: 1, Image: cmp.Or(over.Image, p.Spec.Image).Reference(), Images: map[string]string{}, Identity: p.Name, Identities: []string{p.Name},
		Size:      cmp.Or(over.Size, env.Defaults.Size, c.Platform.Spec.Defaults.Size, defaultSize),
		Lifecycle: cmp.Or(env.Defaults.Lifecycle, c.Platform.Spec.Defaults.Lifecycle, v1alpha1.OnDemand),
		Sizes:     c.sizes[id.Cluster], Stores: env.Stores, Datasets: map[string]DagDataset{}, LotImage: env.LotImage,
		Spot: DagNodes{NodeSelector: map[string]string{}, Tolerations: []map[string]string{}},
	}
	if declared := c.Clusters[id.Cluster]; declared != nil {
		machines := SpotMachines(declared.Spec.Spot)
		out.Spot.NodeSelector = machines.Selector
		for _, t := range machines.Tolerations {
			one := map[string]string{"key": t.Key, "operator": "Exists"}
			if t.Value != "" {
				one["operator"], one["value"] = "Equal", t.Value
			}
			if t.Effect != "" {
				one["effect"] = string(t.Effect)
			}
			out.Spot.Tolerations = append(out.Spot.Tolerations, one)
		}
	}
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if identity := p.IdentityOf(w, id.Environment); !slices.Contains(out.Identities, identity) && !p.Excludes(id.Environment, w.Name) {
			out.Identities = append(out.Identities, identity)
		}
	}
	slices.Sort(out.Identities)
	for _, e := range p.edges {
		dataset := e.From
		if e.Kind == Writes {
			dataset = e.To
		}
		if e.Kind != Reads && e.Kind != Writes || p.Excludes(id.Environment, e.workload()) {
			continue
		}
		owner, _, _ := strings.Cut(dataset, "/")
		c.imageFor(p, owner, id.Environment, out.Images)
		uri, ok := c.locate(dataset, id.Environment, e.Kind)
		if !ok {
			continue
		}
		d := DagDataset{URI: uri}
		if manifests, kept := c.Manifests(dataset, id.Environment, e.Kind); kept {
			d.Manifests = manifests
			if _, declared, ok := c.Dataset(dataset); ok && declared.Lots != nil {
				d.Unit = string(declared.Lots.Unit)
			}
		}
		if _, there := out.Datasets[dataset]; !there || e.Kind == Writes {
			out.Datasets[dataset] = d
		}
	}
	for _, need := range p.needs {
		c.imageFor(p, need.From, id.Environment, out.Images)
	}
	for name, store := range env.SecretStores {
		store.Role = id.expand(strings.ReplaceAll(store.Role, placeholderIdentity, p.Name))
		if out.SecretStores == nil {
			out.SecretStores = map[string]v1alpha1.SecretStore{}
		}
		out.SecretStores[name] = store
	}
	return out
}

// imageFor adds the image of another project.
func (c *Catalog) imageFor(p *Project, name, env string, images map[string]string) {
	other, ok := c.projects.Get(name)
	if !ok || name == p.Name {
		return
	}
	if image := cmp.Or(other.Spec.Environments[env].Image, other.Spec.Image).Reference(); image != "" {
		images[name] = image
	}
}
