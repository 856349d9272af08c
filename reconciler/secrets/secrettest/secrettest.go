// SPDX-License-Identifier: Apache-2.0

// Package secrettest encrypts Secrets for tests, by the SOPS library itself.
package secrettest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/stores"
	"sigs.k8s.io/yaml"
)

// Options say how to encrypt. The zero value encrypts what SOPS does when it is told nothing: all values.
type Options struct {
	EncryptedRegex, UnencryptedRegex, UnencryptedSuffix string
	MACOnlyEncrypted                                    bool
}

// Fields encrypts data and stringData only.
var Fields = Options{EncryptedRegex: "^(data|stringData)$"}

// Key makes a private key of age.
func Key(tb testing.TB) *age.X25519Identity {
	tb.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// Encrypt returns a YAML document as SOPS would write it, for those who have the key.
func Encrypt(tb testing.TB, document string, opts Options, keys ...*age.X25519Identity) string {
	tb.Helper()
	var content map[string]any
	if err := yaml.Unmarshal([]byte(document), &content); err != nil {
		tb.Fatal(err)
	}
	var group sops.KeyGroup
	for _, k := range keys {
		master, err := sopsage.MasterKeyFromRecipient(k.Recipient().String())
		if err != nil {
			tb.Fatal(err)
		}
		group = append(group, master)
	}
	tree := sops.Tree{Branches: sops.TreeBranches{branch(content)}, Metadata: sops.Metadata{
		KeyGroups: []sops.KeyGroup{group}, Version: "3.13.3", LastModified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		EncryptedRegex: opts.EncryptedRegex, UnencryptedRegex: opts.UnencryptedRegex, UnencryptedSuffix: opts.UnencryptedSuffix,
		MACOnlyEncrypted: opts.MACOnlyEncrypted,
	}}
	key, errs := tree.GenerateDataKeyWithKeyServices([]keyservice.KeyServiceClient{keyservice.NewLocalClient()})
	if len(errs) > 0 {
		tb.Fatal(errs)
	}
	cipher := aes.NewCipher()
	mac, err := tree.Encrypt(key, cipher)
	if err != nil {
		tb.Fatal(err)
	}
	tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, key, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		tb.Fatal(err)
	}
	branches, err := stores.SerializeMetadata(tree, stores.MetadataOpts{Flatten: stores.MetadataFlattenNone})
	if err != nil {
		tb.Fatal(err)
	}
	out, err := yaml.Marshal(table(branches[0]))
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

// branch returns a table in the form of the library, in the order of the keys.
func branch(t map[string]any) sops.TreeBranch {
	var out sops.TreeBranch
	for _, key := range slices.Sorted(maps.Keys(t)) {
		v := t[key]
		switch inner := v.(type) {
		case map[string]any:
			v = branch(inner)
		case float64:
			v = int(inner)
		}
		out = append(out, sops.TreeItem{Key: key, Value: v})
	}
	return out
}

// table takes a value out of the form of the library.
func table(v any) any {
	switch v := v.(type) {
	case sops.TreeBranch:
		out := map[string]any{}
		for _, item := range v {
			out[fmt.Sprint(item.Key)] = table(item.Value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = table(item)
		}
		return out
	}
	return v
}
