// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
)

func TestProblemsOfAccess(t *testing.T) {
	env := func(more string) []edit { return []edit{{"dev.yaml", "  clusters", more + "  clusters"}} }
	testProblems(t, map[string]problemCase{
		"Bare": {
			reason: "An account that came out empty is never the daemon itself (Flux Operator CVE-2026-23990).",
			edits:  env("  serviceAccount:\n"),
			want: `dev.yaml:5:3: error: spec.serviceAccount: the field "serviceAccount" is empty
    hint: give it a value, or remove it`,
		},
		"NoName": {
			reason: "Nor is one without a name.",
			edits:  env("  serviceAccount: {}\n"),
			want:   `dev.yaml:5:19: error: spec.serviceAccount: the field "name" is missing or empty`,
		},
		"EmptyName": {
			reason: "Nor one with an empty name.",
			edits:  env("  serviceAccount: {name: \"\"}\n"),
			want:   `dev.yaml:5:19: error: spec.serviceAccount: the field "name" is missing or empty`,
		},
		"BareRole": {
			reason: "A role that was forgotten is not a promise that someone else sees to it.",
			edits:  env("  serviceAccount: {name: deployer, clusterRole: }\n"),
			want: `dev.yaml:5:36: error: spec.serviceAccount.clusterRole: the field "clusterRole" is empty
    hint: give it a value, or remove it`,
		},
		"PodSecurity": {
			reason: "What is allowed cannot be less than what everyone has.",
			edits:  env("  podSecurity: {level: baseline, allow: restricted}\n"),
			want: `dev.yaml:5:41: error: spec.podSecurity.allow: "restricted" is stricter than the level of the environment, "baseline"
    hint: leave it out, or name a less strict one`,
		},
		"Placeholder": {
			reason: "What stands for nothing would be a part of the name.",
			edits:  env("  serviceAccount: {name: \"<team>-deployer\"}\n"),
			want: `dev.yaml:5:26: error: spec.serviceAccount.name: there is no placeholder "<team>"
    hint: want one of: <project>, <environment>, <cluster>`,
		},
		"BadName": {
			reason: "Kubernetes has no account of that name, so nobody could be it.",
			edits:  env("  serviceAccount: {name: \"Deployer:x\"}\n"),
			want: `dev.yaml:5:26: error: spec.serviceAccount.name: "Deployer:x" is not a valid name of a service account: use lower-case ` +
				`letters, digits, dashes and dots`,
		},
		"Default": {
			reason: "Every pod that names no account is the default one.",
			edits:  env("  serviceAccount: {name: default}\n"),
			want: `dev.yaml:5:26: error: spec.serviceAccount.name: the account "default" is that of every pod that names no other: ` +
				`all of them would have the rights of a deployment
    hint: give it a name of its own, such as "deployer"`,
		},
		"TooLong": {
			reason: "A name can be too long for one project only.",
			edits:  env("  serviceAccount: {name: \"<project>-" + strings.Repeat("x", 247) + "\"}\n"),
			want: `orders/project.yaml:3:18: error: metadata.name: the service account "orders-` + strings.Repeat("x", 247) + `" of orders/dev@one is not a valid name
    hint: shorten the name, or change spec.serviceAccount in dev.yaml`,
		},
		"Role": {
			reason: "What is no name of a role is told before it is bound.",
			edits:  env("  serviceAccount: {name: deployer, clusterRole: a/b}\n"),
			want:   `dev.yaml:5:49: error: spec.serviceAccount.clusterRole: "a/b" is not a valid name of a ClusterRole`,
		},
		"OwnPods": {
			reason: "Pods that run as the account could do all that a deployment can.",
			edits:  env("  serviceAccount: {name: \"<project>\"}\n"),
			want: `orders/project.yaml:3:18: error: metadata.name: a workload without an identity would run as the service account "orders", ` +
				`as which Trunkline deploys in environment "dev": its pods would have the rights of a deployment
    hint: give the environment's account another name
rates/project.yaml:3:18: error: metadata.name: a workload without an identity would run as the service account "rates", ` +
				`as which Trunkline deploys in environment "dev": its pods would have the rights of a deployment
    hint: give the environment's account another name`,
		},
		"Identity": {
			reason: "The same, of one workload.",
			edits:  append(env("  serviceAccount: {name: orders-deployer}\n"), edit{orders, "      writes: {main: raw@1}", "      writes: {main: raw@1}\n      identity: orders-deployer"}),
			want: `orders/project.yaml:15:7: error: spec.workloads[0].identity: the blueprint "job" does not accept the field "identity"
    hint: its optional fields are: command, env, files, image, retries, size, timeout
orders/project.yaml:15:17: error: spec.workloads[0].identity: the workload "land" would run as the service account "orders-deployer", ` +
				`as which Trunkline deploys in environment "dev": its pods would have the rights of a deployment
    hint: give it another identity`,
		},
		"AllowNothing": {
			reason: "An empty permission is a typing error.",
			edits:  env("  allow: [{projects: [orders]}]\n"),
			want: `dev.yaml:5:11: error: spec.allow[0]: it allows nothing
    hint: name kinds in clusterScoped, or namespaces`,
		},
		"AllowBadly": {
			reason: "Nobody allows everything by a star, namespaces are made by Trunkline, and its own is closed.",
			edits:  env("  allow:\n    - {clusterScoped: ['*', Namespace, v1/Node, ''], namespaces: ['*', trunkline-system]}\n"),
			want: `dev.yaml:6:24: error: spec.allow[0].clusterScoped[0]: "*" is not a kind: write it with its group and without a version, like "ClusterRole.rbac.authorization.k8s.io"
dev.yaml:6:29: error: spec.allow[0].clusterScoped[1]: Trunkline creates the one namespace of a release itself, so that it controls what pods may do there
    hint: objects may name further namespaces with allow.namespaces
dev.yaml:6:40: error: spec.allow[0].clusterScoped[2]: "v1/Node" is not a kind: write it with its group and without a version, like "ClusterRole.rbac.authorization.k8s.io"
dev.yaml:6:49: error: spec.allow[0].clusterScoped[3]: "" is not a kind: write it with its group and without a version, like "ClusterRole.rbac.authorization.k8s.io"
dev.yaml:6:67: error: spec.allow[0].namespaces[0]: "*" is not a valid name of a namespace
dev.yaml:6:72: error: spec.allow[0].namespaces[1]: the namespace "trunkline-system" is reserved: it holds what Trunkline knows of all projects`,
		},
	})
}

