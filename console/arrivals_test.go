// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
)

// TestNotifications: whoever has the token may say where to look, and nobody else; what is sent is bounded.
func TestNotifications(t *testing.T) {
	const secret = "arrivals-0123456789"
	bearer := map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"}
	for name, tc := range map[string]struct {
		reason, secret, path, method, body string
		header                             map[string]string
		code, notified                     int
		want                               string
	}{
		"Bearer":    {"A header has the token.", secret, "", "POST", `{"a":1}`, bearer, 200, 1, "it is looked"},
		"Query":     {"Senders without headers have it in the address.", secret, "?token=" + secret, "POST", `{}`, nil, 200, 1, ""},
		"Handshake": {"What the sender wants to hear is answered.", secret, "", "POST", `"shake"`, bearer, 200, 1, `{"validationResponse":"x"}`},
		"Refused":   {"What is none is refused.", secret, "", "POST", `"refused"`, bearer, 400, 1, "it is none"},
		"NoToken":   {"Nobody else may.", secret, "", "POST", `{}`, nil, 401, 0, ""},
		"Another":   {"Another token is none.", secret, "?token=x" + secret, "POST", `{}`, nil, 401, 0, ""},
		"Beginning": {"Its beginning is none.", secret, "?token=" + secret[:10], "POST", `{}`, nil, 401, 0, ""},
		"Callers":   {"The token of callers is none.", secret, "?token=" + consoletest.Token, "POST", `{}`, nil, 401, 0, ""},
		"Off":       {"Without one nothing is accepted, and is not open.", "", "?token=", "POST", `{}`, nil, 403, 0, ""},
		"Large":     {"What is read is bounded.", secret, "", "POST", `"` + strings.Repeat("x", 2<<20) + `"`, bearer, 413, 0, ""},
		"Asks":      {"CloudEvents ask first.", secret, "?token=" + secret, "OPTIONS", "", map[string]string{"WebHook-Request-Origin": "events.example.com"}, 200, 0, "send them"},
		"AsksNot":   {"And say who they are.", secret, "?token=" + secret, "OPTIONS", "", nil, 400, 0, ""},
		"Stranger":  {"Strangers hear nothing.", secret, "", "OPTIONS", "", map[string]string{"WebHook-Request-Origin": "events.example.com"}, 401, 0, ""},
	} {
		if tc.header == nil {
			tc.header = map[string]string{"Content-Type": "application/json"}
		}
		t.Run(name, func(t *testing.T) {
			var notified atomic.Int32
			d := consoletest.Start(t, consoletest.WithToken, func(o *console.Options) {
				o.NotifySecret = func() string { return tc.secret }
				o.Notify = func(_ func(string) string, body []byte) (any, error) {
					notified.Add(1)
					switch string(body) {
					case `"shake"`:
						return map[string]string{"validationResponse": "x"}, nil
					case `"refused"`:
						return nil, errors.New("it is none")
					}
					return nil, nil
				}
			})
			got, header := ask(t, d, request{method: tc.method, path: "/hooks/arrivals" + tc.path, host: "trunkline.example.com", body: tc.body, header: tc.header})
			if got.Code != tc.code || int(notified.Load()) != tc.notified || !strings.Contains(got.Body, tc.want) {
				t.Errorf("%s got %+v, and %d are passed on", tc.reason, got, notified.Load())
			}
			if origin := header.Get("Webhook-Allowed-Origin"); (origin != "") != (name == "Asks") {
				t.Errorf("%s the allowed origin is %q", tc.reason, origin)
			}
			if strings.Contains(got.Body, secret) {
				t.Errorf("the answer has the token: %s", got.Body)
			}
		})
	}
}
