// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"net/url"
	"strings"
)

// Paths returns the paths in a location that a URI may name: as it is written, which is what many programs write, and with what
// stands for other characters replaced. There are none if it lies elsewhere.
func Paths(location, uri string) []string {
	around, err := newFolder(location)
	if err != nil || !around.has(uri) {
		return nil
	}
	rest, plain := strings.CutPrefix(canonical(uri), around.plain)
	if !plain {
		rest = strings.TrimPrefix(canonical(uri), around.encoded)
	}
	decoded, err := url.PathUnescape(rest)
	if err != nil || decoded == rest {
		return []string{rest}
	}
	return []string{rest, decoded}
}
