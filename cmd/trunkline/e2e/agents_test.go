// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/agent/agenttest"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
	"trunkline.dev/trunkline/test/stage"
)

// agents is a cluster that agents keep, by tokens, and what is in it of the platform's one project.
type agents struct {
	t         *testing.T
	cluster   *clustertest.Cluster
	repo      *gittest.Repo
	authority *agenttest.Authority
	platform  string
	token     string
}

const (
	issuerOfAgents  = "https://issuer.example.com"
	subjectOfAgents = "system:serviceaccount:trunkline-system:trunkline-agent"
)

func newAgents(t *testing.T, platform string) *agents {
	t.Helper()
	return agentsOf(t, pkg.Cluster(t), gittest.New(t), platform)
}

func agentsOf(t *testing.T, cluster *clustertest.Cluster, repo *gittest.Repo, platform string) *agents {
	t.Helper()
	a := &agents{t: t, cluster: cluster, repo: repo, authority: agenttest.NewAuthority(t), platform: platform, token: filepath.Join(t.TempDir(), "token")}
	token := a.authority.Token(issuerOfAgents, subjectOfAgents, "trunkline", time.Now().Add(time.Hour))
	if err := os.WriteFile(a.token, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// daemon starts one that agents come to at an address.
func (a *agents) daemon(address string, args ...string) *daemon {
	a.t.Helper()
	all := append([]string{"--repo", a.repo.URL(), "--data", a.t.TempDir(), "--cluster", "test=agent", "--poll", "1h"}, a.flags(address)...)
	return serve(a.t, append(all, args...)...)
}

// flags are those of a daemon that agents come to at an address.
func (a *agents) flags(address string) []string {
	cert, key := a.authority.Files("daemon")
	return []string{
		"--agent-listen", address, "--agent-tls-cert-file", cert, "--agent-tls-key-file", key, "--agent-issuer", "test=" + issuerOfAgents,
		"--agent-subject", "test=" + subjectOfAgents, "--agent-keys-file", "test=" + a.authority.KeysFile(),
	}
}

// start starts an agent with a folder of its own.
func (a *agents) start(line *agenttest.Line, book string, args ...string) *stage.Process {
	a.t.Helper()
	return agentProcess(a.t, append([]string{
		"--daemon", "https://" + line.Addr(), "--daemon-ca-file", a.authority.CAFile(), "--token-file", a.token, "--kubeconfig", a.cluster.Kubeconfig,
		"--data", book, "--group", a.platform,
	}, args...)...)
}

// members are the objects of the project, with what changes if someone writes them.
func (a *agents) members() map[string]string {
	a.t.Helper()
	out := map[string]string{}
	client := a.cluster.Client(a.t)
	deployments, err := client.AppsV1().Deployments(a.platform+"-dev").List(a.t.Context(), metav1.ListOptions{})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, d := range deployments.Items {
		out["Deployment "+d.Name] = fmt.Sprintf("%s generation %d of %s", d.UID, d.Generation, d.Spec.Template.Spec.Containers[0].Image)
	}
	services, err := client.CoreV1().Services(a.platform+"-dev").List(a.t.Context(), metav1.ListOptions{})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, s := range services.Items {
		out["Service "+s.Name] = string(s.UID) + " " + s.ResourceVersion
	}
	return out
}

func (a *agents) untouched(what string, before map[string]string) {
	a.t.Helper()
	if diff := cmp.Diff(before, a.members()); diff != "" || len(before) != 2 {
		a.t.Errorf("%s touched what was in place (-before +after):\n%s", what, diff)
	}
}

// drift has someone change the Service, and waits until it is as declared again.
func (a *agents) drift() {
	a.t.Helper()
	services := a.cluster.Client(a.t).CoreV1().Services(a.platform + "-dev")
	patch := []byte(`{"spec":{"ports":[{"port":80,"name":"http","targetPort":1}]}}`)
	if _, err := services.Patch(a.t.Context(), "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: "ann"}); err != nil {
		a.t.Fatal(err)
	}
	a.eventually("the drift to be corrected", func() bool {
		s, err := services.Get(a.t.Context(), "web", metav1.GetOptions{})
		return err == nil && len(s.Spec.Ports) > 0 && s.Spec.Ports[0].TargetPort.IntValue() != 1
	})
}

func (a *agents) eventually(what string, ok func() bool) {
	a.t.Helper()
	for late := time.Now().Add(waitTimeout); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			a.t.Fatalf("waiting for %s", what)
		}
	}
}

