// SPDX-License-Identifier: Apache-2.0

package confidential_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/confidential"
)

// TestWhat: what is secret is told by its name or by its form; what only names a secret is none.
func TestWhat(t *testing.T) {
	token := strings.Repeat("aB3", 12)
	for _, tc := range []struct{ name, value, want string }{
		{"DB_PASSWORD", "hunter2", "a password"},
		{"dbPassword", "hunter2", "a password"},
		{"db.password", "123456", "a password"},
		{"PGPASSWORD", "hunter2", "a password"},
		{"PASSWORD2", "hunter2", "a password"},
		{"MYSQL_PWD", "hunter2", "a password"},
		{"API_KEY", "abc123", "a key"},
		{"apikey", "abc123", "a key"},
		{"AWS_SECRET_ACCESS_KEY", "abc/def", "a key"},
		{"CLIENT_SECRET", "s3cr3t", "a secret"},
		{"AUTH_TOKEN", "abc123", "a token"},
		{"GOOGLE_CREDENTIALS", "abc123", "credentials"},
		{"X", "-----BEGIN RSA PRIVATE KEY-----\nMIIE", "a private key"},
		{"X", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "a private key"},
		{"X", "AKIAIOSFODNN7EXAMPLE", "an access key of AWS"},
		{"X", "ghp_" + token, "a token of GitHub"},
		{"X", "github_pat_" + token, "a token of GitHub"},
		{"X", "glpat-" + token, "a token of GitLab"},
		{"X", "xoxb-1234567890-abc", "a token of Slack"},
		{"X", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk", "a JSON Web Token"},
		{"X", "postgres://app:hunter2@db/orders", "a URL with a password"},
		{"X", "see redis://:hunter2@cache:6379/0", "a URL with a password"},
		{"X", "AccountName=a;AccountKey=" + token + "==;", "a key of Azure"},

		{"DB_PASSWORD", "", ""},
		{"PASSWORD_FILE", "/run/secrets/x", ""},
		{"PASSWORD", "/run/secrets/x", ""},
		{"DB_PASSWORD", "$(OTHER)", ""},
		{"DB_PASSWORD", "${OTHER}", ""},
		{"DB_PASSWORD", "{{ password }}", ""},
		{"DB_PASSWORD", "<password>", ""},
		{"DB_PASSWORD", "****", ""},
		{"DB_PASSWORD", "xxxx", ""},
		{"DB_PASSWORD", "ENC[AES256_GCM,data:x]", ""},
		{"DB_PASSWORD", "vault:secret/data/db#password", ""},
		{"DB_SECRET", "arn:aws:secretsmanager:eu-west-1:1:secret:db", ""},
		{"DB_SECRET", "projects/p/secrets/db", ""},
		{"ENABLE_TOKEN", "true", ""},
		{"TOKEN", "3600", ""},
		{"TOKEN_TTL", "1h", ""},
		{"MAX_TOKENS", "4096", ""},
		{"TOKEN_URL", "https://login.example/token", ""},
		{"SECRET_NAME", "database", ""},
		{"PASSWORD_POLICY", "strict", ""},
		{"PUBLIC_KEY", "abc123", ""},
		{"PRIMARY_KEY", "id", ""},
		{"PARTITION_KEY", "day", ""},
		{"KEY", "abc", ""},
		{"COMPASS", "north", ""},
		{"BYPASS", "yes", ""},
		{"X", "-----BEGIN PUBLIC KEY-----", ""},
		{"X", "-----BEGIN CERTIFICATE-----", ""},
		{"X", "https://db:5432/orders", ""},
		{"X", "https://user@host/", ""},
		{"X", "postgres://app:$(PASSWORD)@db/orders", ""},
		{"X", "postgres://app:****@db/orders", ""},
		{"", "", ""},
	} {
		if got := confidential.What(tc.name, tc.value); got != tc.want {
			t.Errorf("%s=%q: got %q, want %q", tc.name, tc.value, got, tc.want)
		}
	}
}

// TestRedact: what is secret by its name or form is taken out of a text, and nothing else.
func TestRedact(t *testing.T) {
	values := map[string]any{
		"image": "ghcr.io/acme/web", "db": map[string]any{"password": "hunter2", "longPassword": "hunter2hunter2", "user": "app"},
		"extra": []any{map[string]any{"token": "abcdef"}, "postgres://app:sesame@db/orders"}, "tls": map[string]any{"key": "-----BEGIN PRIVATE KEY-----\nMIIEabcd\n"},
		"short": map[string]any{"password": "abc"}, "n": 1,
	}
	for text, want := range map[string]string{
		"cannot use hunter2 of ghcr.io/acme/web":        "cannot use [redacted] of ghcr.io/acme/web",
		"cannot use hunter2hunter2":                     "cannot use [redacted]",
		"aHVudGVyMg== is no number":                     "[redacted] is no number",
		"parse postgres://app:sesame@db/orders: abcdef": "parse [redacted]: [redacted]",
		"line 2: MIIEabcd of app":                       "line 2: [redacted] of app",
		"abc":                                           "abc",
	} {
		if got := confidential.Redact(text, values); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
