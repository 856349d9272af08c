// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"go.yaml.in/yaml/v3"
)

const (
	// sealedAs is the version of SOPS whose format is written, and sealedFields are the fields that are encrypted.
	sealedAs     = "3.13.3"
	sealedFields = "^(data|stringData)$"
	// nonceSize is that of SOPS, in bytes.
	nonceSize = 32
)

// plainKey are keys that no reader of YAML takes for something else, as some do with y, 1e3 and null.
var plainKey = regexp.MustCompile(`^([a-z]{6,}|[a-z]+[._-][a-z]+)$`)

// Plain is a Secret that is to be encrypted.
type Plain struct {
	Name        string
	Annotations map[string]string
	// Values are its keys, with what they hold.
	Values map[string]string
}

// sealedSecret is the document, in the order in which SOPS hashes its values.
type sealedSecret struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name        string     `yaml:"name"`
		Annotations *yaml.Node `yaml:"annotations,omitempty"`
	} `yaml:"metadata"`
	StringData *yaml.Node `yaml:"stringData"`
	SOPS       struct {
		Age            []sealedFor `yaml:"age"`
		LastModified   string      `yaml:"lastmodified"`
		MAC            string      `yaml:"mac"`
		EncryptedRegex string      `yaml:"encrypted_regex"`
		Version        string      `yaml:"version"`
	} `yaml:"sops"`
}

type sealedFor struct {
	Recipient string `yaml:"recipient"`
	Enc       string `yaml:"enc"`
}

// Seal encrypts a Secret for those who have a key, and returns the file that SOPS would write. The format is that of the library; a
// test has it decrypted by that.
func Seal(p Plain, recipients []*age.X25519Recipient, now time.Time) ([]byte, error) {
	switch {
	case len(recipients) == 0:
		return nil, fmt.Errorf("encrypting the Secret %q: there is nobody to encrypt it for", p.Name)
	case len(p.Values) == 0:
		return nil, fmt.Errorf("encrypting the Secret %q: it holds nothing", p.Name)
	}
	key := make([]byte, dataKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("encrypting the Secret %q: %w", p.Name, err)
	}
	s := sealedSecret{APIVersion: "v1", Kind: "Secret", StringData: &yaml.Node{Kind: yaml.MappingNode}}
	s.Metadata.Name = p.Name
	s.SOPS.LastModified, s.SOPS.EncryptedRegex, s.SOPS.Version = now.UTC().Format(time.RFC3339), sealedFields, sealedAs
	hash := sha512.New()
	_, _ = io.WriteString(hash, s.APIVersion+s.Kind+p.Name) // a hash never fails
	if len(p.Annotations) > 0 {
		s.Metadata.Annotations = &yaml.Node{Kind: yaml.MappingNode}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Annotations)) {
		_, _ = io.WriteString(hash, p.Annotations[name])
		put(s.Metadata.Annotations, name, p.Annotations[name])
	}
	for _, name := range slices.Sorted(maps.Keys(p.Values)) {
		_, _ = io.WriteString(hash, p.Values[name])
		value, err := sealValue(p.Values[name], key, "stringData:"+name+":")
		if err != nil {
			return nil, fmt.Errorf("encrypting the Secret %q: %w", p.Name, err)
		}
		put(s.StringData, name, value)
	}
	var err error
	if s.SOPS.MAC, err = sealValue(fmt.Sprintf("%X", hash.Sum(nil)), key, s.SOPS.LastModified); err != nil {
		return nil, fmt.Errorf("encrypting the Secret %q: %w", p.Name, err)
	}
	for _, r := range recipients {
		enc, err := sealAge(key, r)
		if err != nil {
			return nil, fmt.Errorf("encrypting the Secret %q for %s: %w", p.Name, r, err)
		}
		s.SOPS.Age = append(s.SOPS.Age, sealedFor{r.String(), enc})
	}
	var out bytes.Buffer
	write := yaml.NewEncoder(&out)
	write.SetIndent(2)
	if err := errors.Join(write.Encode(s), write.Close()); err != nil {
		return nil, fmt.Errorf("writing the Secret %q: %w", p.Name, err)
	}
	return out.Bytes(), nil
}

// put adds a text to a table. Its order is that of the hash, which the encoder would not keep for a map.
func put(table *yaml.Node, name, value string) {
	var k, v yaml.Node
	if k.SetString(name); !plainKey.MatchString(name) {
		k.Style = yaml.DoubleQuotedStyle
	}
	v.SetString(value)
	table.Content = append(table.Content, &k, &v)
}

// sealValue is the opposite of openValue, for a text.
func sealValue(value string, key []byte, about string) (string, error) {
	if value == "" {
		return "", nil // SOPS does not encrypt what is empty
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, nonceSize)
	if err != nil {
		return "", err
	}
	iv := make([]byte, nonceSize)
	if _, err := rand.Read(iv); err != nil {
		return "", err
	}
	both := gcm.Seal(nil, iv, []byte(value), []byte(about))
	data, tag := both[:len(both)-gcm.Overhead()], both[len(both)-gcm.Overhead():]
	text := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:str]", text(data), text(iv), text(tag)), nil
}

// sealAge encrypts the data key.
func sealAge(key []byte, to age.Recipient) (string, error) {
	var out strings.Builder
	armored := armor.NewWriter(&out)
	w, err := age.Encrypt(armored, to)
	if err != nil {
		return "", err
	}
	_, err = w.Write(key)
	err = errors.Join(err, w.Close(), armored.Close())
	return out.String(), err
}
