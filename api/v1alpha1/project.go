// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Project is the unit of ownership and deployment: datasets, and the workloads that read and write them.
type Project struct {
	// Metadata names the project.
	Metadata Metadata `json:"metadata" required:"true"`
	// Spec is what the project consists of, and where it goes.
	Spec ProjectSpec `json:"spec" required:"true"`
}

// ProjectSpec is the body of a [Project].
type ProjectSpec struct {
	// Owner is the GitHub team or user that owns the project, such as "team-orders".
	Owner string `json:"owner" required:"true"`
	// Description says what the project is for, in a sentence; default: none.
	Description string `json:"description,omitempty"`
	// Environments are those that the project is deployed to: a list of names, or a map from name to what is
	// different there.
	Environments ProjectEnvironments `json:"environments" required:"true"`
	// DependsOn are other projects, such as "orders": a release takes a new state once those of these projects in the
	// same environment have taken the newest commit and are healthy; default: none.
	DependsOn []string `json:"dependsOn,omitempty"`
	// Image is the container image of every workload that does not name its own, such as
	// "ghcr.io/acme/orders@sha256:0123…", or a mapping that also says which tag is followed; default: none.
	Image Image `json:"image,omitzero"`
	// Build says how "trunkline build" makes that image of files of the project; default: it is made elsewhere.
	Build *Build `json:"build,omitempty"`
	// Datasets are those that the project owns: only its workloads may write them.
	Datasets []Dataset `json:"datasets,omitempty"`
	// Workloads are what the project runs.
	Workloads []Workload `json:"workloads,omitempty"`
	// Packages are shared packages that every workload of the project is given which takes files, and its DAG files; default: none.
	Packages []PackageUse `json:"packages,omitempty"`
	// GeneratedSecrets are Secrets whose values are made in the cluster, once, and kept, such as the password of a database
	// that a chart brings.
	GeneratedSecrets []GeneratedSecret `json:"generatedSecrets,omitempty"`
	// Resources are what the project has made in the cloud, where its environments say how; default: nothing.
	Resources Resources `json:"resources,omitzero"`
	// Dags are patterns of the project's own Airflow DAG files, relative to the declaration, such as "dags/*.py".
	Dags []string `json:"dags,omitempty"`
	// Airflow is the version of an Apache Airflow that the owner of the project has for each environment, such as "2.11":
	// DAG files are checked for it, and a dag_id is unique in it; default: that of the environment.
	Airflow AirflowVersion `json:"airflow,omitempty"`
	// Orchestrator starts the workloads that have a schedule, unless they say otherwise: "airflow" makes them tasks, in environments that have one;
	// default: "native".
	Orchestrator Orchestrator `json:"orchestrator,omitempty"`
	// Tags are free words to find the project by, and to write policies on.
	Tags []string `json:"tags,omitempty"`
	// Suspend leaves the project's releases as they are for as long as it is true; default: false.
	Suspend bool `json:"suspend,omitempty"`
	// Promotion says what of the project stays where it is when a build is promoted; default: images and params move.
	Promotion ProjectPromotion `json:"promotion,omitzero"`
	// Notify says who is told of what goes wrong with the project, beside those whom the platform and its environments name; default: nobody.
	Notify []ProjectNotification `json:"notify,omitempty"`
	// Clusterless says what the project and its workloads are called in Clusterless, which it was taken over from: their states are kept
	// by these names, where the environment says so in lots.states; default: it has none.
	Clusterless *Clusterless `json:"clusterless,omitempty"`
}

// Clusterless is what Clusterless calls a project.
type Clusterless struct {
	// Project is the name of the project there, such as "S3Chain".
	Project string `json:"project" required:"true"`
	// Version is the version of the project there, such as "20230101-00".
	Version string `json:"version" required:"true"`
	// Arcs maps the name of a workload to that of its arc, as in "copy-a: copyA"; a workload that is not named has no states.
	Arcs map[string]string `json:"arcs,omitempty"`
}

