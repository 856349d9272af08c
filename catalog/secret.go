// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/image"
	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// checkSecretStores checks the stores of secrets that an environment has.
func checkSecretStores(k *checker, env *v1alpha1.Environment) {
	byLot := ""
	for _, name := range sortedKeys(env.Spec.SecretStores) {
		at := func(below ...any) []any { return append([]any{"spec", "secretStores", name}, below...) }
		if len(validation.IsDNS1123Label(name)) > 0 {
			k.atKey(RuleName, at(), fmt.Sprintf("%q is not a name of a store: use lower-case letters, digits and dashes", name), "")
		}
		store := env.Spec.SecretStores[name]
		if store.Resolve == v1alpha1.ByEntrypoint && byLot == "" {
			byLot = name
		}
		k.secretFlaws(secretref.StoreFlaws(store), at())
		checkPattern(k, store.Role, []string{placeholderProject, placeholderEnvironment, placeholderIdentity}, at("role")...)
	}
	switch err := image.Check(env.Spec.LotImage); {
	case err != nil:
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "lotImage"}, err.Error(), "")
	case byLot != "" && env.Spec.LotImage == "":
		k.at(v1alpha1.RuleMissingField, []any{"spec", "secretStores", byLot, "resolve"}, "nothing says which image has the program lot, which is to read the secrets",
			`write spec.lotImage, such as "lotImage: registry.acme.example/lot@sha256:…"`)
	}
}

// secretFlaws reports what is wrong with a store or a reference.
func (k *checker) secretFlaws(flaws []secretref.Flaw, at []any) {
	for _, f := range flaws {
		switch path := append(slices.Clip(at), f.Field); {
		case f.Missing:
			k.at(v1alpha1.RuleMissingField, at, f.Message, f.Hint)
		default:
			k.at(v1alpha1.RuleInvalidValue, path, f.Message, f.Hint)
		}
	}
}

// clusterSecrets checks the references to Secrets of the cluster, which are the same in each environment.
func (k *checker) clusterSecrets(secrets map[string]v1alpha1.SecretRef, at []any) {
	for _, name := range sortedKeys(secrets) {
		ref, at := secrets[name], append(slices.Clip(at), name)
		if ref.Store != "" {
			continue
		}
		if ref.Key == "" {
			k.at(v1alpha1.RuleMissingField, at, `the field "key" is required: a Secret of the cluster has several`, `write "key: KEY", or name the store that the secret is in`)
		}
		if ref.Version != "" {
			k.at(v1alpha1.RuleInvalidValue, append(at, "version"), "a Secret of the cluster has no versions", "remove it, or name the store that the secret is in")
		}
	}
}

// secretsIn checks the references to stores of secrets that the workloads of a project have in an environment.
func (k *checker) secretsIn(p *Project, env string) {
	stores := k.c.Environments[env].Spec.SecretStores
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		over := p.Spec.Environments[env].Workloads[w.Name]
		if p.Excludes(env, w.Name) {
			continue
		}
		secrets := merge(w.Secrets, over.Secrets)
		for _, name := range sortedKeys(secrets) {
			ref := secrets[name]
			if ref.Store == "" {
				continue
			}
			at := []any{"spec", "workloads", i, "secrets", name}
			if _, mine := over.Secrets[name]; mine {
				at = []any{"spec", "environments", env, "workloads", w.Name, "secrets", name}
			}
			store, has := stores[ref.Store]
			if !has {
				k.unknown(RuleStore, append(slices.Clip(at), "store"), fmt.Sprintf("the environment %q has no store of secrets %q", env, ref.Store), ref.Store,
					func() []string { return sortedKeys(stores) })
				k.findings[len(k.findings)-1].Cause = env + "/" + ref.Store
				continue
			}
			before := len(k.findings)
			k.secretFlaws(secretref.RefFlaws(store, ref), at)
			if store.Resolve == v1alpha1.ByEntrypoint {
				k.entryPoint(w, env, name, at)
			}
			for j := before; j < len(k.findings); j++ {
				k.findings[j].Cause = env + "/" + ref.Store
			}
		}
	}
}

// entryPoint refuses a secret that the pod is to read by itself where that cannot be.
func (k *checker) entryPoint(w *v1alpha1.Workload, env, variable string, at []any) {
	switch {
	case len(k.c.command(w)) == 0:
		k.at(v1alpha1.RuleMissingField, at, fmt.Sprintf("in the environment %q the secret is read before the program starts, and the workload does not say which program that is: what its image starts by itself is known where the image is", env),
			`write "command: [PROGRAM, ARGUMENT]" at the workload`)
	case !environmentName(variable):
		k.atKey(RuleName, at, fmt.Sprintf("%q is not a name of a variable", variable), "use letters, digits and underscores")
	}
}

// environmentName reports whether a variable can have a name.
func environmentName(name string) bool {
	return len(validation.IsEnvVarName(name)) == 0 && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "-")
}

// secretStores are the stores that a workload has secrets of, as they are for its account; nil if it has none.
func (c *Catalog) secretStores(w *Workload, id ReleaseID) map[string]v1alpha1.SecretStore {
	var out map[string]v1alpha1.SecretStore
	for _, ref := range w.Secrets {
		store, has := c.Environments[id.Environment].Spec.SecretStores[ref.Store]
		if !has {
			continue // reported, or none is named
		}
		store.Role = id.expand(strings.ReplaceAll(store.Role, placeholderIdentity, w.Identity))
		if out == nil {
			out = map[string]v1alpha1.SecretStore{}
		}
		out[ref.Store] = store
	}
	return out
}
