// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// SecretRef points to the value of a secret.
type SecretRef struct {
	// Store is the name of one of the environment's secretStores, such as "vault"; default: none, the value is in a Kubernetes Secret in the
	// namespace of the release.
	Store string `json:"store,omitempty"`
	// Name is that of the Kubernetes Secret, such as "warehouse", or of the secret in its store, such as "orders/db".
	Name string `json:"name" required:"true"`
	// Key is the key in the Secret, such as "password". In a store: the member of a JSON object in AWS Secrets Manager, and the key of a secret
	// of Vault; other stores have none. Default: none, which is the whole text in AWS Secrets Manager.
	Key string `json:"key,omitempty"`
	// Version is that of the secret in its store, as the store calls it, such as "3"; default: the newest one.
	Version string `json:"version,omitempty"`
}

// SecretStore is where secrets are kept outside of the cluster. They are read as the service account of the workload that needs them.
type SecretStore struct {
	// Provider is what keeps them.
	Provider SecretProvider `json:"provider" required:"true"`
	// Resolve is who reads them: "external-secrets" is the External Secrets Operator of the cluster, "csi" its Secrets Store CSI driver, and
	// "entrypoint" the program lot in the pod, before it starts the command of the workload.
	Resolve SecretResolver `json:"resolve" required:"true"`
	// Region is that of AWS, such as "eu-west-1"; default: none, stores of AWS need one.
	Region string `json:"region,omitempty"`
	// URL is the address of the vault: "https://acme.vault.azure.net" of Azure, or that of the server of Vault, such as
	// "https://vault.acme.example:8200"; default: none, these two need one.
	URL string `json:"url,omitempty"`
	// Project is the id of the project of Google Cloud, such as "acme-prod"; default: none, stores of Google Cloud need one.
	Project string `json:"project,omitempty"`
	// Tenant is the id of the tenant of Azure that the vault is of, for "resolve: csi"; default: none, which "csi" needs.
	Tenant string `json:"tenant,omitempty"`
	// Endpoint is where the API of AWS or Google Cloud is, for "resolve: entrypoint", such as that of a private connection; default: the
	// public one.
	Endpoint string `json:"endpoint,omitempty"`
	// Mount is where Vault has its engine of keys and values; default: "secret".
	Mount string `json:"mount,omitempty"`
	// Engine is the version of that engine: "v1" or "v2"; default: "v2".
	Engine VaultEngine `json:"engine,omitempty"`
	// Role is the role of Vault's method of authentication "kubernetes" that workloads sign on with, with "<project>", "<environment>" and
	// "<identity>" replaced, such as "<identity>-<environment>"; default: none, a Vault needs one.
	Role string `json:"role,omitempty"`
	// Auth is where Vault has that method; default: "kubernetes".
	Auth string `json:"auth,omitempty"`
	// Audience is whom the token of the service account is for that Vault is shown; default: "vault".
	Audience string `json:"audience,omitempty"`
	// VaultNamespace is the namespace of Vault, such as "acme/data"; default: none.
	VaultNamespace string `json:"vaultNamespace,omitempty"`
	// CA has the certificates, in PEM, that the one of Vault's server is signed by; default: those that the image trusts. With "resolve: csi"
	// they are the driver's to have.
	CA string `json:"ca,omitempty"`
}

// SecretProvider is what keeps secrets.
type SecretProvider string

// The providers.
const (
	// AWSSecretsManager is AWS Secrets Manager.
	AWSSecretsManager SecretProvider = "aws-secrets-manager"
	// AWSParameterStore is the Parameter Store of AWS Systems Manager.
	AWSParameterStore SecretProvider = "aws-parameter-store"
	// AzureKeyVault is Azure Key Vault.
	AzureKeyVault SecretProvider = "azure-key-vault"
	// GoogleSecretManager is Secret Manager of Google Cloud.
	GoogleSecretManager SecretProvider = "gcp-secret-manager" //nolint:gosec // the name of a product
	// Vault is HashiCorp Vault, or OpenBao.
	Vault SecretProvider = "vault"
)

func (SecretProvider) values() []string {
	return []string{string(AWSSecretsManager), string(AWSParameterStore), string(AzureKeyVault), string(GoogleSecretManager), string(Vault)}
}

// SecretResolver is who reads secrets of a store.
type SecretResolver string

// The resolvers.
const (
	// ByExternalSecrets is the External Secrets Operator.
	ByExternalSecrets SecretResolver = "external-secrets"
	// ByCSI is the Secrets Store CSI driver.
	ByCSI SecretResolver = "csi"
	// ByEntrypoint is the program lot, in the pod.
	ByEntrypoint SecretResolver = "entrypoint"
)

func (SecretResolver) values() []string {
	return []string{string(ByExternalSecrets), string(ByCSI), string(ByEntrypoint)}
}

// VaultEngine is a version of Vault's engine of keys and values.
type VaultEngine string

// The versions.
const (
	// VaultV1 keeps the newest version of a secret only.
	VaultV1 VaultEngine = "v1"
	// VaultV2 keeps versions.
	VaultV2 VaultEngine = "v2"
)

func (VaultEngine) values() []string { return []string{string(VaultV1), string(VaultV2)} }
