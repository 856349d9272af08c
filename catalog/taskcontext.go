// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// TaskContextFile is where the package trunkline_airflow finds a [TaskContext], from the folder of the files of DAGs.
const TaskContextFile = ".trunkline/context.json"

// taskContextVersion is that of the format, which the package refuses another one of.
const taskContextVersion = 1

// TaskContext is what tasks of an orchestrator have to know of their project, its environment and its cluster to make pods as its workloads have
// them. It holds no secret. Module trunkline_airflow.context reads it, and describes its fields.
type TaskContext struct {
	Version     int    `json:"version"`
	Platform    string `json:"platform"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Cluster     string `json:"cluster"`
	Namespace   string `json:"namespace"`
	// Labels are those of every pod.
	Labels map[string]string `json:"labels"`
	// Image is that of the project, and Images are those of the projects that it depends on or reads from.
	Image  string            `json:"image,omitempty"`
	Images map[string]string `json:"images,omitempty"`
	// Identity is the service account of tasks that name none of Identities.
	Identity   string   `json:"identity"`
	Identities []string `json:"identities"`
	// Size and Lifecycle are those of tasks that name none.
	Size      string                   `json:"size"`
	Lifecycle v1alpha1.Lifecycle       `json:"lifecycle"`
	Sizes     map[string]v1alpha1.Size `json:"sizes"`
	// Spot is how pods get to spot machines.
	Spot TaskNodes `json:"spot"`
	// Stores are the folders below which tasks may work, by the names of stores.
	Stores map[string]string `json:"stores,omitempty"`
	// Datasets are the project's own, and those that its workloads read.
	Datasets map[string]TaskDataset `json:"datasets,omitempty"`
	// LotImage has the program lot; empty if the environment names none.
	LotImage string `json:"lotImage,omitempty"`
	// SecretStores are those of the environment, with the placeholder of the identity in their roles.
	SecretStores map[string]v1alpha1.SecretStore `json:"secretStores,omitempty"`
}

// TaskNodes says how pods get to machines, as the spec of a pod has it.
type TaskNodes struct {
	NodeSelector map[string]string `json:"nodeSelector"`
	Tolerations  []TaskToleration  `json:"tolerations"`
}

// TaskToleration is a taint that a pod puts up with, as the spec of a pod has it.
type TaskToleration struct {
	Key      string `json:"key"`
	Operator string `json:"operator"`
	Value    string `json:"value,omitempty"`
	Effect   string `json:"effect,omitempty"`
}

// TaskDataset is where a dataset is.
type TaskDataset struct {
	// URI is where it is read, and Write where it is written, if that is another place.
	URI   string `json:"uri"`
	Write string `json:"write,omitempty"`
	// Unit is that of its lots, and Manifests the store of their manifests; empty if nobody keeps any.
	Unit      string `json:"unit,omitempty"`
	Manifests string `json:"manifests,omitempty"`
}

// TaskContext resolves what tasks of a project have to know in a release. The id is one of [Catalog.ReleasesOf].
func (c *Catalog) TaskContext(p *Project, id ReleaseID) TaskContext {
	env := &c.Environments[id.Environment].Spec
	over := p.Spec.Environments[id.Environment]
	out := TaskContext{
		Version: taskContextVersion, Platform: c.Name(), Project: id.Project, Environment: id.Environment, Cluster: id.Cluster, Namespace: c.namespaceOf(id),
		Labels: map[string]string{"app.kubernetes.io/part-of": id.Project, "trunkline.dev/project": id.Project, "trunkline.dev/environment": id.Environment},
		Image:  c.imageIn(p, id.Environment), Images: map[string]string{}, Identity: p.Name,
		Size:      cmp.Or(over.Size, env.Defaults.Size, c.Platform.Spec.Defaults.Size, defaultSize),
		Lifecycle: cmp.Or(env.Defaults.Lifecycle, c.Platform.Spec.Defaults.Lifecycle, v1alpha1.OnDemand),
		Sizes:     map[string]v1alpha1.Size{}, Spot: c.taskNodes(id.Cluster), Stores: map[string]string{}, Datasets: map[string]TaskDataset{},
		LotImage: env.LotImage, SecretStores: map[string]v1alpha1.SecretStore{},
	}
	for name, size := range c.sizes[id.Cluster] {
		size.Price = "" // which changes nothing of a pod
		out.Sizes[name] = size
	}
	identities := map[string]bool{p.Name: true}
	for i := range p.Spec.Workloads {
		if w := &p.Spec.Workloads[i]; !p.Excludes(id.Environment, w.Name) && c.IsOn(p, w.Name, id) {
			identities[p.IdentityOf(w, id.Environment)] = true
		}
	}
	out.Identities = sortedKeys(identities)
	for store := range env.Stores {
		if address, ok := c.folder(store+"://", id); ok {
			out.Stores[store] = strings.TrimSuffix(address, "/")
		}
	}
	for name, store := range env.SecretStores {
		store.Role = id.expand(store.Role)
		out.SecretStores[name] = store
	}
	for _, d := range p.Spec.Datasets {
		c.taskDataset(out.Datasets, datasetID(p.Name, d.Name, d.Version), id.Environment, true)
	}
	near := slices.Clone(p.Spec.DependsOn)
	for _, e := range p.edges {
		if e.Kind == Reads {
			c.taskDataset(out.Datasets, e.From, id.Environment, false)
			if of, _, ok := c.Dataset(e.From); ok {
				near = append(near, of.Name)
			}
		}
	}
	for _, name := range near {
		if other, ok := c.Project(name); ok && name != p.Name {
			if image := c.imageIn(other, id.Environment); image != "" {
				out.Images[name] = image
			}
		}
	}
	return out
}

// imageIn is the image of a project in an environment; empty if it declares none.
func (c *Catalog) imageIn(p *Project, env string) string {
	return cmp.Or(p.Spec.Environments[env].Image, p.Spec.Image).Reference()
}

// taskNodes is how pods get to the spot machines of a cluster.
func (c *Catalog) taskNodes(cluster string) TaskNodes {
	var declared *v1alpha1.SpotMachines
	if c := c.Clusters[cluster]; c != nil {
		declared = c.Spec.Spot
	}
	m := SpotMachines(declared)
	out := TaskNodes{NodeSelector: maps.Clone(m.Selector), Tolerations: []TaskToleration{}}
	for _, t := range m.Tolerations {
		operator := "Exists"
		if t.Value != "" {
			operator = "Equal"
		}
		out.Tolerations = append(out.Tolerations, TaskToleration{t.Key, operator, t.Value, string(t.Effect)})
	}
	return out
}

// taskDataset adds a dataset, if the environment has it.
func (c *Catalog) taskDataset(to map[string]TaskDataset, id, env string, own bool) {
	uri, ok := c.Location(id, env, Reads)
	if !ok {
		return
	}
	out := TaskDataset{URI: uri}
	if write, ok := c.Location(id, env, Writes); ok && own && write != uri {
		out.Write = write
	}
	if manifests, ok := c.Manifests(id, env, Reads); ok {
		if _, d, ok := c.Dataset(id); ok {
			out.Unit, out.Manifests = string(d.Lots.Unit), manifests
		}
	}
	to[id] = out
}

// Encode returns the file, the same for the same context.
func (t TaskContext) Encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(t)
	return out.Bytes(), err
}
