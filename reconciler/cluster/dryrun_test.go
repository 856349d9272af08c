// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

type reached int

func (n *reached) RoundTrip(*http.Request) (*http.Response, error) {
	*n++
	return httptest.NewRecorder().Result(), nil
}

func TestAReadOnlyClientRefusesWrites(t *testing.T) {
	for _, c := range []struct {
		reason, method, url, upgrade string
		through                      bool
	}{
		{reason: "reading changes nothing", method: "GET", url: "/api/v1/pods", through: true},
		{reason: "a watch is reading", method: "GET", url: "/api/v1/pods?watch=true", through: true},
		{reason: "a dry run is not stored", method: "PATCH", url: "/api/v1/namespaces/a/pods/b?dryRun=All", through: true},
		{reason: "a patch is stored", method: "PATCH", url: "/api/v1/namespaces/a/pods/b"},
		{reason: "only All is known to be a dry run", method: "PATCH", url: "/api/v1/pods/b?dryRun="},
		{reason: "two answers are no answer", method: "PATCH", url: "/api/v1/pods/b?dryRun=All&dryRun=None"},
		{reason: "the name of a value is no value", method: "PATCH", url: "/api/v1/pods/dryRun=All"},
		{reason: "nothing is posted, not even dry", method: "POST", url: "/api/v1/pods?dryRun=All"},
		{reason: "nothing is put", method: "PUT", url: "/api/v1/pods/b?dryRun=All"},
		{reason: "nothing is deleted", method: "DELETE", url: "/api/v1/pods/b?dryRun=All"},
		{reason: "an upgraded GET can run a program", method: "GET", url: "/api/v1/namespaces/a/pods/b/exec?command=sh", upgrade: "websocket"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			var n reached
			r := httptest.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader("{}"))
			if c.upgrade != "" {
				r.Header.Set("Upgrade", c.upgrade)
			}
			resp, err := (&readOnly{next: &n}).RoundTrip(r)
			if err == nil {
				_ = resp.Body.Close()
			}
			if through := n == 1 && err == nil; through != c.through {
				t.Errorf("%s %s: reached the server %d times, error %v; want through: %t", c.method, c.url, n, err, c.through)
			}
			if err != nil && !strings.Contains(err.Error(), "refusing "+c.method) {
				t.Errorf("the error does not say what was refused: %v", err)
			}
		})
	}
}
