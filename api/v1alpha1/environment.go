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
	// Identity is put as annotations on the service account of each project, with the placeholders of
	// Namespace, as in "eks.amazonaws.com/role-arn: arn:aws:iam::123:role/<project>-<environment>".
	Identity map[string]string `json:"identity,omitempty"`
	// Defaults win over the platform's.
	Defaults WorkloadDefaults `json:"defaults,omitzero"`

	// PromotesFrom names the environment whose healthy commits this one takes. Not acted on yet.
	PromotesFrom string `json:"promotesFrom,omitempty"`
	// Protected asks that nothing is deleted here without an explicit declaration. Not acted on yet.
	Protected bool `json:"protected,omitempty"`
}
