// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/render"
)

// previewed is [costly] with previews of prod, and a reader of what a writes.
func previewed(t *testing.T) commitFiles {
	c := costly().edit(t, "prod.yaml", "clusters: [one],", "clusters: [one], preview: {budget: \"1000\"},")
	return c.edit(t, "a/p.yaml", "size: mx.medium}]", "size: mx.medium, params: {ingress: {host: a.acme.dev}}}]")
}

func previewOf(t *testing.T, base, head *Evaluation, renderer Renderer) (*Preview, error) {
	t.Helper()
	return NewPreview(t.Context(), PreviewInput{
		Pull: catalog.Pull{Number: 7}, Environment: "prod", Base: base, Head: head, Renderer: renderer, Cost: cost.Terms{Now: now},
	})
}

func TestNewPreview(t *testing.T) {
	renderer := render.New(blueprints.FS)
	was := previewed(t)
	base := was.evaluated(t, nil, nil, renderer)
	if base.Denied() {
		t.Fatal(base.Problems())
	}
	for name, tc := range map[string]struct {
		reason   string
		base     func(commitFiles) commitFiles
		head     func(commitFiles) commitFiles
		releases []string
		changed  []string
		hosts    []string
		monthly  string
		problems []string
		err      string
	}{
		"Changed": {
			reason:   "What renders to something else is in it, at what it costs, with a host name of its own.",
			head:     func(c commitFiles) commitFiles { return c.edit(t, "a/p.yaml", "image: i", "image: i2") },
			releases: []string{"a/pr-7@one"}, changed: []string{"a"}, hosts: []string{"pr-7-a.acme.dev"}, monthly: "720.00 USD",
		},
		"Nothing": {
			reason: "A change of what nothing is rendered from is no reason for one.",
			head:   func(c commitFiles) commitFiles { c = maps.Clone(c); c["a/README.md"] = "x"; return c },
			err:    `nothing that the pull request changes runs in the environment "prod"`,
		},
		"Declared": {
			reason: "A declaration that means something else is.",
			head: func(c commitFiles) commitFiles {
				return c.edit(t, "raw/p.yaml", "since: \"2026-01-01", "since: \"2025-01-01")
			},
			releases: []string{"arc/pr-7@one", "raw/pr-7@one"}, changed: []string{"raw"}, monthly: "0.00 USD",
		},
		"Budget": {
			reason: "What would cost more than a preview may is refused, by the trunk's word.",
			head: func(c commitFiles) commitFiles {
				return c.edit(t, "a/p.yaml", "size: mx.medium", "size: mx.large").edit(t, "prod.yaml", "budget: \"1000\"", "budget: \"99999\"")
			},
			releases: []string{"a/pr-7@one"}, changed: []string{"a"}, hosts: []string{"pr-7-a.acme.dev"}, monthly: "1440.00 USD",
			problems: []string{`deny prod.yaml: the preview would cost 1440.00 USD a month, and one of "prod" may cost 1000.00 USD`},
		},
		"Policy": {
			reason: "The trunk's policies hold for it as for the environment that it is derived from.",
			base: func(c commitFiles) commitFiles {
				c = maps.Clone(c)
				c["policy.yaml"] = declarationHead + "kind: Policy\nmetadata: {name: images}\nspec:\n  on: object\n  match: {environments: [prod]}\n" +
					"  validations: [{expression: \"object.kind != 'Deployment' || object.spec.template.spec.containers[0].image != 'bad' || !object.metadata.namespace.endsWith('pr-7')\", message: no}]\n"
				return c
			},
			head:     func(c commitFiles) commitFiles { return c.edit(t, "a/p.yaml", "image: i", "image: bad") },
			releases: []string{"a/pr-7@one"}, changed: []string{"a"}, hosts: []string{"pr-7-a.acme.dev"}, monthly: "720.00 USD",
			problems: []string{"deny a/p.yaml: Deployment a-pr-7/w in prod: no"},
		},
		"Refused": {
			reason: "What is refused is not made.",
			head:   func(c commitFiles) commitFiles { return c.edit(t, "a/p.yaml", "blueprint: service", "blueprint: none") },
			err:    "the change is refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			was, base := was, base
			if tc.base != nil {
				was = tc.base(was)
				base = was.evaluated(t, nil, nil, renderer)
			}
			is := tc.head(was)
			p, err := previewOf(t, base, is.evaluated(t, base, was, renderer), renderer)
			if err != nil {
				if _, ok := err.(*PreviewError); !ok || err.Error() != tc.err { //nolint:errorlint // it is not wrapped
					t.Fatalf("%s\ngot the error %v, want %q", tc.reason, err, tc.err)
				}
				return
			}
			var releases, problems []string
			for _, rel := range p.Releases {
				if rel.Rendered.Err != nil {
					t.Errorf("%s: %v", rel.ID, rel.Rendered.Err)
				}
				if rel.Access.Bounds == nil || rel.Terms.Preview == "" {
					t.Errorf("%s is no release of a preview: %+v", rel.ID, rel)
				}
				releases = append(releases, rel.ID.String())
			}
			for _, problem := range p.Problems {
				problems = append(problems, string(problem.Severity)+" "+problem.Position.File+": "+problem.Message)
			}
			type facts struct {
				Releases, Changed, Hosts, Problems []string
				Monthly                            string
			}
			want := facts{tc.releases, tc.changed, tc.hosts, tc.problems, tc.monthly}
			got := facts{releases, p.Changed, p.Hosts, problems, p.Estimate.Total().In("USD").String()}
			if diff := cmp.Diff(want, got); diff != "" || tc.err != "" {
				t.Errorf("%s (want the error %q)\n-want +got\n%s", tc.reason, tc.err, diff)
			}
			if p.Problems.Denied() != strings.Contains(strings.Join(tc.problems, ""), string(v1alpha1.Deny)) {
				t.Error("it is not refused for what denies it")
			}
		})
	}
}
