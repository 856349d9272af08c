// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/sealed"
)

// Bounds on the sops section of a document.
const (
	maxPart    = 1 << 20 // bytes
	maxKeys    = 100
	maxPattern = 1 << 10 // bytes of a regular expression
)

// document is the sops section of an object: the fields that matter for decrypting.
type document struct {
	Age       []ageKey        `json:"age"`
	KMS       []kmsKey        `json:"kms"`
	GCP       []gcpKey        `json:"gcp_kms"`
	Azure     []azureKey      `json:"azure_kv"`
	Vault     []vaultKey      `json:"hc_vault"`
	Huawei    []huaweiKey     `json:"hckms"`
	PGP       []pgpKey        `json:"pgp"`
	KeyGroups json.RawMessage `json:"key_groups"`

	LastModified string `json:"lastmodified"`
	MAC          string `json:"mac"`

	UnencryptedSuffix string `json:"unencrypted_suffix"`
	EncryptedSuffix   string `json:"encrypted_suffix"`
	UnencryptedRegex  string `json:"unencrypted_regex"`
	EncryptedRegex    string `json:"encrypted_regex"`

	// encrypted reports whether the value at a path of keys has to be encrypted.
	encrypted func(path []string) bool
}

type (
	ageKey struct {
		Recipient string `json:"recipient"`
		Enc       string `json:"enc"`
	}
	kmsKey struct {
		ARN     string            `json:"arn"`
		Role    string            `json:"role"`
		Context map[string]string `json:"context"`
		Profile string            `json:"aws_profile"`
		Enc     string            `json:"enc"`
	}
	gcpKey struct {
		Resource string `json:"resource_id"`
		Enc      string `json:"enc"`
	}
	azureKey struct {
		URL     string `json:"vault_url"`
		Name    string `json:"name"`
		Version string `json:"version"`
		Enc     string `json:"enc"`
	}
	vaultKey struct {
		Address string `json:"vault_address"`
		Engine  string `json:"engine_path"`
		Name    string `json:"key_name"`
	}
	huaweiKey struct {
		ID string `json:"key_id"`
	}
	pgpKey struct {
		Fingerprint string `json:"fp"`
	}
)

// parse reads the sops section. Errors repeat nothing of it.
func parse(o map[string]any) (*document, error) {
	data, err := json.Marshal(o[sealed.Part])
	if err != nil {
		return nil, errors.New("its sops part cannot be read")
	}
	if len(data) > maxPart {
		return nil, fmt.Errorf("its sops part has more than %d KiB", maxPart>>10)
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, errors.New("its sops part is not as SOPS writes it: a field is of the wrong type")
	}
	if groups := string(d.KeyGroups); groups != "" && groups != "null" && groups != "[]" {
		return nil, errors.New("it is encrypted for several key groups, all of which would be needed: use one")
	}
	modified, err := time.Parse(time.RFC3339, d.LastModified)
	if err != nil {
		return nil, errors.New("its sops part has no valid time in lastmodified")
	}
	d.LastModified = modified.Format(time.RFC3339)
	if n := len(d.recipients()); n == 0 {
		return nil, errors.New("its sops part names no key that it is encrypted for")
	} else if n > maxKeys {
		return nil, fmt.Errorf("it is encrypted for %d keys; %d are allowed", n, maxKeys)
	}
	d.encrypted, err = d.rule()
	return &d, err
}

// recipients names the keys that can decrypt the document. They are public.
func (d *document) recipients() []string {
	var out []string
	for _, k := range d.Age {
		out = append(out, "age "+k.Recipient)
	}
	for _, k := range d.cloudKeys() {
		out = append(out, k.kind+" "+k.id)
	}
	for _, k := range d.Vault {
		out = append(out, "HashiCorp Vault "+k.Address+"/"+k.Engine+"/"+k.Name)
	}
	for _, k := range d.Huawei {
		out = append(out, "Huawei Cloud KMS "+k.ID)
	}
	for _, k := range d.PGP {
		out = append(out, "PGP "+k.Fingerprint)
	}
	return out
}

// rule returns the document's rule for which values are encrypted: all whose path has no key with the suffix
// "_unencrypted", unless it says something else.
func (d *document) rule() (func([]string) bool, error) {
	rules := 0
	for _, s := range []string{d.UnencryptedSuffix, d.EncryptedSuffix, d.UnencryptedRegex, d.EncryptedRegex} {
		if s != "" {
			rules++
		}
	}
	if rules > 1 {
		return nil, errors.New("its sops part has more than one rule for what is encrypted")
	}
	pattern := d.EncryptedRegex + d.UnencryptedRegex
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("the regular expression in its sops part has more than %d bytes", maxPattern)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, errors.New("the regular expression in its sops part is not valid")
	}
	switch {
	case d.EncryptedRegex != "":
		return func(path []string) bool { return slices.ContainsFunc(path, re.MatchString) }, nil
	case d.UnencryptedRegex != "":
		return func(path []string) bool { return !slices.ContainsFunc(path, re.MatchString) }, nil
	case d.EncryptedSuffix != "":
		return func(path []string) bool {
			return slices.ContainsFunc(path, func(key string) bool { return strings.HasSuffix(key, d.EncryptedSuffix) })
		}, nil
	}
	suffix := d.UnencryptedSuffix
	if suffix == "" {
		suffix = "_unencrypted"
	}
	return func(path []string) bool {
		return !slices.ContainsFunc(path, func(key string) bool { return strings.HasSuffix(key, suffix) })
	}, nil
}
