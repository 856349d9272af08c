// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// origin is a server.
type origin struct{ scheme, host, port string }

func originOf(u *url.URL) origin {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return origin{u.Scheme, strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port}
}

// refusedError is what is not asked, whatever a server says.
type refusedError struct{ text string }

// Error says what, and why.
func (e *refusedError) Error() string { return e.text }

const (
	maxRedirects   = 10
	connectTimeout = 30 * time.Second
)

// newClient makes a client that gives credentials to their own server only, and leads nowhere that is not meant.
func (a *asking) newClient() (*http.Client, error) {
	proxy := proxies(a.Env)
	trusted := append([]string{a.origin.host}, a.spec.HTTP.Hosts...)
	transport := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }, DisableCompression: true, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: connectTimeout, MaxResponseHeaderBytes: 1 << 20,
	}
	// What a proxy is asked for it looks up itself.
	for _, scheme := range []string{"http", "https"} {
		via, err := proxy(&url.URL{Scheme: scheme, Host: a.origin.host})
		if err != nil {
			return nil, fmt.Errorf("the variables of the proxy: %w", err)
		}
		if via != nil {
			trusted = append(trusted, originOf(via).host)
		}
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dial(ctx, network, address, trusted)
	}
	return &http.Client{Transport: transport, CheckRedirect: a.redirect}, nil
}

// proxies is what the variables say of proxies.
func proxies(env map[string]string) func(*url.URL) (*url.URL, error) {
	either := func(name string) string {
		if value := env[name]; value != "" {
			return value
		}
		return env[strings.ToLower(name)]
	}
	c := httpproxy.Config{HTTPProxy: either("HTTP_PROXY"), HTTPSProxy: either("HTTPS_PROXY"), NoProxy: either("NO_PROXY")}
	return c.ProxyFunc()
}

// redirect decides whether a redirection is followed, and what is sent there.
func (a *asking) redirect(r *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= maxRedirects:
		return &refusedError{fmt.Sprintf("it redirects more than %d times", maxRedirects)}
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return &refusedError{"it redirects to what is not there over HTTP"}
	case r.URL.Scheme == "http" && via[len(via)-1].URL.Scheme == "https":
		return &refusedError{fmt.Sprintf("it redirects to %s, which would come in clear", shown(r.URL))}
	}
	r.Header.Del("Referer") // it has the query, and that may have secrets
	for _, at := range append(slices.Clip(via), r) {
		if originOf(at.URL) != a.origin {
			for name := range a.headers {
				r.Header.Del(name)
			}
			r.Header.Del("If-None-Match")
			r.Header.Del("If-Modified-Since")
		}
	}
	return nil
}

// dial connects with a server. Those that are trusted are named by who declared the workload; where others lead is not.
func dial(ctx context.Context, network, address string, trusted []string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	named := slices.ContainsFunc(trusted, func(t string) bool {
		return strings.EqualFold(strings.TrimSuffix(t, "."), strings.TrimSuffix(host, "."))
	})
	d := net.Dialer{Timeout: connectTimeout, Control: func(_, to string, _ syscall.RawConn) error {
		ip, err := netip.ParseAddrPort(to)
		if err != nil {
			return err
		}
		if why := forbidden(ip.Addr(), named); why != "" {
			return &refusedError{fmt.Sprintf("%s is %s, %s", host, ip.Addr(), why)}
		}
		return nil
	}}
	return d.DialContext(ctx, network, address)
}

// metadata are the addresses at which clouds give credentials to machines, beside those of the link.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16")}

// forbidden says why an address is not connected with; empty if it is.
func forbidden(ip netip.Addr, named bool) string {
	ip = ip.Unmap().WithZone("")
	switch {
	case ip.IsLinkLocalUnicast(), ip.IsMulticast(), ip.IsUnspecified(), slices.Contains(metadata, ip):
		return "where no data are fetched from: credentials of the machine are there"
	case !named && (ip.IsLoopback() || ip.IsPrivate() || shared.Contains(ip)):
		return "which is an address of this network: if what is fetched leads there, name the host in http.hosts"
	}
	return ""
}

// shared are the addresses of networks behind a provider (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")
