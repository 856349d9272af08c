// SPDX-License-Identifier: Apache-2.0

// Package secretref is about secrets that are declared by reference: what a store and a reference may say, how a pod is told of them, and why
// one cannot be read. It knows no values.
//
// It is pure. Of Trunkline it may import api/v1alpha1.
package secretref

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// Variable has the [Plan] of a pod, as JSON.
	Variable = "TRUNKLINE_SECRETS"
	// Folder is where a pod has the program lot.
	Folder = "/trunkline/bin"
	// Program is the program lot in a pod.
	Program = Folder + "/lot"
	// TokenFolder is where a pod has the tokens of its account that are for stores.
	TokenFolder = "/var/run/trunkline/tokens" //nolint:gosec // a folder
	// ExitCode is what the program ends with if a secret cannot be read, as "configuration error" of sysexits has it.
	ExitCode = 78
	// maxSecrets bounds the secrets of a pod.
	maxSecrets = 200
)

// TokenFile is where a pod has the token of its account for a store.
func TokenFile(store string) string { return TokenFolder + "/" + store }

// Plan is which secrets a pod reads by itself.
type Plan struct {
	// Stores are those that it reads from, by name.
	Stores map[string]v1alpha1.SecretStore `json:"stores"`
	// Secrets are the references, by variable.
	Secrets map[string]v1alpha1.SecretRef `json:"secrets"`
}

// String is the plan as JSON, the same for the same plan.
func (p Plan) String() string {
	data, err := json.Marshal(p)
	if err != nil {
		return "" // of texts it always can
	}
	return string(data)
}

// Parse reads a plan, and refuses one that was not made of checked declarations: what is in it becomes parts of addresses.
func Parse(text string) (Plan, error) {
	var p Plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("%s is not JSON of references", Variable)
	}
	if len(p.Secrets) > maxSecrets {
		return p, fmt.Errorf("%s has more than %d secrets", Variable, maxSecrets)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Stores)) {
		if flaws := StoreFlaws(p.Stores[name]); len(flaws) > 0 {
			return p, fmt.Errorf("the store %q in %s: %s: %s", name, Variable, flaws[0].Field, flaws[0].Message)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Secrets)) {
		ref := p.Secrets[name]
		store, known := p.Stores[ref.Store]
		if !known {
			return p, fmt.Errorf("the variable %q in %s names a store that is not there", name, Variable)
		}
		if flaws := RefFlaws(store, ref); len(flaws) > 0 {
			return p, fmt.Errorf("the variable %q in %s: %s: %s", name, Variable, flaws[0].Field, flaws[0].Message)
		}
	}
	return p, nil
}

// Where names a secret for people, such as `orders/db, key "password", of the store "vault"`. It says nothing of its value.
func Where(ref v1alpha1.SecretRef) string {
	text := ref.Name
	if ref.Key != "" {
		text += fmt.Sprintf(", key %q,", ref.Key)
	}
	if ref.Version != "" {
		text += fmt.Sprintf(" in version %s", ref.Version)
	}
	if ref.Store == "" {
		return text + " of the cluster"
	}
	return text + fmt.Sprintf(" of the store %q", ref.Store)
}
