// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
)

// workplace is a clone whose user signs with SSH keys.
type workplace struct {
	t   *testing.T
	dir string
}

func (w workplace) git(args ...string) string {
	w.t.Helper()
	return w.run("git", append([]string{"-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "gpg.format=ssh"}, args...)...)
}

func (w workplace) run(name string, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), name, args...)
	cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("%s %v: %v\n%s", name, args, err, errs.String())
	}
	return strings.TrimSpace(string(out))
}

// commit changes the image of the project, signed by a key if one is named, pushes it, and returns the commit.
func (w workplace) commit(image, key string) string {
	w.t.Helper()
	for name, content := range small("signed", image) {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	w.git("add", ".")
	args := []string{"commit", "-q", "--allow-empty", "-m", "image " + image}
	if key != "" {
		args = append([]string{"-c", "user.signingkey=" + key}, append(args, "-S")...)
	}
	w.git(args...)
	w.git("push", "-q", "--force", "origin", "HEAD:main")
	return w.git("rev-parse", "HEAD")
}

// TestSignedAndNotRewritten has a daemon follow a branch over HTTP that has to be signed, and must not be rewritten.
func TestSignedAndNotRewritten(t *testing.T) {
	for _, program := range []string{"git", "ssh-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	cluster := pkg.Cluster(t)
	repo := gittest.New(t)
	keys := workplace{t, t.TempDir()}
	for _, name := range []string{"ann", "bob"} {
		keys.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", name)
	}
	key := func(name string) string { return filepath.Join(keys.dir, name) }
	allow := func(names ...string) {
		t.Helper()
		var lines strings.Builder
		for _, name := range names {
			public, err := os.ReadFile(key(name + ".pub"))
			if err != nil {
				t.Fatal(err)
			}
			lines.WriteString(name + "@example.com " + string(public))
		}
		if err := os.WriteFile(key("allowed"), []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	allow("ann")
	w := workplace{t, t.TempDir()}
	w.git("init", "-q", "-b", "main")
	w.git("remote", "add", "origin", repo.Path())
	data := t.TempDir()
	start := func(more ...string) *daemon {
		t.Helper()
		return serve(t, append([]string{
			"--repo", gittest.ServeHTTP(t, repo), "--data", data, "--cluster", "test=" + cluster.Kubeconfig, "--poll", "1s",
			"--verify-ssh-signers", key("allowed"), "--no-rewrite",
		}, more...)...)
	}
	accepted := func(commit string) func(status.Platform) bool {
		return func(p status.Platform) bool {
			return p.Source.Accepted != nil && p.Source.Accepted.Hash == commit && p.Source.Head.Hash == commit && !p.Source.Refused()
		}
	}
	refused := func(head, runs string) func(status.Platform) bool {
		return func(p status.Platform) bool {
			return p.Source.Head != nil && p.Source.Head.Hash == head && p.Source.Refused() && (runs == "" || p.Source.Accepted != nil && p.Source.Accepted.Hash == runs)
		}
	}

	first := w.commit("img:1", key("ann"))
	d := start()
	d.await("the signed commit", accepted(first))
	unsigned := w.commit("img:2", "")
	p := d.await("the unsigned commit to be refused", refused(unsigned, first))
	if text := p.Source.Problems.String(); !strings.Contains(text, "it is not signed") || !strings.Contains(text, "ann@example.com") {
		t.Errorf("the problem is %q", text)
	}
	if _, text := get(t, d.server+"/metrics"); !strings.Contains(text, "trunkline_commit_refused 1") {
		t.Error("the metrics do not say that the commit is refused")
	}
	byBob := w.commit("img:3", key("bob"))
	d.await("a commit by another key to be refused", refused(byBob, first))
	allow("ann", "bob")
	d.await("the commit to count once its signer may sign, and to be applied", func(p status.Platform) bool {
		return accepted(byBob)(p) && len(p.Releases) == 1 && p.Releases[0].Commit == byBob && p.Releases[0].Result == status.Applied
	})

	// A rewrite is refused, also by a daemon that is started again, and by one that has lost its data.
	w.git("reset", "-q", "--hard", first)
	rewritten := w.commit("img:4", key("ann"))
	p = d.await("the rewrite to be refused", refused(rewritten, byBob))
	allowing := "--accept-rewrite " + byBob + ".." + rewritten
	if text := p.Source.Problems.String(); !strings.Contains(text, allowing) {
		t.Errorf("the problem is %q; want %q in it", text, allowing)
	}
	d.kill()
	d = start()
	d.await("the rewrite to be refused after a restart", refused(rewritten, byBob))
	d.kill()
	kept := data
	data = t.TempDir()
	d = start()
	d.await("the rewrite to be refused without the data folder", refused(rewritten, ""))
	d.kill()
	data = kept
	d = start("--accept-rewrite", byBob+".."+rewritten)
	d.await("the rewrite that is allowed", accepted(rewritten))
	w.git("push", "-q", "--force", "origin", byBob+":main")
	d.await("the way back to be refused", refused(byBob, rewritten))
}
