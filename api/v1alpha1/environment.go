package v1alpha1

// Environment is an isolated segment of the platform, such as dev or prod, on one or more clusters.
type Environment struct {
	Metadata Metadata        `json:"metadata" required:"true"`
	Spec     EnvironmentSpec `json:"spec" required:"true"`
}

// EnvironmentSpec is the body of an [Environment].
type EnvironmentSpec struct {
	// Clusters are the names of the clusters that the environment's projects run on: all of them, each.
	Clusters []string `json:"clusters" required:"true"`
	// Namespace is the pattern of a release's namespace. "<project>", "<environment>" and "<cluster>" are
	// replaced; default: "<project>-<environment>".
	Namespace string `json:"namespace,omitempty"`
	// Stores maps the scheme of a dataset's path to where it is in this environment, as in
	// "lake: s3://acme-prod-lake": the path "lake://orders/raw/" is then "s3://acme-prod-lake/orders/raw/".
	Stores map[string]string `json:"stores,omitempty"`
	// Identity is put as annotations on each service account, with the placeholders of Namespace and
	// "<identity>", as in "eks.amazonaws.com/role-arn: arn:aws:iam::123:role/<identity>-<environment>".
	Identity map[string]string `json:"identity,omitempty"`
	// Identities are patterns of the identities that workloads may have here, with the placeholders of
	// Namespace and "*" for any text; default: "<project>" and "<project>-*".
	Identities []string `json:"identities,omitempty"`
	// Defaults win over the platform's.
	Defaults WorkloadDefaults `json:"defaults,omitzero"`
	// Rules wins over the platform's for what is judged in this environment.
	Rules map[string]RuleMode `json:"rules,omitempty"`

	// PromotesFrom names the environment whose healthy commits this one takes.
	PromotesFrom string `json:"promotesFrom,omitempty"`
	// Soak is how long a commit must have been healthy there before this environment takes it; default: none.
	Soak Duration `json:"soak,omitempty"`
	// Protected asks that no project leaves the environment unless Removals names it.
	Protected bool `json:"protected,omitempty"`
	// Removals names the projects that may leave a protected environment.
	Removals []string `json:"removals,omitempty"`
	// Orchestrator starts the workloads; default: "native".
	Orchestrator Orchestrator `json:"orchestrator,omitempty"`
	// Budget bounds what the environment may cost.
	Budget Budget `json:"budget,omitzero"`
	// Windows are the times in which changes are rolled out; default: always.
	Windows []DeployWindow `json:"windows,omitempty"`
	// Freezes are times in which nothing is rolled out; they win over Windows.
	Freezes []Freeze `json:"freezes,omitempty"`
	// Preview makes the environment the model of those of pull requests.
	Preview *Preview `json:"preview,omitempty"`
}

// Orchestrator is what starts workloads.
type Orchestrator string

// The orchestrators.
const (
	// Native is Trunkline itself, with Kubernetes' jobs.
	Native Orchestrator = "native"
	// Airflow is an Apache Airflow of the environment's own.
	Airflow Orchestrator = "airflow"
)

func (Orchestrator) values() []string { return []string{string(Native), string(Airflow)} }

// Budget bounds costs, in the currency of the rates.
type Budget struct {
	// Monthly is what the whole environment may cost in a month of 730 hours.
	Monthly Amount `json:"monthly,omitempty"`
	// PerProject is what each project may cost in a month here.
	PerProject Amount `json:"perProject,omitempty"`
}

// DeployWindow is a time, coming again and again, in which changes may be rolled out.
type DeployWindow struct {
	// Schedule is a cron expression of five fields that says when the window opens.
	Schedule string `json:"schedule" required:"true"`
	// TimeZone is the IANA name of the zone of Schedule; default: "UTC".
	TimeZone string `json:"timeZone,omitempty"`
	// Duration is how long it stays open.
	Duration Duration `json:"duration" required:"true"`
}

// Freeze is one stretch of time in which nothing is rolled out.
type Freeze struct {
	// From is its first instant.
	From Time `json:"from" required:"true"`
	// Until is the first instant after it.
	Until Time `json:"until" required:"true"`
	// Reason says to people why.
	Reason string `json:"reason" required:"true"`
}

// Preview says how pull requests get an environment of their own.
type Preview struct {
	// TTL is how long a preview stays after the last push; default: 72h.
	TTL Duration `json:"ttl,omitempty"`
	// Limit is how many previews there may be at a time; default: 10.
	Limit *int `json:"limit,omitempty"`
	// Projects names those that get previews; default: all of the environment.
	Projects []string `json:"projects,omitempty"`
	// Budget is what one preview may cost in a month of 730 hours; default: no bound.
	Budget Amount `json:"budget,omitempty"`
}
