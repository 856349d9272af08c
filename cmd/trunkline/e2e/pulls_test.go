// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
	"trunkline.dev/trunkline/webhooks/github/githubtest/contract"
)

// forge is a GitHub with a repository, and a daemon that is connected to both it and a cluster.
type forge struct {
	t       *testing.T
	hub     *githubtest.GitHub
	repo    *githubtest.Repo
	app     *githubtest.App
	cluster *clustertest.Cluster
	daemon  *daemon
	args    []string
}

// shop is a platform of two projects: revenue reads what orders writes.
func shop(image string) map[string]string {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	project := func(name, owner, image, workload, dataset string) string {
		return head + "kind: Project\nmetadata: {name: " + name + "}\nspec:\n  owner: " + owner + "\n  environments: [dev]\n  image: " + image +
			"\n  datasets:\n    - {name: " + dataset + ", version: '1', path: 'lake://" + name + "/" + dataset + "/'}\n  workloads:\n    - " + workload + "\n"
	}
	return map[string]string{
		"trunkline.yaml":                head + "kind: Platform\nmetadata: {name: shop}\n",
		"cluster.yaml":                  head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":                      head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], stores: {lake: 's3://shop-dev'}}\n",
		"CODEOWNERS":                    "/projects/orders @olga\n/projects/revenue @rita\n",
		"README.md":                     "shop\n",
		"note/blueprint.yaml":           platformFiles["note/blueprint.yaml"],
		"note/chart/Chart.yaml":         platformFiles["note/chart/Chart.yaml"],
		"note/chart/values.yaml":        platformFiles["note/chart/values.yaml"],
		"note/chart/templates/all.yaml": platformFiles["note/chart/templates/note.yaml"],
		"projects/orders/app.yaml":      project("orders", "olga", "img:1", "{name: land, blueprint: note, params: {value: '"+image+"'}, writes: {out: raw@1}}", "raw"),
		"projects/revenue/app.yaml":     project("revenue", "rita", "img:1", "{name: sum, blueprint: note, reads: {in: orders/raw@1}, writes: {out: daily@1}}", "daily"),
	}
}

func newForge(t *testing.T, cluster *clustertest.Cluster) *forge {
	t.Helper()
	return newForgeOf(t, cluster, shop("one"))
}

// newForgeOf returns one whose repository has some files.
func newForgeOf(t *testing.T, cluster *clustertest.Cluster, files map[string]string) *forge {
	t.Helper()
	f := &forge{t: t, cluster: cluster}
	f.hub = githubtest.Start(t, contract.Check(t, githubtest.Options{Dir: t.TempDir()}))
	var err error
	if f.repo, err = f.hub.AddRepo("acme/shop", githubtest.RepoSpec{Git: true}); err != nil {
		t.Fatal(err)
	}
	for _, login := range []string{"olga", "rita", "mallory"} {
		f.hub.AddUser(login)
	}
	f.repo.Grant("olga", "write")
	f.repo.Grant("rita", "write")
	f.push("main", "the shop", files, "olga")
	if f.app, err = f.hub.AddApp(githubtest.App{Name: "trunkline", Owner: "acme", Permissions: githubtest.LeastPermissions(), Events: []string{
		"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push",
	}}); err != nil {
		t.Fatal(err)
	}
	f.hub.Install(f.app, "acme", f.repo)
	dir := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	f.args = []string{
		"--repo", f.repo.CloneURL(), "--data", filepath.Join(dir, "data"), "--cluster", "test=" + cluster.Kubeconfig, "--poll", "1h",
		"--github-repo", "acme/shop", "--github-app-id", strconv.FormatInt(f.app.ID, 10), "--github-app-key-file", write("app.pem", string(f.app.Key)),
		"--github-url", f.hub.URL(), "--hook-secret-file", write("secret", "s3cret"),
	}
	return f
}

