// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/artifact/artifacttest"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// sourceKind is a way in which a project can have its objects: the ConfigMap "settings" holds a value.
type sourceKind struct {
	reason string
	// workload is what the project's only workload says beside its name.
	workload string
	// blueprint is the spec of a blueprint of the platform's own; empty if it is a built-in one. SERVER becomes the address of what
	// is published.
	blueprint string
	// files hold a value; those of broken do not render, and says is what is said of that.
	files  func(value string) map[string]string
	broken map[string]string
	says   string
	// publish puts files on a server as a version; nil if they are in the folder of the project, or of the blueprint.
	publish func(t *testing.T, s *servers, version string, files map[string]string)
}

const remoteSpec = "\n  artifact: {track: ^1}\n  parameters: {type: object}\n"

var sourceKinds = map[string]sourceKind{
	"helm": {
		reason: "a chart of the repository", workload: "blueprint: settings", blueprint: "engine: helm\n  source: chart\n  parameters: {type: object}\n",
		files:  func(value string) map[string]string { return prefixed("chart/", chartOf(value)) },
		broken: map[string]string{"chart/templates/settings.yaml": `{{ fail "not now" }}`}, says: "not now",
	},
	"kustomize": {
		reason: "a base of the repository", workload: "blueprint: kustomize, params: {path: base}",
		files:  func(value string) map[string]string { return prefixed("base/", baseOf(value)) },
		broken: map[string]string{"base/kustomization.yaml": "resources: [none.yaml]\n"}, says: "none.yaml: file does not exist",
	},
	"manifests": {
		reason: "rendered output as it is", workload: "blueprint: manifests, params: {paths: [out]}",
		files:  func(value string) map[string]string { return map[string]string{"out/all.yaml": settingsOf(value)} },
		broken: map[string]string{"out/all.yaml": "apiVersion: v1\nkind: ConfigMap\nkind: Secret\n"}, says: `key "kind" already set`,
	},
	"jsonnet": {
		reason: "a program in a process of its own", workload: "blueprint: jsonnet, params: {path: lib, args: {name: settings}}",
		files: func(value string) map[string]string {
			return map[string]string{
				"lib/main.jsonnet":  "local lib = import 'lib.libsonnet';\nfunction(name) [lib(name)]\n",
				"lib/lib.libsonnet": fmt.Sprintf("function(name) {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: name}, data: {key: %q}}\n", value),
			}
		},
		broken: map[string]string{"lib/lib.libsonnet": "error 'not now'\n"}, says: "lib/lib.libsonnet:1: not now",
	},
	"cue": {
		reason: "a package, likewise", workload: "blueprint: cue, params: {path: app, tags: {name: settings}}",
		files: func(value string) map[string]string {
			return map[string]string{"app/app.cue": fmt.Sprintf(`package app
_name: string @tag(name)
settings: {apiVersion: "v1", kind: "ConfigMap", metadata: name: _name, data: key: %q}
`, value)}
		},
		broken: map[string]string{"app/app.cue": "package app\n_name: string @tag(name)\nsettings: 1 & 2\n"}, says: "settings: conflicting values",
	},
	"oci-helm": {
		reason: "a chart of a registry", workload: "blueprint: settings", blueprint: "engine: helm\n  source: oci://SERVER/acme/settings" + remoteSpec,
		files:  func(value string) map[string]string { return prefixed("settings/", chartOf(value)) },
		broken: map[string]string{"settings/templates/settings.yaml": `{{ fail "not now" }}`}, says: "not now",
		publish: func(t *testing.T, s *servers, version string, files map[string]string) {
			artifacttest.Push(t, s.registry+"/acme/settings", version, artifacttest.ChartLayer, artifacttest.Pack(t, files))
		},
	},
	"oci-kustomize": {
		reason: "a base of a registry, as Flux pushes it", workload: "blueprint: settings", blueprint: "engine: kustomize\n  source: oci://SERVER/acme/base" + remoteSpec,
		files: baseOf, broken: map[string]string{"kustomization.yaml": "resources: [none.yaml]\n"}, says: "none.yaml: file does not exist",
		publish: func(t *testing.T, s *servers, version string, files map[string]string) {
			artifacttest.Push(t, s.registry+"/acme/base", version, artifacttest.FluxLayer, artifacttest.Pack(t, files))
		},
	},
	"http-helm": {
		reason: "a chart of a Helm repository", workload: "blueprint: settings", blueprint: "engine: helm\n  source: http://SERVER/stable" + strings.Replace(remoteSpec, "{track", "{chart: settings, track", 1),
		files:  func(value string) map[string]string { return prefixed("settings/", chartOf(value)) },
		broken: map[string]string{"settings/templates/settings.yaml": `{{ fail "not now" }}`}, says: "not now",
		publish: func(t *testing.T, s *servers, version string, files map[string]string) {
			s.charts.Add("settings", version, artifacttest.Pack(t, files))
		},
	},
}

