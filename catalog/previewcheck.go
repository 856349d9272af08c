// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// checkPreview checks what an environment says about previews, and that it is none itself.
func checkPreview(k *checker, name string, env *v1alpha1.Environment) {
	if previewName.MatchString(name) {
		k.at(RuleName, []any{"metadata", "name"}, fmt.Sprintf("the name %q is reserved: previews of pull requests are named so", name),
			"choose another name")
	}
	for _, store := range sortedKeys(env.Spec.Stores) {
		if slices.Contains(strings.Split(env.Spec.Stores[store], "/"), DataFolder) {
			k.at(RulePath, []any{"spec", "stores", store}, fmt.Sprintf("the folder %q is reserved: previews write there", DataFolder), "choose another folder")
		}
	}
	rules := env.Spec.Preview
	if rules == nil {
		return
	}
	for field, items := range map[string][]string{"labels": rules.Labels, "authors": rules.Authors, "branches": rules.Branches} {
		for i, item := range items {
			if strings.TrimSpace(item) == "" {
				k.at(v1alpha1.RuleInvalidValue, []any{"spec", "preview", field, i}, "it is empty", "")
			}
		}
	}
	for i, pattern := range rules.Paths {
		if pattern == "" || path.IsAbs(pattern) || slices.Contains(strings.Split(pattern, "/"), "..") {
			k.at(RulePath, []any{"spec", "preview", "paths", i}, fmt.Sprintf("%q is not a pattern of paths: write it like \"projects/orders/**\"", pattern), "")
		}
	}
	for i, cluster := range rules.Clusters {
		if !slices.Contains(env.Spec.Clusters, cluster) {
			k.unknown(RuleCluster, []any{"spec", "preview", "clusters", i}, fmt.Sprintf("the environment %q has no cluster %q", name, cluster), cluster,
				func() []string { return env.Spec.Clusters })
		}
	}
	for _, name := range sortedKeys(rules.Quota) {
		if !quotaName(name) {
			k.atKey(RuleName, []any{"spec", "preview", "quota", name}, fmt.Sprintf("%q is nothing that a ResourceQuota bounds", name),
				`write it like "pods", "requests.memory", "requests.nvidia.com/gpu" or "count/jobs.batch"`)
		}
	}
	for i, ns := range rules.Network.From {
		if len(validation.IsDNS1123Label(ns)) > 0 {
			k.at(RuleNamespace, []any{"spec", "preview", "network", "from", i}, fmt.Sprintf("%q is not a valid name of a namespace", ns), "")
		}
	}
	for _, key := range sortedKeys(rules.Identity) {
		checkPattern(k, rules.Identity[key], append(slices.Clone(placeholders), placeholderIdentity), "spec", "preview", "identity", key)
	}
	if a := env.Spec.ServiceAccount; a != nil && a.ClusterRole == "" {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "preview"}, "nobody makes the service account in the namespaces of previews, which come and go",
			"name spec.serviceAccount.clusterRole, so that Trunkline makes it")
	}
}

// quotaNames are those that Kubernetes itself counts; others have a "/".
var quotaNames = []string{
	"pods", "services", "services.loadbalancers", "services.nodeports", "replicationcontrollers", "resourcequotas", "secrets", "configmaps",
	"persistentvolumeclaims", "cpu", "memory", "storage", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage",
	"requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage",
}

func quotaName(name string) bool {
	if strings.Contains(name, "/") {
		return len(validation.IsQualifiedName(name)) == 0
	}
	return slices.Contains(quotaNames, name)
}
