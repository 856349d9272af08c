// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "slices"

// Environment is an isolated segment of the platform, such as dev or prod, on one or more clusters.
type Environment struct {
	// Metadata names the environment, as projects call it.
	Metadata Metadata `json:"metadata" required:"true"`
	// Spec is where the environment is, and what holds in it.
	Spec EnvironmentSpec `json:"spec" required:"true"`
}

// EnvironmentSpec is the body of an [Environment].
type EnvironmentSpec struct {
	// Clusters are the names of the clusters of the environment: each of its projects runs on all of them, or on those that it chooses. Lots
	// are made once, in the first that can be used.
	Clusters []string `json:"clusters" required:"true"`
	// Namespace is the pattern of a release's namespace, in which "<project>", "<environment>" and "<cluster>" are
	// replaced; default: "<project>-<environment>".
	Namespace string `json:"namespace,omitempty"`
	// Stores maps the scheme of a dataset's path to where it is in this environment, as in
	// "lake: s3://acme-prod-lake": the path "lake://orders/raw/" is then "s3://acme-prod-lake/orders/raw/".
	Stores map[string]string `json:"stores,omitempty"`
	// Lots says where it is kept which lots of the environment's datasets there are; default: it is not kept.
	Lots *EnvironmentLots `json:"lots,omitempty"`
	// Resources says how the buckets, databases and tables that projects declare are made; default: they are not, and none may be
	// declared here.
	Resources *EnvironmentResources `json:"resources,omitempty"`
	// SecretStores maps the name of a store of secrets, as workloads call it, to what and where it is; default: none, workloads have secrets
	// of the cluster only.
	SecretStores map[string]SecretStore `json:"secretStores,omitempty"`
	// LotImage is an image that has the program lot, which reads the secrets of stores with "resolve: entrypoint", such as
	// "registry.acme.example/lot@sha256:0123…"; default: none.
	LotImage string `json:"lotImage,omitempty"`
	// Identity is put as annotations on each service account, with the placeholders of Namespace and
	// "<identity>", as in "eks.amazonaws.com/role-arn: arn:aws:iam::123:role/<identity>-<environment>".
	Identity map[string]string `json:"identity,omitempty"`
	// DataAccess says how the rights on data that follow from what workloads read and write are given to their accounts; default: nobody gives them.
	DataAccess *DataAccess `json:"dataAccess,omitempty"`
	// Identities are patterns of the identities that workloads may have here, with "<project>" and
	// "<environment>" replaced and "*" for any text; default: "<project>" and "<project>-*".
	Identities []string `json:"identities,omitempty"`
	// ServiceAccount is the account that the daemon impersonates to read and change the objects of releases, so that no
	// project can do more than its account may; default: none, the daemon's own rights.
	ServiceAccount *ServiceAccount `json:"serviceAccount,omitempty" bare:"refused"`
	// PodSecurity is what pods may do here; default: what the Pod Security Standard "restricted" has.
	PodSecurity PodSecurity `json:"podSecurity,omitzero"`
	// Allow lists the objects that projects may have beyond their own namespace; default: none.
	Allow []Allowance `json:"allow,omitempty"`
	// Defaults fill what a workload leaves out; they win over the platform's.
	Defaults WorkloadDefaults `json:"defaults,omitzero"`
	// Rules maps the id of a rule or policy to its severity in this environment; default: the
	// platform's.
	Rules map[string]RuleMode `json:"rules,omitempty"`

	// PromotesFrom names the environment from which commits are promoted once they are healthy there; default: none,
	// every commit of the trunk is applied.
	PromotesFrom string `json:"promotesFrom,omitempty"`
	// Soak is how long a commit must have been healthy in the environment of PromotesFrom before it is promoted,
	// such as "24h"; default: none.
	Soak Duration `json:"soak,omitempty"`
	// Promotion says how builds come from the environment of PromotesFrom by pull request; default: only
	// "/trunkline promote" and "trunkline promote" open one.
	Promotion EnvironmentPromotion `json:"promotion,omitzero"`
	// RollbackAtOnce has "/trunkline rollback" take releases back at once, besides opening the pull request that makes it
	// last; default: true.
	RollbackAtOnce *bool `json:"rollbackAtOnce,omitempty"`
	// Protected refuses to remove a project from the environment unless Removals names it; default: false.
	Protected bool `json:"protected,omitempty"`
	// Removals names the projects that may leave a protected environment.
	Removals []string `json:"removals,omitempty"`
	// MaxRemovals is how many of the environment's releases one commit may remove, in percent, before it needs an
	// approval by "trunkline approve"; up to five are never too many; default: 50.
	MaxRemovals *int `json:"maxRemovals,omitempty" unit:"percent of the environment's releases"`
	// Reviewed is "required" if a release may change only as the check of a pull request showed it before the merge. What was not
	// shown, or became something else since the branch moved, waits for an approval by "trunkline approve"; default: none is
	// required.
	Reviewed ReviewMode `json:"reviewed,omitempty"`
	// Drift says what is done about drift, which is a change in the cluster of what was applied; default: it is corrected
	// at once.
	Drift Drift `json:"drift,omitzero"`
	// HealthTimeout is how long a release may take to become healthy after it was applied, such as "15m", before it
	// counts as failed; default: 10m.
	HealthTimeout Duration `json:"healthTimeout,omitempty"`
	// Rollback takes a release that has failed back to the last commit at which it was healthy. The commit that
	// failed is then not tried again, until a newer one changes the release; default: false.
	Rollback bool `json:"rollback,omitempty"`
	// Runs says how the code of remote runs gets here; default: as files only, which have to be small.
	Runs EnvironmentRuns `json:"runs,omitzero"`
	// Workspaces says what people's notebooks and editors are made from here; default: what the platform says.
	Workspaces EnvironmentWorkspaces `json:"workspaces,omitzero"`
	// Orchestrator is "airflow" if the DAGs of projects are deployed for an Apache Airflow, which is a workload of the environment; workloads
	// are started by Trunkline in any case; default: "native", DAGs are deployed nowhere.
	Orchestrator Orchestrator `json:"orchestrator,omitempty"`
	// Airflow is the version of an Apache Airflow that the environment has to itself, such as "3.1": DAG files are checked
	// for it, and a dag_id is unique in it; default: that of the platform.
	Airflow AirflowVersion `json:"airflow,omitempty"`
	// Budget bounds what the environment may cost; default: no bound.
	Budget Budget `json:"budget,omitzero"`
	// Windows are the times in which changes are rolled out; default: always.
	Windows []DeployWindow `json:"windows,omitempty"`
	// Freezes are times in which nothing is rolled out; they win over Windows.
	Freezes []Freeze `json:"freezes,omitempty"`
	// Preview makes the environment the template of those of pull requests; default: pull requests get none.
	Preview *Preview `json:"preview,omitempty"`
	// Notify says who is told of what goes wrong in the environment, beside those whom the platform names; default: nobody.
	Notify []EnvironmentNotification `json:"notify,omitempty"`
}

