// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"regexp"
	"strconv"
)

// encrypted is the form in which SOPS writes a value. Its tail is not anchored, as SOPS does not anchor it either.
var encrypted = regexp.MustCompile(`^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]`)

// errCipher is all that is said about a value that does not decrypt: anything more would repeat a part of it.
var errCipher = errors.New("not a value that SOPS encrypted with this key at this place")

// openValue decrypts a value of SOPS: AES-GCM with the data key, where the text about it is authenticated too. It returns
// a string, a bool, bytes, or an error; numbers, times and comments decrypt to [other], since a Secret has none.
//
// The format is that of sops/v3/aes, and a test holds the two together. The package itself would link the clients of
// every key service that SOPS knows, a sixth of the program.
func openValue(value string, key []byte, about string) (any, error) {
	if value == "" {
		return "", nil // SOPS does not encrypt what is empty
	}
	m := encrypted.FindStringSubmatch(value)
	if m == nil {
		return nil, errCipher
	}
	var part [3][]byte // data, iv, tag
	for i := range part {
		var err error
		if part[i], err = base64.StdEncoding.DecodeString(m[i+1]); err != nil {
			return nil, errCipher
		}
	}
	data, iv, tag := part[0], part[1], part[2]
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errCipher
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(iv))
	if err != nil {
		return nil, errCipher
	}
	plain, err := gcm.Open(nil, iv, append(data, tag...), []byte(about))
	if err != nil {
		return nil, errCipher
	}
	return typed(m[4], plain)
}

// other is a value of a type that no field of a Secret has.
type other struct{}

// typed reads what was encrypted as the type that SOPS noted.
func typed(kind string, plain []byte) (any, error) {
	switch kind {
	case "str":
		return string(plain), nil
	case "bytes":
		return plain, nil
	case "bool":
		b, err := strconv.ParseBool(string(plain))
		if err != nil {
			return nil, errCipher
		}
		return b, nil
	case "int", "float", "time", "comment":
		return other{}, nil
	default:
		return nil, errCipher
	}
}
