// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Environment is an isolated segment of the platform, such as dev or prod, on one or more clusters.
type Environment struct {
	// Metadata names the environment, as projects call it.
	Metadata Metadata `json:"metadata" required:"true"`
	// Spec is where the environment is, and what holds in it.
	Spec EnvironmentSpec `json:"spec" required:"true"`
}

// EnvironmentSpec is the body of an [Environment].
type EnvironmentSpec struct {
	// Clusters are the names of the clusters that the environment's projects run on: all of them, each.
	Clusters []string `json:"clusters" required:"true"`
	// Namespace is the pattern of a release's namespace, in which "<project>", "<environment>" and "<cluster>" are
	// replaced; default: "<project>-<environment>".
	Namespace string `json:"namespace,omitempty"`
	// Stores maps the scheme of a dataset's path to where it is in this environment, as in
	// "lake: s3://acme-prod-lake": the path "lake://orders/raw/" is then "s3://acme-prod-lake/orders/raw/".
	Stores map[string]string `json:"stores,omitempty"`
	// Identity is put as annotations on each service account, with the placeholders of Namespace and
	// "<identity>", as in "eks.amazonaws.com/role-arn: arn:aws:iam::123:role/<identity>-<environment>".
	Identity map[string]string `json:"identity,omitempty"`
	// Identities are patterns of the identities that workloads may have here, with "<project>" and
	// "<environment>" replaced and "*" for any text; default: "<project>" and "<project>-*".
	Identities []string `json:"identities,omitempty"`
	// ServiceAccount is the account as which the objects of the releases are changed and read, so that no project can do
	// more than its account may; default: none, they are changed with the daemon's own rights.
	ServiceAccount *ServiceAccount `json:"serviceAccount,omitempty" bare:"refused"`
	// Allow says which objects projects may have beyond their own namespace; default: none.
	Allow []Allowance `json:"allow,omitempty"`
	// Defaults fill what a workload leaves out; they win over the platform's.
	Defaults WorkloadDefaults `json:"defaults,omitzero"`
	// Rules maps the id of a rule or policy to how severe it is for what is judged in this environment; default: the
	// platform's.
	Rules map[string]RuleMode `json:"rules,omitempty"`

	// PromotesFrom names the environment whose healthy commits this one takes; default: none, it takes each commit of
	// the trunk.
	PromotesFrom string `json:"promotesFrom,omitempty"`
	// Soak is how long a commit must have been healthy in the environment of PromotesFrom before this one takes it,
	// such as "24h"; default: none.
	Soak Duration `json:"soak,omitempty"`
	// Protected asks that no project leaves the environment unless Removals names it; default: false.
	Protected bool `json:"protected,omitempty"`
	// Removals names the projects that may leave a protected environment.
	Removals []string `json:"removals,omitempty"`
	// MaxRemovals is how many of the environment's releases one commit may remove, in percent, before it needs an
	// approval by "trunkline approve"; up to five are never too many; default: 50.
	MaxRemovals *int `json:"maxRemovals,omitempty" unit:"percent of the environment's releases"`
	// Drift says what is done about drift, which is a change in the cluster of what was applied; default: it is corrected at
	// once.
	Drift Drift `json:"drift,omitzero"`
	// HealthTimeout is how long a release may take to become healthy after it was applied, such as "15m", before it
	// counts as failed; default: 10m.
	HealthTimeout Duration `json:"healthTimeout,omitempty"`
	// Rollback takes a release that has failed back to the last commit at which it was healthy. The commit that
	// failed is then not tried again, until a newer one changes the release; default: false.
	Rollback bool `json:"rollback,omitempty"`
	// Orchestrator starts the workloads; default: "native".
	Orchestrator Orchestrator `json:"orchestrator,omitempty"`
	// Budget bounds what the environment may cost; default: no bound.
	Budget Budget `json:"budget,omitzero"`
	// Windows are the times in which changes are rolled out; default: always.
	Windows []DeployWindow `json:"windows,omitempty"`
	// Freezes are times in which nothing is rolled out; they win over Windows.
	Freezes []Freeze `json:"freezes,omitempty"`
	// Preview makes the environment the model of those of pull requests; default: pull requests get none.
	Preview *Preview `json:"preview,omitempty"`
}

// ServiceAccount is the account as which the objects of a release are changed and read. It is in the release's own
// namespace.
type ServiceAccount struct {
	// Name is that of the account, in which "<project>", "<environment>" and "<cluster>" are replaced, such as "deployer".
	Name string `json:"name" required:"true"`
	// ClusterRole is what the account may do in the release's namespace: the daemon makes the account, and a RoleBinding of
	// it to this ClusterRole; default: none, whoever runs the cluster makes the account and gives it its rights.
	ClusterRole string `json:"clusterRole,omitempty" bare:"refused"`
}

