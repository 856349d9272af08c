// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/reconciler/agent/agenttest"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/stage"
)

// port returns an address that is free now.
func port(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// agentProcess starts the agent of the cluster test.
func agentProcess(t *testing.T, args ...string) *stage.Process {
	t.Helper()
	p, err := stage.Start(stage.Spec{
		Name: "agent", Path: binary, Args: append([]string{"agent", "--cluster", "test", "--listen", "127.0.0.1:0", "--lifeline"}, args...),
		Log: filepath.Join(t.TempDir(), "agent.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() }) // it may have ended
	return p
}

// TestAgentProcesses keeps a cluster by a daemon that does not reach it and an agent that comes to it with a token: the line is cut,
// both are killed and started again, and whoever else comes is not let in.
func TestAgentProcesses(t *testing.T) {
	cluster := pkg.Cluster(t)
	core := cluster.Client(t).CoreV1()
	repo := gittest.New(t)
	authority := agenttest.NewAuthority(t)
	cert, key := authority.Files("daemon")
	const issuer, subject, name = "https://issuer.example.com", "system:serviceaccount:trunkline-system:trunkline-agent", "served-afar"
	tokens := filepath.Join(t.TempDir(), "token")
	bring := func(subject string) {
		if err := os.WriteFile(tokens, []byte(authority.Token(issuer, subject, "trunkline", time.Now().Add(time.Hour))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bring(subject)
	address := port(t)
	line := agenttest.NewLine(t, address)
	line.Delay(50 * time.Millisecond)
	data := t.TempDir()
	args := []string{
		"--repo", repo.URL(), "--data", data, "--cluster", "test=agent", "--poll", "1h", "--agent-listen", address, "--agent-tls-cert-file", cert,
		"--agent-tls-key-file", key, "--agent-issuer", "test=" + issuer, "--agent-subject", "test=" + subject, "--agent-keys-file", "test=" + authority.KeysFile(),
	}
	repo.Commit(t, "good", small(name, "img:1"))
	d := serve(t, args...)
	d.await("the daemon to miss the agent", func(p status.Platform) bool {
		return len(p.Clusters) == 1 && strings.Contains(p.Clusters[0].Message, "has not been seen since the daemon was started")
	})
	book := t.TempDir()
	agentArgs := []string{"--daemon", "https://" + line.Addr(), "--daemon-ca-file", authority.CAFile(), "--token-file", tokens, "--kubeconfig", cluster.Kubeconfig, "--data", book}
	first := agentProcess(t, agentArgs...)
	d.await("the first commit to be fine", status.Platform.Fine)
	if _, metrics := get(t, d.server+"/metrics"); !strings.Contains(metrics, `trunkline_agent_connected{cluster="test"} 1`) {
		t.Error("/metrics does not say that the agent is connected")
	}

	// Cut off and killed, it corrects drift by what it has on disk.
	line.Cut()
	if err := first.Stop(); err != nil {
		t.Logf("the agent: %v", err)
	}
	services := core.Services(name + "-dev")
	patch := []byte(`{"spec":{"ports":[{"port":80,"name":"http","targetPort":1}]}}`)
	if _, err := services.Patch(t.Context(), "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: "ann"}); err != nil {
		t.Fatal(err)
	}
	agentProcess(t, agentArgs...)
	for late := time.Now().Add(waitTimeout); ; time.Sleep(50 * time.Millisecond) {
		s, err := services.Get(t.Context(), "web", metav1.GetOptions{})
		if err == nil && len(s.Spec.Ports) > 0 && s.Spec.Ports[0].TargetPort.IntValue() != 1 {
			break
		}
		if time.Now().After(late) {
			t.Fatalf("the service stays as someone has made it: %v (%v)", s, err)
		}
	}
	line.Join()
	repo.Commit(t, "next", small(name, "img:2"))
	d.sync()
	d.await("the second commit to be fine", func(p status.Platform) bool { return p.Fine() && p.Source.Accepted.Subject == "next" })

	// A daemon that is killed finds what is in place.
	d.kill()
	d = serve(t, args...)
	d.await("all to be fine again", func(p status.Platform) bool { return p.Fine() && len(p.Releases) == 1 })

	// Another account of the same cluster is nobody.
	bring("system:serviceaccount:dev:web")
	line.Break()
	d.await("the agent to be missed", func(p status.Platform) bool { return len(p.Clusters) == 1 && !p.Clusters[0].Reachable })
	bring(subject)
	d.await("the agent to be let in again", status.Platform.Fine)
}
