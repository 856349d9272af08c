// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/spark"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// ReleaseID names a release: one project in one environment on one cluster.
type ReleaseID struct {
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Cluster     string `json:"cluster"`
}

// String returns "project/environment@cluster".
func (id ReleaseID) String() string { return id.Project + "/" + id.Environment + "@" + id.Cluster }

// Compare orders releases by project, environment and cluster.
func (id ReleaseID) Compare(o ReleaseID) int {
	return cmp.Or(strings.Compare(id.Project, o.Project), strings.Compare(id.Environment, o.Environment),
		strings.Compare(id.Cluster, o.Cluster))
}

// expand replaces the placeholders of a pattern.
func (id ReleaseID) expand(pattern string) string {
	for _, p := range [...][2]string{{"<project>", id.Project}, {"<environment>", id.Environment}, {"<cluster>", id.Cluster}} {
		pattern = strings.ReplaceAll(pattern, p[0], p[1]) // no name holds a placeholder
	}
	return pattern
}

// Release is everything that is needed to render one project for one environment on one cluster. It is a
// plain value: equal inputs give equal releases, whatever the commit.
type Release struct {
	ID ReleaseID `json:"id"`
	// Platform is the name of the platform.
	Platform string `json:"platform"`
	Owner    string `json:"owner"`
	// Suspended reports whether what is in the cluster is to be left as it is.
	Suspended bool `json:"suspended,omitempty"`
	// Namespace holds every object of the release but those that the environment allows elsewhere, and nothing else.
	Namespace string `json:"namespace"`
	// Allowed is what it may have beyond its namespace.
	Allowed Allowed `json:"allowed,omitzero"`
	// PodSecurity is the standard of its namespace; empty for "restricted".
	PodSecurity v1alpha1.PodSecurityLevel `json:"podSecurity,omitempty"`
	// Kubernetes is what its cluster is declared to be.
	Kubernetes Kubernetes `json:"kubernetes,omitzero"`
	// Accounts are the service accounts that the release's pods run as, by name; the project's own is always
	// there.
	Accounts []Account `json:"accounts"`
	// GeneratedSecrets are those whose values are made in the cluster.
	GeneratedSecrets []GeneratedSecret `json:"generatedSecrets,omitempty"`
	// Cloud is what is made in the cloud by objects of the release; nil if nothing is.
	Cloud *Cloud `json:"cloud,omitempty"`
	// Data is whose rights on data are given by objects of the release; nil if nobody's are.
	Data *Data `json:"data,omitempty"`
	// Dags are the DAG files that the Airflow of the environment runs; nil if there are none.
	Dags *Dags `json:"dags,omitempty"`
	// Dir is the folder of the project in the tree; the files of its workloads are relative to it.
	Dir string `json:"dir"`
	// Root is the folder that the paths of the project stay in: that of the repository that declares it, if the platform
	// includes it; empty for the whole tree.
	Root string `json:"root,omitempty"`
	// Packages are the shared packages that the project names for all that it has, by name.
	Packages  []PackageUse `json:"packages,omitempty"`
	Workloads []Workload   `json:"workloads"`
}

// Kubernetes is what charts are told about a cluster. What is empty is as Helm has it without a cluster.
type Kubernetes struct {
	Version     string   `json:"version,omitempty"`
	APIVersions []string `json:"apiVersions,omitempty"`
}

// Account is a service account, and who it is in the cloud.
type Account struct {
	Name        string            `json:"name"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Workload is a workload with everything resolved that its environment and cluster decide.
type Workload struct {
	Name      string     `json:"name"`
	Blueprint *Blueprint `json:"-"`
	Image     string     `json:"image,omitempty"`
	// Build says how the image is made; nil if it is made elsewhere.
	Build   *v1alpha1.Build `json:"-"`
	Command []string        `json:"command,omitempty"`
	// Env is what the declaration adds; what Trunkline itself adds is made of the other fields.
	Env map[string]string `json:"env,omitempty"`
	// Secrets are variables whose values are in Secrets of the release's namespace, or in one of SecretStores.
	Secrets map[string]v1alpha1.SecretRef `json:"secrets,omitempty"`
	// SecretStores are the stores that Secrets name, as they are for the workload.
	SecretStores map[string]v1alpha1.SecretStore `json:"secretStores,omitempty"`
	// LotImage has the program that reads secrets in the pod; empty if none is read there.
	LotImage string `json:"lotImage,omitempty"`
	// Identity is the name of the service account that the pods run as.
	Identity string `json:"identity"`
	// Files are paths relative to the project's folder.
	Files []string `json:"files,omitempty"`
	// Packages are the shared packages that it is given, by name.
	Packages  []PackageUse       `json:"packages,omitempty"`
	Size      v1alpha1.Size      `json:"size"`
	Lifecycle v1alpha1.Lifecycle `json:"lifecycle"`
	// Spot is what the cluster declares of its spot machines, if the workload runs on them.
	Spot     *v1alpha1.SpotMachines `json:"spot,omitempty"`
	Schedule string                 `json:"schedule,omitempty"`
	TimeZone string                 `json:"timeZone,omitempty"`
	Retries  *int                   `json:"retries,omitempty"`
	Timeout  time.Duration          `json:"timeout"`
	Reads    map[string]DatasetRef  `json:"reads,omitempty"`
	Writes   map[string]DatasetRef  `json:"writes,omitempty"`
	Params   map[string]any         `json:"params,omitempty"`
	// Spark is what driver and executors are of a workload of Spark; nil for all others.
	Spark *spark.Setup `json:"spark,omitempty"`
	// Airflow is what a workload is told that runs the Airflow of an environment; nil for all others.
	Airflow *Airflow `json:"airflow,omitempty"`
	// Suspend keeps the workload from starting.
	Suspend bool `json:"suspend,omitempty"`
	// Lots says that the workload runs once for each lot of what it writes: what is deployed is the template of its runs.
	Lots bool `json:"lots,omitempty"`
	// Replays are the names of those that the workload carries out, sorted: their lots are made once more once this is deployed.
	Replays []string `json:"replays,omitempty"`
}

// DatasetRef is a dataset as a workload sees it.
type DatasetRef struct {
	// ID is "project/name@version".
	ID string `json:"dataset"`
	// URI is where the data is in this environment.
	URI string `json:"uri"`
}

// Blueprint is a blueprint that workloads can name, and where its source is.
type Blueprint struct {
	Name string
	Spec v1alpha1.BlueprintSpec
	// Embedded tells a blueprint of the embedded library from one of the repository: Source is then a path in
	// the library's own file system.
	Embedded bool
	// Source is the folder of the chart or base: in the tree, or in the artifact of a registry or Helm repository.
	Source string
	// Root is the folder that what is read from there stays in: that of a repository that the platform includes; empty for the whole.
	Root string
	// Signers are who has to have signed such an artifact, one of each group, as the platform says.
	Signers  [][]v1alpha1.Signer
	Position v1alpha1.Position
	// params is the compiled schema of the parameters; nil for a blueprint that was not made by a catalog.
	params *schema.Schema
}

// CheckParams returns what is wrong with a workload's params. The error is about the blueprint's own parameters.
func (b *Blueprint) CheckParams(params map[string]any) ([]schema.Problem, error) {
	if b.params == nil {
		return schema.Check(b.Spec.Parameters, params)
	}
	return b.params.Check(params), nil
}
