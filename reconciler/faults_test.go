// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/status"
)

func TestAClusterThatIsDown(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	proxy := c.Proxy(t)
	d := start(t, proxy.Kubeconfig)
	files := platform("down", tree{
		"a/project.yaml": manifests("down-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")

	proxy.Down(t)
	d.await("the daemon to notice without being asked to do anything", func(p status.Platform) bool { return !p.Clusters[0].Reachable })
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("a", "2")}), "a/objects/all.yaml")
	p := d.await("the release to be retried", func(p status.Platform) bool { return release(p, "down-a").Result == status.Retrying })
	if got := release(p, "down-a"); !strings.Contains(got.Message, "connection refused") || got.Commit != "c1" || p.Fine() {
		t.Errorf("the release is at %s with the message %q, want c1 and the reason", got.Commit, got.Message)
	}
	// What was deleted while nobody could see it must come back too.
	if err := c.client.Resource(configMaps).Namespace("down-a-dev").Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}

	proxy.Up(t)
	d.awaitFine("c2")
	if got := c.get(configMaps, "down-a-dev", "a").Object["data"].(map[string]any)["key"]; got != "2" {
		t.Errorf("the value is %v, want that of c2", got)
	}
}

func TestAKubeconfigThatIsWrong(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	good, err := os.ReadFile(c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ reason, content, want string }{
		"missing": {
			reason: "A file that is not there is named.",
			want:   "no such file or directory",
		},
		"malformed": {
			reason:  "A file that is no kubeconfig is named.",
			content: "clusters: {", want: "error loading config file",
		},
		"credentials": {
			reason:  "Credentials that the API server does not know are told from a server that is down.",
			content: withoutCredentials(string(good)), want: "Unauthorized",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "kubeconfig")
			if tc.content != "" {
				if err := os.WriteFile(file, []byte(tc.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			d := start(t, file)
			d.mustAccept("c1", platform("kubeconfig-"+name, tree{"a/project.yaml": service("kubeconfig-"+name, "img:1")}))
			p := d.await("the reason", func(p status.Platform) bool { return strings.Contains(p.Clusters[0].Message, tc.want) })
			if p.Clusters[0].Reachable || p.Fine() {
				t.Errorf("%s\nThe cluster is said to be fine.", tc.reason)
			}
			if err := os.WriteFile(file, good, 0o600); err != nil {
				t.Fatal(err)
			}
			d.awaitFine("c1")
		})
	}
}

// withoutCredentials replaces the client's certificate by a token that nobody gave out.
func withoutCredentials(kubeconfig string) string {
	var lines []string
	for line := range strings.SplitSeq(kubeconfig, "\n") {
		if strings.Contains(line, "client-certificate-data:") {
			lines = append(lines, strings.Split(line, "client")[0]+"token: nobody-gave-this-out")
			continue
		}
		if !strings.Contains(line, "client-key-data:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestADaemonThatStartsAgain(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	files := platform("again", tree{"a/project.yaml": service("again-a", "img:1"), "b/project.yaml": service("again-b", "img:1")})
	first := start(t, c.Kubeconfig)
	first.mustAccept("c1", files)
	first.awaitFine("c1")
	first.stop()
	before := c.versions("again-b-dev")

	// While it is away, a project is removed from the repository: nobody but the cluster knows of it then.
	second := start(t, c.Kubeconfig)
	second.mustAccept("c2", files.with(tree{"a/project.yaml": ""}))
	if err := c.awaitGone(namespaces, "", "again-a-dev"); err != nil {
		t.Error(err)
	}
	if err := c.awaitGone(configMaps, "trunkline-system", "again.dev.again-a"); err != nil {
		t.Error(err)
	}
	p := second.awaitFine("c2")
	if diff := cmp.Diff(before, c.versions("again-b-dev")); diff != "" {
		t.Errorf("starting again touched what had not changed:\n%s", diff)
	}
	if got := release(p, "again-b").Commit; got != "c1" {
		t.Errorf("again-b is said to be at %s, want c1, which last changed it", got)
	}
}

func TestNothingIsRemovedBeforeACommitIsAccepted(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	files := platform("patience", tree{"a/project.yaml": service("patience-a", "img:1")})
	first := start(t, c.Kubeconfig)
	first.mustAccept("c1", files)
	first.awaitFine("c1")
	first.stop()
	before := c.versions("patience-a-dev")

	second := start(t, c.Kubeconfig)
	if err := second.accept("bad", files.with(tree{"a/project.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\n"})); err == nil {
		t.Fatal("a broken commit was accepted")
	}
	second.stop()
	if diff := cmp.Diff(before, c.versions("patience-a-dev")); diff != "" {
		t.Errorf("a daemon that has accepted nothing touched the cluster:\n%s", diff)
	}
}