func settingsOf(value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {key: " + value + "}\n"
}

func chartOf(value string) map[string]string {
	return map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: settings\nversion: 1.0.0\n", "values.yaml": "{}\n", "templates/settings.yaml": settingsOf(value),
	}
}

func baseOf(value string) map[string]string {
	return map[string]string{"kustomization.yaml": "resources: [settings.yaml]\n", "settings.yaml": settingsOf(value)}
}

func prefixed(prefix string, files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		out[prefix+name] = text
	}
	return out
}

// servers are a registry and a Helm repository, which can be away.
type servers struct {
	registry string
	charts   *artifacttest.Charts
	away     atomic.Bool
	// refused counts the requests that came while they were away.
	refused atomic.Int64
}

func newServers(t *testing.T) *servers {
	t.Helper()
	s := &servers{}
	wrap := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.away.Load() {
				s.refused.Add(1)
				http.Error(w, "away", http.StatusBadGateway)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	s.registry, s.charts = artifacttest.Registry(t, wrap), artifacttest.NewCharts(t, wrap)
	return s
}

// sourced is a platform with one project, in a folder where people work on it, and the daemon that follows what they push.
type sourced struct {
	*testing.T
	sourceKind

	project, dir, data string
	cluster            *clustertest.Cluster
	repo               *gittest.Repo
	servers            *servers
	server             string // the host of what is published
	version            int
	daemon             *daemon
}

func newSourced(t *testing.T, cluster *clustertest.Cluster, name string, k sourceKind) *sourced {
	t.Helper()
	s := &sourced{
		T: t, sourceKind: k, project: "s-" + name, dir: t.TempDir(), data: t.TempDir(), cluster: cluster, repo: gittest.New(t), servers: newServers(t),
	}
	s.server = s.servers.registry
	if strings.Contains(k.blueprint, "http://") {
		s.server = strings.TrimSuffix(strings.TrimPrefix(s.servers.charts.Address, "http://"), "/stable")
	}
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	files := map[string]string{
		"trunkline.yaml":   head + "kind: Platform\nmetadata: {name: sources-" + name + "}\n",
		"cluster.yaml":     head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":         head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test]}\n",
		"app/project.yaml": s.declares(s.project),
	}
	if k.blueprint != "" {
		files["settings/blueprint.yaml"] = head + "kind: Blueprint\nmetadata: {name: settings}\nspec:\n  " + strings.ReplaceAll(k.blueprint, "SERVER", s.server)
	}
	s.edit(files)
	return s
}

// declares is a project of some name.
func (s *sourced) declares(project string) string {
	return "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: " + project + "}\nspec:\n  owner: team\n  environments: [dev]\n  workloads:\n    - {name: all, " +
		s.workload + "}\n"
}

func (s *sourced) edit(files map[string]string) {
	s.Helper()
	for name, text := range files {
		write(s.T, filepath.Join(s.dir, name), text)
	}
}

// pushed commits the folder as it is.
func (s *sourced) pushed(message string) string {
	s.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(s.dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		files[name] = string(data)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return s.repo.Commit(s.T, message, files)
}

// change brings files to where the project has them from, and commits what follows from that. What is published is locked as people do.
func (s *sourced) change(message string, files map[string]string) string {
	s.Helper()
	if s.publish == nil {
		folder := "app/"
		if s.blueprint != "" {
			folder = "settings/"
		}
		s.edit(prefixed(folder, files))
		return s.pushed(message)
	}
	whole := s.files("one")
	maps.Copy(whole, files)
	s.publish(s.T, s.servers, fmt.Sprintf("1.%d.0", s.version), whole)
	s.version++
	if out, stderr, code := command(s.T, "lock", "--update", "--from", s.dir); code != 0 {
		s.Fatalf("lock ends with %d:\n%s%s", code, out, stderr)
	}
	return s.pushed(message)
}

// start starts the daemon, or starts it again.
func (s *sourced) start() {
	s.Helper()
	if s.daemon != nil {
		s.daemon.kill()
	}
	s.daemon = serve(s.T, "--repo", s.repo.URL(), "--data", s.data, "--cluster", "test="+s.cluster.Kubeconfig, "--poll", "1s", "--artifact-host", s.server)
}

// await waits until a commit is accepted, and the project is as wanted.
func (s *sourced) await(what, commit string, ok func(status.Release) bool) status.Release {
	s.Helper()
	var found status.Release
	s.daemon.await(what, func(p status.Platform) bool {
		for _, r := range p.Releases {
			if r.Project == s.project && p.Source.Accepted != nil && p.Source.Accepted.Hash == commit && ok(r) {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

// fine waits until all of a commit is in place.
func (s *sourced) fine(commit, value string) {
	s.Helper()
	s.daemon.await(value+" to be in place", func(p status.Platform) bool {
		return p.Fine() && p.Source.Accepted.Hash == commit && len(p.Releases) > 0
	})
	if got, _ := s.has(s.project); got != value {
		s.Errorf("%s: the cluster has %q, want %q", s.reason, got, value)
	}
}

// has is the value that the cluster has of a project, and which object that is.
func (s *sourced) has(project string) (value, uid string) {
	s.Helper()
	c, err := s.cluster.Client(s.T).CoreV1().ConfigMaps(project+"-dev").Get(s.Context(), "settings", metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return c.Data["key"], string(c.UID)
}

// inPlace is what the cluster has of the project: since which commit, and as which object.
type inPlace struct{ commit, value, uid string }

// fails waits until a commit is told to be in place in no part, and why; what was there stays, also for people.
func (s *sourced) fails(commit, why string, stays inPlace) {
	s.Helper()
	got := s.await("the failure to be told", commit, func(r status.Release) bool { return r.Result == status.Failed && strings.Contains(r.Message, why) })
	if got.Commit != stays.commit {
		s.Errorf("the release is said to be at %s, want %s", got.Commit, stays.commit)
	}
	if out, _, code := command(s.T, "status", "--server", s.daemon.server); code != 1 || !strings.Contains(out, why) {
		s.Errorf("status ends with %d and does not say %q:\n%s", code, why, out)
	}
	if v, uid := s.has(s.project); v != stays.value || uid != stays.uid {
		s.Errorf("%s: the cluster has %q (%s), want %q (%s)", s.reason, v, uid, stays.value, stays.uid)
	}
}

// TestSources takes each kind of source through its life, from commits to the cluster by the daemon: it rolls out, is updated, fails and
// recovers. Servers may be away: what was fetched goes on, what was not waits, and nothing is removed for it.
func TestSources(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	cluster := pkg.Cluster(t)
	for name, k := range sourceKinds {
		t.Run(name, func(t *testing.T) {
			s := newSourced(t, cluster, name, k)
			first := s.change("one", k.files("one"))
			s.start()
			s.fine(first, "one")
			_, uid := s.has(s.project)
			two := s.change("two", k.files("two"))
			s.fine(two, "two")
			s.fails(s.change("broken", k.broken), k.says, inPlace{two, "two", uid})
			three := s.change("three", k.files("three"))
			s.fine(three, "three")
			if _, is := s.has(s.project); is != uid {
				t.Error("the object was made again")
			}
			if k.publish != nil {
				s.away(inPlace{three, "three", uid})
			}
		})
	}
}

// away has the servers go away.
func (s *sourced) away(there inPlace) {
	s.Helper()
	// What is on the disk is enough for what is new, also after a start.
	s.servers.away.Store(true)
	s.edit(map[string]string{"more/project.yaml": s.declares(s.project + "-more")})
	more := s.pushed("another project of the same blueprint")
	s.start()
	s.fine(more, "three")
	if got, _ := s.has(s.project + "-more"); got != "three" {
		s.Errorf("by what is cached, another project has %q", got)
	}
	if n := s.servers.refused.Load(); n > 0 {
		s.Errorf("the servers were asked %d times for what is there", n)
	}

	// What is not is waited for. The commit is accepted once, however often it is tried.
	s.servers.away.Store(false)
	four := s.change("four", s.files("four"))
	s.servers.away.Store(true)
	s.fails(four, "the server answers with HTTP 502", there)
	seen := s.servers.refused.Load()
	s.daemon.awaitRetries(func() bool { return s.servers.refused.Load() > seen+12 }) // more than three times four
	if n := strings.Count(s.daemon.log.String(), `"msg":"commit accepted","commit":"`+four); n != 1 {
		s.Errorf("that the commit is accepted is logged %d times:\n%s", n, s.daemon.log)
	}
	s.servers.away.Store(false)
	s.fine(four, "four")

	// A daemon that has lost its folder knows nothing, and removes nothing.
	s.servers.away.Store(true)
	s.data = s.TempDir()
	s.start()
	s.fails(four, "the server answers with HTTP 502", inPlace{"", "four", there.uid}) // since when is not looked up before it renders
	s.servers.away.Store(false)
	s.fine(four, "four")
	for _, project := range []string{s.project, s.project + "-more"} {
		if got, _ := s.has(project); got != "four" {
			s.Errorf("%s has %q at last", project, got)
		}
	}
	if _, is := s.has(s.project); is != there.uid {
		s.Error("the object was made again")
	}
}

// awaitRetries waits for something that the daemon does again and again, while its state stays what it is.
func (d *daemon) awaitRetries(ok func() bool) {
	d.t.Helper()
	deadline := time.Now().Add(waitTimeout)
	for !ok() {
		if time.Now().After(deadline) {
			d.t.Fatalf("waiting for it to be tried again:\n%s", d.log)
		}
		time.Sleep(20 * time.Millisecond) // what is asked for is counted elsewhere
	}
}
