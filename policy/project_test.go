// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
)

func TestDigest(t *testing.T) {
	strict := edit{prod, "  stores", "  rules: {image-digest: deny}\n  stores"}
	testRule(t, policy.RuleDigest, map[string]ruleCase{
		"OffByDefault": {reason: "Nobody asked for digests."},
		"ProjectImage": {
			reason: "The image of the project is said once, however many workloads use it.",
			edits:  []edit{strict, {orders, "image: ghcr.io/acme/orders:1", "image: ghcr.io/acme/orders@sha256:00"}},
			want:   []string{`deny image-digest sales/project.yaml:7 the image "ghcr.io/acme/sales:1" is named by a tag, which may point to another image tomorrow`},
		},
		"TagAndDigest": {
			reason: "With a tag beside it, it is still the digest that counts.",
			edits:  []edit{strict, {orders, "orders:1", "orders:1@sha256:00"}, {sales, "sales:1", "sales:1@sha256:00"}},
		},
		"WhereItStands": {
			reason: "The image is shown where it is written: with the workload, with the environment, and with both.",
			edits: []edit{
				strict,
				{orders, "orders:1", "orders@sha256:00"},
				{sales, "sales:1", "sales@sha256:00"},
				{orders, "    - name: land\n", "    - name: land\n      image: x:1\n"},
				{sales, "prod: {}", "prod: {image: x:2, workloads: {clock: {image: x:3}}}"},
			},
			want: []string{
				`deny image-digest orders/project.yaml:14 the image "x:1" is named by a tag, which may point to another image tomorrow`,
				`deny image-digest sales/project.yaml:6 the image "x:2" is named by a tag, which may point to another image tomorrow`,
				`deny image-digest sales/project.yaml:6 the image "x:3" is named by a tag, which may point to another image tomorrow`,
			},
		},
		"ElsewhereOnly": {
			reason: "What is different in another environment does not matter here.",
			edits: []edit{
				strict,
				{orders, "orders:1", "orders@sha256:00"},
				{sales, "sales:1", "sales@sha256:00"},
				{sales, "dev: {}", "dev: {image: x:2}"},
			},
		},
	})
}

func TestIdentity(t *testing.T) {
	identity := func(name string) edit {
		return edit{sales, "    - name: report\n", "    - name: report\n      identity: " + name + "\n"}
	}
	given := func(patterns string) edit { return edit{prod, "  stores", "  identities: " + patterns + "\n  stores"} }
	testRule(t, policy.RuleIdentity, map[string]ruleCase{
		"OfAnother": {
			reason: "A project is nobody else; it is said for each environment, whose patterns may differ.",
			edits:  []edit{identity("orders")},
			want: []string{
				`deny identity-pattern sales/project.yaml:10 the environment "dev" does not allow the identity "orders" for the project "sales"`,
				`deny identity-pattern sales/project.yaml:10 the environment "prod" does not allow the identity "orders" for the project "sales"`,
			},
		},
		"Own":    {reason: "By default it is its own name,", edits: []edit{identity("sales")}},
		"Suffix": {reason: "or that with a dash and more.", edits: []edit{identity("sales-reader")}},
		"NoDash": {
			reason: "A name that begins alike is another name.",
			edits:  []edit{identity("salesman"), {dev, "  stores", "  identities: ['*']\n  stores"}},
			want:   []string{`deny identity-pattern sales/project.yaml:10 the environment "prod" does not allow the identity "salesman" for the project "sales"`},
		},
		"Shared": {reason: "An environment can give an identity to all.", edits: []edit{identity("reader"), given("[<project>, reader]"), {dev, "  stores", "  identities: ['*']\n  stores"}}},
		"Placeholders": {
			reason: "Placeholders stand for the project and the environment.",
			edits:  []edit{given("['<project>-<environment>-*', <project>]"), {sales, "prod: {}", "prod: {workloads: {report: {identity: sales-prod-reader}}}"}},
		},
		"OtherEnvironment": {
			reason: "What is given in one environment is not given in the other.",
			edits:  []edit{given("['<project>-<environment>-*', <project>]"), {sales, "prod: {}", "prod: {workloads: {report: {identity: sales-dev-reader}}}"}},
			want:   []string{`deny identity-pattern sales/project.yaml:6 the environment "prod" does not allow the identity "sales-dev-reader" for the project "sales"`},
		},
		"DefaultNotGiven": {
			reason: "The default identity, the project's name, has to be given as well.",
			edits:  []edit{given("['<project>-*', orders]")},
			want: []string{
				`deny identity-pattern sales/project.yaml:9 the environment "prod" does not allow the identity "sales" for the project "sales"`,
				`deny identity-pattern sales/project.yaml:12 the environment "prod" does not allow the identity "sales" for the project "sales"`,
			},
		},
		"Stars": {reason: "A star in the middle stands for any text.", edits: []edit{given("['s*e*s', orders]")}},
		"StarsOverlap": {
			reason: "What a pattern has twice must be there twice.",
			edits:  []edit{given("['sale*les', orders]")},
			want: []string{
				`deny identity-pattern sales/project.yaml:9 the environment "prod" does not allow the identity "sales" for the project "sales"`,
				`deny identity-pattern sales/project.yaml:12 the environment "prod" does not allow the identity "sales" for the project "sales"`,
			},
		},
		"Cluster": {
			reason: "An identity is the same on every cluster, so that the cluster is no placeholder here.",
			edits:  []edit{given("['<project>-<cluster>', '<project>']")},
			want:   []string{`deny unknown-placeholder prod.yaml:6 there is no placeholder "<cluster>"`},
		},
	})
}