// Allowance lets projects have objects beyond their own namespace.
type Allowance struct {
	// Projects are those that it is for; default: all of the environment.
	Projects []string `json:"projects,omitempty"`
	// ClusterScoped are kinds of objects that have no namespace, with their group, such as
	// "PriorityClass.scheduling.k8s.io"; default: none.
	ClusterScoped []string `json:"clusterScoped,omitempty"`
	// Namespaces are those that objects may name beside the release's own, such as "monitoring"; default: none.
	Namespaces []string `json:"namespaces,omitempty"`
	// Reason says to people why; default: none.
	Reason string `json:"reason,omitempty"`
}

// Drift says what is done about a change in the cluster of what was applied.
type Drift struct {
	// Mode is "correct", which takes changed fields back at once, or "report", which leaves them and says so;
	// default: "correct".
	Mode DriftMode `json:"mode,omitempty"`
	// Additions say what is done about what others add to an object, such as a container, an environment variable or a pause:
	// "leave" lists them in the status, "report" counts them as drift, and "correct" takes them back; default: "leave".
	Additions DriftAdditions `json:"additions,omitempty"`
	// Ignore are fields that others may change. Replicas under an autoscaler need not be named.
	Ignore []DriftIgnore `json:"ignore,omitempty"`
}

// DriftAdditions is what is done about what others add.
type DriftAdditions string

// What can be done about additions.
const (
	// AdditionsLeave lists them in the status.
	AdditionsLeave DriftAdditions = "leave"
	// AdditionsReport counts them as drift that is left.
	AdditionsReport DriftAdditions = "report"
	// AdditionsCorrect takes them back.
	AdditionsCorrect DriftAdditions = "correct"
)

func (DriftAdditions) values() []string {
	return []string{string(AdditionsLeave), string(AdditionsReport), string(AdditionsCorrect)}
}

// DriftMode is what is done about drift.
type DriftMode string

// The modes.
const (
	// DriftCorrect takes changed fields back.
	DriftCorrect DriftMode = "correct"
	// DriftReport leaves changed fields as they are and says so.
	DriftReport DriftMode = "report"
)

func (DriftMode) values() []string { return []string{string(DriftCorrect), string(DriftReport)} }

// DriftIgnore names fields that others may change: they are declared until another manager owns them.
type DriftIgnore struct {
	// Kind is that of the objects, with its group, such as "Deployment.apps"; default: every kind.
	Kind string `json:"kind,omitempty"`
	// Name is a pattern of the objects' names, with "*" for any text, such as "web-*"; default: every name.
	Name string `json:"name,omitempty"`
	// Fields are those that others may change, with all below, such as ".spec.replicas", ".metadata.annotations" or
	// ".spec.template.spec.containers[name=main].resources".
	Fields []string `json:"fields" required:"true"`
	// Reason says to people why others may change them; default: none.
	Reason string `json:"reason,omitempty"`
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
	// Monthly is what the whole environment may cost in a month of 730 hours, such as "5000"; default: no bound.
	Monthly Amount `json:"monthly,omitempty" unit:"currency of the rates, for a month of 730 hours"`
	// PerProject is what each project may cost in a month of 730 hours here, such as "800"; default: no bound.
	PerProject Amount `json:"perProject,omitempty" unit:"currency of the rates, for a month of 730 hours"`
}

// DeployWindow is a time, coming again and again, in which changes may be rolled out.
type DeployWindow struct {
	// Schedule is a cron expression of five fields that says when the window opens, such as "0 8 * * 1-5".
	Schedule string `json:"schedule" required:"true"`
	// TimeZone is the IANA name of the zone of Schedule, such as "Europe/Brussels"; default: "UTC".
	TimeZone string `json:"timeZone,omitempty"`
	// Duration is how long the window stays open, such as "8h".
	Duration Duration `json:"duration" required:"true"`
}

// Freeze is one stretch of time in which nothing is rolled out.
type Freeze struct {
	// From is the first instant of the freeze, such as "2026-12-20T00:00:00Z".
	From Time `json:"from" required:"true"`
	// Until is the first instant after the freeze, such as "2027-01-04T00:00:00Z".
	Until Time `json:"until" required:"true"`
	// Reason says to people why nothing is rolled out.
	Reason string `json:"reason" required:"true"`
}

// Preview says how pull requests get an environment of their own.
type Preview struct {
	// TTL is how long a preview stays after the last push; default: 72h.
	TTL Duration `json:"ttl,omitempty"`
	// Limit is how many previews there may be at a time; default: 10.
	Limit *int `json:"limit,omitempty" unit:"previews"`
	// Projects names those that get previews; default: all of the environment.
	Projects []string `json:"projects,omitempty"`
	// Budget is what one preview may cost in a month of 730 hours, such as "50"; default: no bound.
	Budget Amount `json:"budget,omitempty" unit:"currency of the rates, for a month of 730 hours"`
}
