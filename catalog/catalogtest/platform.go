// SPDX-License-Identifier: Apache-2.0

// Package catalogtest makes platforms of any size, for tests and benchmarks.
//
// The package is pure. It may import nothing of Trunkline.
package catalogtest

import (
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
)

const head = "apiVersion: trunkline.dev/v1alpha1\n"

// Platform returns the files of a platform of so many projects, in which nothing is wrong. Each has 8 workloads and 6
// datasets, in a chain; the first workload reads the last dataset of another project, so that the DAG is a tree of
// projects. They are deployed to two environments on two clusters.
func Platform(projects int) map[string]string {
	files := map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: large}\nspec:\n  roots: [setup, projects]\n",
		"setup/clusters.yaml": head + "kind: Cluster\nmetadata: {name: one}\n---\n" +
			head + "kind: Cluster\nmetadata: {name: two}\n",
		"setup/environments.yaml": head + "kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [one]\n  stores: {lake: s3://dev}\n---\n" +
			head + "kind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [two]\n  stores: {lake: s3://prod}\n",
	}
	for i := range projects {
		files[File(i)] = project(i)
	}
	return files
}

// File is the name of the file of a project, which are spread over folders as in a real repository.
func File(i int) string { return fmt.Sprintf("projects/team-%03d/p-%05d/project.yaml", i%100, i) }

func project(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, head+"kind: Project\nmetadata: {name: p-%05d}\nspec:\n  owner: team-%03d\n  environments: [dev, prod]\n", i, i%100)
	fmt.Fprintf(&b, "  image: ghcr.io/acme/p-%05d@sha256:%064d\n  datasets:\n", i, i)
	for d := range 6 {
		fmt.Fprintf(&b, "    - name: d-%d\n      version: \"1\"\n      lots: {unit: hourly, since: 2026-01-01T00:00:00Z}\n      path: lake://p-%05d/d-%d/\n", d, i, d)
	}
	b.WriteString("  workloads:\n")
	for w := range 8 {
		fmt.Fprintf(&b, "    - name: w-%d\n      blueprint: container-job\n", w)
		switch {
		case w == 7:
			b.WriteString("      reads: {main: d-0@1}\n")
		case w > 0:
			fmt.Fprintf(&b, "      reads: {main: d-%d@1}\n", w-1)
		case i > 0:
			fmt.Fprintf(&b, "      reads: {main: p-%05d/d-5@1}\n", (i-1)/2)
		}
		if w < 6 {
			fmt.Fprintf(&b, "      writes: {main: d-%d@1}\n", w)
		}
		fmt.Fprintf(&b, "      command: [python, work.py, --step, \"%d\"]\n      size: mx.small\n      retries: 2\n      timeout: 30m\n", w)
	}
	return b.String()
}

// Over is a tree with one file of another content.
type Over struct {
	fs.FS
	// Name is that of the file, and Text its content.
	Name, Text string
}

// Open implements [fs.FS].
func (o Over) Open(name string) (fs.File, error) {
	if name == o.Name {
		return fstest.MapFS{name: &fstest.MapFile{Data: []byte(o.Text)}}.Open(name)
	}
	return o.FS.Open(name)
}
