// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

var (
	keyARN        = regexp.MustCompile(`^arn:aws(-cn|-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)
	policyARN     = regexp.MustCompile(`^arn:aws(-cn|-us-gov)?:iam::([0-9]{12}|aws):policy/[\w+=,.@/-]+$`)
	rolePattern   = regexp.MustCompile(`^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:role/[\w+=,.@/<>-]+$`)
	storageID     = regexp.MustCompile(`^/subscriptions/[0-9A-Za-z-]+/resourceGroups/[\w.()-]+/providers/Microsoft\.Storage/storageAccounts/[a-z0-9]{3,24}$`)
	issuerAddress = regexp.MustCompile(`^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?$`)
)

// checkDataAccess checks how an environment has rights on data given.
func checkDataAccess(k *checker, env *v1alpha1.Environment) {
	d := env.Spec.DataAccess
	if d == nil {
		return
	}
	at := func(path ...any) []any { return append([]any{"spec", "dataAccess"}, path...) }
	checkPattern(k, d.Principal, append(slices.Clone(placeholders), placeholderIdentity), at("principal")...)
	for _, cluster := range sortedKeys(d.Issuers) {
		if !slices.Contains(env.Spec.Clusters, cluster) {
			k.unknown(RuleCluster, at("issuers", cluster), fmt.Sprintf("the environment is on no cluster %q", cluster), cluster, func() []string { return slices.Sorted(slices.Values(env.Spec.Clusters)) })
		}
		if u, err := url.Parse(d.Issuers[cluster]); err != nil || u.User != nil || !issuerAddress.MatchString(d.Issuers[cluster]) {
			k.at(v1alpha1.RuleInvalidValue, at("issuers", cluster), "it is not the address of an issuer of tokens", `write it like "https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF0123456789"`)
		}
	}
	for _, bucket := range sortedKeys(d.Keys) {
		if !keyARN.MatchString(d.Keys[bucket]) {
			k.at(v1alpha1.RuleInvalidValue, at("keys", bucket), fmt.Sprintf("%q is not the ARN of a key", d.Keys[bucket]), `write it like "arn:aws:kms:eu-west-1:123456789012:key/…"`)
		}
	}
	for _, container := range sortedKeys(d.StorageAccounts) {
		if !storageID.MatchString(d.StorageAccounts[container]) {
			k.at(v1alpha1.RuleInvalidValue, at("storageAccounts", container), fmt.Sprintf("%q is not the id of a storage account", d.StorageAccounts[container]),
				`write it like "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Storage/storageAccounts/NAME"`)
		}
	}
	if d.Boundary != "" && !policyARN.MatchString(d.Boundary) {
		k.at(v1alpha1.RuleInvalidValue, at("boundary"), fmt.Sprintf("%q is not the ARN of a policy", d.Boundary), "")
	}
	if d.ProviderConfig != "" && (d.Via != v1alpha1.DataViaCrossplane || !isSubdomain(d.ProviderConfig)) {
		k.at(v1alpha1.RuleInvalidValue, at("providerConfig"), "it is the name of a ClusterProviderConfig of Crossplane, for via: crossplane", "leave it out")
	}
	if d.Via != "" {
		checkDataVia(k, env, at)
	}
}

// checkDataVia wants all that the objects of a role need: which role, and whom it trusts.
func checkDataVia(k *checker, env *v1alpha1.Environment, at func(...any) []any) {
	d := env.Spec.DataAccess
	role, from := d.Principal, at("principal")
	if !AWS.owns(role) {
		role, from = env.Spec.Identity[v1alpha1.AnnotationAWS], at("via")
	}
	switch {
	case role == "":
		k.at(v1alpha1.RuleInvalidValue, from, fmt.Sprintf("%s makes roles of AWS, and nothing says which: there is neither dataAccess.principal nor identity with %s", d.Via, v1alpha1.AnnotationAWS),
			`write "principal: arn:aws:iam::123456789012:role/<identity>-<environment>"`)
	case !rolePattern.MatchString(role):
		k.at(v1alpha1.RuleInvalidValue, from, fmt.Sprintf("%q is not the ARN of a role", role), `write it like "arn:aws:iam::123456789012:role/<identity>-<environment>"`)
	case !strings.Contains(role, placeholderIdentity):
		k.at(v1alpha1.RuleInvalidValue, from, fmt.Sprintf("the role %q is one for all accounts: each project would make it", role), `put "<identity>" into its name`)
	}
	if d.PodIdentity {
		return
	}
	for _, cluster := range env.Spec.Clusters {
		if d.Issuers[cluster] == "" {
			k.at(v1alpha1.RuleInvalidValue, at("via"), fmt.Sprintf("nothing says whom the roles trust on the cluster %q", cluster),
				"name its issuer in dataAccess.issuers, or write podIdentity: true")
		}
	}
}