// EnvironmentRuns says how the code of remote runs gets to an environment.
type EnvironmentRuns struct {
	// Registry is the repository that "trunkline run" pushes images to whose last layer is the code, such as "ghcr.io/acme/runs". Whoever may
	// run code pushes there, and the nodes pull from it. Default: none, and code that is too large for files does not travel.
	Registry string `json:"registry,omitempty"`
}

// EnvironmentLots says where it is kept which lots there are.
type EnvironmentLots struct {
	// Manifests is the folder of the store in which each lot has a manifest, with "<project>" and "<environment>" replaced, such as
	// "s3://acme-manifests/<environment>/<project>/", or the bucket of a placement of Clusterless. The stores are s3, gs, azblob
	// and file; two datasets of one name and version are in different folders.
	Manifests string `json:"manifests" required:"true"`
	// Limits are how many runs of lots there may be at a time, and which come first.
	Limits LotLimits `json:"limits,omitzero"`
	// HoldRuns has Windows and Freezes hold runs of lots, too: outside of the windows none is started, and those that are under
	// way go on; default: false, they hold releases only.
	HoldRuns bool `json:"holdRuns,omitempty"`
	// Events says who is told what happens to lots; default: nobody.
	Events []LotEvents `json:"events,omitempty"`
	// States is the folder of the store in which Clusterless keeps how far its arcs are with each lot, with "<environment>" replaced, such
	// as "s3://prod-clusterless-arc-state-123-eu-west-1/". Workloads of which "clusterless" of their project says what they are called there
	// write their states to it, and do not start a lot that it says Clusterless is making or has made; default: none.
	States string `json:"states,omitempty"`
	// Retention has lots removed that their datasets do not keep any more; default: none is ever removed.
	Retention LotRetention `json:"retention,omitzero"`
	// Logs says of which runs the log is kept in the store, beside the manifests, without values that are known to be secret: "none", "failed"
	// or "all"; default: "failed".
	Logs LotLogs `json:"logs,omitempty"`
	// LogsKept is how long a log is kept there; default: 30d.
	LogsKept Days `json:"logsKept,omitempty"`
}

// LotLogs says of which runs the log is kept.
type LotLogs string

// The runs.
const (
	// LogsNone keeps no log.
	LogsNone LotLogs = "none"
	// LogsFailed keeps those of runs that failed.
	LogsFailed LotLogs = "failed"
	// LogsAll keeps those of all runs, which is a request to the store more for each.
	LogsAll LotLogs = "all"
)

