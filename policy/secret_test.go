// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/policy"
)

// TestSecretIn: what is secret is told by its name or by its form; what only names a secret is none.
func TestSecretIn(t *testing.T) {
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
		if got := policy.SecretIn(tc.name, tc.value); got != tc.want {
			t.Errorf("%s=%q: got %q, want %q", tc.name, tc.value, got, tc.want)
		}
	}
}

// TestSecretsAreNotShown: a secret in clear is told where it is, and never what it is.
func TestSecretsAreNotShown(t *testing.T) {
	testRule(t, policy.RuleSecret, map[string]ruleCase{
		"Env": {
			reason: "A variable is named, and its value is not.", edits: []edit{{sales, "      schedule:", "      env: {DB_PASSWORD: hunter2}\n      schedule:"}},
			want: []string{`warn secret-in-clear sales/project.yaml:14 "DB_PASSWORD" looks like a password, and everybody who can read the repository reads it`},
		},
		"Environment": {
			reason: "So is one of an environment.", edits: []edit{{sales, "prod: {}", "prod: {workloads: {clock: {env: {TOKEN: abc}}}}"}},
			want: []string{`warn secret-in-clear sales/project.yaml:6 "TOKEN" looks like a token, and everybody who can read the repository reads it`},
		},
		"Reference": {reason: "What only names a secret is none.", edits: []edit{{sales, "      schedule:", "      env: {DB_PASSWORD_FILE: /run/db}\n      schedule:"}}},
	})
	files := change(t, acme(), edit{sales, "      schedule:", "      env: {DB_PASSWORD: hunter2}\n      schedule:"})
	for _, p := range mustCheck(t, policy.Input{Catalog: load(t, files)}).Problems {
		if !p.Confidential || strings.Contains(p.String(), "hunter2") {
			t.Errorf("the value can be seen: %s", p)
		}
	}
}
