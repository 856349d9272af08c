// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
)

// includes has acme include the repository team, with what is said of it.
func includes(of string) edit {
	return edit{"trunkline.yaml", "roots: [.]", "roots: [.]\n  sources: [{name: team, url: 'https://example.com/team.git'" + of + "}]"}
}

const (
	teamProject = head + "kind: Project\nmetadata: {name: mine}\nspec: {owner: team-a, environments: [dev]}\n"
	teamFile    = "sources/team/project.yaml"
)

// TestProblemsOfIncludedRepositories has a repository declare what it may, and what it may not.
func TestProblemsOfIncludedRepositories(t *testing.T) {
	foreign := func(what string) string {
		return "sources/team/x.yaml:2:7: error: kind: " + what + ` does not count here: the source "team" may not declare the kind`
	}
	kinds := func(kind string) string {
		return "\n    hint: declare it in the platform's own repository, or have the platform list the kind for the source: kinds: [Project, " + kind + "]"
	}
	policy := head + "kind: Policy\nmetadata: {name: p}\nspec: {on: project, validations: [{expression: 'true'}]}\n"
	cluster := head + "kind: Cluster\nmetadata: {name: three}\n"
	blueprint := head + "kind: Blueprint\nmetadata: {name: mine}\nspec: {engine: helm, source: chart}\n"
	chart := edit{"sources/team/chart/Chart.yaml", "", "name: x"}
	testProblems(t, map[string]problemCase{
		"Project":       {reason: "Projects are what sources are for.", edits: []edit{includes(""), {teamFile, "", teamProject}}},
		"Environment":   {reason: "What governs others is not, unless it is listed.", edits: []edit{includes(""), {teamFile, "", teamProject}, {"sources/team/x.yaml", "", seize}}, want: foreign(`Environment "seized"`) + kinds("Environment")},
		"Cluster":       {reason: "Nor a cluster.", edits: []edit{includes(""), {"sources/team/x.yaml", "", cluster}}, want: foreign(`Cluster "three"`) + kinds("Cluster")},
		"Policy":        {reason: "Nor a policy.", edits: []edit{includes(""), {"sources/team/x.yaml", "", policy}}, want: foreign(`Policy "p"`) + kinds("Policy")},
		"Blueprint":     {reason: "Nor a blueprint.", edits: []edit{includes(""), {"sources/team/x.yaml", "", blueprint}, chart}, want: foreign(`Blueprint "mine"`) + kinds("Blueprint")},
		"Platform":      {reason: "A platform never.", edits: []edit{includes(", kinds: [Project, Environment]"), {"sources/team/x.yaml", "", head + "kind: Platform\nmetadata: {name: other}\n"}}, want: foreign(`Platform "other"`) + "\n    hint: a platform is declared in its own repository; leave the file out of the folder that the source's path names"},
		"Listed":        {reason: "What is listed counts.", edits: []edit{includes(", kinds: [Project, Environment, Cluster, Policy, Blueprint]"), {"sources/team/x.yaml", "", seize}, {"sources/team/c.yaml", "", cluster}, {"sources/team/b.yaml", "", blueprint}, chart}},
		"ListedAlone":   {reason: "Then projects are not listed.", edits: []edit{includes(", kinds: [Environment]"), {"sources/team/x.yaml", "", teamProject}}, want: foreign(`Project "mine"`) + kinds("Project")},
		"ListedInOwn":   {reason: "Also there it does not count in a project's own folder.", edits: []edit{includes(", kinds: [Project, Environment]"), {"sources/team/a/project.yaml", "", teamProject}, {"sources/team/a/x.yaml", "", seize}}, want: `sources/team/a/x.yaml:2:7: error: kind: Environment "seized" governs others, but does not count here: sources/team/a is a project's own folder` + moved},
		"ListedFolders": {reason: "The platform need not name its folder as well.", edits: []edit{{"trunkline.yaml", "roots: [.]", "roots: [.]\n  governance: {folders: [.]}\n  sources: [{name: team, url: x, kinds: [Environment]}]"}, {"sources/team/x.yaml", "", seize}}},
		"Owner":         {reason: "Its projects are of its owners.", edits: []edit{includes(", owners: [team-b, team-c]"), {teamFile, "", teamProject}}, want: "sources/team/project.yaml:4:15: error: spec.owner: the source \"team\" may not declare projects of \"team-a\"\n    hint: its owners are: team-b, team-c"},
		"OwnOwner":      {reason: "Of one of them.", edits: []edit{includes(", owners: [team-b, team-a]"), {teamFile, "", teamProject}}},
		"OtherCase":     {reason: "By the exact name.", edits: []edit{includes(", owners: [Team-a]"), {teamFile, "", teamProject}}, want: "sources/team/project.yaml:4:15: error: spec.owner: the source \"team\" may not declare projects of \"team-a\"\n    hint: its owners are: Team-a"},
		"Name":          {reason: "And have its names.", edits: []edit{includes(", projects: [team-*, others]"), {teamFile, "", teamProject}}, want: "sources/team/project.yaml:3:18: error: metadata.name: the source \"team\" may not declare a project \"mine\"\n    hint: names of its projects are: team-*, others"},
		"OwnName":       {reason: "One of them.", edits: []edit{includes(", projects: [team-*, 'mi?e']"), {teamFile, "", teamProject}}},
		"Place":         {reason: "And in its environments.", edits: []edit{includes(", environments: [dev]"), {teamFile, "", strings.Replace(teamProject, "[dev]", "[dev, prod]", 1)}}, want: "sources/team/project.yaml:4:43: error: spec.environments[1]: the source \"team\" may not have projects in the environment \"prod\"\n    hint: its environments are: dev"},
		"PlaceByKey":    {reason: "However that is written.", edits: []edit{includes(", environments: [dev]"), {teamFile, "", strings.Replace(teamProject, "[dev]", "{prod: {}}", 1)}}, want: "sources/team/project.yaml:4:44: error: spec.environments.prod: the source \"team\" may not have projects in the environment \"prod\"\n    hint: its environments are: dev"},
		"NoPlace":       {reason: "An environment that is not there is the platform's mistake.", edits: []edit{includes(", environments: [stage]"), {teamFile, "", teamProject}}, want: "sources/team/project.yaml:4:38: error: spec.environments[0]: the source \"team\" may not have projects in the environment \"dev\"\n    hint: its environments are: stage\ntrunkline.yaml:6:78: error: spec.sources[0].environments[0]: there is no environment \"stage\"\n    hint: want one of: dev, prod"},
		"Policies":      {reason: "A folder of policies in it judges others.", edits: []edit{{"trunkline.yaml", "roots: [.]", "roots: [.]\n  policies: [sources/team/rego]\n  sources: [{name: team, url: x}]"}, {"sources/team/rego/x.rego", "", "package main"}}, want: "trunkline.yaml:6:14: error: spec.policies[0]: what is in \"sources/team/rego\" governs others, and the source \"team\" may not declare a Policy\n    hint: have the platform list the kind for the source: kinds: [Project, Policy]"},
		"PoliciesMay":   {reason: "Unless it may.", edits: []edit{{"trunkline.yaml", "roots: [.]", "roots: [.]\n  policies: [sources/team/rego]\n  sources: [{name: team, url: x, kinds: [Policy]}]"}, {"sources/team/rego/x.rego", "", "package main"}}},
		"Charts":        {reason: "So does a blueprint's source there.", edits: []edit{includes(""), {"b.yaml", "", strings.Replace(blueprint, "source: chart", "source: sources/team/chart", 1)}, chart}, want: "b.yaml:4:30: error: spec.source: what is in \"sources/team/chart\" governs others, and the source \"team\" may not declare a Blueprint\n    hint: have the platform list the kind for the source: kinds: [Project, Blueprint]"},
		"ChartsOut":     {reason: "A blueprint's source stays in its repository.", edits: []edit{includes(", kinds: [Blueprint]"), {"sources/team/b.yaml", "", strings.Replace(blueprint, "source: chart", "source: ../../chart", 1)}, {"chart/Chart.yaml", "", "name: x"}}, want: "sources/team/b.yaml:4:30: error: spec.source: the path \"../../chart\" leaves the source \"team\"\n    hint: what a repository declares is in the repository"},
		"Roots":         {reason: "A source is searched whatever the platform's own roots are.", edits: []edit{{"trunkline.yaml", "roots: [.]", "roots: [orders, rates]\n  sources: [{name: team, url: x}]"}, {file: "clusters.yaml"}, {file: "dev.yaml"}, {file: "prod.yaml"}, {"sources/team/x.yaml", "", seize}}, want: rootsProblems},
		"Taken":         {reason: "A name that the platform has is taken.", edits: []edit{includes(""), {teamFile, "", strings.Replace(teamProject, "mine", "orders", 1)}}, want: "sources/team/project.yaml:3:18: error: metadata.name: Project \"orders\" is already declared at orders/project.yaml:3:18\n    hint: names are unique in a platform"},
		"Similar":       {reason: "A folder beside it is the platform's own.", edits: []edit{includes(""), {teamFile, "", teamProject}, {"sources/teams/x.yaml", "", seize}}},
		"NoSources":     {reason: "Without sources the folder is one like any other.", edits: []edit{{"sources/team/x.yaml", "", seize}}},
		"Link":          {reason: "A declaration of the platform's own has no link into a source either.", edits: []edit{includes(""), {teamFile, "", teamProject}}},
	})
}