func (LotLogs) values() []string {
	return []string{string(LogsNone), string(LogsFailed), string(LogsAll)}
}

// LotRetention says which lots are removed that are older than the retention of their dataset: first their manifests, then the data that
// these list. "trunkline lots expired" prints what would be.
type LotRetention struct {
	// Enforce removes them; default: false, none is removed.
	Enforce bool `json:"enforce,omitempty"`
	// PerDay is how many lots of the environment are removed in any 24 hours at most, the oldest first. Lots that people removed count, too;
	// default: 1000.
	PerDay *int `json:"perDay,omitempty" unit:"lots"`
	// External also removes lots of datasets that are external; default: false, who writes them keeps them.
	External bool `json:"external,omitempty"`
}

// LotEvents says what a target is told of lots. Where that is, in which format it is told, and with which credentials is said by whoever
// runs the daemon, and never in the repository.
type LotEvents struct {
	// To is the name of a target in the configuration of the daemon.
	To string `json:"to" required:"true"`
	// Datasets are patterns of the datasets that are told of, as "project/name@version", with "*" for any text, such as "orders/*";
	// default: all.
	Datasets []string `json:"datasets,omitempty"`
	// Types are those of the events that are told; default: all.
	Types []LotEventType `json:"types,omitempty"`
}

// LotEventType says what happened to a lot.
type LotEventType string

// The types.
const (
	// LotAvailable is a lot that is there: it is complete or empty.
	LotAvailable LotEventType = "available"
	// LotLate is a lot that is not there, although its dataset promises it by now.
	LotLate LotEventType = "late"
	// LotRemoved is a lot that was there, and is not any more.
	LotRemoved LotEventType = "removed"
	// LotFailed is an attempt to make a lot that failed.
	LotFailed LotEventType = "failed"
)

func (LotEventType) values() []string {
	return []string{string(LotAvailable), string(LotLate), string(LotRemoved), string(LotFailed)}
}

// EnvironmentPromotion says how builds come from the environment before.
type EnvironmentPromotion struct {
	// Automatic opens a pull request for each build that has been healthy in the environment of PromotesFrom for as long as
	// Soak says; default: false.
	Automatic bool `json:"automatic,omitempty"`
}

// RollsBackAtOnce reports whether a rollback does not wait for its pull request.
func (s *EnvironmentSpec) RollsBackAtOnce() bool {
	return s.RollbackAtOnce == nil || *s.RollbackAtOnce
}

// ServiceAccount is the account that the daemon impersonates to read and change the objects of a release. It is in the
// release's own namespace.
type ServiceAccount struct {
	// Name is that of the account, in which "<project>", "<environment>" and "<cluster>" are replaced, such as "deployer".
	Name string `json:"name" required:"true"`
	// ClusterRole is what the account may do in the release's namespace: the daemon creates the account, and a RoleBinding of
	// it to this ClusterRole; default: none, whoever runs the cluster creates the account and grants it its rights.
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
	// Reason tells people why; default: none.
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

// ReviewMode is whether what is applied has to have been reviewed.
type ReviewMode string

// The modes of review.
const (
	// ReviewRequired holds what no check of a pull request showed.
	ReviewRequired ReviewMode = "required"
)

func (ReviewMode) values() []string { return []string{string(ReviewRequired)} }

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
	// Reason tells people why others may change them; default: none.
	Reason string `json:"reason,omitempty"`
}

// PodSecurity says which Pod Security Standard the namespaces of an environment enforce.
type PodSecurity struct {
	// Level is the standard of a namespace whose project says nothing else; default: "restricted".
	Level PodSecurityLevel `json:"level,omitempty"`
	// Allow is the least strict standard that a project may ask for here; default: that of Level.
	Allow PodSecurityLevel `json:"allow,omitempty"`
}

// PodSecurityLevel is one of the Pod Security Standards of Kubernetes.
type PodSecurityLevel string

// The standards, from the strictest on.
const (
	// PodsRestricted has pods run without root, privileges and a writable host: what hardened images can do.
	PodsRestricted PodSecurityLevel = "restricted"
	// PodsBaseline prevents what leads out of a container, and lets images run as root.
	PodsBaseline PodSecurityLevel = "baseline"
	// PodsPrivileged prevents nothing.
	PodsPrivileged PodSecurityLevel = "privileged"
)

func (PodSecurityLevel) values() []string {
	return []string{string(PodsRestricted), string(PodsBaseline), string(PodsPrivileged)}
}

// Looser reports whether a standard allows what another one does not. An empty one is "restricted".
func (l PodSecurityLevel) Looser(than PodSecurityLevel) bool {
	levels := l.values()
	return slices.Index(levels, string(l)) > max(0, slices.Index(levels, string(than)))
}

