// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/cmd/trunkline/config"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// TestEveryFlagHasAKey: what the daemon can be told by a flag it can be told by the configuration, but for what is about this one start.
func TestEveryFlagHasAKey(t *testing.T) {
	alone := []string{"config", "lifeline", "profile-dir", "help"}
	cmd, _ := serveCommand()
	there := map[string]bool{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		there[f.Name] = true
		key, ok := config.KeyOf(f.Name)
		if ok == slices.Contains(alone, f.Name) {
			t.Errorf("--%s: has a key is %t; add it to DaemonSpec, config.Read and config.Keys", f.Name, ok)
		}
		if ok && !strings.HasSuffix(f.Usage, "; key: "+key.Path) {
			t.Errorf("--%s does not say its key: %s", f.Name, f.Usage)
		}
	})
	for _, key := range config.Keys() {
		if !there[key.Flag] {
			t.Errorf("%s stands for --%s, which there is not", key.Path, key.Flag)
		}
	}
}

// configured is a daemon that is configured by a file and does not run.
type configured struct {
	*daemon
	t   *testing.T
	dir string
	log bytes.Buffer
}

const configHead = "apiVersion: trunkline.dev/v1alpha1\nkind: DaemonConfiguration\nspec:\n  repository: {url: \"https://example.com/x.git\", tokenFile: git}\n  data: data\n"

