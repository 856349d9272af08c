// SPDX-License-Identifier: Apache-2.0

// Package cached finds what the scripts in hack put into .cache, for tests that compare with other people's programs. Tests
// that need it are of tier 2.
//
// It imports nothing of Trunkline.
package cached

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Path returns the path of what is at a place in .cache, which is at the root of the repository, above the folder of any test. The
// target of make is the one that puts it there.
func Path(name, target string) (string, error) {
	root, err := repository()
	if err != nil {
		return "", fmt.Errorf("finding .cache/%s: %w", name, err)
	}
	at := filepath.Join(root, ".cache", name)
	if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no .cache/%s: run \"make %s\"", name, target)
	} else if err != nil {
		return "", fmt.Errorf("finding .cache/%s: %w", name, err)
	}
	return at, nil
}

// repository is the nearest folder above with a go.mod.
func repository() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil || filepath.Dir(at) == at {
			return at, nil
		}
		at = filepath.Dir(at)
	}
}

// Helm returns Helm's own program, of the version that go.mod names. It skips the test in short runs.
func Helm(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs Helm's own program; left out by -short")
	}
	return found(tb, "helm/helm-"+version(tb, "helm.sh/helm/v3"), "helm")
}

// Jsonnet returns Jsonnet's own command, of the version that go.mod names. It skips the test in short runs.
func Jsonnet(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs Jsonnet's own command; left out by -short")
	}
	return found(tb, "jsonnet/jsonnet-"+version(tb, "github.com/google/go-jsonnet"), "jsonnet")
}

// CUE returns CUE's own command, of the version that go.mod names. It skips the test in short runs.
func CUE(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs CUE's own command; left out by -short")
	}
	return found(tb, "cue/cue-"+version(tb, "cuelang.org/go"), "cue")
}

// version is that of a module in go.mod.
func version(tb testing.TB, module string) string {
	tb.Helper()
	root, err := repository()
	if err != nil {
		tb.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		tb.Fatal(err)
	}
	named := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(module) + ` (v\S+)`).FindSubmatch(file)
	if named == nil {
		tb.Fatalf("go.mod names no version of %s", module)
	}
	return string(named[1])
}

// Kustomize returns Kustomize's own program, of a release. It skips the test in short runs.
func Kustomize(tb testing.TB, release string) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs Kustomize's own program; left out by -short")
	}
	return found(tb, "kustomize/kustomize-"+release, "kustomize")
}

// Promtool returns Prometheus' program that tests rules. It skips the test in short runs.
func Promtool(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs promtool; left out by -short")
	}
	return found(tb, "bin/promtool", "promtool")
}

// Transform returns the folder of the program of the blueprint transform, with DuckDB. It skips the test in short runs.
func Transform(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs DuckDB; left out by -short")
	}
	return filepath.Dir(found(tb, "transform/bin/trunkline-transform", "transform"))
}

// Catalog returns the folder of the program of the blueprint catalog, with the Python that has its servers. It skips the test in short runs.
func Catalog(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs servers of catalogs; left out by -short")
	}
	found(tb, "moto/bin/python", "moto") // which is one of them
	return filepath.Dir(found(tb, "catalog/bin/trunkline-catalog", "catalog"))
}

// Spark returns the folder of Apache Spark, and that of the Java that it runs on. It skips the test in short runs.
func Spark(tb testing.TB) (home, java string) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs Spark; left out by -short")
	}
	return filepath.Dir(filepath.Dir(found(tb, "spark/home/bin/spark-submit", "spark"))), filepath.Dir(filepath.Dir(found(tb, "spark/java/bin/java", "spark")))
}

// Airflow returns the folder of the programs of Apache Airflow. It skips the test in short runs.
func Airflow(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs Airflow; left out by -short")
	}
	return filepath.Dir(found(tb, "engines/airflow/bin/airflow", "engines"))
}

// Jupyter returns the folder with the programs of JupyterLab and papermill. It skips the test in short runs.
func Jupyter(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs JupyterLab; left out by -short")
	}
	return filepath.Dir(found(tb, "engines/jupyter/bin/jupyter-lab", "engines"))
}

func found(tb testing.TB, name, target string) string {
	tb.Helper()
	program, err := Path(name, target)
	if err != nil {
		tb.Fatal(err)
	}
	return program
}
