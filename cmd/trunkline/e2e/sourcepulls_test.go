// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// TestPullsOfSources: a pull request of a repository that the platform includes is checked, previewed and told of there, by the rules and
// people of the platform; what it showed is reviewed once it is merged, and what was pushed beside it is not.
func TestPullsOfSources(t *testing.T) {
	billing := func(owner, value string) map[string]string {
		return map[string]string{"deploy/app.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: billing}\nspec:\n  owner: " + owner +
			"\n  environments: [dev]\n  image: img:1\n  workloads:\n    - {name: bill, blueprint: note, params: {value: '" + value + "'}, reads: {in: orders/raw@1}}\n"}
	}
	files := previewed(t.TempDir())
	files["env.yaml"] = strings.Replace(files["env.yaml"], "{clusters", "{reviewed: required, clusters", 1)
	f := newForgeOf(t, pkg.Cluster(t), files)
	repo, err := f.hub.AddRepo("acme/billing", githubtest.RepoSpec{Git: true})
	if err != nil {
		t.Fatal(err)
	}
	// The source, as the forge is seen from it. Sally administers it, and may nothing in the platform's own repository.
	g := &forge{t: t, hub: f.hub, repo: repo, app: f.app, cluster: f.cluster}
	for login, role := range map[string]string{"bob": "write", "sally": "admin"} {
		f.hub.AddUser(login)
		repo.Grant(login, role)
	}
	f.repo.Grant("bob", "write")
	first := g.push("main", "billing", billing("bob", "one"), "bob")
	f.hub.Install(f.app, "acme", f.repo, repo)
	f.push("main", "include billing", map[string]string{"trunkline.yaml": files["trunkline.yaml"] + fmt.Sprintf(
		"spec:\n  sources: [{name: billing, url: %q, path: deploy, owners: [bob], environments: [dev]}]\n", repo.CloneURL())}, "olga")
	f.args = append(f.args, "--source-repo", "billing="+repo.CloneURL(), "--source-github-repo", "billing=acme/billing")
	f.daemon = serve(t, f.args...)
	g.daemon = f.daemon
	f.hub.SetHook(f.app, f.daemon.server+"/hooks/github", "s3cret")
	release := func(p status.Platform) (out status.Release) {
		for _, r := range p.Releases {
			if r.Project == "billing" && r.Environment == "dev" {
				out = r
			}
		}
		return out
	}
	// It was not shown by any pull request, so that it waits for an approval, and so may what other tests have left in the cluster.
	known := func(h *status.Held) bool {
		return strings.Contains(h.Reason, "not brought by a pull request") || strings.Contains(h.Reason, "cannot be followed back")
	}
	f.daemon.await("the source to be held", func(p status.Platform) bool {
		return p.Source.Accepted != nil && p.Source.Accepted.Of("billing") == first && release(p).Held != nil &&
			!slices.ContainsFunc(p.Releases, func(r status.Release) bool {
				return r.Held == nil && r.Result != status.Applied || r.Held != nil && !known(r.Held)
			})
	})
	if out, errs, code := command(t, "approve", "dev", "--server", f.daemon.server, "--why", "it is new"); code != 0 {
		t.Fatal(out, errs)
	}
	f.daemon.await("the source to run", func(p status.Platform) bool { return release(p).Own() == first && p.Fine() })

	// Both repositories have a first pull request, each with its preview.
	number, sha := g.open("two", "Another value", billing("bob", "two"), "bob")
	other, shopSHA := f.open("two", "A new value", map[string]string{"projects/orders/app.yaml": shop("two")["projects/orders/app.yaml"]}, "olga")
	if number != other {
		t.Fatalf("the pull requests are #%d and #%d", number, other)
	}
	g.awaitCheck(sha, "success")
	f.awaitCheck(shopSHA, "success")
	preview := "pr-billing-" + strconv.Itoa(number)
	g.await("the preview of the source's", func() string { return repo.DeploymentState(sha, preview) }, "success")
	f.await("the preview of the platform's", func() string { return f.repo.DeploymentState(shopSHA, "pr-"+strconv.Itoa(number)) }, "success")
	g.says(number, "✅ Trunkline:")
	g.says(number, preview)
	if strings.Contains(f.page(other), "billing/dev") && strings.Contains(f.page(other), preview) {
		t.Errorf("the platform's pull request tells of the source's:\n%s", f.page(other))
	}

	// Who owns nothing is refused, whatever they are in the source; and so is what the platform leaves to others.
	sallys, bad := g.open("sally", "Mine", billing("bob", "three"), "sally")
	g.awaitCheck(bad, "failure")
	g.says(sallys, "none of its owners made or approved the change")
	if err := repo.Review(sallys, "APPROVED", "bob"); err != nil {
		t.Fatal(err)
	}
	g.awaitCheck(bad, "success")
	if _, err := repo.Comment(sallys, "/trunkline rollback billing --in dev", "sally"); err != nil {
		t.Fatal(err)
	}
	g.says(sallys, "since you may not")
	_, foreign := g.open("foreign", "Somebody else's", billing("rita", "two"), "bob")
	g.awaitCheck(foreign, "failure")
	if places := strings.Join(repo.Annotations(foreign, "trunkline"), "\n"); !strings.Contains(places, "deploy/app.yaml") || strings.Contains(places, "sources/") {
		t.Errorf("the annotations are at\n%s", places)
	}

	// What was shown is what is applied, without an approval.
	if err := repo.Merge(number, "bob"); err != nil {
		t.Fatal(err)
	}
	merged := repo.Head("main")
	g.await("what was merged to be deployed", func() string { return repo.DeploymentState(merged, "dev") }, "success")
	g.says(number, "deployed, and healthy")
	f.daemon.await("it to be in place", func(p status.Platform) bool { return release(p).Own() == merged && release(p).Held == nil })
	g.await("its preview to be gone", func() string { return repo.DeploymentState(sha, preview) }, "")
	if got := f.repo.DeploymentState(shopSHA, "pr-"+strconv.Itoa(number)); got != "success" {
		t.Errorf("the preview of the platform's pull request of the same number is %q", got)
	}

	// What is pushed beside that waits.
	g.push("main", "Nobody saw this", billing("bob", "four"), "bob")
	f.daemon.await("what nobody saw to be held", func(p status.Platform) bool {
		return release(p).Held != nil && release(p).Held.Rule == "reviewed" && strings.Contains(release(p).Held.Reason, "not brought by a pull request")
	})
}
