// SPDX-License-Identifier: Apache-2.0

package podnet

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAddresses has as many pods as there is room for get addresses of their own, none of which is the cluster's.
func TestAddresses(t *testing.T) {
	const room = 1<<16 - firstPod - 1
	in, taken := netip.MustParsePrefix(PodRange), map[string]bool{Gateway: true, Host: true, "10.244.0.0": true, "10.244.255.255": true}
	for n := range uint32(room) {
		address := Address(n)
		if taken[address] || !in.Contains(netip.MustParseAddr(address)) {
			t.Fatalf("pod %d gets %s, which is taken or of no pod", n, address)
		}
		taken[address] = true
	}
	if diff := cmp.Diff([]string{"10.244.0.10", "10.244.1.0", Address(0)}, []string{Address(0), Address(246), Address(room)}); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}