// AirflowVersion is a version of Apache Airflow, as major and minor number.
type AirflowVersion string

// The versions of Airflow that DAG files can be checked for.
const (
	// Airflow2 is the last Airflow 2.
	Airflow2 AirflowVersion = "2.11"
	// Airflow31 is Airflow 3.1.
	Airflow31 AirflowVersion = "3.1"
	// Airflow33 is Airflow 3.3.
	Airflow33 AirflowVersion = "3.3"
)

func (AirflowVersion) values() []string {
	return []string{string(Airflow2), string(Airflow31), string(Airflow33)}
}

// Orchestrator is what runs there, beside workloads.
type Orchestrator string

// The orchestrators.
const (
	// Native is Trunkline alone, with Kubernetes' jobs.
	Native Orchestrator = "native"
	// Airflow is an Apache Airflow of the environment's own, too.
	Airflow Orchestrator = "airflow"
)

func (Orchestrator) values() []string { return []string{string(Native), string(Airflow)} }

// Budget bounds costs, in the currency of the platform's rates.
type Budget struct {
	// Monthly is what the whole environment may cost in a month, such as "5000"; default: no bound.
	Monthly Amount `json:"monthly,omitempty" unit:"currency of the platform's rates, for a month"`
	// PerProject is what each project may cost in a month here, such as "800"; default: no bound.
	PerProject Amount `json:"perProject,omitempty" unit:"currency of the platform's rates, for a month"`
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
	// Reason tells people why nothing is rolled out.
	Reason string `json:"reason" required:"true"`
}

// Preview says which pull requests get an environment of their own, and what it may be. The environment is named "pr-" and the
// number of the pull request. Who gets one: all of Labels, Paths, Authors and Branches that are given have to be met, each by
// any of its items. A person can ask for one with "/trunkline preview up" whatever these say.
type Preview struct {
	// Labels are those of pull requests that get a preview, such as "preview"; default: pull requests need none.
	Labels []string `json:"labels,omitempty"`
	// Paths are patterns of changed files for which pull requests get a preview, relative to the folder of the platform, with "*"
	// for any text but "/" and "**" for any text, such as "projects/orders/**"; default: any.
	Paths []string `json:"paths,omitempty"`
	// Authors are the logins or teams whose pull requests get a preview, such as "ann" or "@acme/data"; default: anyone's.
	Authors []string `json:"authors,omitempty"`
	// Branches are patterns of the branches that pull requests are to be merged into, with "*" for any text; default: the one
	// that the platform follows.
	Branches []string `json:"branches,omitempty"`
	// Drafts gives a preview to pull requests that are drafts, too; default: false.
	Drafts bool `json:"drafts,omitempty"`
	// Projects names those that get previews; default: all of the environment.
	Projects []string `json:"projects,omitempty"`
	// Clusters are those of the environment that previews are on; default: all of them.
	Clusters []string `json:"clusters,omitempty"`

	// TTL is how long a preview stays after the last push; default: 72h.
	TTL Duration `json:"ttl,omitempty"`
	// SleepAfter is how long after the last push, or since it was woken, a preview runs before it is scaled to nothing, until
	// someone wakes it, such as "8h"; default: it does not sleep by itself.
	SleepAfter Duration `json:"sleepAfter,omitempty"`
	// Limit is how many previews there may be at a time; default: 10.
	Limit *int `json:"limit,omitempty" unit:"previews"`
	// Budget is what one preview may cost in a month, such as "50"; one that would cost more is not made; default: no bound.
	Budget Amount `json:"budget,omitempty" unit:"currency of the platform's rates, for a month"`
	// SpendCap is what one preview may cost from its first day on, such as "20"; it is removed once it has cost that; default:
	// no bound.
	SpendCap Amount `json:"spendCap,omitempty" unit:"currency of the platform's rates"`

	// Quota bounds what each namespace of a preview may hold, by the names of a ResourceQuota, such as "requests.memory: 32Gi";
	// default: 50 pods, 16 CPUs and 64Gi of memory requested, 10 claims, 200Gi of storage, and no load balancers or node ports.
	Quota map[string]Quantity `json:"quota,omitempty"`
	// Network says who may connect to the pods of a preview.
	Network PreviewNetwork `json:"network,omitzero"`
	// Identity is put as annotations on each service account of a preview, as Identity of the environment is on others; default:
	// none, the pods of a preview are nobody in the cloud.
	Identity map[string]string `json:"identity,omitempty"`
}

// PreviewNetwork says who may connect to the pods of a preview. Connections that its pods make are not restricted.
type PreviewNetwork struct {
	// From are the namespaces whose pods may connect to those of a preview beside the preview's own, such as the one of the
	// ingress controller; default: none.
	From []string `json:"from,omitempty"`
}