// rootsProblems is what is left of acme without its environments and clusters.
const rootsProblems = `orders/project.yaml:6:18: error: spec.environments[0]: there is no environment "dev"
orders/project.yaml:6:23: error: spec.environments[1]: there is no environment "prod"
rates/project.yaml:6:18: error: spec.environments.dev: there is no environment "dev"
rates/project.yaml:6:27: error: spec.environments.prod: there is no environment "prod"
sources/team/x.yaml:2:7: error: kind: Environment "seized" does not count here: the source "team" may not declare the kind
    hint: declare it in the platform's own repository, or have the platform list the kind for the source: kinds: [Project, Environment]`

// TestHowRepositoriesAreIncluded has a platform say wrongly what it includes.
func TestHowRepositoriesAreIncluded(t *testing.T) {
	of := func(sources string) []edit {
		return []edit{{"trunkline.yaml", "roots: [.]", "roots: [.]\n  sources: [" + sources + "]"}, {teamFile, "", teamProject}}
	}
	wrong := func(at, message, hint string) string {
		out := "trunkline.yaml:6:" + at + ": error: spec.sources[0]" + message
		if hint != "" {
			out += "\n    hint: " + hint
		}
		return out
	}
	hash := strings.Repeat("a", 40)
	testProblems(t, map[string]problemCase{
		"Name":      {reason: "A name is a folder, and a track.", edits: of("{name: Team, url: x}"), want: wrong("20", `.name: "Team" is not a name: use lower-case letters, digits and dashes, at most 63 characters, with a letter or digit at both ends`, "")},
		"Up":        {reason: "Not a way out.", edits: of("{name: .., url: x}"), want: wrong("20", `.name: ".." is not a name: use lower-case letters, digits and dashes, at most 63 characters, with a letter or digit at both ends`, "")},
		"Folder":    {reason: "Nor a path.", edits: of("{name: a/b, url: x}"), want: wrong("20", `.name: "a/b" is not a name: use lower-case letters, digits and dashes, at most 63 characters, with a letter or digit at both ends`, "")},
		"Twice":     {reason: "There is one of a name.", edits: of("{name: team, url: x}, {name: team, url: z}"), want: `trunkline.yaml:6:42: error: spec.sources[1].name: the source "team" is declared twice` + "\n    hint: names of sources are unique"},
		"Empty":     {reason: "It is somewhere.", edits: of("{name: team, url: ' '}"), want: wrong("31", ".url: the address is empty", "write where the repository is")},
		"Password":  {reason: "What is in the repository is no secret.", edits: of("{name: team, url: 'https://ann:s3cret@example.com/x'}"), want: wrong("31", ".url: the address holds a password", "credentials belong into the daemon's configuration, in its source of the same name; this one is known to all who can read the repository")},
		"User":      {reason: "A user is none.", edits: of("{name: team, url: 'ssh://git@example.com/x'}")},
		"Short":     {reason: "Nor in the short form.", edits: of("{name: team, url: 'git@example.com:acme/x.git'}")},
		"Both":      {reason: "One line is followed.", edits: of("{name: team, url: x, branch: a, tag: b}"), want: wrong("50", ".tag: branch and tag are both set", "keep one of branch, tag and commit")},
		"TagAndOne": {reason: "Of any two.", edits: of("{name: team, url: x, tag: a, commit: " + hash + "}"), want: wrong("50", ".commit: tag and commit are both set", "keep one of branch, tag and commit")},
		"Ref":       {reason: "A branch is named as people name it.", edits: of("{name: team, url: x, branch: refs/heads/a}"), want: wrong("42", `.branch: "refs/heads/a" is not the name of a branch`, `write it like "main" or "v1.2.0"`)},
		"Option":    {reason: "And no option of a program.", edits: of("{name: team, url: x, tag: '--upload-pack=x'}"), want: wrong("39", `.tag: "--upload-pack=x" is not the name of a tag`, `write it like "main" or "v1.2.0"`)},
		"ShortHash": {reason: "A commit is named as a whole.", edits: of("{name: team, url: x, commit: aaaaaaaa}"), want: wrong("42", `.commit: "aaaaaaaa" is not the full hash of a commit`, "write all of its 40 digits")},
		"Upper":     {reason: "As Git writes it.", edits: of("{name: team, url: x, commit: " + strings.ToUpper(hash) + "}"), want: wrong("42", `.commit: "`+strings.ToUpper(hash)+`" is not the full hash of a commit`, "write all of its 40 digits")},
		"Hash":      {reason: "Which is fine.", edits: of("{name: team, url: x, commit: " + hash + "}")},
		"PathOut":   {reason: "A path stays in the repository.", edits: of("{name: team, url: x, path: ../y}"), want: wrong("40", `.path: the path "../y" leaves the repository`, "paths are relative to the root of the repository")},
		"PathRoot":  {reason: "Also an absolute one.", edits: of("{name: team, url: x, path: /y}"), want: wrong("40", `.path: the path "/y" leaves the repository`, "paths are relative to the root of the repository")},
		"Path":      {reason: "Which may be written as people do.", edits: of("{name: team, url: x, path: ./deploy/}")},
		"Kind":      {reason: "Kinds are those that there are.", edits: of("{name: team, url: x, kinds: [Projects]}"), want: wrong("42", `.kinds[0]: unknown value "Projects"`, `did you mean "Project"?`)},
		"KindOf":    {reason: "A platform is none of them.", edits: of("{name: team, url: x, kinds: [Platform]}"), want: wrong("42", `.kinds[0]: unknown value "Platform"`, "want one of: Blueprint, Cluster, Environment, Policy, PolicyTest, Project")},
		"NotKnown": {
			reason: "What is not there is not known, and is no error.", edits: of("{name: team, url: x}, {name: other, url: z}"),
			want: `trunkline.yaml:6:42: warning: spec.sources[1].name: the source "other" is not known: nothing of it is checked, and what runs of it is left as it is` +
				"\n    hint: give its folder to a command with --source other=DIR; the daemon says in its status why it has no commit of it",
		},
		"NeedsNotKnown": {
			reason: "What is used of it cannot be checked, and is said to be perhaps in it.",
			edits:  append(of("{name: team, url: x}, {name: other, url: z}"), edit{rates, "owner: team-rates", "owner: team-rates\n  dependsOn: [theirs]"}),
			want: `rates/project.yaml:6:15: error: spec.dependsOn[0]: there is no project "theirs"; it may be in the source "other", which is not known
    hint: want one of: mine, orders, rates
trunkline.yaml:6:42: warning: spec.sources[1].name: the source "other" is not known: nothing of it is checked, and what runs of it is left as it is
    hint: give its folder to a command with --source other=DIR; the daemon says in its status why it has no commit of it`,
		},
	})
}

