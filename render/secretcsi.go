// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render/internal/manifest"
)

const secretsStore = "secrets-store.csi.x-k8s.io/v1"

// csiStores are the stores of a workload that the Secrets Store CSI driver reads, by name.
func csiStores(w *catalog.Workload) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(w.SecretStores)) {
		if w.SecretStores[name].Resolve == v1alpha1.ByCSI {
			names = append(names, name)
		}
	}
	return names
}

// csiSecrets are the variables of a workload that are of a store, in order.
func csiSecrets(w *catalog.Workload, store string) (variables []string) {
	for _, variable := range slices.Sorted(maps.Keys(w.Secrets)) {
		if w.Secrets[variable].Store == store {
			variables = append(variables, variable)
		}
	}
	return variables
}

// providerClasses are the objects by which the Secrets Store CSI driver has what workloads have in stores in files, each called as its variable, and
// makes a Secret of them while a pod has them mounted. That has labels of its own, as those of the External Secrets Operator have.
func providerClasses(rel catalog.Release) (out []*unstructured.Unstructured) {
	for i := range rel.Workloads {
		w := &rel.Workloads[i]
		for _, store := range csiStores(w) {
			var data []any
			for _, variable := range csiSecrets(w, store) {
				data = append(data, map[string]any{"objectName": variable, "key": variable})
			}
			name := storeSecret(w, store)
			provider, parameters := csiProvider(rel, w, store)
			o := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": secretsStore, "kind": "SecretProviderClass", "metadata": map[string]any{"name": name, "namespace": rel.Namespace},
				"spec": map[string]any{
					"provider": provider, "parameters": parameters,
					"secretObjects": []any{map[string]any{"secretName": name, "type": "Opaque", "labels": texts(identity(rel, w.Name)), "data": data}},
				},
			}}
			setLabels(o, merged(map[string]string{LabelWorkload: w.Name}, releaseLabels(rel)))
			out = append(out, o)
		}
	}
	return out
}

// csiProvider is what a provider of the driver is told: where the store is, that it is asked as the account of the pod, and what is read. All of it
// is text, and what is a list is YAML, of which JSON is a part.
func csiProvider(rel catalog.Release, w *catalog.Workload, store string) (name string, parameters map[string]any) {
	s := w.SecretStores[store]
	switch s.Provider {
	case v1alpha1.AWSSecretsManager, v1alpha1.AWSParameterStore:
		p := map[string]any{"region": s.Region, "objects": csiObjectsOfAWS(w, store)}
		if annotation(rel, w, v1alpha1.AnnotationAWS) == "" {
			p["usePodIdentity"] = "true" // without a role of its own, the account has one of EKS Pod Identity
		}
		return "aws", p
	case v1alpha1.AzureKeyVault:
		var objects []string
		for _, variable := range csiSecrets(w, store) {
			ref := w.Secrets[variable]
			objects = append(objects, jsonText(map[string]string{"objectName": ref.Name, "objectType": "secret", "objectAlias": variable, "objectVersion": ref.Version}))
		}
		return "azure", map[string]any{
			"keyvaultName": secretref.KeyVaultName(s.URL), "cloudName": "Azure" + azureEnvironment(s.URL), "tenantID": s.Tenant,
			"clientID": annotation(rel, w, v1alpha1.AnnotationAzure), "objects": jsonText(map[string][]string{"array": objects}),
		}
	case v1alpha1.GoogleSecretManager:
		var objects []map[string]string
		for _, variable := range csiSecrets(w, store) {
			ref := w.Secrets[variable]
			objects = append(objects, map[string]string{
				"resourceName": fmt.Sprintf("projects/%s/secrets/%s/versions/%s", s.Project, ref.Name, cmp.Or(ref.Version, "latest")), "path": variable,
			})
		}
		return "gcp", map[string]any{"auth": "pod-adc", "secrets": jsonText(objects)}
	case v1alpha1.Vault:
		return "vault", csiVault(w, store)
	}
	return "", nil
}

