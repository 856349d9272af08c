// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/policy"
)

// TestWidened changes what an environment or the platform grants or guards, up and down.
func TestWidened(t *testing.T) {
	const (
		binding = "ClusterRoleBinding.rbac.authorization.k8s.io"
		at      = "warn privilege-widened prod.yaml:6 "
		onTop   = "warn privilege-widened trunkline.yaml:4 "
	)
	set := func(fields string) edit { return edit{prod, "  stores", "  " + fields + "\n  stores"} }
	swap := func(old, new string) []edit { return []edit{{prod, old, new}} }
	account := set("serviceAccount: {name: deployer, clusterRole: narrow}")
	allow := set("allow: [{projects: [orders], clusterScoped: [" + binding + "]}]")
	two := edit{platform, "kind: Cluster\nmetadata: {name: one}\n", "kind: Cluster\nmetadata: {name: one}\n---\n" + head + "kind: Cluster\nmetadata: {name: two}\n"}
	freeze := set("freezes: [{from: 2026-12-20T00:00:00Z, until: 2027-01-04T00:00:00Z, reason: x}]")
	there := edit{"sources/a/x.txt", "", "x"}
	rule := edit{"rule.yaml", "", head + "kind: Policy\nmetadata: {name: p}\nspec: {description: x, on: project, validations: [{expression: 'true'}]}\n"}
	testChange(t, policy.RuleWidened, map[string]changeCase{
		"Allow":         {reason: "A kind that is allowed to one project.", after: []edit{allow}, want: []string{at + "orders may have objects of the kind " + binding + ` in "prod"`}},
		"AllowAll":      {reason: "To every project, by leaving the list out.", before: []edit{allow}, after: swap("projects: [orders], ", ""), want: []string{at + `every project in "prod" may have objects of the kind ` + binding}},
		"AllowMore":     {reason: "To one more.", before: []edit{allow}, after: swap("[orders]", "[orders, sales]"), want: []string{at + "sales may have objects of the kind " + binding + ` in "prod"`}},
		"AllowSplit":    {reason: "The same in two entries is the same.", before: []edit{allow}, after: swap("allow: [", "allow: [{projects: [orders], clusterScoped: ["+binding+"], reason: x}, ")},
		"AllowLess":     {reason: "Less is nothing to say.", before: []edit{set("allow: [{clusterScoped: [" + binding + "]}]")}, after: swap("allow: [{", "allow: [{projects: [orders], ")},
		"Namespace":     {reason: "A namespace is as much as a kind.", after: []edit{set("allow: [{namespaces: [monitoring]}]")}, want: []string{at + `every project in "prod" may have objects in the namespace monitoring`}},
		"Pods":          {reason: "Pods that may do more.", after: []edit{set("podSecurity: {level: baseline}")}, want: []string{at + `pods in "prod" may do what the Pod Security Standard "baseline" allows, and not only "restricted"`}},
		"PodsAllowed":   {reason: "Or that projects may ask for.", before: []edit{set("podSecurity: {level: baseline}")}, after: swap("{level: baseline}", "{level: baseline, allow: privileged}"), want: []string{at + `projects in "prod" may have pods of the Pod Security Standard "privileged", and not only "baseline"`}},
		"PodsLess":      {reason: "Pods that may do less are nothing to say.", before: []edit{set("podSecurity: {level: privileged}")}, after: swap("privileged", "baseline")},
		"AccountGone":   {reason: "Without the account it is the daemon who changes.", before: []edit{account}, after: swap("  serviceAccount: {name: deployer, clusterRole: narrow}\n", ""), want: []string{`warn privilege-widened prod.yaml:5 releases in "prod" are changed with the daemon's own rights, and no longer as the account deployer`}},
		"AccountOther":  {reason: "Another account may do other things.", before: []edit{account}, after: swap("deployer", "root"), want: []string{at + `releases in "prod" are changed as another account: root instead of deployer`}},
		"Role":          {reason: "So may another role.", before: []edit{account}, after: swap("narrow", "cluster-admin"), want: []string{at + `the account of releases in "prod" gets another ClusterRole: cluster-admin instead of narrow`}},
		"AccountNew":    {reason: "With an account, nobody can do more than before.", after: []edit{account}},
		"Cluster":       {reason: "One more cluster is one more to act on.", before: []edit{two}, after: swap("[one]", "[one, two]"), want: []string{`warn privilege-widened prod.yaml:5 the environment "prod" is on one more cluster: two`}},
		"ClusterLess":   {reason: "One less is not.", before: []edit{two, {prod, "[one]", "[one, two]"}}, after: swap("[one, two]", "[two]")},
		"NewAllows":     {reason: "What is new gave nothing before.", after: []edit{{"x.yaml", "", head + "kind: Environment\nmetadata: {name: x}\nspec:\n  clusters: [one]\n  serviceAccount: {name: deployer}\n  allow: [{namespaces: [monitoring]}]\n"}}, want: []string{`warn privilege-widened x.yaml:3 the environment "x" is new: it changes objects on one, as the account deployer`, `warn privilege-widened x.yaml:7 every project in "x" may have objects in the namespace monitoring`}},
		"Moved":         {reason: "Where it is declared does not matter.", before: []edit{allow}, after: []edit{{file: prod}, {"x/prod.yaml", "", change(t, acme(), allow)[prod]}}},
		"Namespaces":    {reason: "Another pattern puts releases where others are.", after: []edit{set("namespace: shared")}, want: []string{at + `releases in "prod" have other namespaces: shared instead of <project>-<environment>`}, before: []edit{{file: sales}}},
		"NamespaceSame": {reason: "To write the default is to change nothing.", after: []edit{set("namespace: <project>-<environment>")}},
		"Identities":    {reason: "More identities are more rights in the cloud.", after: []edit{set("identities: ['<project>', '*']")}, want: []string{`warn privilege-widened prod.yaml:6 workloads in "prod" may run as *`}},
		"Identity":      {reason: "Another role in the cloud, too.", before: []edit{set("identity: {role: a}")}, after: swap("{role: a}", "{role: b}"), want: []string{at + `the accounts of workloads in "prod" have another role: b instead of a`}},
		"Previews":      {reason: "What is not merged yet may run.", after: []edit{set("preview: {}")}, want: []string{at + `pull requests get previews of "prod": what they change runs before it is merged`}},
		"PreviewSame":   {reason: "Who gets one is no right.", before: []edit{set("preview: {labels: [a]}")}, after: swap("labels: [a]", "labels: [b]")},
		"PreviewRole":   {reason: "As someone in the cloud.", before: []edit{set("preview: {}")}, after: swap("preview: {}", "preview: {identity: {role: a}}"), want: []string{at + `the accounts of previews of "prod" have another role: a instead of none`}},
		"PreviewFrom":   {reason: "From elsewhere.", before: []edit{set("preview: {}")}, after: swap("preview: {}", "preview: {network: {from: [ingress]}}"), want: []string{at + `pods in the namespace ingress may connect to previews of "prod"`}},
		"Resources":     {reason: "What is made in the cloud.", after: []edit{set("resources: {via: api}")}, want: []string{at + `projects in "prod" may have buckets, databases and tables made, of any name`}},
		"ResourceNames": {reason: "Of more names.", before: []edit{set("resources: {via: api, names: [a-*]}")}, after: swap("[a-*]", "[a-*, b-*]"), want: []string{at + `projects in "prod" may have buckets and databases made that are named b-*`}},
		"ResourceAny":   {reason: "Or of any.", before: []edit{set("resources: {via: api, names: [a-*]}")}, after: swap(", names: [a-*]", ""), want: []string{at + `projects in "prod" may have buckets and databases made of any name`}},
		"Removals":      {reason: "More removals at a time.", after: []edit{set("maxRemovals: 100")}, want: []string{at + `one commit may remove more of "prod" without an approval: 100 instead of 50 percent`}},
		"Unreviewed":    {reason: "Or what nobody saw.", before: []edit{set("reviewed: required")}, after: swap("  reviewed: required\n", ""), want: []string{`warn privilege-widened prod.yaml:5 changes reach "prod" that no pull request showed`}},
		"RemovalsLess":  {reason: "Fewer are stricter.", after: []edit{set("maxRemovals: 10")}},
		"Drift":         {reason: "What is only reported is let be.", after: []edit{set("drift: {mode: report}")}, want: []string{at + `what others change in "prod" is reported, and no longer corrected`}},
		"DriftIgnore":   {reason: "What is ignored is let be.", after: []edit{set("drift: {ignore: [{fields: [.spec]}]}")}, want: []string{at + `others may change more in "prod": .spec`}},
		"DriftNarrower": {reason: "Unless it was before, and more.", before: []edit{set("drift: {ignore: [{fields: [.spec]}]}")}, after: swap("{fields", "{kind: Deployment.apps, fields")},
		"Promotion":     {reason: "An environment that waits for none.", before: []edit{set("promotesFrom: dev")}, after: swap("  promotesFrom: dev\n", ""), want: []string{`warn privilege-widened prod.yaml:5 the environment "prod" takes commits without waiting for "dev"`}},
		"AtOnce":        {reason: "A rollback waits for no pull request any more.", before: []edit{set("rollbackAtOnce: false")}, after: swap("rollbackAtOnce: false", "rollbackAtOnce: true"), want: []string{`warn privilege-widened prod.yaml:6 owners may take releases of "prod" back without a pull request`}},
		"Soak":          {reason: "Or waits less.", before: []edit{set("promotesFrom: dev\n  soak: 24h")}, after: swap("24h", "1h"), want: []string{`warn privilege-widened prod.yaml:7 commits reach "prod" after a shorter soak: 1h0m0s instead of 24h0m0s`}},
		"Windows":       {reason: "Other windows.", before: []edit{set("windows: [{schedule: 0 8 * * *, duration: 8h}]")}, after: swap("8h", "9h"), want: []string{at + `changes of "prod" may be rolled out at other times`}},
		"FreezeGone":    {reason: "A freeze that ends earlier.", before: []edit{freeze}, after: swap("2027-01-04", "2027-01-03"), want: []string{at + `the freeze of "prod" until 2027-01-04T00:00:00Z ends earlier, or is gone`}},
		"FreezeLonger":  {reason: "One that is longer guards more.", before: []edit{freeze}, after: swap("2027-01-04", "2027-01-05")},
		"FreezeOver":    {reason: "One that is over guards nothing.", before: []edit{set("freezes: [{from: 2025-12-20T00:00:00Z, until: 2026-01-04T00:00:00Z, reason: x}]")}, after: swap("  freezes: [{from: 2025-12-20T00:00:00Z, until: 2026-01-04T00:00:00Z, reason: x}]\n", "")},
		"Rule":          {reason: "A rule that denied by default.", after: []edit{settings("{rules: {image-digest: off, budget: warn}}")}, want: []string{onTop + `the rule "budget" is relaxed: warn instead of deny`}},
		"RuleTakenOut":  {reason: "A mode that is taken out leaves the default.", before: []edit{settings("{rules: {privilege-widened: deny, not-supported-yet: deny}}")}, after: []edit{{platform, "privilege-widened: deny, not-supported-yet: deny", "privilege-widened: deny"}}, want: []string{`deny privilege-widened trunkline.yaml:4 the rule "not-supported-yet" is relaxed: warn instead of deny`}},
		"RuleStricter":  {reason: "A stricter one is none.", after: []edit{settings("{rules: {image-digest: warn}}")}},
		"PolicyOff":     {reason: "A policy is relaxed like a rule.", before: []edit{rule}, after: []edit{settings("{rules: {policy/p: warn}}")}, want: []string{`deny unknown-rule trunkline.yaml:4 there is no rule "policy/p"`, onTop + `the rule "policy/p" is relaxed: warn instead of deny`}},
		"PolicyGone":    {reason: "A policy that is taken away.", before: []edit{rule}, after: []edit{{file: rule.file}}, want: []string{`warn privilege-widened rule.yaml:3 the policy "p" no longer applies`}},
		"PolicyText":    {reason: "Its description checks nothing.", before: []edit{rule}, after: []edit{{rule.file, "description: x", "description: y"}}},
		"Exception":     {reason: "An exception.", after: []edit{settings("{exceptions: [{rule: budget, reason: x}]}")}, want: []string{onTop + `an exception of the rule "budget" is new, or covers more than it did`}},
		"ExceptionLess": {reason: "One that covers less than before.", before: []edit{settings("{exceptions: [{rule: budget, reason: x}]}")}, after: []edit{{platform, "rule: budget", "rule: budget, environment: prod, until: 2027-01-01"}}},
		"Governance": {
			reason: "Where what governs may be, and whose it is.", before: []edit{settings("{governance: {folders: [.]}}")},
			after: []edit{{platform, "[.]", "[., x], owners: [eve]"}},
			want:  []string{onTop + "what governs others counts in one more folder: x", onTop + "what governs others has one more owner: eve"},
		},
		"GovernanceGone": {reason: "Or may be anywhere.", before: []edit{settings("{governance: {folders: [.]}}")}, after: []edit{{platform, "spec: {governance: {folders: [.]}}", "spec: {}"}}, want: []string{"warn privilege-widened trunkline.yaml:4 what governs others counts in every folder that is not a project's own"}},
		"Source":         {reason: "Another repository.", before: []edit{there}, after: []edit{settings("{sources: [{name: a, url: x, owners: [t]}]}")}, want: []string{onTop + `the repository "a" is included: whoever can push to it declares what the platform lets it`}},
		"SourceKinds": {
			reason: "One that governs others.", before: []edit{there, settings("{sources: [{name: a, url: x}]}")}, after: []edit{{platform, "url: x", "url: x, kinds: [Project, Environment, Policy]"}},
			want: []string{onTop + `the repository "a" may declare kind: Environment`, onTop + `the repository "a" may declare kind: Policy`},
		},
		"SourceOwners": {
			reason: "Or has projects of others, elsewhere.", before: []edit{there, settings("{sources: [{name: a, url: x, owners: [t], environments: [prod]}]}")},
			after: []edit{{platform, "owners: [t], environments: [prod]", "owners: [t, u]"}},
			want:  []string{onTop + `the repository "a" may have projects in every environment`, onTop + `the repository "a" may have projects of u`},
		},
		"SourceURL":  {reason: "Or is of others.", before: []edit{there, settings("{sources: [{name: a, url: x}]}")}, after: []edit{{platform, "url: x", "url: z"}}, want: []string{onTop + `the repository "a" is another one: others may push to it`}},
		"SourceLess": {reason: "Less is nothing to say.", before: []edit{there, settings("{sources: [{name: a, url: x, kinds: [Project, Policy]}, {name: b, url: x}]}"), {"sources/b/x.txt", "", "x"}}, after: []edit{{platform, "{name: a, url: x, kinds: [Project, Policy]}, {name: b, url: x}", "{name: a, url: x, owners: [t], environments: [prod], branch: z}"}}},
		"Access": {
			reason: "Who gets a role, and where.", before: []edit{{"access.yaml", "", accessFile}}, after: []edit{{"access.yaml", "users: [ann]", "users: [ann, eve]"}},
			want: []string{"warn privilege-widened access.yaml:5 more people or machines get the role project-contributor: eve is project-contributor of orders"},
		},
		"AccessMoved": {reason: "The same one elsewhere is no more.", before: []edit{{"access.yaml", "", accessFile}}, after: []edit{{file: "access.yaml"}, {"more/access.yaml", "", strings.Replace(accessFile, "{name: a}", "{name: b}", 1)}}},
		"AccessElse":  {reason: "Another project is one more.", before: []edit{{"access.yaml", "", accessFile}}, after: []edit{{"access.yaml", "[orders]", "[ledger]"}}, want: []string{"warn privilege-widened access.yaml:5 more people or machines get the role project-contributor: ann is project-contributor of ledger"}},
		"AccessGone":  {reason: "Without any, a token is enough.", before: []edit{{"access.yaml", "", accessFile}}, after: []edit{{file: "access.yaml"}}, want: []string{"warn privilege-widened access.yaml:3 no Access is declared any more: whoever has a token of the daemon may do everything"}},
		"Project":     {reason: "A project widens nothing by being changed.", after: []edit{{orders, "orders:1", "orders:2"}}},
	})
}

