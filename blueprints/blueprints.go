// SPDX-License-Identifier: Apache-2.0

// Package blueprints is the embedded library of blueprints: the paved roads that every platform has from the
// start. Each folder with a blueprint.yaml is one; common is the library chart that they share.
//
// It imports nothing of Trunkline. README.md beside this file tells how to write one.
package blueprints

import "embed"

// FS holds the library. The paths in a blueprint.yaml are relative to it.
//
//go:embed all:boundary all:catalog all:common all:container-job all:copy all:cron-job all:cue all:ide all:jsonnet all:kustomize all:manifests
//go:embed all:notebook all:pull all:service all:spark-history all:spark-job all:spark-stream all:transform
var FS embed.FS
