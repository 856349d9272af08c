// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/generated"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// AirflowBlueprint is the name of the embedded blueprint of an Apache Airflow.
const AirflowBlueprint = "airflow"

// Airflow is what a workload is told that runs the Apache Airflow of an environment.
type Airflow struct {
	// Bundles are the projects on its cluster that have DAGs, by name.
	Bundles []DagBundle `json:"bundles,omitempty"`
	// Preview says that it is one of a preview: DAGs are paused until a person looks at them, and the database ends with it.
	Preview bool `json:"preview,omitempty"`
}

// DagBundle is a project with DAGs, and where the release is that has them.
type DagBundle struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Dags are the DAG files that a release deploys for the Airflow of its environment.
type Dags struct {
	// Patterns are those of the files, relative to the folder of the project.
	Patterns []string `json:"patterns"`
	// Tasks are the workloads that it starts.
	Tasks []DagTask `json:"tasks,omitempty"`
	// Reader is the service account that reads them, and ReaderNamespace where it is.
	Reader          string `json:"reader"`
	ReaderNamespace string `json:"readerNamespace"`
	// Worker is the account of tasks, in the same namespace.
	Worker string `json:"worker"`
	// Context is what tasks are told of the project.
	Context TaskContext `json:"context"`
}

// AirflowPlace is an Apache Airflow that a platform deploys.
type AirflowPlace struct {
	ReleaseID

	// Workload runs it, and Namespace and Account are where and who its pods are.
	Workload, Namespace, Account string
	// Base is the path at which it believes that it is, without a slash at its end.
	Base string
}

// DeployedAirflow is an Airflow with what it takes to reach it, and the projects that have DAGs there.
type DeployedAirflow struct {
	AirflowPlace

	// Deployer is the account that deploys it; empty: the daemon's own.
	Deployer string
	Bundles  []DagBundle
}

// NamespaceOf is where the release of a project is whose DAGs it runs; false if it runs none of the project.
func (a DeployedAirflow) NamespaceOf(project string) (string, bool) {
	for _, b := range a.Bundles {
		if b.Name == project {
			return b.Namespace, true
		}
	}
	return "", false
}

// The parts of the index of what has to do with Airflow, by environment.
const (
	airflowRuns = "runs"
	airflowDags = "dags"
)

// runsAirflow reports whether a blueprint is that of the library for Airflow.
func (b *Blueprint) runsAirflow() bool { return b != nil && b.Embedded && b.Name == AirflowBlueprint }

// orchestrated reports whether the DAGs of projects are deployed to an Airflow in an environment.
func (c *Catalog) orchestrated(env string) bool {
	e := c.Environments[env]
	return e != nil && e.Spec.Orchestrator == v1alpha1.Airflow
}

// DagsIn reports whether the DAGs of a project are deployed in an environment. Those of a project whose owner has an Airflow are that one's.
func (c *Catalog) DagsIn(p *Project, env string) bool {
	_, there := p.Spec.Environments[env]
	return there && c.orchestrated(env) && (len(p.Spec.Dags) > 0 && p.Spec.Airflow == "" || c.hasTasks(p, env)) && !p.Suspended(env)
}

// airflowKeys are what others depend on of a project: which Airflow it runs and which DAGs it has, in environments that have one, and where. Each begins
// with the environment.
func (c *Catalog) airflowKeys(p *Project) (keys []string) {
	for _, env := range sortedKeys(p.Spec.Environments) {
		if !c.orchestrated(env) {
			continue
		}
		if c.DagsIn(p, env) {
			keys = append(keys, strings.Join([]string{env, airflowDags, p.Name, strings.Join(c.PlacesOf(p, env), ",")}, sep))
		}
		for i := range p.Spec.Workloads {
			w := &p.Spec.Workloads[i]
			if p.workloads[w.Name] == i && c.Blueprints[w.Blueprint].runsAirflow() && !p.Excludes(env, w.Name) {
				keys = append(keys, strings.Join([]string{env, airflowRuns, p.Name, w.Name, p.IdentityOf(w, env), strings.Join(c.PlacesOfWorkload(p, w.Name, env), ",")}, sep))
			}
		}
	}
	return keys
}

