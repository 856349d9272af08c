// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBackoffDoublesAndForgets(t *testing.T) {
	var b backoff
	var got []time.Duration
	for range 8 {
		got = append(got, b.after(time.Second)/time.Second)
	}
	got = append(got, b.after(backoffForget)/time.Second, b.after(time.Second)/time.Second)
	want := []time.Duration{0, 10, 20, 40, 80, 160, 300, 300, 0, 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pauses in seconds (-want +got):\n%s", diff)
	}
}
