// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/artifact"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/test/clustertest"
	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

var shared clustertest.Package

func TestMain(m *testing.M) { shared.Main(m) }

// options look at a folder, and at nothing else.
func options(t *testing.T, from string) Options {
	t.Helper()
	return Options{
		Now: time.Now, Version: "v1.0.0", Timeout: 30 * time.Second, From: from, Renderer: render.New(blueprints.FS),
		Keys:      func() (*secrets.Decrypter, error) { return &secrets.Decrypter{}, nil },
		Artifacts: func() (*artifact.Store, error) { return nil, errors.New("nothing is fetched here") },
	}
}

// results are the worst results of each check that says something else than that it was not made.
func results(r doctor.Report) map[doctor.ID]doctor.Result {
	worse := []doctor.Result{doctor.OK, doctor.Warning, doctor.Fails}
	out := map[doctor.ID]doctor.Result{}
	for _, result := range worse {
		for _, f := range r.Findings {
			if f.Result == result {
				out[f.Check] = result
			}
		}
	}
	return out
}

// TestABareFolder: with nothing around it nothing fails.
func TestABareFolder(t *testing.T) {
	o := options(t, t.TempDir())
	o.Folders = []doctor.Folder{{For: "x", Path: t.TempDir()}, {For: "y", Path: filepath.Join(t.TempDir(), "not", "yet")}}
	r := doctor.Examine(Gather(t.Context(), o))
	want := map[doctor.ID]doctor.Result{"machine-git": doctor.OK, "machine-folders": doctor.OK}
	if diff := cmp.Diff(want, results(r)); diff != "" {
		t.Errorf("-want +got:\n%s\n%+v", diff, r.Findings)
	}
}

// deaf accepts connections, and never says a word.
func deaf(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return "http://" + l.Addr().String()
}