func TestNameLength(t *testing.T) {
	named := func(n int) []edit {
		return []edit{{orders, "    - name: land\n", "    - name: " + strings.Repeat("l", n) + "\n"}}
	}
	testRule(t, policy.RuleNameLength, map[string]ruleCase{
		"Longest": {reason: "42 characters leave room for the lot and the attempt.", edits: named(42)},
		"TooLong": {
			reason: "One more does not.",
			edits:  named(43),
			want: []string{`deny name-too-long orders/project.yaml:13 the workload runs once a lot, and its Jobs would be named "` + strings.Repeat("l", 43) +
				`-20230206pt15m095-999": 64 characters, of which Kubernetes allows 63`},
		},
		"NoLots": {reason: "A workload that does not run once a lot needs no room.", edits: []edit{{sales, "- name: clock", "- name: " + strings.Repeat("c", 52)}}},
	})
}

func TestRolesMeet(t *testing.T) {
	testRule(t, catalog.RuleCollision, map[string]ruleCase{
		"DashAndUnderscore": {
			reason: "A variable has underscores, whatever the role has.",
			edits:  []edit{{sales, "{daily: orders/daily@1, shops: orders/shops@1}", "{a-b: orders/daily@1, a_b: orders/shops@1}"}},
			want:   []string{`deny name-collision sales/project.yaml:11 the roles "a-b" and "a_b" would both become the variable TRUNKLINE_READ_A_B`},
		},
		"Manifests": {
			reason: "Where the manifests of what is read are is a variable, too.",
			edits:  []edit{{sales, "{daily: orders/daily@1, shops: orders/shops@1}", "{a: orders/daily@1, a-manifests: orders/shops@1}"}},
			want:   []string{`deny name-collision sales/project.yaml:11 the roles "a" and "a-manifests" would both become the variable TRUNKLINE_READ_A_MANIFESTS`},
		},
		"Location": {
			reason: "So is where all of its data are.",
			edits:  []edit{{sales, "{daily: orders/daily@1, shops: orders/shops@1}", "{a: orders/daily@1, a-location: orders/shops@1}"}},
			want:   []string{`deny name-collision sales/project.yaml:11 the roles "a" and "a-location" would both become the variable TRUNKLINE_READ_A_LOCATION`},
		},
		"ReadAndWrite": {
			reason: "A role may be both read and written: these are two variables.",
			edits:  []edit{{orders, "reads: {raw: ", "reads: {main: "}},
		},
	})
}

func TestPromotion(t *testing.T) {
	// That promotion is not acted on yet is no matter of these cases.
	quiet := settings("{rules: {not-supported-yet: off}}")
	promotes := func(env, from string) edit { return edit{env, "  stores", "  promotesFrom: " + from + "\n  stores"} }
	testRule(t, policy.RulePromotion, map[string]ruleCase{
		"Both": {reason: "A project that is in both is promoted.", edits: []edit{quiet, promotes(prod, "dev")}},
		"NotThere": {
			reason: "A project that is not where prod takes its commits from is never promoted.",
			edits:  []edit{quiet, promotes(prod, "dev"), {sales, "{dev: {}, prod: {}}", "{prod: {}}"}},
			want:   []string{`deny promotion-order sales/project.yaml:6 "prod" is promoted from "dev", but the project is not deployed there`},
		},
		"OnlyWhereItComesFrom": {reason: "A project need not be promoted.", edits: []edit{quiet, promotes(prod, "dev"), {sales, "{dev: {}, prod: {}}", "{dev: {}}"}}},
		"Cycle": {
			reason: "Environments that wait for each other are named once, with the walk.",
			edits:  []edit{quiet, promotes(prod, "dev"), promotes(dev, "prod")},
			want:   []string{`deny promotion-order dev.yaml:6 environments are promoted from each other in a cycle: dev from prod from dev`},
		},
		"Itself": {
			reason: "An environment that takes from itself is a cycle of one.",
			edits:  []edit{quiet, promotes(prod, "prod")},
			want:   []string{`deny promotion-order prod.yaml:6 environments are promoted from each other in a cycle: prod from prod`},
		},
		"BehindACircle": {
			reason: "What takes from a cycle is not part of it, though it is looked at first.",
			edits:  []edit{quiet, promotes(dev, "prod"), promotes(prod, "prod")},
			want:   []string{`deny promotion-order prod.yaml:6 environments are promoted from each other in a cycle: prod from prod`},
		},
	})
}