// start starts the daemon, and has GitHub send its events there.
func (f *forge) start() {
	f.t.Helper()
	f.daemon = serve(f.t, f.args...)
	f.hub.SetHook(f.app, f.daemon.server+"/hooks/github", "s3cret")
	f.daemon.await("the shop to run", status.Platform.Fine)
}

func (f *forge) push(branch, message string, files map[string]string, as string) string {
	f.t.Helper()
	sha, err := f.repo.Push(branch, message, files, as)
	if err != nil {
		f.t.Fatal(err)
	}
	return sha
}

// open pushes files to a new branch and opens a pull request of it.
func (f *forge) open(branch, title string, files map[string]string, as string) (number int, sha string) {
	f.t.Helper()
	if err := f.repo.Branch(branch, "main"); err != nil {
		f.t.Fatal(err)
	}
	sha = f.push(branch, title, files, as)
	number, err := f.repo.Open(githubtest.PullSpec{Title: title, Author: as, Head: branch})
	if err != nil {
		f.t.Fatal(err)
	}
	return number, sha
}

// await waits until something is so at GitHub.
func (f *forge) await(what string, is func() string, want string) {
	f.t.Helper()
	deadline := time.Now().Add(waitTimeout)
	for {
		got := is()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("waiting for %s to be %q; it is %q\n%s", what, want, got, f.daemon.log)
		}
		time.Sleep(20 * time.Millisecond) // GitHub is asked again, as a browser would
	}
}

func (f *forge) awaitCheck(sha, want string) {
	f.t.Helper()
	f.await("the check of "+sha, func() string { return f.repo.CheckOf(sha, "trunkline") }, "completed "+want)
}

