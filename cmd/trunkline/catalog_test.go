// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/test/cached"
)

// TestCatalog runs workloads of the blueprint catalog by hand, with a REST catalog of Apache Iceberg itself and AWS as moto has it.
func TestCatalog(t *testing.T) {
	programs := cached.Catalog(t)
	python := filepath.Join(programs, "python")
	s3 := buckettest.New(t, "lake", "manifests")
	aws, iceberg := startCatalogs(t, python)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/catalog", RequireUniqueNames: true, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"} {
				env.Setenv(name, os.Getenv(name))
			}
			env.Setenv("AWS_ENDPOINT_URL_S3", s3.URL)
			env.Setenv("AWS_ENDPOINT_URL_GLUE", aws)
			env.Setenv("AWS_DEFAULT_REGION", "eu-central-1")
			env.Setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required") // the store of the tests has the checksum of all for a part
			env.Setenv("ICEBERG", iceberg)
			env.Setenv("PYTHON", python)
			env.Setenv("PATH", env.Getenv("PATH")+string(os.PathListSeparator)+programs)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// startCatalogs starts the servers until the test ends, and returns their addresses.
func startCatalogs(t *testing.T, python string) (aws, iceberg string) {
	t.Helper()
	servers := exec.Command(python, "../../workloads/catalog/tests/servers.py", "file://"+filepath.ToSlash(t.TempDir()))
	servers.Stderr = os.Stderr
	servers.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return v == "AWS_PROFILE=" }) // the client in Python takes it for a name
	stop, err := servers.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := servers.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := servers.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(stop.Close(), servers.Wait()); err != nil {
			t.Errorf("the servers of catalogs: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	for _, address := range []*string{&aws, &iceberg} {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "http://") {
			t.Fatalf("the servers of catalogs say %q, %v", lines.Text(), lines.Err())
		}
		*address = lines.Text()
	}
	return aws, iceberg
}
