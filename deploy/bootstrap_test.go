// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/test/clustertest"
)

const own = "trunkline-platform"

// bootstrapped is a platform that was begun by the program alone: its work tree, the repository that is pushed to, and the cluster.
type bootstrapped struct {
	t        *testing.T
	cluster  *clustertest.Cluster
	dir      string
	remote   *gittest.Repo
	ssh      gittest.SSH
	worktree string
}

func newBootstrapped(t *testing.T) *bootstrapped {
	t.Helper()
	b := &bootstrapped{t: t, dir: t.TempDir(), remote: gittest.New(t)}
	b.cluster = clustertest.Start(t, clustertest.Options{Name: "chain", Mode: clustertest.Exec, Args: []string{"--mount", b.dir + "=" + b.dir}})
	b.ssh = gittest.ServeSSH(t, b.remote)
	b.worktree = filepath.Join(b.dir, "acme")
	// What releases are made of: the program, which has the chart in it. TRUNKLINE_PROGRAM may be the one of a release.
	program := os.Getenv("TRUNKLINE_PROGRAM")
	if program == "" {
		program = filepath.Join(b.dir, "trunkline")
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "trunkline.dev/trunkline/cmd/trunkline").CombinedOutput(); err != nil {
			t.Fatalf("building trunkline: %v\n%s", err, out)
		}
	}
	for _, version := range []string{"1", "2"} {
		if err := os.Symlink(program, b.program(version)); err != nil {
			t.Fatal(err)
		}
	}
	b.file(b.program("broken"), "#!/bin/sh\necho this version is broken >&2\nexit 1\n", 0o755)
	b.file(filepath.Join(b.dir, "values.yaml"), fmt.Sprintf(`command: [%s]
minReadySeconds: 1
config: {repository: {poll: 1s}}
# The pods of this cluster share a network, and each has an address of its own.
extraArgs: ["--listen=$(POD_IP):8080"]
`, b.program("1")), 0o644)
	t.Cleanup(func() {
		if t.Failed() {
			(&installed{t: t, cluster: b.cluster}).tell(own)
		}
	})
	return b
}

func (b *bootstrapped) program(version string) string {
	return filepath.Join(b.dir, "trunkline-"+version)
}

func (b *bootstrapped) file(name, text string, mode os.FileMode) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bootstrapped) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(b.dir, "home"), "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
	}
}

// git runs git in the work tree.
func (b *bootstrapped) git(args ...string) string {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), "git", args...)
	cmd.Dir, cmd.Env = b.worktree, b.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// push commits all that there is, and pushes it.
func (b *bootstrapped) push(message string) string {
	b.t.Helper()
	b.git("add", "--all")
	b.git("commit", "--quiet", "--message", message)
	b.git("push", "--quiet", "origin", "main")
	return b.git("rev-parse", "HEAD")
}

// output is what a command has printed until now.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// bootstrap runs the command; the function is called with what it prints, again and again, until it has ended.
func (b *bootstrapped) bootstrap(watch func(printed string), args ...string) (string, error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*waitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.program("1"), append([]string{"bootstrap", b.worktree, "--kubeconfig", b.cluster.Kubeconfig}, args...)...)
	var out output
	cmd.Env, cmd.Stdout, cmd.Stderr = b.env(), &out, io.MultiWriter(&out)
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			return out.String(), err
		case <-time.After(interval):
			watch(out.String())
		}
	}
}

func nothing(string) {}

// await waits for something in the cluster.
func (b *bootstrapped) await(what string, ok func() (bool, string)) {
	b.t.Helper()
	(&installed{t: b.t}).await(what, ok)
}

// members are the objects of some releases, by what does not change unless someone applies them.
func (b *bootstrapped) members(namespaces ...string) map[string]string {
	b.t.Helper()
	out := map[string]string{}
	for _, o := range objects(b.t, b.cluster, "applyset.kubernetes.io/part-of") {
		if o.GetKind() == "EndpointSlice" || o.GetKind() == "Endpoints" || !slices.Contains(namespaces, o.GetNamespace()) {
			continue // made by controllers, of labels that they copy
		}
		applied := ""
		for _, m := range o.GetManagedFields() {
			if m.Manager == "trunkline" {
				applied += m.Time.String()
			}
		}
		out[o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName()] = fmt.Sprint(o.GetUID(), " ", o.GetGeneration(), " ", applied)
	}
	return out
}