// csiVault is what the provider for Vault is told. A version is asked for as Vault's API has it.
func csiVault(w *catalog.Workload, store string) map[string]any {
	s := w.SecretStores[store]
	data := cmp.Or(s.Mount, "secret") + "/"
	if s.Engine != v1alpha1.VaultV1 {
		data += "data/"
	}
	var objects []map[string]string
	for _, variable := range csiSecrets(w, store) {
		ref := w.Secrets[variable]
		path := "v1/" + data + ref.Name
		if ref.Version != "" {
			path += "?version=" + ref.Version
		}
		objects = append(objects, map[string]string{"objectName": variable, "secretPath": path, "secretKey": ref.Key})
	}
	p := map[string]any{
		"vaultAddress": s.URL, "roleName": s.Role, "vaultAuthMountPath": cmp.Or(s.Auth, "kubernetes"), "audience": cmp.Or(s.Audience, vaultAudience),
		"objects": jsonText(objects),
	}
	if s.VaultNamespace != "" {
		p["vaultNamespace"] = s.VaultNamespace
	}
	return p
}

// csiObjectsOfAWS is what is read of AWS. A key of a JSON object is a path of JMESPath, in quotes, so that it is one name; the whole object comes
// along as a file that nothing is made of.
func csiObjectsOfAWS(w *catalog.Workload, store string) string {
	kind := "secretsmanager"
	if w.SecretStores[store].Provider == v1alpha1.AWSParameterStore {
		kind = "ssmparameter"
	}
	var objects []map[string]any
	for _, variable := range csiSecrets(w, store) {
		ref := w.Secrets[variable]
		o := map[string]any{"objectName": ref.Name, "objectType": kind, "objectAlias": variable}
		if ref.Key != "" {
			o["objectAlias"] = variable + ".json" // no variable has a key with a dot where this is one
			o["jmesPath"] = []map[string]string{{"path": `"` + ref.Key + `"`, "objectAlias": variable}}
		}
		switch {
		case ref.Version == "":
		case kind == "secretsmanager" && !versionID.MatchString(ref.Version):
			o["objectVersionLabel"] = ref.Version
		default:
			o["objectVersion"] = ref.Version
		}
		objects = append(objects, o)
	}
	return jsonText(objects)
}

// annotation is what the account of a workload is told of a cloud.
func annotation(rel catalog.Release, w *catalog.Workload, key string) string {
	for _, a := range rel.Accounts {
		if a.Name == w.Identity {
			return a.Annotations[key]
		}
	}
	return ""
}

// secretVolumes are what a chart is told of the volumes that pods need, so that the driver reads their secrets.
func secretVolumes(w *catalog.Workload) (out []any) {
	for i, store := range csiStores(w) {
		out = append(out, map[string]any{"name": fmt.Sprintf("trunkline-secrets-%d", i), "class": storeSecret(w, store), "folder": "/trunkline/secrets/" + store})
	}
	return out
}

// checkVolumes refuses objects of a workload whose secrets the driver would not read, since no pod mounts them.
func checkVolumes(w catalog.Workload, objects []manifest.Object) error {
	for _, store := range csiStores(&w) {
		class := storeSecret(&w, store)
		if !slices.ContainsFunc(objects, func(o manifest.Object) bool {
			return within(o.Object, 0, func(m map[string]any) bool { return m[classAttribute] == any(class) })
		}) {
			return fmt.Errorf("secrets: %s are read when a pod mounts them, and the blueprint makes none that does: use one that includes trunkline.podSpec, or a store with \"resolve: external-secrets\"",
				strings.Join(csiSecrets(&w, store), ", "))
		}
	}
	return nil
}

// classAttribute names the class of a volume.
const classAttribute = "secretProviderClass"

// checkIdentity refuses a secret that the driver cannot read, since nothing says who the account is.
func checkIdentity(rel catalog.Release, w catalog.Workload) error {
	for _, store := range csiStores(&w) {
		if w.SecretStores[store].Provider == v1alpha1.AzureKeyVault && annotation(rel, &w, v1alpha1.AnnotationAzure) == "" {
			return fmt.Errorf("secrets: %s are read from the store %q as the identity of Azure of the account %q, which has none: annotate it with %s, by the identities of the environment",
				strings.Join(csiSecrets(&w, store), ", "), store, w.Identity, v1alpha1.AnnotationAzure)
		}
	}
	return nil
}
