// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
)

// digest is one of a version.
var digest = "sha256:" + strings.Repeat("0", 64)

// utils declares a package, with two versions of which the second was withdrawn, and what a project says of it.
func utils(more string, of ...edit) []edit {
	return append([]edit{{"packages/utils/package.yaml", "", head + "kind: Package\nmetadata: {name: utils}\nspec:\n  owner: team-platform\n" + more +
		"  versions:\n    - {version: 1.0.0, digest: \"" + digest + "\"}\n    - {version: 1.1.0, digest: \"" + digest + "\", withdrawn: it loses orders}\n"}}, of...)
}

func TestProblemsOfPackages(t *testing.T) {
	use := func(uses string) edit {
		return edit{"orders/project.yaml", "  image: orders:1\n", "  image: orders:1\n  packages: [" + uses + "]\n"}
	}
	const at = "orders/project.yaml:8:"
	testProblems(t, map[string]problemCase{
		"Fine":  {reason: "A version that was released may be used.", edits: utils("", use("{name: utils, version: 1.0.0}"))},
		"Trial": {reason: "The project that a package names may use its trial.", edits: utils("  trial: {project: orders}\n", use("{name: utils, version: trial}"))},
		"Name": {
			reason: "A package is one that is declared.", edits: utils("", use("{name: util, version: 1.0.0}")),
			want: at + "21: error: spec.packages[0].name: there is no package \"util\"\n    hint: did you mean \"utils\"?",
		},
		"Version": {
			reason: "A version is one of those that were released, and may be used.", edits: utils("", use("{name: utils, version: 1.0.1}")),
			want: at + "37: error: spec.packages[0].version: the package \"utils\" has no version \"1.0.1\"\n    hint: did you mean \"1.0.0\"?",
		},
		"Withdrawn": {
			reason: "What was withdrawn is not used any more.", edits: utils("", use("{name: utils, version: 1.1.0}")),
			want: at + "37: error: spec.packages[0].version: the version 1.1.0 of the package \"utils\" was withdrawn: it loses orders\n    hint: use another version",
		},
		"NoTrial": {
			reason: "A trial is only where a package says so.", edits: utils("", use("{name: utils, version: trial}")),
			want: at + "37: error: spec.packages[0].version: no project may use a trial of the package \"utils\"\n    hint: trunkline package trial utils --project orders",
		},
		"OthersTrial": {
			reason: "A trial is visible to one project.", edits: utils("  trial: {project: rates}\n", use("{name: utils, version: trial}")),
			want: at + "37: error: spec.packages[0].version: only the project \"rates\" may use the trial of the package \"utils\"\n    hint: use a version that was released",
		},
		"Twice": {
			reason: "Two versions of one module cannot be on one path.", edits: utils("", use("{name: utils, version: 1.0.0}, {name: utils, version: 1.0.0}")),
			want: at + "52: error: spec.packages[1].name: the package \"utils\" is already named in line 8\n    hint: a program is given one version of a package",
		},
		"NoFiles": {
			reason: "What takes no files takes no packages.",
			edits: utils("", edit{
				"rates/project.yaml", "{name: fetch, blueprint: job, writes: {main: fx@1}}",
				"{name: fetch, blueprint: job, writes: {main: fx@1}}\n    - {name: tick, blueprint: clock, schedule: \"0 0 * * *\", params: {queue: q}, packages: [{name: utils, version: 1.0.0}]}",
			}),
			want: "rates/project.yaml:11:81: error: spec.workloads[1].packages: the blueprint \"clock\" does not accept the field \"packages\"\n    hint: its optional fields are: image, schedule",
		},
		"NotAVersion": {
			reason: "Versions are semantic ones, whose numbers become folders.", edits: utils("", edit{"packages/utils/package.yaml", "1.0.0", "../1"}),
			want: "packages/utils/package.yaml:7:17: error: spec.versions[0].version: \"../1\" is not a semantic version\n    hint: write it like \"1.2.0\" or \"2.0.0-rc.1\"",
		},
		"NotADigest": {
			reason: "A version without its digest is nothing that was released.", edits: utils("", edit{"packages/utils/package.yaml", digest, "latest"}),
			want: "packages/utils/package.yaml:7:32: error: spec.versions[0].digest: \"latest\" is not a digest\n    hint: have \"trunkline package release\" write it: \"sha256:\" and 64 digits",
		},
		"VersionTwice": {
			reason: "A version is released once.", edits: utils("", edit{"packages/utils/package.yaml", "1.1.0", "1.0.0"}),
			want: "packages/utils/package.yaml:8:17: error: spec.versions[1].version: the version \"1.0.0\" is already declared in line 7",
		},
		"InAProject": {
			reason: "What others use is not in one project's own folder.",
			edits:  []edit{{"orders/p.yaml", "", head + "kind: Package\nmetadata: {name: p}\nspec: {owner: x}\n"}},
			want:   "orders/p.yaml:2:7: error: kind: Package \"p\" governs others, but does not count here: orders is a project's own folder\n    hint: move it out of the folders of projects",
		},
	})
}

// TestPackagesOfWorkloads: a workload has the packages of its project, and its own instead.
func TestPackagesOfWorkloads(t *testing.T) {
	files := change(t, utils("  trial: {project: orders}\n",
		edit{"orders/project.yaml", "  image: orders:1\n", "  image: orders:1\n  packages: [{name: utils, version: 1.0.0}]\n"},
		edit{"orders/project.yaml", "      params: {mode: fast}\n", "      params: {mode: fast}\n      packages: [{name: utils, version: trial}]\n"})...)
	cat, problems := load(t, mapFS(files))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	released := catalog.PackageUse{Name: "utils", Version: "1.0.0", Digest: digest, Dir: "packages/utils/versions/1.0.0"}
	p, _ := cat.Project("orders")
	rel := cat.Release(p, cat.ReleasesOf(p)[0])
	got := map[string][]catalog.PackageUse{"": rel.Packages}
	for _, w := range rel.Workloads {
		got[w.Name] = w.Packages
	}
	want := map[string][]catalog.PackageUse{"": {released}, "land": {released}, "clean": {{Name: "utils", Version: "trial", Dir: "packages/utils/src"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the packages (-want, +got):\n%s", diff)
	}
}
