// SPDX-License-Identifier: Apache-2.0

//go:build !events_brokers

package deliver_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/flow/deliver"
)

// TestNoBrokers: a program without the clients of brokers says so before it begins.
func TestNoBrokers(t *testing.T) {
	for _, address := range []string{"nats://a:4222/lots", "kafka+tls://a:9092/lots"} {
		if err := (deliver.Target{URL: address}).Check(); err == nil || !strings.Contains(err.Error(), "build it with the tag events_brokers") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
