// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/policy"
)

// inCloud has the accounts of prod be roles.
var inCloud = edit{prod, "  stores", "  identity: {eks.amazonaws.com/role-arn: \"arn:aws:iam::123456789012:role/<identity>-<environment>\"}\n  stores"}

// TestDataWidened changes what accounts need, up and down.
func TestDataWidened(t *testing.T) {
	const (
		shops = `warn data-widened sales/project.yaml:11 sales/report in "prod" may, as the account sales, list, read s3://prod/orders/shops/: the data of orders/shops@1, which is another project's`
		daily = `warn data-widened sales/project.yaml:11 sales/report in "prod" may, as the account sales, list, read s3://prod/orders/daily/: the data of orders/daily@1, which is another project's`
	)
	less := edit{sales, ", shops: orders/shops@1", ""}
	more := edit{sales, "{daily: orders/daily@1}", "{daily: orders/daily@1, shops: orders/shops@1}"}
	named := func(name string) edit {
		return edit{sales, "    - name: report\n", "    - name: report\n      identity: " + name + "\n"}
	}
	testChange(t, policy.RuleDataWidened, map[string]changeCase{
		"Read":       {reason: "To read what is another's is more, and only where the accounts are someone.", before: []edit{inCloud, less}, after: []edit{more}, want: []string{shops}},
		"NotInCloud": {reason: "Where nobody is someone in a cloud, a read gives no rights.", before: []edit{less}, after: []edit{more}},
		"Less":       {reason: "To read less is nothing to approve.", before: []edit{inCloud}, after: []edit{less}},
		"Same":       {reason: "Another workload of the account that reads the same gives it nothing.", before: []edit{inCloud}, after: []edit{{sales, "    - name: clock\n", "    - name: again\n      blueprint: container-job\n      reads: {shops: orders/shops@1}\n    - name: clock\n"}}},
		"Write": {
			reason: "To write what it read is more.", before: []edit{inCloud, {orders, "    - {name: shops", "    - {name: log, version: \"1\", path: lake://orders/log/}\n    - {name: shops"}, {orders, "writes: {main: daily@1}", "writes: {main: daily@1}\n    - name: looks\n      blueprint: container-job\n      reads: {log: log@1}"}},
			after: []edit{{orders, "      reads: {log: log@1}", "      writes: {log: log@1}"}},
			want:  []string{`warn data-widened orders/project.yaml:23 orders/looks in "prod" may, as the account orders, replace, delete s3://prod/orders/log/: the data of orders/log@1`},
		},
		"Account": {reason: "Another account has none of it yet.", before: []edit{inCloud, less}, after: []edit{named("sales-x")}, want: []string{
			strings.NewReplacer(":11", ":12", "account sales", "account sales-x").Replace(daily),
		}},
		"Moved": {
			reason: "A dataset that moves is elsewhere for who reads it, too.", before: []edit{inCloud, less, {sales, "daily: orders/daily@1", "shops: orders/shops@1"}},
			after: []edit{{orders, "lake://orders/shops/", "lake://orders/shops-2/"}},
			want:  []string{strings.ReplaceAll(shops, "/shops/", "/shops-2/")},
		},
		"Bucket": {
			reason: "All of a bucket is said to be that.", before: []edit{inCloud}, after: []edit{{orders, "    - {name: shops", "    - {name: all, version: \"1\", path: \"b://\", external: true}\n    - {name: shops"}, {prod, "s3://prod}", "s3://prod, b: s3://b}"}, {dev, "s3://dev}", "s3://dev, b: s3://b}"}, {orders, "reads: {raw", "reads: {all: all@1, raw"}},
			want: []string{`warn data-widened orders/project.yaml:19 orders/sum in "prod" may, as the account orders, list, read s3://b/: the data of orders/all@1, which are all of the bucket`},
		},
		"Store": {reason: "Where a store leads decides for all that is in it.", before: []edit{inCloud, less}, after: []edit{{prod, "s3://prod}", "s3://other}"}}, want: []string{
			`warn data-widened orders/project.yaml:15 orders/land in "prod" may, as the account orders, list, read, replace, delete s3://other/orders/raw/: the data of orders/raw@1`,
			`warn data-widened orders/project.yaml:18 orders/sum in "prod" may, as the account orders, list, read s3://other/orders/raw/: the data of orders/raw@1`,
			`warn data-widened orders/project.yaml:19 orders/sum in "prod" may, as the account orders, list, read, replace, delete s3://other/orders/daily/: the data of orders/daily@1`,
			strings.ReplaceAll(daily, "s3://prod", "s3://other"),
		}},
		"Environment": {reason: "That an environment is someone in a cloud is said once, of the environment.", before: nil, after: []edit{inCloud}, want: []string{`warn privilege-widened prod.yaml:6 the accounts of workloads in "prod" have another eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/<identity>-<environment> instead of none`}},
	})
}

