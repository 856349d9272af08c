// SPDX-License-Identifier: Apache-2.0

// Package person makes names that can be part of others of the names of people.
//
// It imports nothing of Trunkline.
package person

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Slug is the name of a person as a part of a path and the value of a label. Different people have different ones.
func Slug(person string) string {
	const most, digits = 30, 16
	sum := sha256.Sum256([]byte(person))
	return strings.TrimLeft(Plain(person, most)+"-"+hex.EncodeToString(sum[:])[:digits], "-")
}

// Plain is what of the name of a person can be part of the name of an object, so many letters at most; empty if nothing can. Different people may have the same.
func Plain(person string, most int) string {
	var b strings.Builder
	for _, r := range strings.ToLower(person) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	name := b.String()
	return strings.Trim(name[:min(len(name), most)], "-")
}
