// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// DataAccess says how the accounts of workloads get their rights on data in the cloud. Which rights they are follows from what the workloads read and write.
type DataAccess struct {
	// Via is who gives them: with "crossplane" and "ack" the roles of an account are objects of the release, on the first cluster of the environment, which
	// Crossplane or the controllers of AWS (ACK) act on; default: nobody does, and "trunkline identity policy" prints what is to be given.
	Via DataAccessVia `json:"via,omitempty"`
	// Principal is who a service account is in the cloud, with the placeholders of Identity, such as
	// "arn:aws:iam::123456789012:role/<identity>-<environment>"; default: what Identity says.
	Principal string `json:"principal,omitempty"`
	// Issuers maps a cluster to the address of its issuer of tokens (OpenID Connect), such as
	// "https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF0123456789". AWS and Azure trust accounts by it.
	Issuers map[string]string `json:"issuers,omitempty"`
	// PodIdentity has roles of AWS trust EKS Pod Identity instead of the issuers; default: false.
	PodIdentity bool `json:"podIdentity,omitempty"`
	// Keys maps a bucket to the ARN of the key of AWS KMS that its objects are encrypted with; default: none that needs a right.
	Keys map[string]string `json:"keys,omitempty"`
	// StorageAccounts maps a container of Azure to the id of its storage account, such as
	// "/subscriptions/…/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/acme".
	StorageAccounts map[string]string `json:"storageAccounts,omitempty"`
	// Boundary is the ARN of the policy that bounds what roles of AWS may do, which the objects of the release name; default: none.
	Boundary string `json:"boundary,omitempty"`
	// ProviderConfig is the name of the ClusterProviderConfig of Crossplane with the credentials; default: "default".
	ProviderConfig string `json:"providerConfig,omitempty"`
}

// DataAccessVia is who gives rights on data.
type DataAccessVia string

// Who can.
const (
	// DataViaCrossplane is Crossplane 2, with its provider for AWS.
	DataViaCrossplane DataAccessVia = "crossplane"
	// DataViaACK is the controller of AWS for IAM.
	DataViaACK DataAccessVia = "ack"
)

func (DataAccessVia) values() []string {
	return []string{string(DataViaCrossplane), string(DataViaACK)}
}

// The annotations of service accounts that say who they are in a cloud.
const (
	AnnotationAWS   = "eks.amazonaws.com/role-arn"
	AnnotationGCP   = "iam.gke.io/gcp-service-account"
	AnnotationAzure = "azure.workload.identity/client-id"
)