// ProjectPromotion says what of a project belongs to its environments.
type ProjectPromotion struct {
	// Keep are names of params that belong to environments, such as "replicas": a promotion leaves them as they are, and
	// they are no part of a build; default: none.
	Keep []string `json:"keep,omitempty"`
}

// ProjectEnvironments maps the name of an environment to what is different there.
type ProjectEnvironments map[string]Override

// Override has what differs for a project in one environment.
type Override struct {
	// Image replaces the project's image; default: the project's.
	Image Image `json:"image,omitzero"`
	// Size replaces the size of every workload; default: each workload's own.
	Size string `json:"size,omitempty"`
	// Suspend replaces the project's; default: the project's.
	Suspend *bool `json:"suspend,omitempty"`
	// PodSecurity is the Pod Security Standard of the project's namespace here, such as "baseline"; the environment says
	// what it may be. Default: the environment's.
	PodSecurity PodSecurityLevel `json:"podSecurity,omitempty"`
	// Cluster says on which of the environment's clusters the project is here; default: on all of them.
	Cluster *Placement `json:"cluster,omitempty" bare:"refused"`
	// Workloads maps the name of a workload to what is different for it; it wins over Image and Size.
	Workloads map[string]WorkloadOverride `json:"workloads,omitempty"`
}

// Placement says on which clusters of an environment a project is. Where it is not any more it is removed once it is healthy where it is now.
type Placement struct {
	// Where is a condition in CEL on a cluster: on its "name", "cloud" and "region", and on its "labels", as in "region == 'eu-west-1'".
	// Default: every cluster of the environment meets it.
	Where string `json:"where,omitempty"`
	// Spread is on how many of the clusters that meet the condition the project is, "one", "all" or its "workloads" each on one; those that
	// are drained do not count as long as there are others. Default: "one", the first in the order of the environment.
	Spread Spread `json:"spread,omitempty"`
}

// Spread is how a project is put on several clusters.
type Spread string

// The ways.
const (
	// SpreadOne puts the project on the first cluster.
	SpreadOne Spread = "one"
	// SpreadAll puts it on each.
	SpreadAll Spread = "all"
	// SpreadWorkloads puts each of its workloads on one of them, by a hash of their names: when a cluster comes or goes, only those
	// workloads move that go there or were there.
	SpreadWorkloads Spread = "workloads"
)

func (Spread) values() []string {
	return []string{string(SpreadOne), string(SpreadAll), string(SpreadWorkloads)}
}

// WorkloadOverride has what differs for one workload in one environment.
type WorkloadOverride struct {
	// Image replaces the workload's; default: the workload's.
	Image Image `json:"image,omitzero"`
	// Size replaces the workload's; default: the workload's.
	Size string `json:"size,omitempty"`
	// Lifecycle replaces the workload's; default: the workload's.
	Lifecycle Lifecycle `json:"lifecycle,omitempty"`
	// Identity replaces the workload's; default: the workload's.
	Identity string `json:"identity,omitempty"`
	// Env is merged over the workload's, by name.
	Env map[string]string `json:"env,omitempty"`
	// Secrets is merged over the workload's, by name.
	Secrets map[string]SecretRef `json:"secrets,omitempty"`
	// Params is merged over the workload's, by its top-level keys.
	Params map[string]any `json:"params,omitempty"`
	// Schedule replaces the workload's; default: the workload's.
	Schedule string `json:"schedule,omitempty"`
	// Retries replaces the workload's; default: the workload's.
	Retries *int `json:"retries,omitempty" unit:"retries"`
	// Timeout replaces the workload's; default: the workload's.
	Timeout Duration `json:"timeout,omitempty"`
	// TypicalDuration replaces the workload's; default: the workload's.
	TypicalDuration Duration `json:"typicalDuration,omitempty"`
	// Suspend replaces the workload's; default: the workload's.
	Suspend *bool `json:"suspend,omitempty"`
	// Exclude replaces the workload's; default: the workload's.
	Exclude *bool `json:"exclude,omitempty"`
}

