// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan/health"
)

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestCodesAreDocumented holds the table for people on call to the codes that there are.
func TestCodesAreDocumented(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "../../docs/operations.md"), "## Why is it not healthy")
	section, _, _ = strings.Cut(section, "\n## ")
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(section, -1) {
		got = append(got, row[1])
	}
	var want []string
	for _, c := range health.Codes() {
		want = append(want, string(c))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/operations.md does not have the codes that there are; -want +got:\n%s", diff)
	}
}

// TestDocumentedRule uses the rule that docs/declarations.md shows.
func TestDocumentedRule(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "../../docs/declarations.md"), "## Health of custom kinds")
	_, block, _ := strings.Cut(section, "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	var p v1alpha1.Platform
	if err := yaml.Unmarshal([]byte(block), &p); err != nil || len(p.Spec.Health) != 1 {
		t.Fatal(err, block)
	}
	rules := compile(t, p.Spec.Health...)
	flink := func(status string) health.Verdict {
		return health.Of(parse(t, "{apiVersion: flink.apache.org/v1beta1, kind: FlinkDeployment, metadata: {name: f}, status: "+status+"}"), rules)
	}
	for status, want := range map[string]health.Verdict{
		"{}":                            {State: health.Progressing, Message: "the job is new"},
		"{jobStatus: {state: RUNNING}}": {State: health.Healthy},
		"{jobStatus: {state: FAILED}, error: no main class}": {State: health.Failed, Message: "no main class"},
		"{jobManagerDeploymentStatus: ERROR}":                {State: health.Stalled, Message: "the job is new"},
	} {
		if diff := cmp.Diff(want, flink(status)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", status, diff)
		}
	}
}
