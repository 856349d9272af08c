// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/catalog"
)

const (
	// seize is an environment that gives whoever declares it a cluster.
	seize = head + "kind: Environment\nmetadata: {name: seized}\nspec:\n  clusters: [one]\n  allow: [{clusterScoped: [ClusterRoleBinding.rbac.authorization.k8s.io]}]\n"
	// inside and moved are the messages for a declaration in the folder of the project orders.
	inside = `: error: kind: Environment "seized" governs others, but does not count here: orders is a project's own folder`
	moved  = "\n    hint: move it out of the folders of projects"
)

func named(folders string) edit {
	return edit{"trunkline.yaml", "roots: [.]", "roots: [.]\n  governance: {folders: [" + folders + "]}"}
}

// TestProblemsOfGovernance declares what governs others where none may, and where it may.
func TestProblemsOfGovernance(t *testing.T) {
	project := func(name string) string {
		return head + "kind: Project\nmetadata: {name: " + name + "}\nspec: {owner: t, environments: [dev]}\n"
	}
	unnamed := func(file string) string {
		return file + `:2:7: error: kind: Environment "seized" governs others, but does not count here: the platform does not name the folder for that
    hint: move it to a folder that the platform names in spec.governance.folders: ., platform`
	}
	testProblems(t, map[string]problemCase{
		"OwnFolder":     {reason: "A team gives itself no rights in its project's folder.", edits: []edit{{"orders/e.yaml", "", seize}}, want: "orders/e.yaml:2:7" + inside + moved},
		"NestedFolder":  {reason: "Nor further down.", edits: []edit{{"orders/a/b/e.yml", "", seize}}, want: "orders/a/b/e.yml:2:7" + inside + moved},
		"JSON":          {reason: "Nor in JSON.", edits: []edit{{"orders/e.json", "", `{"apiVersion": "trunkline.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "seized"}, "spec": {"clusters": ["one"]}}`}}, want: "orders/e.json:1:50" + inside + moved},
		"SameFile":      {reason: "Nor as a further document of the project's file.", edits: []edit{{orders, "apiVersion", seize + "---\napiVersion"}}, want: "orders/project.yaml:2:7" + inside + moved},
		"CaseOfLetters": {reason: "Folders that are one on some machines are one.", edits: []edit{{"Orders/e.yaml", "", seize}}, want: strings.Replace("Orders/e.yaml:2:7"+inside+moved, "orders is", "Orders is", 1)},
		"Overlapping":   {reason: "However the file is found.", edits: []edit{{"trunkline.yaml", "[.]", "[., orders/a, orders]"}, {"orders/a/e.yaml", "", seize}}, want: "orders/a/e.yaml:2:7" + inside + moved},
		"BrokenProject": {
			reason: "A project that cannot be read has a folder all the same.",
			edits:  []edit{{"more/p.yaml", "", project("more") + "x: 1\n"}, {"more/e.yaml", "", seize}},
			want: "more/e.yaml:2:7" + strings.Replace(inside, "orders is", "more is", 1) + moved + `
more/p.yaml:5:1: error: unknown field "x"
    hint: want one of: metadata, spec`,
		},
		"FileInTheRoot": {
			reason: "In the root, where the platform is declared, a file is a project's or governs, and not both.",
			edits:  []edit{{"p.yaml", "", project("more") + "---\n" + seize}},
			want:   `p.yaml:7:7: error: kind: Environment "seized" governs others, but does not count here: the file is that of a project` + moved,
		},
		"EveryKind": {
			reason: "No kind but that of projects is for teams to declare.",
			edits: []edit{{"orders/e.yaml", "", head + "kind: Cluster\nmetadata: {name: three}\n---\n" + head + "kind: Policy\nmetadata: {name: p}\nspec: {on: project, validations: [{expression: 'true'}]}\n---\n" +
				head + "kind: Blueprint\nmetadata: {name: mine}\nspec: {engine: helm, source: .}\n---\n" + head + "kind: PolicyTest\nmetadata: {name: t}\nspec: {cases: [{name: x, expect: [{verdict: allow}]}]}\n"}},
			want: strings.Replace("orders/e.yaml:2:7"+inside+moved, `Environment "seized"`, `Cluster "three"`, 1) + "\n" +
				strings.Replace("orders/e.yaml:6:7"+inside+moved, `Environment "seized"`, `Policy "p"`, 1) + "\n" +
				strings.Replace("orders/e.yaml:11:7"+inside+moved, `Environment "seized"`, `Blueprint "mine"`, 1) + "\n" +
				strings.Replace("orders/e.yaml:16:7"+inside+moved, `Environment "seized"`, `PolicyTest "t"`, 1),
		},
		"Shadow": {
			reason: "A declaration that does not count takes no name from one that does, wherever it sorts.",
			edits:  []edit{{"a/p.yaml", "", project("more")}, {"a/dev.yaml", "", strings.Replace(seize, "seized", "dev", 1)}},
			want:   "a/dev.yaml:2:7" + strings.NewReplacer("seized", "dev", "orders is", "a is").Replace(inside) + moved,
		},
		"UsedByItself": {
			reason: "What names it is told of once: where it is.",
			edits:  []edit{{"orders/e.yaml", "", seize}, {orders, "[dev, prod]", "[dev, prod, seized]"}},
			want:   "orders/e.yaml:2:7" + inside + moved,
		},
		"ProjectComes": {
			reason: "A project takes no folder from what governs.",
			edits:  []edit{{"envs/e.yaml", "", seize}, {"envs/p.yaml", "", project("more")}},
			want:   "envs/e.yaml:2:7" + strings.Replace(inside, "orders is", "envs is", 1) + moved,
		},
		"Policies":       {reason: "Policies are in no project's folder.", edits: []edit{{"trunkline.yaml", "[.]", "[.]\n  policies: [orders/policies]"}, {"orders/policies/x.rego", "", "package main"}}, want: `trunkline.yaml:6:14: error: spec.policies[0]: what is in "orders/policies" governs others, and orders is a project's own folder` + moved},
		"Source":         {reason: "Nor is a blueprint's source.", edits: []edit{{"b/b.yaml", "", head + "kind: Blueprint\nmetadata: {name: mine}\nspec: {engine: helm, source: ../orders/chart}\n"}, {"orders/chart/Chart.yaml", "", "name: x"}}, want: `b/b.yaml:4:30: error: spec.source: what is in "orders/chart" governs others, and orders is a project's own folder` + moved},
		"Beside":         {reason: "A folder beside those of projects is nobody's own.", edits: []edit{{"envs/e.yaml", "", seize}}},
		"Around":         {reason: "So is one around them.", edits: []edit{{"teams/e.yaml", "", seize}, {"teams/a/p.yaml", "", project("more")}}},
		"SimilarName":    {reason: "And one whose name only begins alike.", edits: []edit{{"orders-env/e.yaml", "", seize}}},
		"ProjectInRoot":  {reason: "A project in the root makes nothing else its own.", edits: []edit{{"p.yaml", "", project("more")}, {"envs/e.yaml", "", seize}, {"e.yaml", "", seize[:len(seize)-1] + "\n"}, {file: "envs/e.yaml"}}},
		"Named":          {reason: "Where folders are named, those count, with what is below.", edits: []edit{named("., platform"), {"platform/a/e.yaml", "", seize}}},
		"RootNamed":      {reason: "The root counts without what is below.", edits: []edit{named("., platform"), {"a/e.yaml", "", seize}}, want: unnamed("a/e.yaml")},
		"NotNamed":       {reason: "And no others, though nobody's.", edits: []edit{named("., platform"), {"platforms/e.yaml", "", seize}}, want: unnamed("platforms/e.yaml")},
		"NamedOtherCase": {reason: "What is granted is granted by the exact name.", edits: []edit{named("., platform"), {"Platform/e.yaml", "", seize}}, want: unnamed("Platform/e.yaml")},
		"ProjectInNamed": {
			reason: "A project in such a folder is at fault itself, and what is beside it is in a project's folder.",
			edits:  []edit{named("., platform"), {"platform/p.yaml", "", project("more")}},
			want: `platform/p.yaml:3:18: error: metadata.name: the project "more" is declared in platform, which the platform names for what governs others
    hint: give the project a folder of its own, elsewhere`,
		},
		"NamedInsideProject": {
			reason: "Not even a folder that is named counts in a project's own.",
			edits:  []edit{named("., orders/gov"), {"orders/gov/e.yaml", "", seize}},
			want:   "orders/gov/e.yaml:2:7" + inside + "\n    hint: move it to a folder that the platform names in spec.governance.folders: ., orders/gov",
		},
		"BadFolders": {
			reason: "Folders that lead out, or that nobody searches, are the platform's fault.",
			edits:  []edit{{"trunkline.yaml", "roots: [.]", "roots: [., orders]\n  governance: {folders: [., ../up, /abs, a/../../up]}"}},
			want: `trunkline.yaml:6:29: error: spec.governance.folders[1]: the path "../up" leaves the tree
    hint: paths are relative to the root of the tree, where trunkline.yaml is
trunkline.yaml:6:36: error: spec.governance.folders[2]: the path "/abs" leaves the tree
    hint: paths are relative to the root of the tree, where trunkline.yaml is
trunkline.yaml:6:42: error: spec.governance.folders[3]: the path "a/../../up" leaves the tree
    hint: paths are relative to the root of the tree, where trunkline.yaml is`,
		},
		"WithinTheTree": {reason: "A path is what it leads to.", edits: []edit{named("., orders/../platform"), {"platform/e.yaml", "", seize}}},
	})
}