// Airflows lists the Airflows that an environment has, in the order of their releases; more than one on a cluster was reported.
func (c *Catalog) Airflows(env string) (out []AirflowPlace) {
	for rest := range below(c.airflows, env+sep+airflowRuns+sep) {
		part := strings.Split(rest, sep)
		for _, cluster := range strings.FieldsFunc(part[3], isComma) {
			id := ReleaseID{Project: part[0], Environment: env, Cluster: cluster}
			out = append(out, AirflowPlace{ReleaseID: id, Workload: part[1], Account: part[2], Namespace: c.namespaceOf(id), Base: c.airflowBase(id, part[1])})
		}
	}
	return out
}

// DeployedAirflows are the Airflows of an environment, in the order of their releases.
func (c *Catalog) DeployedAirflows(env string) (out []DeployedAirflow) {
	for _, place := range c.Airflows(env) {
		rights, _ := c.Access(place.ReleaseID)
		out = append(out, DeployedAirflow{AirflowPlace: place, Deployer: rights.Account, Bundles: c.bundlesAt(place.ReleaseID)})
	}
	return out
}

// bundlesAt are the projects that have DAGs in an environment on a cluster.
func (c *Catalog) bundlesAt(id ReleaseID) (out []DagBundle) {
	for rest := range below(c.airflows, id.Environment+sep+airflowDags+sep) {
		project, places, _ := strings.Cut(rest, sep)
		if slices.Contains(strings.FieldsFunc(places, isComma), id.Cluster) {
			at := ReleaseID{Project: project, Environment: id.Environment, Cluster: id.Cluster}
			out = append(out, DagBundle{project, c.namespaceOf(at)})
		}
	}
	return out
}

// airflowBase is the path at which an Airflow believes that it is: that of its param url, or that below which the console passes people on.
func (c *Catalog) airflowBase(id ReleaseID, workload string) string {
	if p, ok := c.projects.Get(id.Project); ok {
		if w, _, ok := p.Workload(workload); ok {
			if text, _ := c.paramsIn(p, w, id.Environment)["url"].(string); text != "" {
				if at, err := url.Parse(text); err == nil {
					return strings.TrimSuffix(at.Path, "/")
				}
			}
		}
	}
	return "/airflow/" + id.Environment + "/" + id.Project + "/" + workload
}

func isComma(r rune) bool { return r == ',' }

// AirflowOf is that of an environment on a cluster; false if there is none.
func (c *Catalog) AirflowOf(env, cluster string) (AirflowPlace, bool) {
	for _, a := range c.Airflows(env) {
		if a.Cluster == cluster {
			return a, true
		}
	}
	return AirflowPlace{}, false
}

// airflow is what a workload is told that runs an Airflow; nil for all others.
func (c *Catalog) airflow(w *v1alpha1.Workload, id ReleaseID) *Airflow {
	if !c.Blueprints[w.Blueprint].runsAirflow() {
		return nil
	}
	out := &Airflow{Preview: c.IsPreview(id.Environment)}
	out.Bundles = c.bundlesAt(id)
	return out
}

// dags are the DAG files that a release deploys; nil if it deploys none.
func (c *Catalog) dags(p *Project, id ReleaseID) *Dags {
	if !c.DagsIn(p, id.Environment) {
		return nil
	}
	a, ok := c.AirflowOf(id.Environment, id.Cluster)
	if !ok {
		return nil // reported; and a preview may be without one
	}
	var patterns []string
	if p.Spec.Airflow == "" {
		patterns = p.Spec.Dags
	}
	return &Dags{Patterns: patterns, Tasks: c.tasks(p, id), Reader: a.Account, Worker: a.Workload + "-worker", ReaderNamespace: a.Namespace, Context: c.TaskContext(p, id)}
}

