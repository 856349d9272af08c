// SPDX-License-Identifier: Apache-2.0

// Package airflow asks the Apache Airflow of an environment, by its REST API, how the runs of DAGs are, and why tasks failed.
//
// It is reached through whatever opens a connection, such as a port forward of package tunnel, with tokens that it makes itself: they are those of
// workloads/airflow/trunkline_airflow/auth.py. Of Trunkline it may import nothing.
package airflow