// page is what people see of a pull request.
func (f *forge) page(number int) string {
	f.t.Helper()
	resp, err := http.Get(f.hub.URL() + "/" + f.repo.FullName() + "/pull/" + strconv.Itoa(number))
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		f.t.Fatalf("the page of #%d answers %d", number, resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(body)
}

// note is what the cluster has of orders.
func (f *forge) note() map[string]any {
	f.t.Helper()
	configs, err := dynamic.NewForConfig(f.cluster.Config)
	if err != nil {
		f.t.Fatal(err)
	}
	note, err := configs.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("orders-dev").Get(f.t.Context(), "note", metav1.GetOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	return note.Object["data"].(map[string]any)
}

// TestMergeToDeploy: a pull request is opened, checked and merged; what it changes rolls out, and GitHub says so.
func TestMergeToDeploy(t *testing.T) {
	f := newForge(t, pkg.Cluster(t))
	f.start()
	number, sha := f.open("two", "A new value", map[string]string{"projects/orders/app.yaml": shop("two")["projects/orders/app.yaml"]}, "olga")
	f.awaitCheck(sha, "success")
	f.await("the comment", func() string {
		return strconv.FormatBool(strings.Contains(f.page(number), "✅ Trunkline:"))
	}, "true")
	if err := f.repo.Merge(number, "rita"); err != nil {
		t.Fatal(err)
	}
	f.await("the deployment", func() string { return f.repo.DeploymentState(f.repo.Head("main"), "dev") }, "success")
	f.await("the comment on the merge", func() string { return strconv.FormatBool(strings.Contains(f.page(number), "deployed, and healthy")) }, "true")
	if got := f.note()["value"]; got != "two" {
		t.Errorf("what was merged is not in the cluster: %v", got)
	}
}

// TestInvalidDAG: a pull request that closes a cycle over two projects is refused at both, and nothing is deployed; a push that
// fixes it turns the check, and the comment follows.
func TestInvalidDAG(t *testing.T) {
	f := newForge(t, pkg.Cluster(t))
	f.start()
	cyclic := strings.Replace(shop("one")["projects/orders/app.yaml"], "writes:", "reads: {in: revenue/daily@1}, writes:", 1)
	number, sha := f.open("cycle", "Use the daily figures", map[string]string{"projects/orders/app.yaml": cyclic}, "olga")
	f.awaitCheck(sha, "failure")
	places := strings.Join(f.repo.Annotations(sha, "trunkline"), "\n")
	for _, file := range []string{"projects/orders/app.yaml", "projects/revenue/app.yaml"} {
		if !strings.Contains(places, file) {
			t.Errorf("there is no annotation at %s:\n%s", file, places)
		}
	}
	f.await("the comment with the cycle", func() string { return strconv.FormatBool(strings.Contains(f.page(number), "dag-cycle")) }, "true")
	fixed := f.push("cycle", "Do not", map[string]string{"projects/orders/app.yaml": shop("two")["projects/orders/app.yaml"]}, "olga")
	f.awaitCheck(fixed, "success")
	if f.repo.CheckOf(sha, "trunkline") != "completed failure" {
		t.Error("the check of the old head is not what it was")
	}
}

// TestStrangersFork: a stranger's pull request from a fork, which also makes them an owner, does not pass; nor
// does what is no business of ours wait for us.
func TestStrangersFork(t *testing.T) {
	f := newForge(t, pkg.Cluster(t))
	f.start()
	fork, err := f.repo.Fork("mallory")
	if err != nil {
		t.Fatal(err)
	}
	var number int
	open := func(branch string, files map[string]string) string {
		if err := fork.Branch(branch, "main"); err != nil {
			t.Fatal(err)
		}
		sha, err := fork.Push(branch, branch, files, "mallory")
		if err != nil {
			t.Fatal(err)
		}
		number, err = f.repo.Open(githubtest.PullSpec{Title: branch, Author: "mallory", From: fork, Head: branch})
		if err != nil {
			t.Fatal(err)
		}
		return sha
	}
	f.awaitCheck(open("mine", map[string]string{"CODEOWNERS": "* @mallory\n", "projects/orders/app.yaml": strings.ReplaceAll(shop("evil")["projects/orders/app.yaml"], "olga", "mallory")}), "failure")
	if _, err := f.repo.Comment(number, "/trunkline rollback orders --in dev", "mallory"); err != nil {
		t.Fatal(err)
	}
	f.await("the answer", func() string { return strconv.FormatBool(strings.Contains(f.page(number), "since you may not")) }, "true")
	f.daemon.await("the shop to run on", status.Platform.Fine)
	if got := f.repo.DeploymentState(f.repo.Head("main"), "dev"); got != "" {
		t.Errorf("there is a deployment, and it is %q", got)
	}
	f.awaitCheck(open("typo", map[string]string{"README.md": "the shop\n"}), "neutral")
}

// TestKilledWhileChecking: wherever the daemon is killed, the next one concludes the check.
func TestKilledWhileChecking(t *testing.T) {
	f := newForge(t, pkg.Cluster(t))
	f.start()
	stop := f.hub.Fail(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/acme/shop/check-runs/", Status: http.StatusBadGateway})
	_, sha := f.open("two", "A new value", map[string]string{"projects/orders/app.yaml": shop("two")["projects/orders/app.yaml"]}, "olga")
	f.await("the check to be there", func() string { return f.repo.CheckOf(sha, "trunkline") }, "queued")
	f.daemon.kill()
	stop()
	f.start()
	f.awaitCheck(sha, "success")
}

// TestReviewedIsApplied: where only what was reviewed may be applied, what a pull request showed goes, and what was pushed beside it waits,
// also for a daemon that was away, until an owner has seen it and approves just that. The whole report is read by the link of the comment.
func TestReviewedIsApplied(t *testing.T) {
	f := newForge(t, pkg.Cluster(t))
	f.args = append(f.args, "--public-url", "https://trunkline.example")
	f.start()
	orders := func(p status.Platform) (out status.Release) {
		for _, r := range p.Releases {
			if r.Project == "orders" {
				out = r
			}
		}
		return out
	}
	// What is in place comes of this branch, whatever another test left in the cluster.
	first := f.push("main", "A value of its own", map[string]string{"projects/orders/app.yaml": shop("reviewed-0")["projects/orders/app.yaml"]}, "olga")
	f.daemon.await("the first value to be applied", func(p status.Platform) bool { return orders(p).Commit == first && p.Fine() })
	strict := f.push("main", "Ask for reviews", map[string]string{"env.yaml": strings.Replace(shop("one")["env.yaml"], "{clusters", "{reviewed: required, clusters", 1)}, "olga")
	f.daemon.await("the branch to be followed", func(p status.Platform) bool { return p.Source.Accepted != nil && p.Source.Accepted.Hash == strict })
	number, sha := f.open("two", "A new value", map[string]string{"projects/orders/app.yaml": shop("two")["projects/orders/app.yaml"]}, "olga")
	f.awaitCheck(sha, "success")
	report := regexp.MustCompile(`https://trunkline\.example(/reports/[\w%-]+)`)
	f.await("the link to the report", func() string { return strconv.FormatBool(report.MatchString(f.page(number))) }, "true")
	resp, err := http.Get(f.daemon.server + report.FindStringSubmatch(f.page(number))[1])
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "value: two") {
		t.Errorf("the report is %d, %v:\n%s", resp.StatusCode, err, page)
	}
	if err := f.repo.Merge(number, "rita"); err != nil {
		t.Fatal(err)
	}
	merged := f.repo.Head("main")
	f.await("what was shown to be deployed", func() string { return f.repo.DeploymentState(merged, "dev") }, "success")
	pushed := f.push("main", "Nobody saw this", map[string]string{"projects/orders/app.yaml": shop("three")["projects/orders/app.yaml"]}, "olga")
	held := func(p status.Platform) bool {
		h := orders(p).Held
		return h != nil && h.Rule == "reviewed" && strings.Contains(h.Reason, "not brought by a pull request")
	}
	f.daemon.await("what nobody saw to be held", held)
	f.daemon.kill()
	f.daemon = serve(t, f.args...)
	f.hub.SetHook(f.app, f.daemon.server+"/hooks/github", "s3cret")
	f.daemon.await("it to be held again", held)
	code := regexp.MustCompile(`/trunkline approve dev [0-9a-f]{12}`)
	comment := func(body string) {
		t.Helper()
		if _, err := f.repo.Comment(number, body, "olga"); err != nil {
			t.Fatal(err)
		}
	}
	comment("/trunkline approve dev")
	f.await("what is held to be shown", func() string { return strconv.FormatBool(code.MatchString(f.page(number))) }, "true")
	known := func(p status.Platform) bool { return held(p) && orders(p).Commit != "" } // a daemon that was started just now has to look first
	if r := orders(f.daemon.await("it to be held still", known)); r.Commit != merged {
		t.Errorf("the cluster holds %s", r.Commit)
	}
	comment(code.FindString(f.page(number)))
	f.daemon.await("what was approved to be applied", func(p status.Platform) bool { return orders(p).Commit == pushed && p.Fine() })
}

// TestUnsignedDelivery: a delivery that is not signed, or wrongly, is refused.
func TestUnsignedDelivery(t *testing.T) {
	f := newForge(t, pkg.Cluster(t))
	f.start()
	for reason, tc := range map[string]struct {
		secret string
		want   int
	}{"the right secret": {"s3cret", http.StatusAccepted}, "another secret": {"guess", http.StatusUnauthorized}} {
		req, err := githubtest.NewDelivery(t.Context(), f.daemon.server+"/hooks/github", tc.secret, "1", "push", []byte(`{"ref":"refs/heads/main","repository":{"full_name":"acme/shop"}}`))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tc.want {
			t.Errorf("%s is answered with %d, want %d", reason, resp.StatusCode, tc.want)
		}
	}
}
