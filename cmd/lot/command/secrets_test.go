// SPDX-License-Identifier: Apache-2.0

package command_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/cmd/lot/command"
)

// TestSecrets: a program is started with its secrets, or not at all, and then it is left behind why.
func TestSecrets(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"orders/db"`) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type": "AccessDeniedException", "message": "no: s3cr3t"}`)
			return
		}
		_, _ = io.WriteString(w, `{"SecretString": "s3cr3t"}`)
	}))
	t.Cleanup(server.Close)
	plan := func(name string) string {
		return secretref.Plan{
			Stores:  map[string]v1alpha1.SecretStore{"aws": {Provider: v1alpha1.AWSSecretsManager, Resolve: v1alpha1.ByEntrypoint, Region: "eu-west-1", Endpoint: server.URL}},
			Secrets: map[string]v1alpha1.SecretRef{"PASSWORD": {Store: "aws", Name: name}},
		}.String()
	}
	for name, tc := range map[string]struct {
		reason, plan, script string
		code                 int
		out, errs, left      string
	}{
		"Read":   {"The program has the value, and what it writes has not.", plan("orders/db"), `test "$PASSWORD" = s3cr3t && echo "it is $PASSWORD"`, 0, "it is [redacted]\n", "", ""},
		"Fails":  {"The exit code of the program is that of lot, and it has said why.", plan("orders/db"), "exit 7", 7, "", "", ""},
		"Denied": {"The program is not started.", plan("orders/other"), "echo started", secretref.ExitCode, "", "may not be read by the account of the workload", "trunkline-secret denied PASSWORD"},
		"Odd":    {"Something else than Trunkline wrote it.", "{", "echo started", secretref.ExitCode, "", "is not JSON of references", ""},
	} {
		t.Run(name, func(t *testing.T) {
			note := filepath.Join(t.TempDir(), "note")
			if err := os.WriteFile(note, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			code := command.Run(t.Context(), []string{"secrets", "exec", "--termination-log", note, "--", "/bin/sh", "-c", tc.script},
				[]string{"PATH=" + os.Getenv("PATH"), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", secretref.Variable + "=" + tc.plan},
				command.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
			left, _ := os.ReadFile(note)
			if diff := cmp.Diff([]any{tc.code, tc.out, tc.left}, []any{code, out.String(), string(left)}); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if got := errs.String(); !strings.Contains(got, tc.errs) || tc.errs == "" && got != "" || strings.Contains(got, "s3cr3t") {
				t.Errorf("%s\nit says %q, want %q", tc.reason, got, tc.errs)
			}
		})
	}
}

// TestInstall puts the program that runs where it is asked to.
func TestInstall(t *testing.T) {
	at := filepath.Join(t.TempDir(), "lot")
	if code := command.Run(t.Context(), []string{"secrets", "install", at}, nil, command.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}); code != 0 {
		t.Fatalf("it ends with %d", code)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, _ := os.Stat(own)
	got, err := os.Stat(at)
	if err != nil || got.Size() != want.Size() {
		t.Errorf("it is %v, %v", got, err)
	}
}
