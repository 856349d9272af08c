// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// Capabilities are what policies may call.
func Capabilities() *ast.Capabilities { return newSandbox().capabilities }
