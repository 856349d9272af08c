// SPDX-License-Identifier: Apache-2.0

package clustertest_test

import (
	"testing"

	"trunkline.dev/trunkline/test/clustertest"
)

// BenchmarkStart measures how long a cluster takes from the start of its process until it is ready.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		c := clustertest.Start(b, clustertest.Options{})
		b.StopTimer()
		c.Stop(b)
		b.StartTimer()
	}
}
