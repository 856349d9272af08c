// SPDX-License-Identifier: Apache-2.0

// Package airflow has the Python package of Trunkline for Apache Airflow, for those who deliver it.
//
// Of Trunkline it imports nothing.
package airflow

import "embed"

// FS holds the folder trunkline_airflow.
//
//go:embed trunkline_airflow/*.py trunkline_airflow/*.sh
var FS embed.FS
