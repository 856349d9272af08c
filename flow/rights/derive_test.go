// SPDX-License-Identifier: Apache-2.0

package rights_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/flow/rights/rightstest"
)

// TestOf: each account gets what its workloads need, and nothing else.
func TestOf(t *testing.T) {
	const manifests = "s3://manifests/prod/orders/datasets/name="
	by := map[string]rights.Principal{}
	for _, p := range rights.Principals(rights.Accounts(load(t, orders, rates)), catalog.AWS) {
		by[p.Members[0].Account] = p
	}
	for name, c := range map[string]struct {
		reason string
		want   []string
	}{
		"own": {"it reads what there is, writes to the folder of its attempt, and removes there what is no data", []string{
			"list, read s3://lake/orders/clean/", "create s3://lake/orders/clean/lot=*/attempt=*/", "replace, delete s3://lake/orders/clean/lot=*/attempt=*/_*",
			"list, read s3://lake/orders/raw/", "list, read s3://lake/rates/names/",
			"list, read " + manifests + "clean/version=1/", "list, read " + manifests + "raw/version=1/",
		}},
		"copied": {"a copy lists what it wrote for a manifest of its own, and needs no other lot", []string{
			"list, create s3://lake/orders/copy/lot=*/attempt=*/", "read s3://lake/orders/copy/lot=*/attempt=*/_*", "list, read s3://lake/orders/raw/",
			"read " + manifests + "raw/version=1/",
		}},
		"pulled": {"what is fetched over HTTP is compared with the lot before", []string{
			"list, read s3://lake/orders/pulled/", "create s3://lake/orders/pulled/lot=*/attempt=*/", "read " + manifests + "pulled/version=1/",
		}},
		"always": {"unless that is said to be of no use", []string{
			"list, create s3://lake/orders/always/lot=*/attempt=*/", "read s3://lake/orders/always/lot=*/attempt=*/_*",
		}},
		"tabled": {"of a table the manifest is left beside those that count", []string{
			"list, read s3://lake/orders/clean/", "list, read " + manifests + "clean/version=1/",
			"read, create s3://manifests/prod/orders/trunkline-returned/name=table/version=1/lot=*/attempt=*/", "change glue:///sales/orders",
		}},
		"nightly": {"what runs by the clock keeps its dataset and its manifests by itself, and is given no manifests of what it reads", []string{
			"list, read, replace, delete s3://lake/orders/nightly/", "list, read s3://lake/rates/fx/",
			"list, read, create " + manifests + "nightly/version=1/",
		}},
		"logs":     {"so does what writes a dataset without lots", []string{"list, read, replace, delete s3://lake/orders/log/"}},
		"mirrored": {"a program that is built in removes nothing, and looks at nothing that it wrote", []string{"replace s3://lake/orders/mirror/", "list, read s3://lake/rates/names/"}},
		"queries":  {"a table is read by its catalog", []string{"read glue:///sales/orders"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := by[name]
			var got []string
			for _, g := range p.Grants {
				got = append(got, g.Rights.String()+" "+g.Where())
			}
			for _, table := range p.Tables {
				got = append(got, table.Right()+" "+table.Where())
			}
			if diff := cmp.Diff(c.want, got); diff != "" || p.Name != "arn:aws:iam::123456789012:role/"+name+"-prod" {
				t.Errorf("%s: %s (-want +got):\n%s", c.reason, p.Name, diff)
			}
		})
	}
	if notes := by["queries"].Notes; len(notes) != 1 || !strings.Contains(notes[0], "known to its catalog only") {
		t.Errorf("what is not derived is said: %q", notes)
	}
}

// TestWhatCannotBeGranted: a folder of a machine is said, and so is a catalog with rights of its own.
func TestWhatCannotBeGranted(t *testing.T) {
	cat := load(t, edited(orders, "lake://orders/log/", "disk://orders/log/", "tables://", "ice://"), rates)
	for _, p := range rights.Principals(rights.Accounts(cat), catalog.AWS) {
		switch p.Members[0].Account {
		case "logs":
			if len(p.Wrong) != 1 || p.Wrong[0].Store != "disk" || !strings.Contains(p.Wrong[0].Why, "file:///data/orders/log/, on which no cloud gives rights") {
				t.Errorf("of a folder of a machine is said: %+v", p.Wrong)
			}
		case "tabled":
			if len(p.Tables) != 0 || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "rights of its own") {
				t.Errorf("of a table of Iceberg is said: %q, with rights on %v", p.Notes, p.Tables)
			}
		}
	}
}

// TestShared: who is one in the cloud has what all need, whichever project they are of.
func TestShared(t *testing.T) {
	const other = head + `kind: Project
metadata: {name: other}
spec:
  owner: team-other
  environments: [prod]
  image: a/b:1
  workloads:
    - {name: looks, blueprint: container-job, identity: logs, command: [a], reads: {main: rates/names@1}}
`
	for _, p := range rights.Principals(rights.Accounts(load(t, orders, rates, other)), catalog.AWS) {
		if p.Name != "arn:aws:iam::123456789012:role/logs-prod" {
			continue
		}
		if diff := cmp.Diff([]string{"orders/logs in prod", "other/looks in prod"}, p.Workloads); diff != "" {
			t.Errorf("it is of -want +got:\n%s", diff)
		}
		if len(p.Members) != 2 || !rightstest.Allows(&p.Needs, rights.Delete, "s3", "lake", "orders/log/a") || !rightstest.Allows(&p.Needs, rights.Get, "s3", "lake", "rates/names/a") {
			t.Errorf("%v have %v", p.Members, p.Grants)
		}
		return
	}
	t.Error("the account is not there")
}

// TestNobody: who is not someone in a cloud has no rights there.
func TestNobody(t *testing.T) {
	for _, cloud := range []catalog.Provider{catalog.GCP, catalog.Azure} {
		if all := rights.Principals(rights.Accounts(load(t, orders, rates)), cloud); len(all) > 0 {
			t.Errorf("in %s there is %v", cloud, all)
		}
	}
}