// TestWideningNeedsAnApproval asks for an approval where the platform wants one, of those who owned it before.
func TestWideningNeedsAnApproval(t *testing.T) {
	var (
		root = policy.Person{Login: "root", Teams: []string{"team-platform"}}
		eve  = policy.Person{Login: "eve"}
	)
	const wider = ` privilege-widened prod.yaml:6 every project in "prod" may have objects in the namespace monitoring`
	before := []edit{settings("{rules: {privilege-widened: deny, ownership: off}, governance: {owners: [team-platform]}}"), {"CODEOWNERS", "", "/eve/ @eve\n"}}
	widen := edit{prod, "  stores", "  allow: [{namespaces: [monitoring]}]\n  stores"}
	for name, tc := range map[string]changeCase{
		"Stranger": {reason: "A stranger's change is refused.", after: []edit{widen}, people: []policy.Person{eve}, want: []string{"deny" + wider}},
		"Approved": {reason: "With an owner's approval it passes, and is said.", after: []edit{widen}, people: []policy.Person{eve, root}, want: []string{"warn" + wider}},
		"Unknown":  {reason: "Where nobody is known, nobody has approved.", after: []edit{widen}, want: []string{"deny" + wider}},
		"Moved": {
			reason: "Moving the environment to one's own folder approves nothing.", people: []policy.Person{eve},
			after: []edit{{file: prod}, {"eve/prod.yaml", "", change(t, acme(), widen)[prod]}}, want: []string{`deny privilege-widened eve/prod.yaml:6 every project in "prod" may have objects in the namespace monitoring`},
		},
		"OwnerOfTheChange": {
			reason: "An owner that comes with the change has approved nothing.", people: []policy.Person{eve},
			after: []edit{widen, {platform, "[team-platform]", "[team-platform, eve]"}},
			want:  []string{"deny" + wider, "deny privilege-widened trunkline.yaml:4 what governs others has one more owner: eve"},
		},
		"RelaxedByTheChange": {
			reason: "The rule is that of the base.", people: []policy.Person{eve},
			after: []edit{widen, {platform, "privilege-widened: deny, ", ""}},
			want:  []string{"deny" + wider, `deny privilege-widened trunkline.yaml:4 the rule "privilege-widened" is relaxed: warn instead of deny`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			was := change(t, acme(), before...)
			is := change(t, was, tc.after...)
			got := said(mustCheck(t, policy.Input{Catalog: load(t, is), Base: load(t, was), Changed: differ(was, is), People: tc.people}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestWidenedForTheDaemon compares with the last catalog that was accepted, without checking.
func TestWidenedForTheDaemon(t *testing.T) {
	was, is := acme(), change(t, acme(), edit{prod, "  stores", "  allow: [{namespaces: [monitoring]}]\n  stores"})
	problems, err := policy.Widened(policy.Input{Base: load(t, was), Catalog: load(t, is), Changed: differ(was, is), Now: today})
	if err != nil || len(problems) != 1 || problems[0].Rule != policy.RuleWidened {
		t.Errorf("got %v, %v; want the one widening", problems, err)
	}
	for name, in := range map[string]policy.Input{"NoBase": {Catalog: load(t, is)}, "NoPlatform": {Base: load(t, nil), Catalog: load(t, is)}} {
		if problems, err := policy.Widened(in); err != nil || len(problems) > 0 {
			t.Errorf("%s: got %v, %v; want nothing to compare", name, problems, err)
		}
	}
}

// accessFile declares who may do what.
const accessFile = "apiVersion: trunkline.dev/v1alpha1\nkind: Access\nmetadata: {name: a}\nspec:\n  bindings: [{role: project-contributor, users: [ann], projects: [orders]}]\n"
