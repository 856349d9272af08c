// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
)

// unrendered are the problems of what does not render, each with its line.
func unrendered(e *Evaluation) (out []string) {
	for _, p := range e.Problems() {
		if p.Rule == policy.RuleNotRendered {
			out = append(out, fmt.Sprintf("%s:%d %s", p.Position.File, p.Position.Line, p.Message))
		}
	}
	return out
}

// TestWhatDoesNotRender: what cannot run is an error where it can be fixed, once, if people ask; for the daemon it is none.
func TestWhatDoesNotRender(t *testing.T) {
	for _, tc := range []struct {
		reason string
		edit   func(commitFiles)
		want   []string
	}{
		{"All renders.", func(commitFiles) {}, nil},
		{
			"A chart that fails, in two environments and on two clusters.",
			func(c commitFiles) { c["bp/web/chart/templates/all.yaml"] = "{{ fail \"no\" }}\n" },
			[]string{`a/p0/project.yaml:8 the workload "w" does not render: `},
		},
		{
			"A template that is cut off.",
			func(c commitFiles) { c["bp/web/chart/templates/all.yaml"] = "{{ if }}\n" },
			[]string{`a/p0/project.yaml:8 the workload "w" does not render: `},
		},
		{
			"A kustomization that names a file that is not there.",
			func(c commitFiles) { c["a/p1/k8s/kustomization.yaml"] = "resources: [gone.yaml]\n" },
			[]string{`a/p1/project.yaml:8 the workload "w" does not render: `},
		},
		{
			"Two workloads with one mistake each.",
			func(c commitFiles) {
				c["a/p1/k8s/kustomization.yaml"] = "resources: [gone.yaml]\n"
				c["a/p1/project.yaml"] += "    - {name: v, blueprint: kustomize, params: {path: sql}}\n"
			},
			[]string{`a/p1/project.yaml:8 the workload "w"`, `a/p1/project.yaml:9 the workload "v"`},
		},
		{
			"An object without a name, and one that is there twice.",
			func(c commitFiles) {
				c["bp/web/chart/templates/all.yaml"] = "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"
				c["a/p1/project.yaml"] += "    - {name: v, blueprint: kustomize, params: {path: k8s}}\n"
			},
			[]string{`a/p0/project.yaml:8 the workload "w" does not render: `, `a/p1/project.yaml:9 the workload "v" does not render: ConfigMap "`},
		},
		{
			"More than a ConfigMap holds in files.",
			func(c commitFiles) { c["a/p0/sql/a.sql"] = strings.Repeat("select 1;\n", 1<<18) },
			[]string{`a/p0/project.yaml:8 the workload "w" does not render: `},
		},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			c := firstCommit()
			tc.edit(c)
			e := evaluated(t, c, render.New(blueprints.FS), func(in *Input) { in.Runs, in.Want = true, nobody })
			got := unrendered(e)
			same := len(got) >= len(tc.want)
			for _, want := range tc.want {
				same = same && slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, want) })
			}
			if !same || (len(tc.want) == 0) != (len(got) == 0) {
				t.Errorf("-want +got:\n%s", cmp.Diff(tc.want, got))
			}
			places := map[string]bool{}
			for _, line := range got {
				place, _, _ := strings.Cut(line, " ")
				places[place] = true
			}
			if len(places) != len(tc.want) {
				t.Errorf("%d places are named, want %d: %q", len(places), len(tc.want), got)
			}
			daemon := evaluated(t, c, render.New(blueprints.FS), nil)
			if daemon.Denied() {
				t.Errorf("the daemon refuses the commit: %v", daemon.Problems())
			}
		})
	}
}

func nobody(catalog.ReleaseID) bool { return false }

// TestOneMistakeIsOneProblem: an error that differs only in where it would run is told once.
func TestOneMistakeIsOneProblem(t *testing.T) {
	r := &stub{errs: map[string]error{}}
	for _, id := range []string{"p0/dev@one", "p0/prod@one", "p0/prod@two"} {
		env, _, _ := strings.Cut(strings.Split(id, "/")[1], "@")
		r.errs[id] = fmt.Errorf("rendering %s: %w", id, errors.Join(
			&render.WorkloadError{Workload: "w", Blueprint: "web", Err: fmt.Errorf("no value for %s", env)},
			&render.WorkloadError{Workload: "w", Blueprint: "web", Err: errors.New("and another")},
		))
	}
	e := evaluated(t, firstCommit(), r, func(in *Input) { in.Runs = true })
	want := []string{
		`a/p0/project.yaml:8 the workload "w" does not render: and another`,
		`a/p0/project.yaml:8 the workload "w" does not render: no value for dev`,
	}
	if diff := cmp.Diff(want, unrendered(e)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAChangeRendersWhatItReaches: with a base, what the change can affect is rendered and judged, and nothing else; whether
// the base was rendered or not.
func TestAChangeRendersWhatItReaches(t *testing.T) {
	for _, tc := range []struct {
		reason string
		edit   func(commitFiles)
		// want are the rules that are broken.
		want []string
	}{
		{"Nothing that any release knows.", func(c commitFiles) { c["docs/notes.md"] = "x" }, nil},
		{
			"A project.", func(c commitFiles) {
				c["a/p0/project.yaml"] = strings.Replace(c["a/p0/project.yaml"], "image: img", "image: other", 1)
			}, []string{"deny policy/names", "deny not-rendered"},
		},
		{"A file of a project.", func(c commitFiles) { c["a/p0/sql/a.sql"] += "\n" }, []string{"deny policy/names", "deny not-rendered"}},
		{"Its chart.", func(c commitFiles) { c["bp/web/chart/values.yaml"] += "\n" }, []string{"deny policy/names", "deny not-rendered"}},
		{
			"An environment.", func(c commitFiles) { c["prod.yaml"] = strings.Replace(c["prod.yaml"], "[one, two]", "[two]", 1) }, []string{"warn removal"},
		},
		{
			"A cluster more.", func(c commitFiles) { c["dev.yaml"] = strings.Replace(c["dev.yaml"], "[one]", "[one, two]", 1) },
			[]string{"warn privilege-widened"},
		},
	} {
		for _, state := range []string{"loaded", "rendered in part", "rendered"} {
			rendered := state == "rendered"
			t.Run(tc.reason+" The base is "+state, func(t *testing.T) {
				first := firstCommit()
				first["policies.yaml"] = objectPolicy
				next := maps.Clone(first)
				tc.edit(next)
				r := &stub{
					more: map[string][]string{"p0/dev@one": {"bad"}, "p1/dev@one": {"bad"}},
					errs: map[string]error{"p0/prod@two": errors.New("boom"), "p1/dev@one": errors.New("boom")},
				}
				base, err := Load(first.tree(), blueprints.FS)
				if err == nil && state != "loaded" {
					in := Input{Tree: first.tree(), Library: blueprints.FS, Renderer: r, Now: now, Runs: true}
					if !rendered {
						in.Want = nobody
					}
					base, err = base.Render(t.Context(), in)
				}
				if err != nil {
					t.Fatal(err)
				}
				e := evaluated(t, next, r, func(in *Input) {
					in.Before, in.Changed, in.Change, in.Runs, in.Want = base, first.changed(next), &Change{}, true, nobody
				})
				if diff := cmp.Diff(tc.want, rulesOf(e.Problems())); diff != "" && !rendered || rendered && len(tc.want) == 0 && e.Denied() {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}
