// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/generated"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// GeneratedSecret is a Secret whose values are made in the cluster.
type GeneratedSecret struct {
	Name string         `json:"name"`
	Spec generated.Spec `json:"spec"`
	// Prune has it deleted once it is not declared any more.
	Prune bool `json:"prune,omitempty"`
}

const (
	// What a key is made of that says nothing about it.
	defaultKeyLength   = 32
	defaultKeyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	// maxKeyLength bounds a value, in characters.
	maxKeyLength = 4096
	// minKeyBits is how many guesses, as a power of two, a value has to take at least.
	minKeyBits = 64
)

// generatedKey fills in what a key leaves out.
func generatedKey(k v1alpha1.GeneratedKey) generated.Key {
	out := generated.Key{Length: defaultKeyLength, Alphabet: defaultKeyAlphabet}
	if k.Length != nil {
		out.Length = *k.Length
	}
	if k.Alphabet != "" {
		out.Alphabet = k.Alphabet
	}
	return out
}

// generatedSecrets are those of a project, with what is left out.
func (p *Project) generatedSecrets() []GeneratedSecret {
	var out []GeneratedSecret
	for _, s := range p.Spec.GeneratedSecrets {
		g := GeneratedSecret{Name: s.Name, Spec: generated.Spec{Keys: make(map[string]generated.Key, len(s.Keys))}, Prune: s.Prune}
		for name, key := range s.Keys {
			g.Spec.Keys[name] = generatedKey(key)
		}
		if s.Revision != nil {
			g.Spec.Revision = *s.Revision
		}
		out = append(out, g)
	}
	return out
}

// generatedSecrets checks what a project has made.
func (k *checker) generatedSecrets(p *Project) {
	seen := map[string]int{}
	for i, s := range p.Spec.GeneratedSecrets {
		at := func(below ...any) []any { return append([]any{"spec", "generatedSecrets", i}, below...) }
		if len(validation.IsDNS1123Subdomain(s.Name)) > 0 {
			k.at(RuleName, at("name"), fmt.Sprintf("%q is not the name of a Secret", s.Name), "use lower-case letters, digits and dashes")
		}
		if before, twice := seen[s.Name]; twice {
			k.at(RuleCollision, at("name"), fmt.Sprintf("the Secret %q is already declared in line %d", s.Name,
				k.doc.Position("spec", "generatedSecrets", before).Line), "declare all of its keys there")
			continue
		}
		seen[s.Name] = i
		for _, name := range sortedKeys(s.Keys) {
			if len(validation.IsConfigMapKey(name)) > 0 {
				k.atKey(RuleName, at("keys", name), fmt.Sprintf("%q is not a key of a Secret", name), "use letters, digits, dashes, underscores and dots")
			}
			if message, hint := weak(generatedKey(s.Keys[name])); message != "" {
				k.atKey(v1alpha1.RuleInvalidValue, at("keys", name), message, hint)
			}
		}
	}
}

// weak says why a value would be none that is worth keeping secret, or none at all; empty if it is fine.
func weak(key generated.Key) (message, hint string) {
	letters := []byte(key.Alphabet)
	if i := slices.IndexFunc(letters, func(b byte) bool { return b <= ' ' || b > '~' }); i >= 0 {
		return "the alphabet has a character that is not printed in ASCII", "use letters, digits and punctuation"
	}
	for i, b := range letters {
		if strings.IndexByte(key.Alphabet, b) != i {
			return fmt.Sprintf("the alphabet has %q twice", b), "each character counts once: write it out, since ranges are not understood"
		}
	}
	if key.Length > maxKeyLength {
		return fmt.Sprintf("a value of %d characters: the limit is %d", key.Length, maxKeyLength), ""
	}
	if bits := float64(key.Length) * math.Log2(float64(len(letters))); bits < minKeyBits {
		least := "use more characters in the alphabet"
		if len(letters) > 1 {
			least = fmt.Sprintf("with this alphabet, use a length of %d or more", int(math.Ceil(minKeyBits/math.Log2(float64(len(letters))))))
		}
		return "a value of that length and alphabet can be guessed", least
	}
	return "", ""
}
