// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/agent/agenttest"
	"trunkline.dev/trunkline/reconciler/status"
)

// certify puts the certificate for agents and the keys of the cluster's tokens where docs/agents.md says, and returns the issuer.
func (i *installed) certify() (issuer string) {
	i.t.Helper()
	authority := agenttest.NewAuthority(i.t)
	cert, key := authority.Files("daemon")
	kubernetes := i.cluster.Client(i.t)
	raw := func(path string) []byte {
		data, err := kubernetes.Discovery().RESTClient().Get().AbsPath(path).DoRaw(i.t.Context())
		if err != nil {
			i.t.Fatal(err)
		}
		return data
	}
	var configuration struct{ Issuer string }
	if err := json.Unmarshal(raw("/.well-known/openid-configuration"), &configuration); err != nil {
		i.t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "trunkline-agents"}, StringData: map[string]string{
		"tls.crt": read(i.t, cert), "tls.key": read(i.t, key), "edge.json": string(raw("/openid/v1/jwks")),
	}}
	if _, err := kubernetes.CoreV1().Secrets(system).Create(i.t.Context(), secret, metav1.CreateOptions{}); err != nil {
		i.t.Fatal(err)
	}
	trust := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "trunkline-ca"}, Data: map[string]string{"ca.crt": read(i.t, authority.CAFile())}}
	if _, err := kubernetes.CoreV1().ConfigMaps(system).Create(i.t.Context(), trust, metav1.CreateOptions{}); err != nil {
		i.t.Fatal(err)
	}
	return configuration.Issuer
}

// served are the values of a daemon that agents come to at an address, and that has no rights in any cluster.
func (i *installed) served(issuer, address string) []string {
	return i.file("daemon", fmt.Sprintf(`image: {repository: trunkline.local/host, tag: "1"}
command: [%[1]s/trunkline-1]
config:
  repository: {url: %[2]q, poll: 1s}
  clusters:
    - name: test
      agent:
        issuer: %[3]q
        subject: system:serviceaccount:trunkline-system:trunkline-agent
        keysFile: /etc/trunkline/secrets/trunkline-agents/edge.json
  agents:
    listen: ":8443"
    tlsCertFile: /etc/trunkline/secrets/trunkline-agents/tls.crt
    tlsKeyFile: /etc/trunkline/secrets/trunkline-agents/tls.key
  history: {store: "off"}
secrets: [trunkline-agents]
rbac: {create: false}
tokens: {secret: trunkline-tokens}
# The pods of this cluster share a network, and no Service leads to them.
extraArgs: ["--listen=$(POD_IP):8080", "--agent-listen=%[4]s"]
`, i.dir, i.repo.URL(), issuer, address))
}

// agent are the values of an agent of a version of the program.
func (i *installed) agent(version, address string) []string {
	return i.file("agent-"+version, fmt.Sprintf(`cluster: test
daemon: {url: "https://%[3]s", ca: {configMap: trunkline-ca}}
image: {repository: trunkline.local/host, tag: %[1]q}
command: [%[2]s/trunkline-%[1]s]
extraEnv: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
extraArgs: ["--listen=$(POD_IP):8081"]
`, version, i.dir, address))
}

func (i *installed) file(name, text string) []string {
	i.t.Helper()
	file := filepath.Join(i.dir, "values-"+name+".yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
	return []string{"--values", file}
}

// TestInstallAgent: an agent is installed by its chart next to a daemon that may do nothing in the cluster. It dials out with the token of
// its account, and what a repository declares becomes healthy. In the middle of a roll-out it is upgraded, and none of the releases
// is touched: each is where it was, and goes on from there.
func TestInstallAgent(t *testing.T) {
	i := newInstalled(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	issuer := i.certify()
	first := i.commit("1")
	i.release("1")
	i.helm(append([]string{"install", "trunkline", chart}, i.served(issuer, address)...)...)
	i.helm(append([]string{"install", "trunkline-agent", agentChart}, i.agent("1", address)...)...)
	i.awaitReleases(first, status.Healthy)

	second := i.commit("2")
	i.awaitReleases(second, status.Progressing)
	before := i.awaitQuiet()
	i.helm(append([]string{"upgrade", "trunkline-agent", agentChart}, i.agent("2", address)...)...)
	i.awaitAgent("trunkline.local/host:2")
	i.awaitReleases(second, status.Progressing) // as the new agent sees them
	if diff := cmp.Diff(before, i.members()); diff != "" {
		t.Errorf("the upgrade of the agent touched releases (-before +after):\n%s", diff)
	}
	i.release("2")
	i.awaitReleases(second, status.Healthy)
}

// awaitAgent waits until the agent of an image has the connection.
func (i *installed) awaitAgent(image string) {
	i.t.Helper()
	i.await("the agent to be connected", func() (bool, string) {
		pods, err := i.cluster.Client(i.t).CoreV1().Pods(system).List(i.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=trunkline-agent"})
		if err != nil || len(pods.Items) != 1 || pods.Items[0].Spec.Containers[0].Image != image {
			return false, fmt.Sprint(len(pods.Items), " pods: ", err)
		}
		for _, p := range i.replicas() {
			if len(p.Clusters) == 1 && p.Clusters[0].Reachable {
				return i.connected(pods.Items[0].Status.PodIP)
			}
		}
		return false, "the daemon does not say that the cluster answers"
	})
}

// connected asks an agent.
func (i *installed) connected(ip string) (bool, string) {
	i.t.Helper()
	req, err := http.NewRequestWithContext(i.t.Context(), http.MethodGet, "http://"+ip+":8081/healthz", nil)
	if err != nil {
		i.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, err.Error()
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	return err == nil && strings.HasPrefix(string(said), "connected"), string(said)
}
