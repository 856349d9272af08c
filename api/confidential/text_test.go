// SPDX-License-Identifier: Apache-2.0

package confidential_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/confidential"
)

// made puts a value together that the scanners of forges would take for a secret of someone.
func made(parts ...string) string { return strings.Join(parts, "") }

// TestText is what is taken out of a log, and what is left in it.
func TestText(t *testing.T) {
	key := made("-----BEGIN RSA PRIVATE", " KEY-----")
	for name, tc := range map[string]struct{ reason, text, want string }{
		"Nothing":       {"Most of a log.", "read 12 rows in 3 s\n", "read 12 rows in 3 s\n"},
		"Setting":       {"A name says it.", "DB_PASSWORD=hunter2 ok", "DB_PASSWORD=[redacted] ok"},
		"JSON":          {"As structured logs have it.", `{"user":"ann","password":"hun ter\"2","n":3}`, `{"user":"ann","password":"[redacted]","n":3}`},
		"YAML":          {"With a blank.", "apiKey: abc123def", "apiKey: [redacted]"},
		"Flag":          {"As an argument.", "run --token=s3cr3t --n=1", "run --token=[redacted] --n=1"},
		"Count":         {"A number of tokens is none.", "tokens=5 token: 120", "tokens=5 token: 120"},
		"Reference":     {"Where it is is none.", "password: vault:kv/db secret=/etc/secret", "password: vault:kv/db secret=/etc/secret"},
		"URL":           {"What signs on at an address.", "GET https://ann:hunter2@db.example/x", "GET https://[redacted]@db.example/x"},
		"Signed":        {"What signs an address.", "s3.example/a?X-Amz-Signature=abc&x=1", "s3.example/a?X-Amz-Signature=[redacted]&x=1"},
		"Header":        {"What signs a request.", "> Authorization: Bearer abcdef0123456789", "> Authorization: Bearer [redacted]"},
		"AWS":           {"By its form.", "key " + made("AKIA", "ABCDEFGHIJKLMNOP") + " is old", "key [redacted] is old"},
		"GitHub":        {"By its form.", made("ghp", "_", strings.Repeat("a1", 18)), "[redacted]"},
		"Within":        {"What is no secret may hold one.", "error: x=password=a1b2c3", "error: x=password=[redacted]"},
		"Key":           {"As a whole.", "a\n" + key + "\nMIIB\nabc=\n" + strings.ReplaceAll(key, "BEGIN", "END") + "\nb\n", "a\n[redacted]\nb\n"},
		"CutKey":        {"One whose end is missing.", key + "\nMIIBOgIBAAJBAKj34GkxFhD9\nQJBAKj34GkxFhD90vcN\ndone here\n", "[redacted]\ndone here\n"},
		"CutKeyAtOnce":  {"One that is named only.", "found " + key, "found [redacted]\n"},
		"Twice":         {"Whatever is done once more changes nothing.", "token=[redacted] a://[redacted]@b", "token=[redacted] a://[redacted]@b"},
		"SeveralOnLine": {"All of them.", "pwd=a1b2 PGPASSWORD=c3d4, secret='e5 f6'", "pwd=[redacted] PGPASSWORD=[redacted], secret='[redacted]'"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, confidential.Text(tc.text)); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestTextHidesPasswords: whatever stands around a password, it is not left where its name stands before it.
func TestTextHidesPasswords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := "Zq" + rapid.StringMatching(`[A-Za-z0-9]{6,20}`).Draw(t, "password")
		before, after := rapid.StringMatching(`([ -~]{0,20} )?`).Draw(t, "before"), rapid.StringMatching(`( [ -~]{0,20})?`).Draw(t, "after")
		form := rapid.SampledFrom([]string{"password=%", "DB_PASSWORD: %", `"password": "%"`, "postgres://u:%@h/db"}).Draw(t, "form")
		text := before + "\n" + strings.ReplaceAll(form, "%", password) + "\n" + after
		if got := confidential.Text(text); strings.Contains(got, password) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}
