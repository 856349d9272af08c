// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// envPrefix is that of the variables that Trunkline gives to every workload. No other variable has it, so that one
// that Trunkline adds later is not already taken.
const envPrefix = "TRUNKLINE_"

// variables are the environment of a workload's process.
type variables struct {
	// values are those whose value is known: the workload's own, and those by which a program finds out where it
	// is and where its data is.
	values map[string]string
	// secrets are those whose value is in a Secret of the cluster. Those that a pod reads by itself are none of them.
	secrets map[string]v1alpha1.SecretRef
}

// environment returns the variables of a workload. All that is wrong with them is reported.
func environment(rel catalog.Release, w catalog.Workload) (variables, error) {
	given, clashes := givenVariables(rel, w)
	if wrong := append(checkVariables(w), clashes...); len(wrong) > 0 {
		return variables{}, errors.New(strings.Join(wrong, "; "))
	}
	maps.Copy(given, w.Env)
	WithPackages(given, w.Packages, inPod)
	return variables{given, resolved(w)}, nil
}

// checkVariables returns what is wrong with the variables that the workload declares.
func checkVariables(w catalog.Workload) (wrong []string) {
	for _, name := range slices.Sorted(maps.Keys(w.Env)) {
		wrong = append(wrong, checkName("env", name)...)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Secrets)) {
		ref := w.Secrets[name]
		wrong = append(wrong, checkName("secrets", name)...)
		if _, twice := w.Env[name]; twice {
			wrong = append(wrong, fmt.Sprintf("the variable %q is in env and in secrets; keep it in one of them", name))
		}
		if ref.Store != "" {
			wrong = append(wrong, checkStored(w, name, ref)...)
			continue
		}
		if len(validation.IsDNS1123Subdomain(ref.Name)) > 0 {
			wrong = append(wrong, fmt.Sprintf("secrets: the variable %q refers to the Secret %q: a Secret's name has "+
				"lower-case letters, digits, '-' and '.', and begins and ends with a letter or digit", name, ref.Name))
		}
		if len(validation.IsConfigMapKey(ref.Key)) > 0 {
			wrong = append(wrong, fmt.Sprintf("secrets: the variable %q refers to the key %q of the Secret %q: a key has "+
				"letters, digits, '-', '_' and '.'", name, ref.Key, ref.Name))
		}
	}
	return wrong
}

func checkName(field, name string) []string {
	switch {
	case strings.HasPrefix(name, envPrefix):
		return []string{fmt.Sprintf("%s: the variable %q begins with %s, and those are set by Trunkline: give it another name",
			field, name, envPrefix)}
	case len(validation.IsEnvVarName(name)) > 0:
		return []string{fmt.Sprintf("%s: %q is not a valid variable name: it has letters, digits, '_', '-' and '.', "+
			"and does not begin with a digit", field, name)}
	}
	return nil
}

// roleVariable makes the part of a variable's name that comes from a role.
var roleVariable = strings.NewReplacer("-", "_", ".", "_")

// givenVariables are those that Trunkline gives to the workload, and the roles of which two end up with the same name.
func givenVariables(rel catalog.Release, w catalog.Workload) (given map[string]string, clashes []string) {
	given = map[string]string{
		envPrefix + "PLATFORM": rel.Platform, envPrefix + "PROJECT": rel.ID.Project,
		envPrefix + "ENVIRONMENT": rel.ID.Environment, envPrefix + "CLUSTER": rel.ID.Cluster,
		envPrefix + "WORKLOAD": w.Name,
	}
	for _, side := range []struct {
		field, prefix string
		refs          map[string]catalog.DatasetRef
	}{{"reads", "READ_", w.Reads}, {"writes", "WRITE_", w.Writes}} {
		from := map[string]string{}
		for _, role := range slices.Sorted(maps.Keys(side.refs)) {
			name := envPrefix + side.prefix + roleVariable.Replace(strings.ToUpper(role))
			if before, taken := from[name]; taken {
				clashes = append(clashes, fmt.Sprintf("%s: the roles %q and %q both become the variable %s: rename one",
					side.field, before, role, name))
				continue
			}
			from[name], given[name] = role, side.refs[role].URI
		}
	}
	return given, clashes
}

// list returns the variables as a container has them. Those of Secrets come first: Kubernetes replaces "$(NAME)" in
// a value by a variable that stands before it, and so a value can be made of secrets.
func (v variables) list() []any {
	env := make([]any, 0, len(v.secrets)+len(v.values))
	for _, name := range slices.Sorted(maps.Keys(v.secrets)) {
		env = append(env, map[string]any{"name": name, "valueFrom": map[string]any{
			"secretKeyRef": map[string]any{"name": v.secrets[name].Name, "key": v.secrets[name].Key},
		}})
	}
	for _, name := range slices.Sorted(maps.Keys(v.values)) {
		env = append(env, map[string]any{"name": name, "value": v.values[name]})
	}
	return env
}
