// SPDX-License-Identifier: Apache-2.0

package deploy

import "embed"

// Chart has the Helm chart in the folder [ChartFolder], as "trunkline bootstrap" writes it into repositories.
//
//go:embed charts/trunkline/.helmignore charts/trunkline/Chart.yaml charts/trunkline/values.yaml charts/trunkline/values.schema.json
//go:embed charts/trunkline/files all:charts/trunkline/templates
var Chart embed.FS

// ChartFolder is where the chart is in [Chart].
const ChartFolder = "charts/trunkline"
