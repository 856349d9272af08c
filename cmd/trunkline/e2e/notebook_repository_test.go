// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/agent/agenttest"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/test/cached"
)

// private is a Git server that lets only carol in, and the file with the authority that signed its certificate.
func private(t *testing.T, repo *gittest.Repo, folder string) (address, authority string) {
	t.Helper()
	const name = "host.devcluster.internal"
	signs := agenttest.NewAuthority(t)
	server := httptest.NewUnstartedServer(gittest.BasicAuth(gittest.HTTPHandler(t, repo), "carol", "right-0123456789"))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{signs.Certificate(name)}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(signs.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	authority = filepath.Join(folder, "authority.pem")
	if err := os.WriteFile(authority, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return "https://" + net.JoinHostPort(name, u.Port()) + gittest.RepoPath, authority
}

// TestNotebookRepository: a notebook begins in a private repository, cloned at a branch with the person's own credentials; with wrong ones it begins
// without it and says why. Its volume stays as is declared since.
func TestNotebookRepository(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with JupyterLab")
	}
	bin, lake := cached.Jupyter(t), t.TempDir()
	data := gittest.New(t)
	data.Commit(t, "begin", map[string]string{"README.md": "of main"})
	head := data.CommitTo(t, "trial", "try", map[string]string{"README.md": "of a trial"})
	address, authority := private(t, data, lake)
	repo := gittest.New(t)
	files := labPlatform(bin, lake)
	files["orders/project.yaml"] = strings.NewReplacer(
		"/usr/bin:/bin\"}", "/usr/bin:/bin\", GIT_SSL_CAINFO: "+authority+"}", "idle: 20s", "idle: 10m",
	).Replace(files["orders/project.yaml"])
	repo.Commit(t, "all", files)
	l := newLab(t, repo, lake)
	open := func(token string) *browser {
		return l.enter(l.ran("carol", 0, "notebook", "open", "orders/lab", "--env", "dev", "--branch", "trial", "--repository", address, "--git-username", "carol", "--git-token-file", l.file(token)))
	}

	b := open("wrong-0123456789")
	code, said := b.get("files/repository-not-cloned.txt")
	if code != http.StatusOK || !strings.Contains(said, "at the branch trial") || !strings.Contains(said, "Authentication failed") {
		t.Errorf("with wrong credentials it says %d %q", code, said)
	}
	mine := l.list("carol")[0].Name
	for where, text := range map[string]string{
		"the file": said, "the log of the pod": l.logs(), "the history": l.ran("carol", 0, "history", "--kind", "workspace", "-o", "json"), "the list": l.ran("carol", 0, "notebook", "list", "-o", "json"),
	} {
		if strings.Contains(text, "wrong-0123456789") {
			t.Errorf("%s has the credentials", where)
		}
	}

	// That volumes stay is declared after this one was opened, and holds for it.
	repo.Commit(t, "keep volumes", map[string]string{"orders/project.yaml": strings.Replace(files["orders/project.yaml"], "idle: 10m", "idle: 10m, keepVolume: true", 1)})
	client := l.cluster.Client(t)
	var claim *corev1.PersistentVolumeClaim
	l.await("the volume to be one that stays", func() (ok bool) {
		set, err := client.AppsV1().StatefulSets("orders-dev").Get(t.Context(), mine, metav1.GetOptions{})
		if err != nil || set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted != appsv1.RetainPersistentVolumeClaimRetentionPolicyType {
			return false
		}
		claim, err = client.CoreV1().PersistentVolumeClaims("orders-dev").Get(t.Context(), "home-"+mine+"-0", metav1.GetOptions{})
		return err == nil && len(claim.OwnerReferences) == 0
	})
	l.ran("carol", 0, "notebook", "delete", "orders/lab", "--env", "dev")
	b = open("right-0123456789")
	if code, text := b.get("files/README.md"); code != http.StatusOK || text != "of a trial" {
		t.Errorf("of the branch there is %d %q", code, text)
	}
	if got := b.kernel("__import__('subprocess').run(['git', '-C', 'platform', 'ls-remote', 'origin', 'trial'], capture_output=True, text=True).stdout[:40]"); strings.Trim(got, "'") != head {
		t.Errorf("git in the notebook gets %s of the server, want %s", got, head)
	}

	l.ran("carol", 0, "notebook", "delete", "orders/lab", "--env", "dev")
	l.await("its pod and Secret to go with it", func() bool {
		secrets, err := client.CoreV1().Secrets("orders-dev").List(t.Context(), metav1.ListOptions{LabelSelector: "trunkline.dev/workspace"})
		return err == nil && len(secrets.Items) == 0 && len(l.pods()) == 0
	})
	if kept, err := client.CoreV1().PersistentVolumeClaims("orders-dev").Get(t.Context(), claim.Name, metav1.GetOptions{}); err != nil || kept.UID != claim.UID {
		t.Errorf("the volume that was to stay: %v", err)
	}
}
