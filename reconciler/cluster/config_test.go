// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExecCredentials: a kubeconfig that names a program is refused unless the operator allows it; nothing is run to
// find out.
func TestExecCredentials(t *testing.T) {
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	kubeconfig := filepath.Join(dir, "kubeconfig")
	text := `apiVersion: v1
kind: Config
current-context: x
contexts: [{name: x, context: {cluster: x, user: x}}]
clusters: [{name: x, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: x, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [` + ran + `], interactiveMode: Never}}}]
`
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Config{Name: "x", Kubeconfig: kubeconfig}.REST()
	if err == nil || !strings.Contains(err.Error(), `come from a program ("touch")`) || !strings.Contains(err.Error(), "--allow-exec-credentials") {
		t.Errorf("got %v, want it refused by name and with the flag", err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the program was run")
	}
	if _, err := (Config{Name: "x", Kubeconfig: kubeconfig, AllowExec: true}).REST(); err != nil {
		t.Errorf("allowed: got %v", err)
	}
}
