// SPDX-License-Identifier: Apache-2.0

// Package spark is what the params of the blueprints spark-job, spark-stream and spark-history say: how much driver and executors take, where the checkpoint and the
// event logs are, and what of Spark's own configuration a workload may set.
//
// It is pure. Of Trunkline it imports api/param.
package spark
