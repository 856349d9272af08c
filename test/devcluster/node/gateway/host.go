// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// followInterval is how often the machine's servers are looked for besides each question for its name.
const followInterval = time.Second

// hostPorts shows the servers of the machine's loopback interface at an address of the cluster. Whoever looks up the name of
// the machine has them looked for first, so that a server that was started before is there.
type hostPorts struct {
	cfg Config

	mu      sync.Mutex
	proxies *proxies
	ended   bool
}

func newHostPorts(cfg Config) *hostPorts {
	return &hostPorts{cfg: cfg, proxies: newProxies(cfg.Network, cfg.Log)}
}

// follow keeps up with the machine until ctx is done.
func (h *hostPorts) follow(ctx context.Context) {
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	for {
		h.look(ctx)
		select {
		case <-ctx.Done():
			h.mu.Lock()
			h.ended = true
			h.proxies.close()
			h.mu.Unlock()
			return
		case <-tick.C:
		}
	}
}

// look has the ports of the machine that there are now.
func (h *hostPorts) look(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return
	}
	want := map[string][]backend{}
	for _, file := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // without IPv6 there is no such file
		}
		for _, server := range listening(string(content)) {
			at := net.JoinHostPort(h.cfg.Host, strconv.Itoa(int(server.Port())))
			if b := (backend{server.String(), true}); !slices.Contains(want[at], b) {
				want[at] = append(want[at], b)
			}
		}
	}
	h.proxies.set(ctx, want)
}

// listening reads a table of /proc/net: where servers can be reached from the machine itself.
func listening(table string) []netip.AddrPort {
	const local, state, listen = 1, 3, "0A"
	var found []netip.AddrPort
	lines := bufio.NewScanner(strings.NewReader(table))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) <= state || fields[state] != listen {
			continue
		}
		server, err := parseServer(fields[local])
		if err != nil {
			continue
		}
		switch address := server.Addr(); {
		case address == netip.IPv4Unspecified() || address == netip.IPv6Unspecified(): // of both kinds, unless it says otherwise
			found = append(found, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), server.Port()))
			if address.Is6() {
				found = append(found, netip.AddrPortFrom(netip.IPv6Loopback(), server.Port()))
			}
		case address == netip.MustParseAddr("127.0.0.1") || address == netip.IPv6Loopback():
			found = append(found, server)
		}
	}
	return found
}

// parseServer reads "0100007F:1F90": words of four bytes, each in the order of the machine, and the port.
func parseServer(text string) (netip.AddrPort, error) {
	address, port, ok := strings.Cut(text, ":")
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("no port in %q", text)
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	bytes, err := hex.DecodeString(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for i := 0; i+4 <= len(bytes); i += 4 {
		binary.NativeEndian.PutUint32(bytes[i:], binary.BigEndian.Uint32(bytes[i:]))
	}
	ip, ok := netip.AddrFromSlice(bytes)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("no address in %q", text)
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), nil
}