// TestWhatHangs: what does not answer fails by itself, and what does is looked at all the same.
func TestWhatHangs(t *testing.T) {
	o := options(t, t.TempDir())
	o.Timeout = 2 * time.Second
	silent := deaf(t)
	o.Server, o.Named = silent, true
	var err error
	if o.Daemon, err = client.New(silent, client.Options{}); err != nil {
		t.Fatal(err)
	}
	o.Remote = func() (git.Remote, error) { return git.Remote{URL: silent + "/x.git", Branch: "main"}, nil }
	fine := httptest.NewServer(http.HandlerFunc(answering))
	t.Cleanup(fine.Close)
	o.Clusters = []cluster.Config{{Name: "deaf", Kubeconfig: kubeconfig(t, silent)}, {Name: "fine", Kubeconfig: kubeconfig(t, fine.URL)}}
	facts := Gather(t.Context(), o)
	silentOnes := map[string]bool{"daemon": facts.Daemon.Silent, "remote": facts.Remote.Silent, "deaf": facts.Clusters[0].Reached.Silent, "fine": facts.Clusters[1].Reached.Silent}
	if diff := cmp.Diff(map[string]bool{"daemon": true, "remote": true, "deaf": true, "fine": false}, silentOnes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := facts.Clusters[1].Reached.Value; got == nil || got.Version != "v1.36.3" {
		t.Errorf("of the cluster that answers is known: %+v", got)
	}
	if got := doctor.Examine(facts); results(got)["daemon-reachable"] != doctor.Fails || results(got)["repository-remote"] != doctor.Fails || results(got)["cluster-reachable"] != doctor.Fails {
		t.Errorf("%+v", results(got))
	}
}

// answering is an API server that says its version, and that all may be done.
func answering(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	body := map[string]string{
		"/version": `{"major":"1","minor":"36","gitVersion":"v1.36.3"}`,
		"/api":     `{"kind":"APIVersions","versions":["v1"]}`,
		"/api/v1":  `{"kind":"APIResourceList","groupVersion":"v1","resources":[]}`,
		"/apis":    `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`,
		"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":true}}`,
	}[r.URL.Path]
	if body == "" {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = io.WriteString(w, body)
}

func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \"" + server + "\"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: t}}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestInterrupted: what was interrupted is not said not to answer.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // the answer is there as soon as the interruption is, and either may be seen first
		fact := ask(ctx, time.Hour, "nobody", func(ctx context.Context) doctor.Fact[int] {
			<-ctx.Done()
			return doctor.Known(1)
		})
		if fact.Value != nil || fact.Silent || fact.Unknown != "interrupted" {
			t.Fatalf("got %+v", fact)
		}
	}
}

// TestFiles: modes and errors of files are told, and what is in them is not.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	wide, own := filepath.Join(dir, "wide"), filepath.Join(dir, "own")
	for file, mode := range map[string]fs.FileMode{wide: 0o644, own: 0o600} {
		if err := os.WriteFile(file, []byte("s3cret"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
	}
	blocked := filepath.Join(own, "below a file")
	o := options(t, dir)
	o.Secrets = []doctor.SecretFile{{Path: wide}, {Path: own}, {Path: filepath.Join(dir, "none")}}
	o.Folders = []doctor.Folder{{Path: blocked}}
	f := Gather(t.Context(), o)
	if f.Secrets[0].Mode != 0o644 || f.Secrets[1].Mode != 0o600 || f.Secrets[2].Error != "no such file or directory" {
		t.Errorf("got %+v", f.Secrets)
	}
	if f.Folders[0].Error == "" {
		t.Errorf("a folder below a file: %+v", f.Folders)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("something was left behind: %v %v", entries, err)
	}
}

// TestClock: the clock of another machine is read by its answers.
func TestClock(t *testing.T) {
	asked := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(date string) *doctor.Clock {
		return clockOf(http.Header{"Date": {date}}, asked, asked.Add(2*time.Second))
	}
	if got := at(""); got != nil {
		t.Errorf("no date: %+v", got)
	}
	if got, want := at("Thu, 01 Jan 2026 12:01:00 GMT"), (doctor.Clock{Ahead: 59500 * time.Millisecond, Uncertain: 1500 * time.Millisecond}); *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
}

const head = "apiVersion: trunkline.dev/v1alpha1\n"

// files are a platform with a release that has a kind of others.
var files = map[string]string{
	"data/trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\n",
	"data/cluster.yaml":   head + "kind: Cluster\nmetadata: {name: prod}\nspec: {kubeVersion: v1.36.0}\n",
	"data/env.yaml":       head + "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [prod]}\n",
	"data/a/project.yaml": head + "kind: Project\nmetadata: {name: a}\nspec:\n  owner: team\n  environments: [prod]\n  workloads: [{name: a, blueprint: manifests, params: {paths: [objects]}}]\n",
	"data/a/objects/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: example.com/v1\nkind: Gizmo\nmetadata: {name: a}\n" +
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: \"ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\"}\n" +
		"sops: {mac: \"ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\", lastmodified: \"2026-01-01T00:00:00Z\", age: [{recipient: age1x, enc: x}]}\n",
}

// write puts files into a folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestDeclarations: the declarations are read and rendered once, for what has to be known of their objects.
func TestDeclarations(t *testing.T) {
	dir := write(t, files)
	o := options(t, filepath.Join(dir, "data"))
	got := o.tree(t.Context())
	if got.platform.Value == nil || got.platform.Value.Name != "acme" || got.platform.Value.Errors > 0 {
		t.Fatalf("the platform is %+v", got.platform)
	}
	if got.sealed.Value == nil || got.sealed.Value.Count != 1 || got.sealed.Value.Keys != 0 {
		t.Fatalf("sealed: %+v", got.sealed)
	}
	if got.needs.Value == nil {
		t.Fatalf("needs: %+v", got.needs)
	}
	served := cluster.Served{APIVersions: []string{"v1/ConfigMap", "v1/Namespace", "v1/Secret", "v1/ServiceAccount"}}
	missing := (*got.needs.Value)["prod"].missing(served)
	if diff := cmp.Diff([]doctor.Kind{{APIVersion: "example.com/v1", Kind: "Gizmo", Release: "a/prod@prod"}}, missing); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	served.Silent = []string{"example.com"}
	if missing := (*got.needs.Value)["prod"].missing(served); missing != nil {
		t.Errorf("of a group that is silent nobody knows: %v", missing)
	}
	refused := write(t, map[string]string{
		"trunkline.yaml": files["data/trunkline.yaml"], "cluster.yaml": files["data/cluster.yaml"], "env.yaml": files["data/env.yaml"],
		"a/dags/load.py": "from airflow.sdk import DAG\n\nwith DAG(dag_id=\"load\", schedule=\"61 * * * *\"):\n    pass\n",
		"a/project.yaml": head + "kind: Project\nmetadata: {name: a}\nspec: {owner: team, environments: [prod], airflow: \"3.1\", dags: [\"dags/*.py\"]}\n",
	})
	if got := options(t, refused).tree(t.Context()); got.platform.Value == nil || got.platform.Value.Errors != 1 || !strings.Contains(strings.Join(got.platform.Value.Found, ""), "61") || got.needs.Value != nil {
		t.Errorf("of declarations that a rule refuses it is said: %+v, %+v", got.platform.Value, got.needs)
	}
	broken := write(t, map[string]string{"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec: {rots: [x]}\n"})
	if got := options(t, broken).tree(t.Context()); got.platform.Value == nil || got.platform.Value.Errors != 1 || got.sealed.Value != nil {
		t.Errorf("broken: %+v", got)
	}
}

// TestARepository: a real one is found, its branch is read over HTTP with the credentials of a daemon, and a commit that does not come after what
// the daemon has accepted is found out.
func TestARepository(t *testing.T) {
	repo := gittest.New(t)
	first := repo.Commit(t, "first", files)
	second := repo.Commit(t, "second", map[string]string{"x": "1"})
	o := options(t, repo.Path())
	server := gittest.ServeHTTPAuth(t, repo, "ann", "s3cret")
	remote := func(password, branch string) func() (git.Remote, error) {
		return func() (git.Remote, error) {
			return git.Remote{URL: server, Branch: branch, Auth: git.Auth{Username: "ann", Password: password}}, nil
		}
	}
	cases := map[string]struct {
		remote func() (git.Remote, error)
		commit string
		says   string
	}{
		"Good":        {remote("s3cret", "main"), second, ""},
		"Password":    {remote("wr0ng", "main"), "", "authentication"},
		"BranchGone":  {remote("s3cret", "trunk"), "", `branch "trunk" does not exist`},
		"Unreachable": {func() (git.Remote, error) { return git.Remote{URL: "http://127.0.0.1:1/x.git", Branch: "main"}, nil }, "", "refused"},
	}
	for name, tc := range cases {
		o.Remote = tc.remote
		got := o.remote(t.Context())
		if got.Value == nil || got.Value.Commit != tc.commit || !strings.Contains(got.Value.Error, tc.says) || (got.Value.Error == "") != (tc.says == "") {
			t.Errorf("%s: got %+v", name, got.Value)
		}
		if got.Value != nil && strings.Contains(got.Value.Error+got.Value.URL+got.Value.Hint, "s3cret") {
			t.Errorf("%s: a secret is told: %+v", name, got.Value)
		}
	}
	place := o.place(t.Context())
	if place.Value == nil || place.Value.Head != second || place.Value.Root == "" {
		t.Fatalf("place: %+v", place.Value)
	}
	o.Configuration.File, o.NoRewrite = "d.yaml", true
	repo.Reset(t, first)
	other := repo.Commit(t, "other", map[string]string{"x": "2"})
	for accepted, behind := range map[string]bool{first: false, other: false, second: true} {
		f := doctor.Facts{Place: doctor.Known(doctor.Place{Head: other}), Daemon: doctor.Known(doctor.Running{State: status.Platform{Source: status.Source{Accepted: &status.Commit{Hash: accepted}}}})}
		if got := o.rewrite(t.Context(), f); got.Value == nil || got.Value.Behind != behind {
			t.Errorf("accepted %s: got %+v %s", accepted[:8], got.Value, got.Unknown)
		}
	}
	unknown := doctor.Facts{Place: doctor.Known(doctor.Place{Head: other}), Daemon: doctor.Known(doctor.Running{State: status.Platform{Source: status.Source{Accepted: &status.Commit{Hash: strings.Repeat("a", 40)}}}})}
	if got := o.rewrite(t.Context(), unknown); got.Value != nil {
		t.Errorf("a commit that is not here: %+v", got.Value)
	}
}

// TestADaemon: what a daemon says of itself is known, and why it does not answer.
func TestADaemon(t *testing.T) {
	fetched := time.Now().Add(-time.Minute)
	d := consoletest.Start(t, consoletest.WithToken, func(o *console.Options) {
		o.Daemon = func() console.Daemon { return console.Daemon{Version: "v1.2.3", Fetched: fetched, Poll: 30} }
	})
	d.Show(status.Platform{Clusters: []status.Cluster{{Name: "prod", Reachable: true}}})
	ask := func(server string, opts client.Options) doctor.Running {
		t.Helper()
		o := options(t, t.TempDir())
		var err error
		if o.Daemon, err = client.New(server, opts); err != nil {
			t.Fatal(err)
		}
		got, clock := o.daemon(t.Context())
		if got.Value == nil || got.Value.Error == "" && clock == nil {
			t.Fatalf("%s: %+v, clock %v", server, got, clock)
		}
		return *got.Value
	}
	got := ask(d.URL, client.Options{Token: consoletest.Token})
	if got.Version != "v1.2.3" || !got.Fetched.Equal(fetched) || got.Poll != 30*time.Second || len(got.State.Clusters) != 1 || got.Ready == "" {
		t.Errorf("got %+v", got)
	}
	if got := ask(d.URL, client.Options{}); !strings.Contains(got.Hint, "--token-file") {
		t.Errorf("without a token: %+v", got)
	}
	if got := ask("http://127.0.0.1:1", client.Options{}); !got.Absent {
		t.Errorf("nobody there: %+v", got)
	}
	other := httptest.NewUnstartedServer(http.NotFoundHandler())
	other.Config.ErrorLog = log.New(io.Discard, "", 0)
	other.StartTLS()
	t.Cleanup(other.Close)
	if got := ask(other.URL, client.Options{}); !strings.Contains(got.Hint, "authority") {
		t.Errorf("a certificate of nobody: %+v", got)
	}
}

// TestGitHub: the App's permissions and deliveries are known.
func TestGitHub(t *testing.T) {
	g := githubtest.Start(t, githubtest.Options{})
	repo, err := g.AddRepo("acme/data", githubtest.RepoSpec{})
	if err != nil {
		t.Fatal(err)
	}
	with := githubtest.LeastPermissions()
	with["checks"] = "read"
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(refusing.Close)
	app, err := g.AddApp(githubtest.App{Owner: "acme", Permissions: with, HookURL: refusing.URL + "/hooks/github", HookSecret: "s3cret", Events: []string{"push"}})
	if err != nil {
		t.Fatal(err)
	}
	g.Install(app, "acme", repo)
	api, err := github.New(github.WithBaseURL(g.APIURL()), github.WithApp(app.ID, app.Key))
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, t.TempDir())
	if o.GitHub, err = api.Repository("acme/data"); err != nil {
		t.Fatal(err)
	}
	o.Permissions = []doctor.Permission{{Name: "Checks", API: "checks", Needed: "write"}, {Name: "Contents", API: "contents", Needed: "read"}, {Name: "Nothing", API: "nothing", Needed: "read"}}
	// Sources: in an organisation in which the App is installed, and in two in which it is not.
	for name, spec := range map[string]githubtest.RepoSpec{"other/orders": {Private: true}, "third/secret": {Private: true}, "third/open": {}} {
		if _, err := g.AddRepo(name, spec); err != nil {
			t.Fatal(err)
		}
	}
	g.Install(app, "other")
	contents := []doctor.Permission{{Name: "Contents", API: "contents", Needed: "read"}}
	for _, name := range []string{"other/orders", "third/secret", "third/open"} {
		of, err := api.Repository(name)
		if err != nil {
			t.Fatal(err)
		}
		o.Sources = append(o.Sources, AtGitHub{Repository: of, Permissions: contents, Fetched: true})
	}
	var f doctor.Facts
	o.gitHub(t.Context(), &f)
	if got := f.GitHubSources[0]; got.Name != "other/orders" || got.Access.Value == nil || !got.Access.Value.App || got.Permissions.Value == nil || (*got.Permissions.Value)[0].Has != with["contents"] {
		t.Errorf("where the App is installed: %+v", got)
	}
	if got := f.GitHubSources[1].Access.Value; got == nil || got.Error == "" {
		t.Errorf("where it is not: %+v", got)
	}
	if got := f.GitHubSources[2].Access.Value; got == nil || !got.Public || got.Error != "" {
		t.Errorf("what everyone may read: %+v", got)
	}
	if f.Access.Value == nil || f.Access.Value.Error != "" || !f.Access.Value.App || f.Access.Value.Limit == 0 {
		t.Errorf("access: %+v %s", f.Access.Value, f.Access.Unknown)
	}
	want := []doctor.Permission{
		{Name: "Checks", API: "checks", Needed: "write", Has: "read"}, {Name: "Contents", API: "contents", Needed: "read", Has: with["contents"]}, {Name: "Nothing", API: "nothing", Needed: "read"},
	}
	if f.Permissions.Value == nil {
		t.Fatal(f.Permissions.Unknown)
	}
	if diff := cmp.Diff(want, *f.Permissions.Value); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if d := f.Deliveries.Value; d == nil || d.Error != "" || d.Hook != refusing.URL+"/hooks/github" {
		t.Errorf("deliveries: %+v", d)
	}
}

// TestLacks: storage classes, nodes and metrics that releases ask for are looked for, and what is there then is not missing any more.
func TestLacks(t *testing.T) {
	c := shared.Cluster(t)
	kube := c.Client(t)
	asking := maps.Clone(files)
	asking["data/a/objects/b.yaml"] = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      nodeSelector: {lacks-pool: gpu, lacks-disk: ssd}
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - {name: db, image: "db:1", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], storageClassName: lacks-fast, resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: old}
spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 1Gi}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: db}
spec: {maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}}
`
	o := options(t, write(t, asking)+"/data")
	o.Clusters = []cluster.Config{{Name: "prod", Kubeconfig: c.Kubeconfig}}
	look := func() (storage, machines doctor.Lacks) {
		t.Helper()
		got := Gather(t.Context(), o).Clusters[0]
		if got.Storage.Value == nil || got.Machines.Value == nil || got.Metrics.Value == nil {
			t.Fatalf("not known: %q, %q, %q", got.Storage.Unknown, got.Machines.Unknown, got.Metrics.Unknown)
		}
		if got.Metrics.Value.Count != 1 {
			t.Errorf("metrics: %+v", *got.Metrics.Value)
		}
		return *got.Storage.Value, *got.Machines.Value
	}
	storage, machines := look()
	if diff := cmp.Diff(doctor.Lacks{Count: 1, Missing: []doctor.Lack{{What: "lacks-fast", Release: "a/prod@prod"}}}, storage); diff != "" {
		t.Errorf("storage -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(doctor.Lacks{Count: 1, Missing: []doctor.Lack{{What: "lacks-disk=ssd,lacks-pool=gpu", Release: "a/prod@prod"}}}, machines); diff != "" {
		t.Errorf("machines -want +got:\n%s", diff)
	}
	node := func(name string, labels map[string]string) {
		t.Helper()
		if _, err := kube.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	node("lacks-a", map[string]string{"lacks-pool": "gpu"})
	node("lacks-b", map[string]string{"lacks-disk": "ssd"})
	if _, machines := look(); len(machines.Missing) != 1 {
		t.Error("two nodes with one of the labels each are taken for one that has both")
	}
	node("lacks-c", map[string]string{"lacks-pool": "gpu", "lacks-disk": "ssd"})
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "lacks-fast"}, Provisioner: "example.com/none"}
	if _, err := kube.StorageV1().StorageClasses().Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if storage, machines := look(); len(storage.Missing)+len(machines.Missing) > 0 {
		t.Errorf("still missing: %+v, %+v", storage, machines)
	}
}