// TestDataApproved: whoever owns the declaration of the environment allows it, and nobody else.
func TestDataApproved(t *testing.T) {
	less := edit{sales, ", shops: orders/shops@1", ""}
	more := edit{sales, "{daily: orders/daily@1}", "{daily: orders/daily@1, shops: orders/shops@1}"}
	const line = ` data-widened sales/project.yaml:11 sales/report in "prod" may, as the account sales, list, read s3://prod/orders/shops/: the data of orders/shops@1, which is another project's`
	keeper, seller := policy.Person{Login: "keeper"}, policy.Person{Login: "seller", Teams: []string{"team-sales"}}
	for name, tc := range map[string]struct {
		reason string
		rules  string
		people []policy.Person
		want   []string
	}{
		"Owner":     {"The owner of the project may not allow it alone.", "deny", []policy.Person{seller}, []string{"deny" + line}},
		"Keeper":    {"With an owner of the environment it passes, and is said.", "deny", []policy.Person{seller, keeper}, []string{"warn" + line}},
		"Warned":    {"Where nobody asks for an approval it is said.", "warn", []policy.Person{seller}, []string{"warn" + line}},
		"Off":       {"Or not.", `"off"`, []policy.Person{seller}, nil},
		"NotJudged": {"Where it is not known who made the change, it has to be approved.", "deny", nil, []string{"deny" + line}},
	} {
		t.Run(name, func(t *testing.T) {
			was := change(t, acme(), inCloud, less, edit{"CODEOWNERS", "", "/prod.yaml @keeper\n"}, edit{prod, "  stores", "  rules: {data-widened: " + tc.rules + "}\n  stores"})
			is := change(t, was, more)
			got := said(mustCheck(t, policy.Input{Catalog: load(t, is), Base: load(t, was), Changed: differ(was, is), People: tc.people}))
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestRolesHaveOneOwner: a role that two projects would make would have the rights of the one that was applied last.
func TestRolesHaveOneOwner(t *testing.T) {
	via := edit{prod, "  stores", "  dataAccess: {via: ack, podIdentity: true, principal: \"arn:aws:iam::123456789012:role/<identity>\"}\n  identities: [\"*\"]\n  stores"}
	same := edit{sales, "environments: {dev: {}, prod: {}}", "environments: {dev: {}, prod: {workloads: {report: {identity: orders}}}}"}
	for name, tc := range map[string]struct {
		reason string
		edits  []edit
		want   []string
	}{
		"Apart": {"Each account has a role of its own.", []edit{via}, nil},
		"Same":  {"One account of two projects has one role.", []edit{via, same}, []string{`deny resource-owner sales/project.yaml:6 the account orders of sales in "prod" is the role arn:aws:iam::123456789012:role/orders, as one of orders in "prod" is: each role has one owner`}},
		"Shown": {"Where nobody makes it, it may have several owners.", []edit{inCloud, {prod, "  stores", "  identities: [\"*\"]\n  stores"}, same}, nil},
		"Both": {
			"So would two environments make it.",
			[]edit{via, {dev, "  stores", "  dataAccess: {via: ack, podIdentity: true, principal: \"arn:aws:iam::123456789012:role/<identity>\"}\n  stores"}},
			[]string{
				`deny resource-owner orders/project.yaml:6 the account orders of orders in "prod" is the role arn:aws:iam::123456789012:role/orders, as one of orders in "dev" is: each role has one owner`,
				`deny resource-owner sales/project.yaml:6 the account sales of sales in "prod" is the role arn:aws:iam::123456789012:role/sales, as one of sales in "dev" is: each role has one owner`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := said(mustCheck(t, policy.Input{Catalog: load(t, change(t, acme(), tc.edits...))}))
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