// says waits until a process has logged something that often.
func (a *agents) says(p *stage.Process, text string, times int) {
	a.t.Helper()
	a.eventually(p.Name+" to say "+text, func() bool {
		data, err := os.ReadFile(p.Log)
		return err == nil && strings.Count(string(data), text) >= times
	})
}

// TestTwoAgentsOfACluster: one keeps the cluster and the other waits. When the first one ends, the other goes on, and nothing is touched by
// that. What the first one was told before the other kept the cluster does not count any more, also if it cannot ask.
func TestTwoAgentsOfACluster(t *testing.T) {
	t.Parallel()
	a := newAgents(t, "two-agents")
	address := port(t)
	line := agenttest.NewLine(t, address)
	a.repo.Commit(t, "first", small(a.platform, "img:1"))
	d := a.daemon(address)
	first, second := t.TempDir(), t.TempDir()
	one := a.start(line, first)
	d.await("the first commit to be fine", status.Platform.Fine)
	two := a.start(line, second)
	a.says(two, "this one waits", 1)
	a.repo.Commit(t, "second", small(a.platform, "img:2"))
	d.sync()
	d.await("the second commit to be fine", func(p status.Platform) bool { return p.Fine() && p.Source.Accepted.Subject == "second" })
	if n := strings.Count(d.log.String(), "an agent has come"); n != 1 {
		t.Errorf("beside another one, the agent has come %d times", n)
	}

	before := a.members()
	if err := one.Stop(); err != nil {
		t.Fatal(err)
	}
	a.says(two, "connected to the daemon", 1)
	d.await("all to be fine by the second agent", status.Platform.Fine)
	a.untouched("the second agent", before)
	a.drift()
	a.repo.Commit(t, "third", small(a.platform, "img:3"))
	d.sync()
	d.await("the third commit to be fine", func(p status.Platform) bool { return p.Fine() && p.Source.Accepted.Subject == "third" })

	// The first one is alone again, and what it knows is the second commit.
	before = a.members()
	line.Cut()
	if err := two.Stop(); err != nil {
		t.Fatal(err)
	}
	again := a.start(line, first)
	a.says(again, "not connected to the daemon", 2)
	line.Join()
	d.await("all to be fine by the first agent", status.Platform.Fine)
	a.untouched("an agent that knows what was so before", before)
	a.drift()
}

// TestAgentAtTheNextReplica: the replica of the daemon dies that an agent is connected to. The agent keeps the cluster meanwhile, and goes
// on with the next replica; nothing is applied again or removed by that.
func TestAgentAtTheNextReplica(t *testing.T) {
	t.Parallel()
	a := newAgents(t, "next-replica")
	addresses := []string{port(t), port(t)}
	line := agenttest.NewLine(t, addresses...)
	a.repo.Commit(t, "first", small(a.platform, "img:1"))
	var replicas []*daemon
	for _, address := range addresses {
		replicas = append(replicas, a.daemon(address, "--cluster", "home="+a.cluster.Kubeconfig, "--home", "home", "--group", a.platform+"-daemons"))
	}
	process := a.start(line, t.TempDir())
	leads := func(p status.Platform) bool {
		return p.Replica != nil && p.Replica.Name != "" && p.Replica.Name == p.Replica.Leader
	}
	var dies, next *daemon
	a.eventually("a replica to lead", func() bool {
		for n, d := range replicas {
			if p, ok := d.now(); ok && leads(p) {
				dies, next = d, replicas[1-n]
			}
		}
		return dies != nil
	})
	dies.await("the first commit to be fine", status.Platform.Fine)
	before := a.members()
	dies.kill()
	a.says(process, "not connected to the daemon", 1)
	a.untouched("the end of the daemon", before)
	next.await("all to be fine at the next replica", func(p status.Platform) bool { return leads(p) && p.Fine() && len(p.Releases) == 1 })
	a.untouched("the next replica", before)
	a.drift()
	a.repo.Commit(t, "second", small(a.platform, "img:2"))
	next.sync()
	next.await("the second commit to be fine", func(p status.Platform) bool { return p.Fine() && p.Source.Accepted.Subject == "second" })
}

// now asks the daemon once.
func (d *daemon) now() (status.Platform, bool) {
	d.t.Helper()
	c, err := client.New(d.server, client.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	p, err := c.Status(d.t.Context())
	return p, err == nil
}
