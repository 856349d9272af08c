// SPDX-License-Identifier: Apache-2.0

package git

import (
	"net/http"
	"net/url"
	"testing"
)

// TestMayRedirect: a server may send its client along the same origin, and to https, and nowhere else. TestRedirects
// asks real servers, which differ in their ports only.
func TestMayRedirect(t *testing.T) {
	for _, tt := range []struct {
		reason, from, to string
		method           string
		want             bool
	}{
		{reason: "the same origin: another path", from: "https://git.acme.io/a.git/info/refs", to: "https://git.acme.io/b.git/info/refs", want: true},
		{reason: "names of hosts know no case", from: "https://git.acme.io/a", to: "https://GIT.acme.io/a", want: true},
		{reason: "http may become https", from: "http://git.acme.io/a", to: "https://git.acme.io/a", want: true},
		{reason: "https may not become http", from: "https://git.acme.io/a", to: "http://git.acme.io/a"},
		{reason: "another host with the same port would be given the credentials", from: "https://git.acme.io/a", to: "https://evil.example/a"},
		{reason: "another host by https as well", from: "http://git.acme.io/a", to: "https://evil.example/a"},
		{reason: "a subdomain is another host", from: "https://acme.io/a", to: "https://git.acme.io/a"},
		{reason: "a host that begins alike is another", from: "https://acme.io/a", to: "https://acme.io.evil.example/a"},
		{reason: "a name before an @ is no host", from: "https://git.acme.io/a", to: "https://git.acme.io@evil.example/a"},
		{reason: "another port is another server", from: "https://git.acme.io/a", to: "https://git.acme.io:8443/a"},
		{reason: "from http with a port, nobody knows the port of https", from: "http://git.acme.io:3000/a", to: "https://git.acme.io:3000/a"},
		{reason: "another scheme altogether", from: "https://git.acme.io/a", to: "file://git.acme.io/a"},
		{reason: "the question for the pack has a body, which is not sent elsewhere", method: http.MethodPost, from: "https://git.acme.io/a", to: "https://git.acme.io/b"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			from, err := url.Parse(tt.from)
			if err != nil {
				t.Fatal(err)
			}
			to, err := url.Parse(tt.to)
			if err != nil {
				t.Fatal(err)
			}
			method := tt.method
			if method == "" {
				method = http.MethodGet
			}
			if got := mayRedirect(&http.Request{Method: method, URL: from}, to); got != tt.want {
				t.Errorf("from %s to %s: got %v, want %v", tt.from, tt.to, got, tt.want)
			}
		})
	}
}