func (b *bootstrapped) daemon() *appsv1.StatefulSet {
	b.t.Helper()
	set, err := b.cluster.Client(b.t).AppsV1().StatefulSets(own).Get(b.t.Context(), "trunkline", metav1.GetOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	return set
}

// rolled waits until all replicas run a program, and are ready.
func (b *bootstrapped) rolled(version string) {
	b.t.Helper()
	b.await("the daemon to run program "+version, func() (bool, string) {
		set := b.daemon()
		s, c := set.Status, set.Spec.Template.Spec.Containers[0]
		return c.Command[0] == b.program(version) && s.ObservedGeneration == set.Generation && s.UpdatedReplicas == 2 && s.AvailableReplicas == 2, fmt.Sprintf("%v %+v", c.Command, s)
	})
}

// accepted waits until a replica says that it keeps the cluster at a commit.
func (b *bootstrapped) accepted(commit string) {
	b.t.Helper()
	b.await("commit "+commit[:8]+" to be accepted", func() (bool, string) {
		leases, err := b.cluster.Client(b.t).CoordinationV1().Leases(system).List(b.t.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		var says []string
		for _, l := range leases.Items {
			if l.Annotations["trunkline.dev/accepted"] == commit {
				return true, ""
			}
			says = append(says, l.Annotations["trunkline.dev/accepted"]+" "+l.Annotations["trunkline.dev/trouble"])
		}
		return false, strings.Join(says, "; ")
	})
}

// ready waits until the project is as a commit has it, and its pod is ready.
func (b *bootstrapped) ready(image string) {
	b.t.Helper()
	b.await("hello to be ready with "+image, func() (bool, string) {
		d, err := b.cluster.Client(b.t).AppsV1().Deployments("hello-dev").Get(b.t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		s := d.Status
		return d.Spec.Template.Spec.Containers[0].Image == image && s.ObservedGeneration == d.Generation && s.UpdatedReplicas == 1 && s.AvailableReplicas == 1, fmt.Sprintf("%+v", s)
	})
}

// change replaces a text in a file of the work tree.
func (b *bootstrapped) change(file, old, now string) {
	b.t.Helper()
	name := filepath.Join(b.worktree, file)
	text := read(b.t, name)
	if !strings.Contains(text, old) {
		b.t.Fatalf("%s has no %q:\n%s", file, old, text)
	}
	b.file(name, strings.ReplaceAll(text, old, now), 0o644)
}

// upgrade has the repository say that the daemon is another version.
func (b *bootstrapped) upgrade(from, to string) string {
	b.t.Helper()
	b.change("projects/trunkline/project.yaml", b.program(from), b.program(to))
	b.change("projects/trunkline/project.yaml", "trunkline.local/host:"+from, "trunkline.local/host:"+to)
	return b.push("trunkline: version " + to)
}

// TestBootstrap goes the whole chain, from the program alone and an empty folder: a platform that deploys itself, with a deploy key that is
// added while it waits; a project that is healthy; the daemon upgraded and downgraded by merges, without a touch of the project; an
// upgrade that fails and is rolled back by the replica that is left; and a commit that would remove the daemon.
func TestBootstrap(t *testing.T) {
	b := newBootstrapped(t)
	b.file(filepath.Join(b.worktree, "README.md"), "# acme\n", 0o644)
	b.git("init", "--quiet", "--initial-branch", "main")
	b.git("remote", "add", "origin", b.remote.Path())
	begin := []string{
		"--url", b.ssh.URL, "--git-known-hosts", b.ssh.KnownHostsFile, "--name", "acme", "--image", "trunkline.local/host:1", "--values", filepath.Join(b.dir, "values.yaml"),
	}

	printed, err := b.bootstrap(nothing, append(begin, "--dry-run")...)
	if err != nil || !strings.Contains(printed, "- would write projects/trunkline/project.yaml") || !strings.Contains(printed, "- would give the daemon its rights") {
		t.Fatalf("a dry run: %v\n%s", err, printed)
	}
	if left := b.git("status", "--porcelain"); left != "?? README.md" {
		t.Fatalf("a dry run has written:\n%s", left)
	}
	if _, err := b.cluster.Client(t).CoreV1().Namespaces().Get(t.Context(), system, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("a dry run has changed the cluster: %v", err)
	}

	var asInstalled map[string]string
	printed, err = b.bootstrap(func(printed string) {
		key := regexp.MustCompile(`(?m)^  (ssh-ed25519 .*)$`).FindStringSubmatch(printed)
		if key == nil || asInstalled != nil {
			return
		}
		asInstalled = b.members(own) // by the command; the daemon cannot have done anything yet
		b.ssh.Accept(t, key[1])
	}, begin...)
	if err != nil || !strings.Contains(printed, "✔ the daemon runs as declared") {
		t.Fatalf("bootstrap: %v\n%s", err, printed)
	}
	t.Log(printed)
	if len(asInstalled) < 10 {
		t.Fatalf("the command has installed %v", asInstalled)
	}
	if diff := cmp.Diff(asInstalled, b.members(own)); diff != "" {
		t.Errorf("the daemon did not take itself as it was installed (-installed +now):\n%s", diff)
	}
	secret := read(t, filepath.Join(b.dir, "home", ".config", "trunkline", "acme.agekey"))
	private := regexp.MustCompile(`AGE-SECRET-KEY-\S+`).FindString(secret)
	if found := b.git("grep", "--count", "--cached", "-F", "sops:"); found == "" || private == "" {
		t.Errorf("what is encrypted: %s", found)
	}
	for name := range strings.SplitSeq(b.git("ls-files"), "\n") {
		if text := read(t, filepath.Join(b.worktree, name)); strings.Contains(text, private) || strings.Contains(text, "PRIVATE KEY") {
			t.Errorf("%s has a private key", name)
		}
	}

	head := b.git("rev-parse", "HEAD")
	again, err := b.bootstrap(nothing, begin...)
	if now := b.git("rev-parse", "HEAD"); err != nil || now != head || regexp.MustCompile(`✔ (wrote|made|changed|committed|pushed|gave|installed|put)`).MatchString(again) {
		t.Errorf("once more: %v, commit %s\n%s", err, now, again)
	}
	if diff := cmp.Diff(asInstalled, b.members(own)); diff != "" {
		t.Errorf("once more is no change (-before +after):\n%s", diff)
	}

	b.file(filepath.Join(b.worktree, "projects/hello/project.yaml"), `apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: hello}
spec:
  owner: team-hello
  environments: [dev]
  image: trunkline.local/host:a
  workloads:
    - {name: web, blueprint: service, command: [sleep, "3600"], params: {user: 1000, probe: {command: ["true"]}}}
`, 0o644)
	b.change("environments/platform.yaml", "healthTimeout: 10m", "healthTimeout: 20s")
	b.accepted(b.push("hello: a first project"))
	b.ready("trunkline.local/host:a")
	before := b.members("hello-dev")
	untouched := func(what string) {
		t.Helper()
		if diff := cmp.Diff(before, b.members("hello-dev")); diff != "" || len(before) < 3 {
			t.Errorf("%s touched a project (-before +after):\n%s", what, diff)
		}
	}

	uid := b.daemon().UID
	b.accepted(b.upgrade("1", "2"))
	b.rolled("2")
	untouched("the upgrade")
	b.accepted(b.upgrade("2", "1"))
	b.rolled("1")
	untouched("the downgrade")

	broken := b.upgrade("1", "broken")
	b.await("the broken version to be tried", func() (bool, string) {
		set := b.daemon()
		return set.Spec.Template.Spec.Containers[0].Command[0] == b.program("broken"), fmt.Sprint(set.Spec.Template.Spec.Containers[0].Command)
	})
	b.rolled("1") // by the replica that was left
	b.accepted(broken)
	untouched("an upgrade that failed")
	b.git("revert", "--no-edit", "HEAD")
	b.git("push", "--quiet", "origin", "main")
	b.accepted(b.git("rev-parse", "HEAD"))
	b.rolled("1")

	if err := os.RemoveAll(filepath.Join(b.worktree, "projects", "trunkline")); err != nil {
		t.Fatal(err)
	}
	b.change("projects/hello/project.yaml", "trunkline.local/host:a", "trunkline.local/host:b")
	b.accepted(b.push("trunkline: removed by mistake"))
	b.ready("trunkline.local/host:b") // so the commit is acted on
	if is := b.daemon(); is.UID != uid || is.DeletionTimestamp != nil || is.Status.ReadyReplicas != 2 {
		t.Errorf("the daemon is %s, %+v", is.UID, is.Status)
	}
	if left := b.members(own); !slices.Equal(slices.Sorted(maps.Keys(asInstalled)), slices.Sorted(maps.Keys(left))) {
		t.Errorf("a commit removed what the daemon is made of: %v is left", slices.Sorted(maps.Keys(left)))
	}
	b.git("revert", "--no-edit", "HEAD")
	b.git("push", "--quiet", "origin", "main")
	b.accepted(b.git("rev-parse", "HEAD"))
	b.rolled("1")
}
