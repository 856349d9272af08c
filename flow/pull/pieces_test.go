// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestNextIn reads what RFC 8288 allows.
func TestNextIn(t *testing.T) {
	for header, want := range map[string]string{
		"":                                       "",
		"</b>; rel=next":                         "/b",
		`</b>; rel="next"`:                       "/b",
		`</a>; rel="prev", </b>; rel="next"`:     "/b",
		`</a,b>; rel=prev,</c;d>; rel=next`:      "/c;d",
		`</a>; title="x, <y>; rel=next"`:         "",
		`</a>; title="x\"", </b>; rel=NEXT`:      "/b",
		`</b>; rel="last next"`:                  "/b",
		`</b>; rel=prev; rel=next`:               "",
		`</b>; anchor; REL = "next"`:             "/b",
		`</b>; rel=nextish`:                      "",
		`</b>; rel="next`:                        "/b",
		`< /b >; rel=next`:                       "/b",
		`</b; rel=next`:                          "",
		`</b>`:                                   "",
		`</b>;`:                                  "",
		`</a>;x=y;;rel=prev , </b> ; rel = next`: "/b",
	} {
		if got := nextIn(header); got != want {
			t.Errorf("%s: the next is %q, want %q", header, got, want)
		}
	}
}

// FuzzNextIn: whatever a server sends is read to its end.
func FuzzNextIn(f *testing.F) {
	f.Add(`</a>; title="x\", </b>; rel=NEXT`)
	f.Fuzz(func(t *testing.T, header string) {
		if got := nextIn(header); got != "" && !strings.Contains(header, got) {
			t.Errorf("%q: %q", header, got)
		}
	})
}

// TestForbidden are the addresses that nothing is fetched from.
func TestForbidden(t *testing.T) {
	for address, want := range map[string]struct{ named, unnamed bool }{
		"93.184.216.34": {true, true}, "2606:2800::1": {true, true},
		"10.1.2.3": {true, false}, "127.0.0.1": {true, false}, "::1": {true, false}, "192.168.0.1": {true, false}, "fd12::1": {true, false}, "100.64.0.1": {true, false},
		"::ffff:10.0.0.1":        {true, false},
		"169.254.169.254":        {false, false},
		"::ffff:169.254.169.254": {false, false},
		"fe80::1%eth0":           {false, false},
		"fd00:ec2::254":          {false, false}, "100.100.100.200": {false, false}, "168.63.129.16": {false, false}, "0.0.0.0": {false, false}, "224.0.0.1": {false, false}, "::": {false, false},
	} {
		ip := netip.MustParseAddr(address)
		if named, unnamed := forbidden(ip, true) == "", forbidden(ip, false) == ""; named != want.named || unnamed != want.unnamed {
			t.Errorf("%s is connected with if it is named: %t, and else: %t", address, named, unnamed)
		}
	}
}

// TestEnding: a file is called by what it is.
func TestEnding(t *testing.T) {
	for _, c := range []struct{ path, kind, want string }{
		{"/a.csv", "application/octet-stream", ".csv"},
		{"/a.CSV.gz", "application/gzip", ".csv.gz"},
		{"/v1.2/orders", "application/json; charset=utf-8", ".json"},
		{"/orders.php", "text/csv", ".csv"},
		{"/orders.2026-01-01.parquet", "", ".parquet"},
		{"/x", "application/hal+json", ".json"},
		{"/x", "", ""},
		{"/x", "nonsense;;", ""},
		{"/", "text/plain", ".txt"},
	} {
		resp := &http.Response{Header: http.Header{"Content-Type": {c.kind}}, Request: &http.Request{URL: &url.URL{Path: c.path}}}
		if got := ending(resp); got != c.want {
			t.Errorf("%s of %q ends in %q, want %q", c.path, c.kind, got, c.want)
		}
	}
}

// TestRetryAfter reads seconds and times.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, " 5 ": 5 * time.Second, "-5": 0, "soon": 0, "99999999999999": 1 << 30 * time.Second,
		"Thu, 01 Jan 2026 00:01:00 GMT": time.Minute, "Wed, 31 Dec 2025 00:01:00 GMT": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestProxies: those that the variables name are asked, in either spelling.
func TestProxies(t *testing.T) {
	proxy := proxies(map[string]string{"https_proxy": "http://proxy:3128", "NO_PROXY": "own.example"})
	for to, want := range map[string]string{"https://a.example": "http://proxy:3128", "https://own.example": "", "http://a.example": ""} {
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		got, err := proxy(u)
		if err != nil || got != nil && got.String() != want || got == nil && want != "" {
			t.Errorf("%s goes by %v, want %q; %v", to, got, want, err)
		}
	}
}
