// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/test/cached"
)

// TestTransform runs workloads of the blueprint transform by hand, with DuckDB itself.
func TestTransform(t *testing.T) {
	programs := cached.Transform(t)
	s3 := buckettest.New(t, "lake", "manifests")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/transform", RequireUniqueNames: true, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"} {
				env.Setenv(name, os.Getenv(name))
			}
			env.Setenv("AWS_ENDPOINT_URL_S3", s3.URL)
			env.Setenv("PATH", env.Getenv("PATH")+string(os.PathListSeparator)+programs)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}