// TestGovernanceThroughLinks reaches folders of projects through symbolic links.
func TestGovernanceThroughLinks(t *testing.T) {
	link := func(to string) *fstest.MapFile {
		return &fstest.MapFile{Mode: fs.ModeSymlink | 0o777, Data: []byte(to)}
	}
	for name, tc := range map[string]struct {
		reason string
		edits  []edit
		links  map[string]string
		want   string
	}{
		"File": {reason: "A link to a file declares nothing.", edits: []edit{{"orders/e.txt", "", seize}}, links: map[string]string{"envs/e.yaml": "../orders/e.txt"}},
		"Root": {
			reason: "A root that leads into a project's folder does not make it another.",
			edits:  []edit{{"trunkline.yaml", "[.]", "[., envs]"}, {"orders/.e/e.yaml", "", seize}}, links: map[string]string{"envs": "orders/.e"},
			want: "envs/e.yaml:2:7" + inside + moved,
		},
		"RootElsewhere": {
			reason: "One that leads to nobody's folder is as good as that.",
			edits:  []edit{{"trunkline.yaml", "[.]", "[., envs]"}, {".e/e.yaml", "", seize}}, links: map[string]string{"envs": ".e"},
		},
		"Chain": {
			reason: "However many links there are.",
			edits:  []edit{{"trunkline.yaml", "[.]", "[., envs]"}, {"orders/.e/e.yaml", "", seize}}, links: map[string]string{"envs": "x", "x": "y/../.y", ".y": "orders/.e", "y/z": "."},
			want: "envs/e.yaml:2:7" + inside + moved,
		},
		"Source": {
			reason: "The source of a blueprint, too.",
			edits:  []edit{{"b/b.yaml", "", head + "kind: Blueprint\nmetadata: {name: mine}\nspec: {engine: helm, source: chart}\n"}, {"orders/chart/Chart.yaml", "", "name: x"}},
			links:  map[string]string{"b/chart": "../orders/chart"},
			want:   `b/b.yaml:4:30: error: spec.source: what is in "b/chart" governs others, and orders is a project's own folder` + moved,
		},
		"Named": {
			reason: "A folder that is named is no link, so that nobody moves it.",
			edits:  []edit{named("., platform"), {"real/x", "", "x"}}, links: map[string]string{"platform": "real"},
			want: `trunkline.yaml:6:29: error: spec.governance.folders[1]: "platform" is reached through a symbolic link: whoever owns the link would decide what governs others
    hint: name the folder itself`,
		},
		"Platform": {
			reason: "Nor is the platform's own file.",
			edits:  []edit{{file: "trunkline.yaml"}, {"orders/t.txt", "", acme["trunkline.yaml"]}}, links: map[string]string{"trunkline.yaml": "orders/t.txt"},
			want: `trunkline.yaml: error: is a symbolic link: whoever owns the file that it leads to would own the platform
    hint: declare the platform in the file itself`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tree := mapFS(change(t, tc.edits...))
			for at, to := range tc.links {
				tree[at] = link(to)
			}
			if _, problems := load(t, tree); problems.String() != tc.want {
				t.Errorf("%s got:\n%s\nwant:\n%s", tc.reason, problems, tc.want)
			}
		})
	}
}

// TestWhatIsMisplacedGivesNothing looks that the declarations, beside being refused, are not there.
func TestWhatIsMisplacedGivesNothing(t *testing.T) {
	cat, _ := load(t, mapFS(change(t, edit{"orders/e.yaml", "", seize}, edit{orders, "[dev, prod]", "[dev, prod, seized]"})))
	if _, there := cat.Environments["seized"]; there {
		t.Error("the environment is there")
	}
	if access, there := cat.Access(catalog.ReleaseID{Project: "orders", Environment: "seized", Cluster: "one"}); there {
		t.Errorf("the environment gives access: %v", access)
	}
}
