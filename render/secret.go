// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render/internal/manifest"
)

const (
	externalSecrets = "external-secrets.io/v1"
	// refreshed is how often the operator reads secrets again. A process gets the value that is there when it starts.
	refreshed = "1h"
	// azureLabel has AKS give a pod the token of its account.
	azureLabel = "azure.workload.identity/use"
	// vaultAudience is whom a token is for that a store says nothing of.
	vaultAudience = "vault"
	// tokenSeconds is for how long a token of a pod is good, which is read once; the kubelet gives none for less.
	tokenSeconds = 600
)

// secretObjects are the objects by which the External Secrets Operator makes Secrets of what workloads have in stores: a store for each account,
// since it is asked as that, and a Secret for each workload and store.
func secretObjects(rel catalog.Release) (out []*unstructured.Unstructured) {
	made := map[string]bool{}
	for i := range rel.Workloads {
		w := &rel.Workloads[i]
		for _, store := range slices.Sorted(maps.Keys(w.SecretStores)) {
			declared := w.SecretStores[store]
			if declared.Resolve != v1alpha1.ByExternalSecrets {
				continue
			}
			if name := accountStore(store, w.Identity); !made[name] {
				made[name] = true
				out = append(out, secretObject(rel, "SecretStore", name, nil, map[string]any{"provider": provider(declared, w.Identity)}))
			}
			out = append(out, externalSecret(rel, w, store))
		}
	}
	return out
}

// accountStore is the name of the object of a store for an account. Neither has a dot in its name.
func accountStore(store, account string) string { return store + "." + account }

// storeSecret is the name of the Secret that is made of what a workload has in a store: another one when a reference or the store changes, so that
// no pod is started with what it had before.
func storeSecret(w *catalog.Workload, store string) string {
	plan := secretref.Plan{Stores: map[string]v1alpha1.SecretStore{store: w.SecretStores[store]}, Secrets: map[string]v1alpha1.SecretRef{}}
	for variable, ref := range w.Secrets {
		if ref.Store == store {
			plan.Secrets[variable] = ref
		}
	}
	sum := sha256.Sum256([]byte(w.Identity + " " + plan.String()))
	return w.Name + "." + store + "-" + hex.EncodeToString(sum[:4])
}

func secretObject(rel catalog.Release, kind, name string, more map[string]string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": externalSecrets, "kind": kind, "metadata": map[string]any{"name": name, "namespace": rel.Namespace}, "spec": spec,
	}}
	setLabels(o, merged(more, releaseLabels(rel)))
	return o
}

// externalSecret declares the Secret. It gets labels of its own: without, the operator would give it those by which this object is known to be a
// part of the release, and it would be taken for one that nobody declares any more.
func externalSecret(rel catalog.Release, w *catalog.Workload, store string) *unstructured.Unstructured {
	var data []any
	for _, variable := range slices.Sorted(maps.Keys(w.Secrets)) {
		ref := w.Secrets[variable]
		if ref.Store != store {
			continue
		}
		remote := map[string]any{"key": ref.Name}
		if ref.Key != "" {
			remote["property"] = ref.Key
		}
		if ref.Version != "" {
			remote["version"] = operatorVersion(w.SecretStores[store].Provider, ref.Version)
		}
		data = append(data, map[string]any{"secretKey": variable, "remoteRef": remote})
	}
	name := storeSecret(w, store)
	return secretObject(rel, "ExternalSecret", name, map[string]string{LabelWorkload: w.Name}, map[string]any{
		"secretStoreRef": map[string]any{"kind": "SecretStore", "name": accountStore(store, w.Identity)}, "refreshInterval": refreshed,
		"target": map[string]any{
			"name": name, "creationPolicy": "Owner",
			"template": map[string]any{"metadata": map[string]any{"labels": texts(identity(rel, w.Name))}},
		},
		"data": data,
	})
}

// versionID is the id of a version of AWS Secrets Manager, and what else there is of them are stages.
var versionID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// operatorVersion is a version as the operator wants it.
func operatorVersion(p v1alpha1.SecretProvider, version string) string {
	if p == v1alpha1.AWSSecretsManager && versionID.MatchString(version) {
		return "uuid/" + version
	}
	return version
}

// provider is what the operator is told of a store: where it is, and that it is asked as an account of the release.
func provider(s v1alpha1.SecretStore, account string) map[string]any {
	as := map[string]any{"name": account}
	switch s.Provider {
	case v1alpha1.AWSSecretsManager, v1alpha1.AWSParameterStore:
		service := "SecretsManager"
		if s.Provider == v1alpha1.AWSParameterStore {
			service = "ParameterStore"
		}
		return map[string]any{"aws": map[string]any{"service": service, "region": s.Region, "auth": map[string]any{"jwt": map[string]any{"serviceAccountRef": as}}}}
	case v1alpha1.AzureKeyVault:
		return map[string]any{"azurekv": map[string]any{
			"vaultUrl": s.URL, "authType": "WorkloadIdentity", "environmentType": azureEnvironment(s.URL), "serviceAccountRef": as,
		}}
	case v1alpha1.GoogleSecretManager:
		return map[string]any{"gcpsm": map[string]any{"projectID": s.Project, "auth": map[string]any{"workloadIdentity": map[string]any{"serviceAccountRef": as}}}}
	case v1alpha1.Vault:
		as["audiences"] = []any{cmp.Or(s.Audience, vaultAudience)}
		vault := map[string]any{
			"server": s.URL, "path": cmp.Or(s.Mount, "secret"), "version": string(cmp.Or(s.Engine, v1alpha1.VaultV2)),
			"auth": map[string]any{"kubernetes": map[string]any{"mountPath": cmp.Or(s.Auth, "kubernetes"), "role": s.Role, "serviceAccountRef": as}},
		}
		if s.VaultNamespace != "" {
			vault["namespace"] = s.VaultNamespace
		}
		if s.CA != "" {
			vault["caBundle"] = base64.StdEncoding.EncodeToString([]byte(s.CA))
		}
		return map[string]any{"vault": vault}
	}
	return nil
}

