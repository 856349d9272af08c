// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
)

// TestRedactor: of what was written by pods that are gone, the values of all Secrets of their namespaces are taken out. If one cannot be read, nothing is
// shown.
func TestRedactor(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	secret := func(name, label, key, value string) string {
		return fmt.Sprintf(`{"metadata":{"name":%q,"labels":{%s}},"data":{%q:%q}}`, name, label, key, encode([]byte(value)))
	}
	many := strings.Repeat(secret("s", "", "k", "value")+",", maxSecrets) + secret("s", "", "k", "value")
	const connection = `"airflow.trunkline.dev/connection":"warehouse"`
	for name, tc := range map[string]struct {
		reason  string
		secrets map[string]string // by namespace; one that is not there is refused
		want    string
		err     string
	}{
		"Both": {"Each namespace counts.", map[string]string{"a": secret("s", "", "k", "hunter1"), "b": secret("s", "", "k", "hunter2")}, "[redacted] [redacted] https https://[redacted]@y", ""},
		"Connection": {
			"Its password is secret, and not where it leads to.",
			map[string]string{"a": secret("s", connection, "conn_type", "https") + "," + secret("t", connection, "password", "hunter1"), "b": ""},
			"[redacted] hunter2 https https://[redacted]@y", "",
		},
		"Refused": {"What must not be in it is not known.", map[string]string{"a": ""}, "", "the values of the Secrets of b, which must not be in the log, cannot be read: "},
		"Many":    {"A part of what is secret is not enough.", map[string]string{"a": many, "b": ""}, "", "there are more than 500"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				items, there := tc.secrets[strings.Split(r.URL.Path, "/")[4]]
				w.Header().Set("Content-Type", "application/json")
				if !there || r.Header.Get("Impersonate-User") != "" {
					w.WriteHeader(http.StatusForbidden)
					_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"you may not","code":403}`))
					return
				}
				fmt.Fprintf(w, `{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[%s]}`, items)
			}))
			defer srv.Close()
			c := New("one", func() (*rest.Config, error) { return &rest.Config{Host: srv.URL}, nil }, slog.New(slog.DiscardHandler))
			redact, err := c.Redactor(t.Context(), "a", "b")
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%s Got %v, want %q", tc.reason, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, redact("hunter1 hunter2 https https://x:clear-1@y")); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
