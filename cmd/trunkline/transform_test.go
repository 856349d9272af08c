// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"trunkline.dev/trunkline/test/cached"
)

// TestTransform runs workloads of the blueprint transform by hand, with DuckDB itself.
func TestTransform(t *testing.T) {
	programs := cached.Transform(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/transform", RequireUniqueNames: true, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", env.Getenv("PATH")+string(os.PathListSeparator)+programs)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}