// azureEnvironment is the cloud of Azure that a vault is in.
func azureEnvironment(address string) string {
	switch {
	case strings.Contains(address, ".vault.azure.cn"):
		return "ChinaCloud"
	case strings.Contains(address, ".vault.usgovcloudapi.net"):
		return "USGovernmentCloud"
	}
	return "PublicCloud"
}

// podSecrets are those that the pods of a workload read by themselves; no secrets if there are none.
func podSecrets(w catalog.Workload) secretref.Plan {
	p := secretref.Plan{Stores: map[string]v1alpha1.SecretStore{}, Secrets: map[string]v1alpha1.SecretRef{}}
	for variable, ref := range w.Secrets {
		if store := w.SecretStores[ref.Store]; ref.Store != "" && store.Resolve == v1alpha1.ByEntrypoint {
			p.Stores[ref.Store], p.Secrets[variable] = store, ref
		}
	}
	return p
}

// entryPoint is what a chart is told of the secrets that pods read by themselves; nil if there are none.
func entryPoint(w catalog.Workload) map[string]any {
	plan := podSecrets(w)
	if len(plan.Secrets) == 0 {
		return nil
	}
	tokens := []any{}
	for _, store := range slices.Sorted(maps.Keys(plan.Stores)) {
		if s := plan.Stores[store]; s.Provider == v1alpha1.Vault {
			tokens = append(tokens, map[string]any{"serviceAccountToken": map[string]any{
				"audience": cmp.Or(s.Audience, vaultAudience), "path": store, "expirationSeconds": int64(tokenSeconds),
			}})
		}
	}
	return map[string]any{
		"image": w.LotImage, "secrets": plan.String(), "variable": secretref.Variable, "program": secretref.Program, "folder": secretref.Folder,
		"tokens": tokens, "tokenFolder": secretref.TokenFolder,
	}
}

// podLabels are labels that the pods of a workload need for an identity.
func podLabels(w catalog.Workload) map[string]string {
	for _, store := range podSecrets(w).Stores {
		if store.Provider == v1alpha1.AzureKeyVault {
			return map[string]string{azureLabel: "true"}
		}
	}
	return nil
}

// resolved are the variables of a workload whose values come from Secrets of the cluster, with those that the operator or the driver makes.
func resolved(w catalog.Workload) map[string]v1alpha1.SecretRef {
	out := map[string]v1alpha1.SecretRef{}
	for variable, ref := range w.Secrets {
		switch {
		case ref.Store == "":
			out[variable] = ref
		case w.SecretStores[ref.Store].Resolve == v1alpha1.ByExternalSecrets, w.SecretStores[ref.Store].Resolve == v1alpha1.ByCSI:
			out[variable] = v1alpha1.SecretRef{Name: storeSecret(&w, ref.Store), Key: variable}
		}
	}
	return out
}

// checkStored returns what is wrong with a variable whose value is in a store.
func checkStored(w catalog.Workload, variable string, ref v1alpha1.SecretRef) (wrong []string) {
	store, known := w.SecretStores[ref.Store]
	if !known {
		return []string{fmt.Sprintf("secrets: the variable %q refers to the store %q, which the environment does not have", variable, ref.Store)}
	}
	for _, f := range secretref.RefFlaws(store, ref) {
		wrong = append(wrong, fmt.Sprintf("secrets: the variable %q: %s", variable, f.Message))
	}
	if store.Resolve != v1alpha1.ByEntrypoint {
		return wrong
	}
	if len(w.Command) == 0 {
		wrong = append(wrong, fmt.Sprintf("secrets: the variable %q is read before the program starts, and the workload has no command", variable))
	}
	// Kubernetes makes values of others before there is anything in the pod.
	quoted := "$(" + variable + ")"
	for _, name := range slices.Sorted(maps.Keys(w.Env)) {
		if strings.Contains(w.Env[name], quoted) {
			wrong = append(wrong, fmt.Sprintf("env: the variable %q is made of %s, whose value is known in the pod only: have the program put it together", name, quoted))
		}
	}
	for _, arg := range w.Command {
		if strings.Contains(arg, quoted) {
			wrong = append(wrong, fmt.Sprintf("command: an argument is made of %s, whose value is known in the pod only: have the program read its variable", quoted))
		}
	}
	return wrong
}

// checkEntryPoint refuses objects of a workload that read no secrets, if it has some that its pods have to read.
func checkEntryPoint(w catalog.Workload, objects []manifest.Object) error {
	plan := podSecrets(w)
	if len(plan.Secrets) == 0 || slices.ContainsFunc(objects, func(o manifest.Object) bool {
		return within(o.Object, 0, func(m map[string]any) bool { return m["name"] == any(secretref.Variable) && m["value"] != nil })
	}) {
		return nil
	}
	return errors.New("secrets: " + strings.Join(slices.Sorted(maps.Keys(plan.Secrets)), ", ") +
		" are read in the pod, and the blueprint makes none that does: use one that includes trunkline.podSpec, or a store with \"resolve: external-secrets\"")
}

// within reports whether something is so of a table somewhere in an object.
func within(v any, depth int, is func(map[string]any) bool) bool {
	const deepest = 30
	switch v := v.(type) {
	case map[string]any:
		if is(v) {
			return true
		}
		for _, below := range v {
			if depth < deepest && within(below, depth+1, is) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if depth < deepest && within(item, depth+1, is) {
				return true
			}
		}
	}
	return false
}
