package v1alpha1

// Project is the unit of ownership and deployment: datasets, and the workloads that read and write them.
type Project struct {
	Metadata Metadata    `json:"metadata" required:"true"`
	Spec     ProjectSpec `json:"spec" required:"true"`
}

// ProjectSpec is the body of a [Project].
type ProjectSpec struct {
	// Owner is a GitHub team or user.
	Owner string `json:"owner" required:"true"`
	// Description says what the project is for.
	Description string `json:"description,omitempty"`
	// Environments are those that the project is deployed to: a list of names, or a map from name to what is
	// different there.
	Environments ProjectEnvironments `json:"environments" required:"true"`
	// Image is the container image of every workload that does not name its own.
	Image string `json:"image,omitempty"`
	// Datasets are those that the project owns: only its workloads may write them.
	Datasets []Dataset `json:"datasets,omitempty"`
	// Workloads are what the project runs.
	Workloads []Workload `json:"workloads,omitempty"`
}

// ProjectEnvironments maps the name of an environment to what is different there.
type ProjectEnvironments map[string]Override

// Override is what a project says differently in one environment.
type Override struct {
	// Image replaces the project's image.
	Image string `json:"image,omitempty"`
	// Size replaces the size of every workload.
	Size string `json:"size,omitempty"`
	// Workloads maps the name of a workload to what is different for it; it wins over Image and Size.
	Workloads map[string]WorkloadOverride `json:"workloads,omitempty"`
}

// WorkloadOverride is what one workload says differently in one environment.
type WorkloadOverride struct {
	Image string `json:"image,omitempty"`
	Size  string `json:"size,omitempty"`
	// Env is merged over the workload's, by name.
	Env map[string]string `json:"env,omitempty"`
	// Params is merged over the workload's, by its top-level keys.
	Params map[string]any `json:"params,omitempty"`
	// Schedule replaces the workload's.
	Schedule string `json:"schedule,omitempty"`
}

// Dataset is a named, versioned series of data.
type Dataset struct {
	Name string `json:"name" required:"true"`
	// Version tells incompatible shapes of the data apart; both can be there side by side.
	Version     string `json:"version" required:"true"`
	Description string `json:"description,omitempty"`
	// Lots declares the intervals the data comes in; default: the dataset is one whole. It is part of the
	// contract with readers; runs per lot are not made yet.
	Lots *Lots `json:"lots,omitempty"`
	// Path is where the data is, as "store://path": the store is looked up in each environment.
	Path string `json:"path" required:"true"`
	// Schema is a file beside the declaration that describes a record.
	Schema string `json:"schema,omitempty"`
}

// Lots declares the fixed UTC intervals that a dataset comes in.
type Lots struct {
	Unit LotUnit `json:"unit" required:"true"`
	// Since is the start of the first lot.
	Since Time `json:"since" required:"true"`
}

// LotUnit is the length of a lot.
type LotUnit string

// The units of lots.
const (
	Hourly LotUnit = "hourly"
	Daily  LotUnit = "daily"
)

func (LotUnit) values() []string { return []string{string(Hourly), string(Daily)} }

// Workload is something that runs. It reads datasets, writes datasets of its own project, and may run after
// other workloads of its project.
type Workload struct {
	Name string `json:"name" required:"true"`
	// Blueprint names what renders the workload: one of the embedded library, or of the repository.
	Blueprint   string `json:"blueprint" required:"true"`
	Description string `json:"description,omitempty"`
	// Reads maps a role, chosen by the workload, to a dataset: "name@version" of the same project or
	// "project/name@version".
	Reads map[string]string `json:"reads,omitempty"`
	// Writes maps a role to a dataset of the same project, as "name@version".
	Writes map[string]string `json:"writes,omitempty"`
	// After names workloads of the same project that come first.
	After []string `json:"after,omitempty"`
	// Image replaces the project's image.
	Image string `json:"image,omitempty"`
	// Command is the program and its arguments; default: the image's own.
	Command []string `json:"command,omitempty"`
	// Env is added to the environment of the process.
	Env map[string]string `json:"env,omitempty"`
	// Files are files and folders beside the declaration, given to the container under /workspace.
	Files []string `json:"files,omitempty"`
	// Size is the name of a size class.
	Size string `json:"size,omitempty"`
	// Lifecycle is the kind of machine to run on.
	Lifecycle Lifecycle `json:"lifecycle,omitempty"`
	// Schedule is a cron expression of five fields, for workloads that run by the clock.
	Schedule string `json:"schedule,omitempty"`
	// TimeZone is the IANA name of the zone of Schedule; default: UTC.
	TimeZone string `json:"timeZone,omitempty"`
	// Retries is how often a failed run is tried again; default: the blueprint's.
	Retries *int `json:"retries,omitempty"`
	// Timeout bounds a run together with its retries.
	Timeout Duration `json:"timeout,omitempty"`
	// Params are the blueprint's own parameters.
	Params map[string]any `json:"params,omitempty"`
}
