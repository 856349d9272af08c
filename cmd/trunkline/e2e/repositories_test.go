// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestRepositories runs a platform of three repositories from the built program: two sources roll out, one is refused and the other goes on;
// with the data folder lost, nothing is removed of what is not known; and a source that goes away takes what it declared along.
func TestRepositories(t *testing.T) {
	cluster := pkg.Cluster(t)
	platform, orders, billing := gittest.New(t), gittest.New(t), gittest.New(t)
	project := func(name, image string) map[string]string {
		return map[string]string{"deploy/project.yaml": small(name, image)["project.yaml"]}
	}
	ordersURL := gittest.ServeHTTPAuth(t, orders, "ann", "s3cret")
	files := small("joint", "img:1")
	files["env.yaml"] = strings.Replace(files["env.yaml"], "clusters: [test]", "clusters: [test], maxRemovals: 100", 1)
	files["trunkline.yaml"] += fmt.Sprintf(`spec:
  sources:
    - {name: orders, url: %q, path: deploy, owners: [team], environments: [dev]}
    - {name: billing, url: %q, branch: live}
`, ordersURL, billing.URL())
	head := platform.Commit(t, "platform", files)
	first := orders.Commit(t, "orders", project("src-orders", "img:1"))
	bill := billing.CommitTo(t, "live", "billing", project("src-billing", "img:1"))

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "daemon.yaml")
	configure := func(data string, sources ...string) {
		t.Helper()
		text := fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: DaemonConfiguration
spec:
  repository: {url: %q, poll: 1s}
  sources:
%s  clusters: [{name: test, kubeconfig: %q}]
  data: %q
`, platform.URL(), strings.Join(sources, ""), cluster.Kubeconfig, data)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	withOrders := fmt.Sprintf("    - {name: orders, url: %q, username: ann, passwordFile: password}\n", ordersURL)
	withBilling := fmt.Sprintf("    - {name: billing, url: %q}\n", billing.URL())
	data := filepath.Join(dir, "data")
	configure(data, withOrders)
	d := serve(t, "--config", config)
	p := d.await("the platform to be refused", func(p status.Platform) bool { return p.Source.Refused() })
	if text := p.Source.Problems.String(); !strings.Contains(text, `trunkline.yaml:7:`) || !strings.Contains(text, `the daemon's configuration has no source "billing"`) {
		t.Errorf("the problem is %q", text)
	}
	configure(data, withOrders, withBilling) // which is read while the daemon runs

	applied := func(p status.Platform, names ...string) bool {
		for _, name := range names {
			if !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Project == name && r.Result == status.Applied }) {
				return false
			}
		}
		return true
	}
	of := func(p status.Platform, name string) string {
		return p.Source.Accepted.Of(name)
	}
	p = d.await("all three to roll out", func(p status.Platform) bool {
		return p.Source.Accepted != nil && of(p, "") == head && of(p, "orders") == first && of(p, "billing") == bill && applied(p, "joint", "src-orders", "src-billing")
	})
	for _, r := range p.Releases {
		if want := map[string]string{"joint": head, "src-orders": first, "src-billing": bill}[r.Project]; r.Own() != want {
			t.Errorf("%s is said to be at %s, want %s", r.Project, r.Own(), want)
		}
	}
	out, _, _ := command(t, "status", "--server", d.server)
	if want := fmt.Sprintf("joins        platform %.8s, billing %.8s, orders %.8s", head, bill, first); !strings.Contains(out, want) {
		t.Errorf("the status is\n%s\nwant %q in it", out, want)
	}

	client, err := dynamic.NewForConfig(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	deployments := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	uid := func(name string) string {
		o, err := client.Resource(deployments).Namespace(name+"-dev").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		return string(o.GetUID())
	}
	before := map[string]string{"joint": uid("joint"), "src-orders": uid("src-orders"), "src-billing": uid("src-billing")}
	inventory, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("trunkline-system").
		Get(t.Context(), "joint.dev.src-orders", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a := inventory.GetAnnotations(); a["trunkline.dev/source"] != "orders" || !strings.Contains(a["trunkline.dev/parts"], "orders="+first+":deploy") {
		t.Errorf("the inventory has %v", a)
	}

	// One is refused for what it may not, and the other goes on.
	bad := orders.Commit(t, "bad", map[string]string{"deploy/project.yaml": strings.Replace(project("src-orders", "img:2")["deploy/project.yaml"], "owner: team", "owner: others", 1)})
	next := billing.CommitTo(t, "live", "next", project("src-billing", "img:2"))
	d.await("one to be refused and the other to go on", func(p status.Platform) bool {
		i := slices.IndexFunc(p.Source.Sources, func(s status.Included) bool { return s.Name == "orders" && s.Refused() && s.Head.Hash == bad })
		return i >= 0 && of(p, "billing") == next && of(p, "orders") == first && applied(p, "src-billing")
	})
	if _, text := get(t, d.server+"/metrics"); !strings.Contains(text, `trunkline_source_refused{source="orders"} 1`) || !strings.Contains(text, `trunkline_source_refused{source="billing"} 0`) {
		t.Error("the metrics do not say which source is refused")
	}
	out, _, _ = command(t, "status", "--server", d.server)
	if !strings.Contains(out, "source orders refused") || !strings.Contains(out, `sources/orders/project.yaml:5:10: error: spec.owner: the source "orders" may not declare projects of "others"`) {
		t.Errorf("the status is\n%s", out)
	}
	out, _, _ = command(t, "history", "--server", d.server)
	if !strings.Contains(out, "billing: next") || !strings.Contains(out, "orders: bad") {
		t.Errorf("the history is\n%s", out)
	}

	// The data are lost while a source is away: it is not known, and nothing of it is touched.
	d.kill()
	restore := billing.Hide(t)
	configure(filepath.Join(dir, "other"), withOrders, withBilling)
	orders.Reset(t, first)
	d = serve(t, "--config", config)
	d.await("the platform without billing", func(p status.Platform) bool {
		return p.Source.Accepted != nil && of(p, "orders") == first && of(p, "billing") == "" && applied(p, "joint", "src-orders") &&
			slices.ContainsFunc(p.Releases, func(r status.Release) bool {
				return r.Project == "src-billing" && strings.Contains(r.Message, `the source "billing", which declares it, is not known`)
			})
	})
	// The platform itself goes on, and removes what is its own.
	platform.Commit(t, "without its own project", map[string]string{"project.yaml": gittest.Delete})
	d.await("the platform's own project to be removed", func(p status.Platform) bool {
		return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Project == "joint" })
	})
	for _, name := range []string{"src-orders", "src-billing"} {
		if got := uid(name); got != before[name] {
			t.Errorf("%s was touched: %s, and was %s", name, got, before[name])
		}
	}
	restore()
	d.await("billing to be known again", func(p status.Platform) bool { return of(p, "billing") == next && applied(p, "src-billing") })
	if got := uid("src-billing"); got != before["src-billing"] {
		t.Errorf("src-billing was made again: %s", got)
	}

	// What is not included any more is removed like anything that is not declared.
	without, _, _ := strings.Cut(files["trunkline.yaml"], "    - {name: billing")
	platform.Commit(t, "without billing", map[string]string{"trunkline.yaml": without})
	d.await("billing to be gone", func(p status.Platform) bool {
		return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Project == "src-billing" }) && applied(p, "src-orders")
	})
	if got := uid("src-billing"); !strings.Contains(got, "not found") {
		t.Errorf("src-billing is still there: %s", got)
	}
}