// airflowSecret are the keys that the parts of an Airflow share.
func airflowSecret(workload string) GeneratedSecret {
	key := func(length int) generated.Key { return generated.Key{Length: length, Alphabet: defaultKeyAlphabet} }
	return GeneratedSecret{Name: AirflowKeys(workload), Spec: generated.Spec{Keys: map[string]generated.Key{
		AirflowKey: key(64), "session": key(32), "postgres": key(32),
		"fernet": key(43), // with a "=" behind it, 32 bytes in base64
	}}}
}

const (
	// AirflowPort is the port of the Service of an Airflow, which has the name of its workload.
	AirflowPort = "http"
	// AirflowKey is which of its keys tokens are made by.
	AirflowKey = "jwt"
)

// AirflowKeys is the name of the Secret with the keys of an Airflow.
func AirflowKeys(workload string) string { return workload + "-keys" }

// sameAirflow finds what is wrong with who runs the Airflow of an environment.
func (c *Catalog) sameAirflow(env string) []finding {
	if !c.orchestrated(env) || c.preview != nil {
		return nil
	}
	k := &checker{c: c, doc: c.first(docKey{v1alpha1.KindEnvironment, env})}
	on := map[string]AirflowPlace{}
	for _, a := range c.Airflows(env) {
		p, _ := c.projects.Get(a.Project)
		_, i, _ := p.Workload(a.Workload)
		before, twice := on[a.Cluster]
		if !twice {
			on[a.Cluster] = a
			continue
		}
		k.doc = p.Document
		k.at(RuleOrchestrator, []any{"spec", "workloads", i, "blueprint"}, fmt.Sprintf("the environment %q has two Airflows on the cluster %q: those of %s/%s and %s/%s",
			env, a.Cluster, before.Project, before.Workload, a.Project, a.Workload), "leave one of them out of the environment")
		k.findings[len(k.findings)-1].Cause = env + "/" + a.Cluster
		other, _ := c.projects.Get(before.Project)
		_, j, _ := other.Workload(before.Workload)
		k.elsewhere(docKey{v1alpha1.KindProject, before.Project}, "spec", "workloads", j, "blueprint")
	}
	if len(on) == 0 {
		if c.unread == 0 {
			k.at(RuleOrchestrator, []any{"spec", "orchestrator"}, fmt.Sprintf("the environment %q has no Airflow", env),
				`deploy a workload with "blueprint: airflow" there, in a project of the platform's own`)
		}
		return k.findings
	}
	for rest := range below(c.airflows, env+sep+airflowDags+sep) {
		project, places, _ := strings.Cut(rest, sep)
		p, _ := c.projects.Get(project)
		for _, cluster := range strings.FieldsFunc(places, isComma) {
			if _, there := on[cluster]; there {
				continue
			}
			k.doc = p.Document
			k.at(RuleOrchestrator, []any{"spec", "dags"}, fmt.Sprintf("the environment %q has no Airflow on the cluster %q, where the project %q is", env, cluster, project),
				"deploy the environment's Airflow on that cluster, too, or the project on another one")
			k.findings[len(k.findings)-1].Cause = env + "/" + cluster
		}
	}
	return k.findings
}

// withAirflow marks the projects that know each other by the Airflow of an environment, if what they know of a project that is marked has changed.
func (c *Catalog) withAirflow(old *Catalog, dirty map[string]bool) {
	environments := map[string]bool{}
	for name := range dirty {
		var before, after []string
		if p, ok := old.projects.Get(name); ok {
			before = p.airflow
		}
		if p, ok := c.projects.Get(name); ok {
			after = c.airflowKeys(p)
		}
		if slices.Equal(before, after) {
			continue
		}
		for _, key := range slices.Concat(before, after) {
			env, _, _ := strings.Cut(key, sep)
			environments[env] = true
		}
	}
	for env := range environments {
		for rest := range below(old.airflows, env+sep) {
			_, rest, _ = strings.Cut(rest, sep)
			name, _, _ := strings.Cut(rest, sep)
			dirty[name] = true
		}
	}
}
