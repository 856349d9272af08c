// SPDX-License-Identifier: Apache-2.0

package secrets

import "io"

// Hider is what takes values out.
type Hider = hider

// NewHider makes one for values.
func NewHider(to io.Writer, values map[string]string) *Hider { return newHider(to, forms(values)) }