func TestAccess(t *testing.T) {
	c, problems := load(t, mapFS(change(t, edit{"prod.yaml", "  clusters", `  serviceAccount: {name: "<project>-<environment>-<cluster>", clusterRole: trunkline-deployer}
  allow:
    - {projects: [orders], clusterScoped: [PriorityClass.scheduling.k8s.io, Node], namespaces: [b]}
    - {namespaces: [b, a]}
  clusters`})))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	node, class := schema.GroupKind{Kind: "Node"}, schema.GroupKind{Group: "scheduling.k8s.io", Kind: "PriorityClass"}
	cases := map[string]struct {
		reason   string
		id       catalog.ReleaseID
		want     catalog.Access
		declared bool
	}{
		"Named": {
			"What is for all and what is for the project itself.",
			catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "two"},
			catalog.Access{
				Account: "orders-prod-two", Role: "trunkline-deployer",
				Allowed: catalog.Allowed{ClusterScoped: []schema.GroupKind{node, class}, Namespaces: []string{"a", "b"}},
			},
			true,
		},
		"Other": {
			"What is for another project is not for this one.",
			catalog.ReleaseID{Project: "rates", Environment: "prod", Cluster: "one"},
			catalog.Access{Account: "rates-prod-one", Role: "trunkline-deployer", Allowed: catalog.Allowed{Namespaces: []string{"a", "b"}}},
			true,
		},
		"Nothing":    {"Without a word nothing is allowed.", catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "one"}, catalog.Access{}, true},
		"Undeclared": {"Of an environment that is gone nothing is known.", catalog.ReleaseID{Project: "orders", Environment: "qa", Cluster: "one"}, catalog.Access{}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, declared := c.Access(tc.id)
			if diff := cmp.Diff(tc.want, got); diff != "" || declared != tc.declared {
				t.Errorf("%s\ndeclared: %t; -want +got:\n%s", tc.reason, declared, diff)
			}
			if p, ok := c.Project(tc.id.Project); ok && declared {
				if diff := cmp.Diff(tc.want.Allowed, c.Release(p, tc.id).Allowed); diff != "" {
					t.Errorf("%s\nthe release: -want +got:\n%s", tc.reason, diff)
				}
			}
		})
	}
}
