// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/confidential"
)

// secretNames are names of files that have secrets in them, whatever they look like.
var secretNames = []string{".netrc", "_netrc", ".pgpass", ".pypirc", ".npmrc", ".git-credentials", ".htpasswd", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials.json", "kubeconfig", ".dockerconfigjson"}

// secretEnds are the ends of such names.
var secretEnds = []string{".p12", ".pfx", ".jks", ".keystore", ".kubeconfig"}

// samples are ends of names of files that show which variables there are.
var samples = []string{".example", ".sample", ".template", ".dist"}

// isSecret reports whether a file is for secrets, by its name.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	ends := func(end string) bool { return strings.HasSuffix(name, end) }
	if name == ".env" || strings.HasPrefix(name, ".env.") || name == ".envrc" {
		return !slices.ContainsFunc(samples, ends)
	}
	return slices.Contains(secretNames, name) || slices.ContainsFunc(secretEnds, ends)
}

// secretIn finds what looks secret in a text.
func secretIn(data []byte) string {
	const head = 8 << 10
	if bytes.IndexByte(data[:min(len(data), head)], 0) >= 0 {
		return "" // no text
	}
	return confidential.In(data)
}
