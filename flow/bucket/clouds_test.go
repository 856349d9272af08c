// SPDX-License-Identifier: Apache-2.0

//go:build stores_cloud

package bucket_test

import (
	"testing"

	"trunkline.dev/trunkline/flow/bucket"
)

// TestWithClouds: there are clients of all stores that can be declared.
func TestWithClouds(t *testing.T) {
	for _, address := range []string{"gs://lake/", "azblob://lake/"} {
		if _, err := bucket.Parse(address); err != nil {
			t.Error(err)
		}
	}
}