// TestRights: what is missing of the least rights is found, one by one, and nothing is missing with them.
func TestRights(t *testing.T) {
	c := shared.Cluster(t)
	kube := c.Client(t)
	admin := options(t, write(t, files)+"/data")
	admin.Clusters = []cluster.Config{{Name: "prod", Kubeconfig: c.Kubeconfig}}
	facts := Gather(t.Context(), admin)
	got := facts.Clusters[0]
	if got.Reached.Value == nil || got.Reached.Value.Error != "" || got.Reached.Value.Declared != "v1.36.0" || !strings.HasPrefix(got.Reached.Value.Version, "v1.") {
		t.Fatalf("reached: %+v", got.Reached)
	}
	if got.Rights.Value == nil || len(*got.Rights.Value) > 0 {
		t.Errorf("an administrator lacks %+v %s", got.Rights.Value, got.Rights.Unknown)
	}
	if got.Needs.Value == nil || len(got.Needs.Value.Missing) != 1 || got.Needs.Value.Missing[0].Kind != "Gizmo" {
		t.Errorf("needs: %+v %s", got.Needs.Value, got.Needs.Unknown)
	}
	if len(facts.Clocks) != 1 || facts.Clocks[0].Of != "cluster prod" {
		t.Errorf("clocks: %+v", facts.Clocks)
	}

	namespace := c.Namespace(t)
	if _, err := kube.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "some"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	rules := allBut(t, "bind", "leases.coordination.k8s.io")
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: namespace}, Rules: rules}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: namespace},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "some", Namespace: namespace}},
	}
	if _, err := kube.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := kube.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := kube.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), "some", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.LoadFromFile(c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for name := range cfg.AuthInfos {
		cfg.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	}
	limited := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*cfg, limited); err != nil {
		t.Fatal(err)
	}
	want := []doctor.Right{
		{Verbs: []string{"bind"}, Resource: "clusterroles.rbac.authorization.k8s.io", Name: "trunkline-deployer"},
		{Verbs: []string{"get", "list", "create", "update", "delete"}, Resource: "leases.coordination.k8s.io", Namespace: "trunkline-system"},
	}
	for {
		missing := missingRights(t.Context(), cluster.Config{Name: "prod", Kubeconfig: limited})
		if missing.Value == nil {
			t.Fatal(missing.Unknown)
		}
		if len(*missing.Value) > 2 && t.Context().Err() == nil { // the API server has not seen the binding yet
			continue
		}
		if diff := cmp.Diff(want, *missing.Value); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		break
	}
}

// allBut returns rules with all least rights but a verb and a resource.
func allBut(t *testing.T, verb, resource string) (rules []rbacv1.PolicyRule) {
	t.Helper()
	all, err := leastRights()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.verb == verb || r.Resource == resource {
			continue
		}
		name, group, _ := strings.Cut(r.Resource, ".")
		rule := rbacv1.PolicyRule{Verbs: []string{r.verb}, APIGroups: []string{group}, Resources: []string{name}}
		if r.Name != "" {
			rule.ResourceNames = []string{r.Name}
		}
		rules = append(rules, rule)
	}
	return rules
}

// TestAClusterOfAnAgent: a cluster that its agent keeps is asked nothing, and is not said to be unreachable.
func TestAClusterOfAnAgent(t *testing.T) {
	got, clock := options(t, t.TempDir()).cluster(t.Context(), cluster.Config{Name: "edge", Agent: true})
	if got.answer.Value != nil || !strings.Contains(got.answer.Unknown, "its agent keeps it") || got.rights.Unknown == "" || clock != nil {
		t.Errorf("of a cluster of an agent it is said: %+v", got)
	}
}