const kubeconfigText = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: k8s-s3cret}}]
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: c, user: u}}]
current-context: one
`

func newConfigured(t *testing.T, text string, args ...string) *configured {
	t.Helper()
	c := &configured{t: t, dir: t.TempDir()}
	for name, content := range map[string]string{
		"git": "git-s3cret", "hook": "hook-s3cret", "hook2": "hook2-s3cret", "empty": "", "tokens": "ann: 0123456789abcdef\n",
		"a.kubeconfig": kubeconfigText, "b.kubeconfig": kubeconfigText,
	} {
		c.write(name, content)
	}
	c.write("daemon.yaml", configHead+text)
	cmd, s := serveCommand()
	if err := cmd.ParseFlags(append([]string{"--config", c.path("daemon.yaml"), "--listen", "127.0.0.1:0"}, args...)); err != nil {
		t.Fatal(err)
	}
	if err := s.readConfig(cmd.Flags()); err != nil {
		t.Fatal(err)
	}
	configs, err := s.check()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.logging.check(); err != nil {
		t.Fatal(err)
	}
	s.logging.set(s.logging.level)
	log := slog.New(slog.NewTextHandler(&c.log, &slog.HandlerOptions{Level: &s.logging.now}))
	if c.daemon, err = s.assemble(t.Context(), configs, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func (c *configured) path(name string) string { return filepath.Join(c.dir, name) }

func (c *configured) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(c.path(name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// names are the clusters that the daemon has, with the contexts by which they are reached.
func (c *configured) names() (all []string) {
	for _, cfg := range c.live.Load().configs {
		all = append(all, cfg.Name+"#"+cfg.Context)
	}
	return all
}

const clusterA = "  clusters: [{name: a, kubeconfig: a.kubeconfig}]\n"

// TestAReloadCounts: what can change while the daemon runs does, each key in its part.
func TestAReloadCounts(t *testing.T) {
	c := newConfigured(t, clusterA+"  serve: {hookSecretFile: hook}\n", "--poll", "1m")
	c.write("daemon.yaml", strings.Replace(configHead, "tokenFile: git", "passwordFile: git, username: ann, poll: 5m", 1)+
		"  clusters: [{name: b, kubeconfig: b.kubeconfig}, {name: a, kubeconfig: a.kubeconfig, context: two}]\n  serve: {hookSecretFile: hook2}\n  logLevel: debug\n")
	if err := c.reread(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b#", "a#two"}, c.names()); diff != "" {
		t.Errorf("clusters -want +got:\n%s", diff)
	}
	var onBoard []string
	for _, s := range c.board.Snapshot().Clusters {
		onBoard = append(onBoard, s.Name)
	}
	if diff := cmp.Diff([]string{"a", "b"}, onBoard); diff != "" {
		t.Errorf("clusters of the status -want +got:\n%s", diff)
	}
	live := c.live.Load()
	if auth := c.remote().Auth; auth.Password != "git-s3cret" || auth.Username != "ann" || auth.BearerToken != "" {
		t.Error("the repository is not read with the new credentials")
	}
	if got := live.secrets.callers.get().hook; got != "hook2-s3cret" {
		t.Error("the secret of the webhook is not the new one")
	}
	if got := live.flags.poll.String(); got != "1m0s" {
		t.Errorf("poll is %s: the file wins over a flag", got)
	}
	if !c.daemon.log.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("the level of the log is not the new one")
	}
	if text := c.log.String(); strings.Contains(text, "s3cret") || !strings.Contains(text, "the configuration was read again") {
		t.Errorf("the log is\n%s", text)
	}
}

// TestAReloadIsRefusedAsAWhole: whatever is wrong, nothing of the file counts, and what is wrong is said with its place.
func TestAReloadIsRefusedAsAWhole(t *testing.T) {
	const more = "  clusters: [{name: a, kubeconfig: a.kubeconfig}, {name: b, kubeconfig: b.kubeconfig}]\n"
	for name, tc := range map[string]struct{ reason, text, want string }{
		"Field":      {"A field that is misspelt.", configHead + more + "  serve: {hoks: x}\n", `daemon.yaml:7:11: error: spec.serve: unknown field "hoks"`},
		"Restart":    {"A key that counts at the start.", configHead + more + "  history: {keep: 24h}\n", "daemon.yaml:7:19: error: spec.history.keep was changed, which needs a restart of the daemon"},
		"Data":       {"So does one that is there already.", strings.Replace(configHead, "data: data", "data: other", 1) + more, "daemon.yaml:5:9: error: spec.data was changed, which needs a restart of the daemon"},
		"Tokens":     {"A daemon that asks for no tokens would have to begin to.", configHead + more + "  serve: {tokensFile: tokens}\n", "whether callers need a token, which needs a restart"},
		"Secret":     {"A secret that is not there.", configHead + more + "  serve: {hookSecretFile: empty}\n", "holds no secret: it is empty"},
		"Kubeconfig": {"A cluster that cannot be reached as it is said.", configHead + "  clusters: [{name: a, kubeconfig: a.kubeconfig}, {name: b, kubeconfig: none}]\n", `reading the configuration of cluster "b"`},
		"Twice":      {"A cluster that is there twice.", configHead + "  clusters: [{name: a, kubeconfig: a.kubeconfig}, {name: a, kubeconfig: b.kubeconfig}]\n", `the cluster "a" is configured twice`},
		"Level":      {"A value that there is not.", configHead + more + "  logLevel: loud\n", `daemon.yaml:7:13: error: spec.logLevel: unknown value "loud"`},
		"Key":        {"A key that is not there.", configHead + more + "  sops: {ageKeyFiles: [none]}\n", "reading a key"},
		"Gone":       {"A file of nothing.", "", "the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConfigured(t, clusterA)
			before := c.live.Load()
			c.write("daemon.yaml", tc.text)
			err := c.reread()
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), c.path("daemon.yaml")) {
				t.Fatalf("%s got %v, want %q", tc.reason, err, tc.want)
			}
			if c.live.Load() != before || len(c.board.Snapshot().Clusters) != 1 {
				t.Error("a part of it counts")
			}
			if got := c.board.Snapshot().Source.Configuration; !strings.Contains(got, tc.want) {
				t.Errorf("the status says %q", got)
			}
			c.write("daemon.yaml", configHead+more)
			if err := c.reread(); err != nil {
				t.Fatal(err)
			}
			if got := c.board.Snapshot().Source.Configuration; got != "" || len(c.names()) != 2 {
				t.Errorf("once it is right, the status says %q, and the clusters are %v", got, c.names())
			}
			if text := c.log.String(); strings.Contains(text, "s3cret") {
				t.Errorf("the log has a secret:\n%s", text)
			}
		})
	}
}

// TestAReloadIsAskedFor: SIGHUP has the configuration read at once, and a tick once it has not changed since the one before.
func TestAReloadIsAskedFor(t *testing.T) {
	c := newConfigured(t, clusterA)
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP) // without anybody who waits for it, it would end the test
	defer signal.Stop(caught)
	ctx, cancel := context.WithCancel(t.Context())
	ended, ticks := make(chan struct{}), make(chan time.Time)
	go func() { defer close(ended); c.keepConfig(ctx, ticks) }()
	defer func() { cancel(); <-ended }()
	await := func(n int, ask func()) {
		t.Helper()
		for late := time.Now().Add(time.Minute); ; {
			p := c.board.Snapshot()
			if len(p.Clusters) == n {
				return
			}
			if time.Now().After(late) {
				t.Fatalf("there are %d clusters, want %d", len(p.Clusters), n)
			}
			ask()
			select {
			case <-c.board.Changed(p.Revision):
			case <-time.After(100 * time.Millisecond): // the signal may have come before anybody waited for it
			}
		}
	}
	c.write("daemon.yaml", configHead+"  clusters: [{name: a, kubeconfig: a.kubeconfig}, {name: b, kubeconfig: b.kubeconfig}]\n")
	await(2, func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	})
	c.write("daemon.yaml", configHead+clusterA)
	await(1, func() { ticks <- time.Now() })
}

// TestHomeStays: the cluster in which the replicas meet cannot be taken out.
func TestHomeStays(t *testing.T) {
	s, next := &serve{}, &serve{}
	for _, one := range []*serve{s, next} {
		one.replicas.home = "a"
		one.clusters = []string{"b=b.kubeconfig", "a=a.kubeconfig"}
	}
	if err := s.restarts(next); err != nil {
		t.Error(err)
	}
	next.clusters = next.clusters[:1]
	if err := s.restarts(next); err == nil || !strings.Contains(err.Error(), "a, in which the replicas meet") {
		t.Errorf("got %v", err)
	}
	d := &daemon{flags: s}
	d.live.Store(&inForce{configs: []cluster.Config{{Name: "b"}}})
	if _, err := d.homeREST(); err == nil {
		t.Error("a cluster that is not there is reached")
	}
}

// TestTheConfigurationIsWatched: it is read once two looks have found the same that is not what was read last; one that was refused is read
// again after a while although it has not changed.
func TestTheConfigurationIsWatched(t *testing.T) {
	now := "a"
	c := &configWatch{look: func() string { return now }, seen: "a", next: "a"}
	look := func(text string, want bool) {
		t.Helper()
		now = text
		if got := c.due(); got != want {
			t.Fatalf("%q: it is read %t, want %t", text, got, want)
		}
	}
	look("a", false)
	look("half", false)
	look("whole", false) // it was being written
	look("whole", true)
	c.read(nil)
	look("whole", false)
	look("wrong", false)
	look("wrong", true)
	c.read(os.ErrInvalid)
	for range configRetry - 1 {
		look("wrong", false)
	}
	look("wrong", true)
	c.read(nil)
	look("wrong", false)
}

// TestAConfigMapIsSeen: Kubernetes replaces a ConfigMap by a symbolic link in the path to the file.
func TestAConfigMapIsSeen(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} {
		if err := os.MkdirAll(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "daemon.yaml"), []byte(version), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(version string) {
		t.Helper()
		if err := os.Symlink(version, filepath.Join(dir, "new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	link("1")
	if err := os.Symlink(filepath.Join("..data", "daemon.yaml"), filepath.Join(dir, "daemon.yaml")); err != nil {
		t.Fatal(err)
	}
	c := newConfigWatch(&serve{config: filepath.Join(dir, "daemon.yaml"), chosen: chosen{read: "1"}})
	if c.due() {
		t.Fatal("it is read although nothing has changed")
	}
	link("2")
	if first, second := c.due(), c.due(); first || !second {
		t.Errorf("it is read at the first look %t, and at the second %t", first, second)
	}
}