// Dataset is a named, versioned series of data.
type Dataset struct {
	// Name is a DNS label (RFC 1123) and unique, together with Version, in the project.
	Name string `json:"name" required:"true"`
	// Version tells incompatible shapes of the data apart, such as "1"; both can be there side by side.
	Version string `json:"version" required:"true"`
	// Description says what the data is, in a sentence; default: none.
	Description string `json:"description,omitempty"`
	// Lots declares the intervals the data comes in; default: the dataset is one whole. It is part of the
	// contract with readers. Where the environment keeps lots, a workload that writes the dataset runs once for each.
	Lots *Lots `json:"lots,omitempty"`
	// Path is where the data is, such as "lake://orders/raw/": the store, before "://", is looked up in each
	// environment.
	Path string `json:"path" required:"true"`
	// Schema is a file beside the declaration that describes a record: a JSON Schema (.json) or an Avro schema
	// (.avsc), such as "schemas/orders.json"; default: none.
	Schema string `json:"schema,omitempty"`
	// Retention is how long data is kept, such as "90d"; default: forever.
	Retention Days `json:"retention,omitempty"`
	// Freshness is how long after its end a lot has to be there, such as "2h": a dataset whose newest lot is older than
	// that is late, which the status and the metrics say; default: nobody minds.
	Freshness Duration `json:"freshness,omitempty"`
	// Tags are free words to find the dataset by, and to write policies on.
	Tags []string `json:"tags,omitempty"`
	// External says that the data is written outside of the platform, so that no workload has to write it;
	// default: false.
	External bool `json:"external,omitempty"`
	// Replay has lots of the dataset that are there made once more, by the workload that writes it; default: none.
	Replay []Replay `json:"replay,omitempty"`
}

// Lots declares the fixed UTC intervals that a dataset comes in.
type Lots struct {
	// Unit is the length of each lot.
	Unit LotUnit `json:"unit" required:"true"`
	// Since is the start of the first lot, such as "2026-01-01T00:00:00Z"; lots of its unit must start there.
	Since Time `json:"since" required:"true"`
}

