// SPDX-License-Identifier: Apache-2.0

package custom_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/policy/custom"
	"trunkline.dev/trunkline/render"
)

const head = "apiVersion: trunkline.dev/v1alpha1\nkind: Policy\nmetadata: {name: p}\nspec:\n"

// check adds files to the example platform, and returns what its own policies say, as "severity rule about message".
func check(t *testing.T, files map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/acme")); err != nil {
		t.Fatal(err)
	}
	platform, err := os.ReadFile(filepath.Join(dir, "trunkline.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	settings, roots := files["settings"], files["roots"]
	delete(files, "settings")
	delete(files, "roots")
	files["trunkline.yaml"] = strings.Replace(string(platform), "projects]", "projects"+roots+"]", 1) + "  policies: [policy]\n" + settings
	files["policy/README.md"] = "x"
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree := os.DirFS(dir)
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	own, err := custom.Load(cat)
	if err != nil {
		t.Fatal(err)
	}
	in := policy.Input{Catalog: cat, Custom: own, Now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	if own.ChecksObjects() {
		renderer := render.New(blueprints.FS)
		for p := range cat.Projects() {
			for _, id := range cat.ReleasesOf(p) {
				result, err := renderer.Render(t.Context(), tree, cat.Release(p, id))
				if err != nil {
					t.Fatal(err)
				}
				in.Objects = append(in.Objects, own.Objects(t.Context(), cat, p, id, result.Objects)...)
			}
		}
	}
	result, err := policy.Check(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range result.Problems {
		about := strings.Join([]string{p.About.Project, p.About.Workload, p.About.Dataset, p.About.Environment}, "|")
		out = append(out, strings.Join([]string{string(p.Severity), p.Rule, about, p.Message}, " "))
	}
	slices.Sort(out)
	return out
}

func TestOwnPolicies(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   []string
	}{
		"None": {"A platform without policies is checked against the rules alone.", map[string]string{}, nil},
		"Workload": {
			"A policy that does not speak of the environment is asked once a workload.",
			map[string]string{"environments/p.yaml": head + "  on: workload\n  validations: [{expression: \"workload.name != 'report'\", message: no reports}]\n"},
			[]string{"deny policy/p revenue|report|| workload revenue/report: no reports"},
		},
		"Environment": {
			"One that does is asked in each, and one for an environment only there.",
			map[string]string{"environments/p.yaml": head + "  on: workload\n  match: {environments: [prod], projects: [rates]}\n  validations: [{expression: \"false\", message: never}]\n"},
			[]string{"deny policy/p rates|fx||prod workload rates/fx in prod: never", "deny policy/p rates|publish||prod workload rates/publish in prod: never"},
		},
		"Graph": {
			"The DAG around is there to be asked about.",
			map[string]string{"environments/p.yaml": head + "  on: dataset\n  severity: warn\n  validations: [{expression: \"downstream.all(n, n.owner != 'team-finance') || dataset.name != 'orders-clean'\", message: finance reads}]\n"},
			[]string{"warn policy/p orders||orders-clean@1| dataset orders/orders-clean@1: finance reads"},
		},
		"Object": {
			"What comes of rendering is checked, and named by the workload that it comes of.",
			map[string]string{"environments/p.yaml": head + "  on: object\n  match: {objects: [{group: batch, kinds: [CronJob]}], environments: [dev]}\n  validations: [{expression: \"object.spec.schedule != '0 * * * *'\", message: too often}]\n"},
			[]string{"deny policy/p revenue|report||dev CronJob revenue-dev/report in dev: too often"},
		},
		"Unevaluated": {
			"What cannot be checked is refused, whatever the settings say of the policy.",
			map[string]string{
				"environments/p.yaml": head + "  on: project\n  severity: warn\n  match: {projects: [rates]}\n  validations: [{expression: \"project.metadata.labels.team == 'x'\"}]\n",
				"settings":            "  rules: {policy/p: \"off\"}\n",
			},
			[]string{`deny not-evaluated rates||| project rates: the policy "policy/p" could not be evaluated: spec.validations[0].expression: no such key: labels; what cannot be checked is refused`},
		},
		"Off": {
			"The settings can silence a policy as they can a rule.",
			map[string]string{
				"environments/p.yaml": head + "  on: project\n  validations: [{expression: \"false\"}]\n",
				"settings":            "  rules: {policy/p: \"off\"}\n",
			},
			nil,
		},
		"Rego": {
			"Packages as Conftest has them check declarations.",
			map[string]string{"policy/main.rego": "package main\n\ndeny[msg] {\n  input.kind == \"Project\"\n  input.metadata.name == \"rates\"\n  msg := \"no rates\"\n}\n"},
			[]string{"deny rego/main rates||| project rates: no rates"},
		},
		"Admission": {
			"ValidatingAdmissionPolicies check objects as the API server does.",
			map[string]string{"policy/vap.yaml": `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: v}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [batch], apiVersions: [v1], operations: [CREATE], resources: [cronjobs]}]
  validations: [{expression: "object.spec.schedule != '0 6 * * *'", message: not at six}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: v}
spec: {policyName: v, validationActions: [Warn]}
`},
			[]string{"warn admission/v revenue|report||prod CronJob revenue-prod/report in prod: not at six"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := check(t, tc.files)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestBrokenPolicyDenies(t *testing.T) {
	for reason, files := range map[string]map[string]string{
		"Rego that does not parse.":          {"policy/main.rego": "package main\n\ndeny[msg] {\n"},
		"CEL that does not parse.":           {"environments/p.yaml": head + "  on: project\n  validations: [{expression: \"1 +\"}]\n"},
		"A policy without a place to check.": {"policy/vap.yaml": "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: v}\nspec: {validations: 1}\n"},
	} {
		if got := check(t, files); len(got) == 0 || !strings.HasPrefix(got[0], string(v1alpha1.Deny)) {
			t.Errorf("%s It is let pass: %q", reason, got)
		}
	}
}

// TestPoliciesOfAProjectJudgeNobody has policies in a project's own folder, below one that the platform names.
func TestPoliciesOfAProjectJudgeNobody(t *testing.T) {
	const rego = "package main\n\ndeny[msg] {\n  input.kind == \"Project\"\n  input.metadata.name == \"rates\"\n  msg := \"no rates\"\n}\n"
	project := "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: more}\nspec: {owner: team, environments: [dev]}\n"
	got := check(t, map[string]string{"policy/team/project.yaml": project, "policy/team/main.rego": rego, "roots": ", policy"})
	if len(got) > 0 {
		t.Errorf("what a team has in its project's folder checks others: %q", got)
	}
	got = check(t, map[string]string{"policy/team/main.rego": rego})
	if diff := cmp.Diff([]string{"deny rego/main rates||| project rates: no rates"}, got); diff != "" {
		t.Errorf("what is nobody's own checks: -want +got:\n%s", diff)
	}
}
