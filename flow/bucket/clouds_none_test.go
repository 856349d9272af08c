// SPDX-License-Identifier: Apache-2.0

//go:build !stores_cloud

package bucket_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/flow/bucket"
)

// TestWithoutClouds: what the program has no client of is refused before anything is done, with what to do.
func TestWithoutClouds(t *testing.T) {
	for _, address := range []string{"gs://lake/", "azblob://lake/"} {
		if _, err := bucket.Open(t.Context(), address, bucket.Options{}); bucket.ClassOf(err) != bucket.Invalid || !strings.Contains(err.Error(), "build it with the tag stores_cloud") {
			t.Errorf("%s: the error is %v", address, err)
		}
	}
}