// Workload is something that runs. It reads datasets, writes datasets of its own project, and may run after
// other workloads of its project.
type Workload struct {
	// Name is a DNS label (RFC 1123) and unique in the project.
	Name string `json:"name" required:"true"`
	// Blueprint names what renders the workload, such as "container-job": one of the embedded library, or of the
	// repository.
	Blueprint string `json:"blueprint" required:"true"`
	// Description says what the workload does, in a sentence; default: none.
	Description string `json:"description,omitempty"`
	// Reads maps a role, chosen by the workload, to a dataset: "name@version" of the same project or
	// "project/name@version", or a mapping that says more about how it is read.
	Reads map[string]Read `json:"reads,omitempty"`
	// Writes maps a role to a dataset of the same project, as "name@version".
	Writes map[string]string `json:"writes,omitempty"`
	// Join is how many of the datasets that trigger the workload must have a lot before it runs for that lot:
	// "all", "any", or how many; default: "all".
	Join Join `json:"join,omitempty"`
	// After names workloads of the same project that come first.
	After []string `json:"after,omitempty"`
	// Image is the container image; default: the project's.
	Image Image `json:"image,omitzero"`
	// Build says how "trunkline build" makes an image for this workload alone; default: that of the project, if the workload has no image
	// of its own.
	Build *Build `json:"build,omitempty"`
	// Command is the program and its arguments; default: the image's own.
	Command []string `json:"command,omitempty"`
	// Env is added to the environment of the process.
	Env map[string]string `json:"env,omitempty"`
	// Secrets maps the name of a variable to where its value is: in a Kubernetes Secret of the release's namespace, or in a store of secrets
	// of the environment. The value itself is never in the repository.
	Secrets map[string]SecretRef `json:"secrets,omitempty"`
	// Files are files and folders beside the declaration, given to the container under /workspace.
	Files []string `json:"files,omitempty"`
	// Packages are shared packages, given to the container under /workspace/packages, beside or instead of those of the project; default: the project's.
	Packages []PackageUse `json:"packages,omitempty"`
	// Size is the name of a size class, such as "mx.small"; default: that of the environment's defaults, or else of the
	// platform's.
	Size string `json:"size,omitempty"`
	// Lifecycle is the kind of machine to run on; default: that of the environment's defaults, or else of the
	// platform's.
	Lifecycle Lifecycle `json:"lifecycle,omitempty"`
	// Identity is the name of the service account to run as, and of the role in the cloud that the environment
	// makes of it; default: the project's name.
	Identity string `json:"identity,omitempty"`
	// Schedule is a cron expression of five fields, such as "0 6 * * *", for workloads that run by the clock;
	// default: none.
	Schedule string `json:"schedule,omitempty"`
	// TimeZone is the IANA name of the zone of Schedule, such as "Europe/Brussels"; default: "UTC".
	TimeZone string `json:"timeZone,omitempty"`
	// Orchestrator starts the workload by its schedule: "airflow" makes it a task of a DAG, in environments that have an Airflow; default: the
	// project's.
	Orchestrator Orchestrator `json:"orchestrator,omitempty"`
	// Retries is how often a failed run is tried again; default: the blueprint's.
	Retries *int `json:"retries,omitempty" unit:"retries"`
	// Timeout bounds a run together with its retries, such as "30m"; default: that of the environment's defaults, or
	// else of the platform's.
	Timeout Duration `json:"timeout,omitempty"`
	// TypicalDuration is how long a run usually takes, such as "12m", to estimate what it costs; default: the median of
	// the runs before, where they are known, else not known.
	TypicalDuration Duration `json:"typicalDuration,omitempty"`
	// Params are the blueprint's own parameters.
	Params map[string]any `json:"params,omitempty"`
	// Suspend keeps the workload deployed but does not start it; default: false.
	Suspend bool `json:"suspend,omitempty"`
	// Exclude leaves the workload out, as if it were not declared, and keeps what it wrote; default: false.
	Exclude bool `json:"exclude,omitempty"`
	// Lots says how the workload makes lots, where the environment keeps any.
	Lots WorkloadLots `json:"lots,omitzero"`
	// Replay has lots that the workload has made made once more; default: none.
	Replay []Replay `json:"replay,omitempty"`
}

// Read says which dataset is read, and how. A text stands for the dataset alone.
type Read struct {
	// Dataset is "name@version" of the same project or "project/name@version", such as "orders-raw@1" or
	// "orders/orders-clean@1".
	Dataset string `json:"dataset" required:"true"`
	// Trigger has a new lot of the dataset start the workload; default: true.
	Trigger *bool `json:"trigger,omitempty"`
	// Window asks for several lots at a time; default: the lot that the workload makes, or the one around it.
	Window *LotWindow `json:"window,omitempty"`
	// Late is what becomes of a lot for which something is written to the dataset after it was made: "tell" only says so,
	// and "recompute" has it made once more; default: "tell".
	Late Late `json:"late,omitempty"`
}

// Triggers reports whether a new lot of the dataset makes the workload run.
func (r Read) Triggers() bool { return r.Trigger == nil || *r.Trigger }

// LotWindow is a number of lots in a row.
type LotWindow struct {
	// Lots is how many there are, in the unit of the dataset that is read.
	Lots *int `json:"lots" required:"true" unit:"lots of the dataset that is read"`
	// Offset is how many lots the last of them lies before the end of the lot that the workload makes;
	// default: 0.
	Offset *int `json:"offset,omitempty" unit:"lots of the dataset that is read"`
}
