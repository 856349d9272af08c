// SPDX-License-Identifier: Apache-2.0

// Package blueprints is the embedded library of blueprints: the paved roads that every platform has from the
// start. Each folder with a blueprint.yaml is one; common is the library chart that they share.
//
// It imports of Trunkline the programs of workloads that charts bring, and nothing else. README.md beside this file tells how to write a blueprint.
package blueprints

import (
	"embed"
	"io/fs"
	"path"
	"strings"

	"trunkline.dev/trunkline/workloads/airflow"
)

// FS holds the library. The paths in a blueprint.yaml are relative to it.
var FS fs.FS = library{}

// own has the folders of this package.
//
//go:embed all:airflow all:boundary all:catalog all:common all:container-job all:copy all:cron-job all:cue all:ide all:jsonnet all:kustomize all:manifests
//go:embed all:notebook all:pull all:service all:spark-history all:spark-job all:spark-stream all:transform
var own embed.FS

// airflowFiles is the folder of a chart that has a Python package, which has its place with the others.
const airflowFiles = "airflow/chart/files"

// library is the folders of this package, with the Python package of Airflow among the files of its chart.
type library struct{}

// Open opens a file or folder.
func (library) Open(name string) (fs.File, error) {
	from, name := place(name)
	return from.Open(name)
}

// ReadFile reads a file.
func (library) ReadFile(name string) ([]byte, error) {
	from, name := place(name)
	return fs.ReadFile(from, name)
}

// ReadDir lists a folder.
func (library) ReadDir(name string) ([]fs.DirEntry, error) {
	from, below := place(name)
	entries, err := fs.ReadDir(from, below)
	if err != nil || name != airflowFiles {
		return entries, err
	}
	more, err := fs.ReadDir(airflow.FS, ".")
	return append(entries, more...), err
}

// place is where something is.
func place(name string) (embed.FS, string) {
	if rest, ok := strings.CutPrefix(name, airflowFiles+"/"); ok && strings.HasPrefix(rest, "trunkline_airflow") {
		return airflow.FS, path.Clean(rest)
	}
	return own, name
}