// TestUpdatesWithIncludedRepositories: what an update makes of a source that comes, changes and goes is what a load makes of it.
func TestUpdatesWithIncludedRepositories(t *testing.T) {
	files := map[string]string{}
	maps.Copy(files, acme)
	files["trunkline.yaml"] = strings.Replace(files["trunkline.yaml"], "roots: [.]", "roots: [orders, rates, .]\n  sources: [{name: team, url: x}, {name: more, url: z}]", 1)
	steps := []struct {
		what    string
		changes map[string]string // empty: deleted
	}{
		{"a source comes", map[string]string{teamFile: teamProject}},
		{"it changes", map[string]string{teamFile: strings.Replace(teamProject, "[dev]", "[dev, prod]", 1)}},
		{"it seizes", map[string]string{"sources/team/x.yaml": seize}},
		{"another comes", map[string]string{"sources/more/a/p.yaml": strings.Replace(teamProject, "mine", "theirs", 1)}},
		{"it takes a name", map[string]string{"sources/more/b/p.yaml": teamProject}},
		{"it does not any more", map[string]string{"sources/more/b/p.yaml": "", "sources/team/x.yaml": ""}},
		{"a right is taken", map[string]string{"trunkline.yaml": strings.Replace(files["trunkline.yaml"], "{name: team, url: x}", "{name: team, url: x, environments: [dev]}", 1)}},
		{"a source goes", map[string]string{teamFile: ""}},
		{"and is not included", map[string]string{"trunkline.yaml": acme["trunkline.yaml"]}},
	}
	c, _, err := catalog.Load(mapFS(files), library)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		var changed []string
		for name, text := range step.changes {
			changed = append(changed, name)
			if files[name] = text; text == "" {
				delete(files, name)
			}
		}
		slices.Sort(changed)
		tree := mapFS(files)
		next, got, err := c.Update(tree, changed)
		if err != nil {
			t.Fatal(err)
		}
		fresh, want, err := catalog.Load(tree, library)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("%s: -loaded +updated:\n%s", step.what, diff)
		}
		if diff := cmp.Diff([]any{fresh.ProjectNames(), fresh.Unknown()}, []any{next.ProjectNames(), next.Unknown()}); diff != "" {
			t.Errorf("%s: -loaded +updated:\n%s", step.what, diff)
		}
		c = next
	}
}

