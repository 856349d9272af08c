// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// dataTree has an environment with some fields, and a project.
func dataTree(fields string) fstest.MapFS {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	return fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" + head + "kind: Cluster\nmetadata: {name: two}\n")},
		"prod.yaml": {Data: []byte(head + "kind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [one, two]\n  stores: {lake: \"s3://lake\"}\n  lots: {manifests: \"s3://m/<project>/\"}\n" +
			"  preview: {}\n" + fields)},
		"orders.yaml": {Data: []byte(head + `kind: Project
metadata: {name: orders}
spec:
  owner: ann
  environments: [prod]
  image: a/b:1
  datasets:
    - {name: raw, version: "1", path: "lake://raw/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: clean, version: "1", path: "lake://clean/"}
  workloads:
    - {name: landing, blueprint: boundary, writes: {main: raw@1}}
    - {name: clean, blueprint: copy, identity: orders-etl, reads: {main: raw@1}, writes: {main: clean@1}}
    - {name: copies, blueprint: container-job, command: [mine], reads: {main: raw@1}}
`)},
	}
}

// TestDataAccess: what an environment says is checked before anything is made of it.
func TestDataAccess(t *testing.T) {
	const role, issuers = `principal: "arn:aws:iam::123456789012:role/<identity>-<environment>"`, `issuers: {one: "https://a.example/1", two: "https://a.example/2"}`
	for name, c := range map[string]struct{ reason, fields, want string }{
		"All":          {"all that there is", "{via: crossplane, " + role + ", " + issuers + `, keys: {lake: "arn:aws:kms:eu-west-1:123456789012:key/1-a"}, boundary: "arn:aws:iam::123456789012:policy/data", providerConfig: aws}`, ""},
		"PodIdentity":  {"EKS needs no issuer", "{via: ack, podIdentity: true, " + role + "}", ""},
		"NothingMade":  {"what is only printed may be incomplete", "{" + role + "}", ""},
		"Cluster":      {"an issuer of a cluster that is elsewhere", `{issuers: {three: "https://a.example/1"}}`, `prod.yaml:9: the environment is on no cluster "three"`},
		"Plain":        {"tokens that come in clear", `{issuers: {one: "http://a.example/1"}}`, "prod.yaml:9: it is not the address of an issuer of tokens"},
		"Secret":       {"credentials in an address are not shown", `{issuers: {one: "https://me:hunter2@a.example/1"}}`, "prod.yaml:9: it is not the address of an issuer of tokens"},
		"Key":          {"aliases of keys are none in a policy", `{keys: {lake: "arn:aws:kms:eu-west-1:123456789012:alias/x"}}`, `is not the ARN of a key`},
		"Storage":      {"a name is no id", `{storageAccounts: {lake: acme}}`, `"acme" is not the id of a storage account`},
		"Boundary":     {"a role bounds nothing", `{boundary: "arn:aws:iam::123456789012:role/x"}`, "is not the ARN of a policy"},
		"Provider":     {"a setting of Crossplane", "{via: ack, podIdentity: true, " + role + ", providerConfig: aws}", "for via: crossplane"},
		"NoRole":       {"nobody says which role", "{via: ack, podIdentity: true}", "makes roles of AWS, and nothing says which"},
		"OtherCloud":   {"only AWS has objects", "{via: ack, podIdentity: true, principal: \"serviceAccount:a@b.iam.gserviceaccount.com\"}", "makes roles of AWS, and nothing says which"},
		"NotARole":     {"a user is no role", `{via: ack, podIdentity: true, principal: "arn:aws:iam::123456789012:user/<identity>"}`, "is not the ARN of a role"},
		"OneForAll":    {"each project would make it", `{via: ack, podIdentity: true, principal: "arn:aws:iam::123456789012:role/data"}`, "is one for all accounts"},
		"Untrusted":    {"a cluster whose accounts could not be the role", "{via: ack, " + role + `, issuers: {one: "https://a.example/1"}}`, `nothing says whom the roles trust on the cluster "two"`},
		"Placeholders": {"a placeholder that there is none of", `{principal: "arn:aws:iam::123456789012:role/<team>"}`, `there is no placeholder "<team>"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems, err := catalog.Load(dataTree("  dataAccess: "+c.fields+"\n"), blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, p := range problems {
				all = append(all, fmt.Sprintf("%s:%d: %s", p.Position.File, p.Position.Line, p.Message))
			}
			text := strings.Join(all, "\n")
			if (c.want == "") != (text == "") || !strings.Contains(text, c.want) || strings.Contains(text, "hunter2") {
				t.Errorf("%s: want %q, got %q", c.reason, c.want, text)
			}
		})
	}
}

// TestDataAccounts: who accounts are on each cluster, and what runs as them; nothing runs for a boundary.
func TestDataAccounts(t *testing.T) {
	cat, problems, err := catalog.Load(dataTree("  identity: {role: \"<identity>@<cluster>\"}\n"), blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	p, _ := cat.Project("orders")
	place := func(cluster, name string) catalog.AccountPlace {
		return catalog.AccountPlace{Cluster: cluster, Namespace: "orders-prod", Annotations: map[string]string{"role": name + "@" + cluster}}
	}
	reads := catalog.DataUse{Role: "main", Kind: catalog.Reads, Dataset: "orders/raw@1", Store: "lake", Location: "s3://lake/raw/", Manifests: "s3://m/orders/"}
	copies, clean := reads, reads
	copies.Workload, clean.Workload, clean.Builtin = "copies", "clean", "copy"
	want := []catalog.DataAccount{
		{Project: "orders", Environment: "prod", Name: "orders", Places: []catalog.AccountPlace{place("one", "orders"), place("two", "orders")}, Workloads: []string{"copies"}, Uses: []catalog.DataUse{copies}},
		{
			Project: "orders", Environment: "prod", Name: "orders-etl", Places: []catalog.AccountPlace{place("one", "orders-etl"), place("two", "orders-etl")}, Workloads: []string{"clean"},
			Uses: []catalog.DataUse{clean, {Workload: "clean", Role: "main", Kind: catalog.Writes, Dataset: "orders/clean@1", Store: "lake", Location: "s3://lake/clean/", Builtin: "copy"}},
		},
	}
	if diff := cmp.Diff(want, cat.DataAccounts(p, "prod")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := cat.DataAccounts(p, "dev"); got != nil {
		t.Errorf("where it is not deployed there is %v", got)
	}
}