// TestWhereReleasesComeFrom is what inventories record.
func TestWhereReleasesComeFrom(t *testing.T) {
	c, problems := load(t, mapFS(change(t, includes(""), edit{teamFile, "", teamProject})))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for project, want := range map[string]string{"mine": "team", "orders": catalog.OwnSource, "nobody's": ""} {
		if got := c.SourceOfRelease(catalog.ReleaseID{Project: project}); got != want {
			t.Errorf("%s comes from %q, want %q", project, got, want)
		}
	}
	p, _ := c.Project("mine")
	if rel := c.Release(p, c.ReleasesOf(p)[0]); rel.Root != "sources/team" {
		t.Errorf("its paths end at %q", rel.Root)
	}
	p, _ = c.Project("orders")
	if rel := c.Release(p, c.ReleasesOf(p)[0]); rel.Root != "" {
		t.Errorf("those of the platform's own end at %q", rel.Root)
	}
	alone, _ := load(t, mapFS(acme))
	if got := alone.SourceOfRelease(catalog.ReleaseID{Project: "orders"}); got != "" {
		t.Errorf("without sources it comes from %q", got)
	}
	read, err := catalog.ReadPlatform(fstest.MapFS{"trunkline.yaml": file(change(t, includes(", branch: x"))["trunkline.yaml"])})
	if err != nil || read.Name() != "acme" || len(read.Sources()) != 1 || read.Sources()[0].Branch != "x" || !slices.Equal(read.Unknown(), []string{"team"}) {
		t.Errorf("read alone: %+v %v", read.Sources(), err)
	}
	if read, err := catalog.ReadPlatform(fstest.MapFS{}); err != nil || read.Platform != nil || len(read.Sources()) > 0 {
		t.Errorf("a tree without a platform: %v", err)
	}
}
