// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// TestWorkspaces: a workspace is made from a base that the platform declares by its digest, and from an image of its own only where the platform
// says so.
func TestWorkspaces(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	jupyter, other := "jupyter: {image: r/jupyter"+digest+", size: mx.large}", "other: {image: r/other"+digest+"}"
	for name, tc := range map[string]struct {
		reason, platform, workload string
		image, want                string
	}{
		"only":     {"the only base needs no name", "bases: {" + jupyter + "}", "", "r/jupyter" + digest, ""},
		"named":    {"of several, one is named", "bases: {" + jupyter + ", " + other + "}", ", params: {base: other}", "r/other" + digest, ""},
		"several":  {"or nobody knows which", "bases: {" + jupyter + ", " + other + "}", "", "", "name one in base"},
		"unknown":  {"one that there is not", "bases: {" + jupyter + "}", ", params: {base: nothing}", "", `no base "nothing"`},
		"kind":     {"one for another blueprint", "bases: {" + jupyter + ", vs: {image: r/vs" + digest + ", blueprint: ide}}", ", params: {base: vs}", "", `no base "vs"`},
		"none":     {"a platform may have none", "perPerson: 2", "", "", "no base for it"},
		"tag":      {"a tag can be moved", "bases: {jupyter: {image: \"r/jupyter:4\"}}", "", "", "pin its digest"},
		"no image": {"what is no image", "bases: {jupyter: {image: \"https://x\"}}", "", "", "is not an image"},
		"size":     {"a size that there is not", "bases: {jupyter: {image: r/jupyter" + digest + ", size: vast}}", "", "", "vast"},
		"own":      {"an image of one's own is not judged as a base", "bases: {" + jupyter + "}", ", image: r/mine" + digest, "", "no notebook have an image of its own"},
		"let":      {"unless the platform lets it", "bases: {" + jupyter + "}, ownImages: true", ", image: r/mine" + digest, "r/mine" + digest, ""},
		"nobody":   {"no number stands for none", "perPerson: 0, bases: {" + jupyter + "}", "", "", "nobody can have 0 workspaces"},
		"idle":     {"a time that is none", "bases: {" + jupyter + "}", ", params: {idle: 1s}", "", "no time after which"},
	} {
		t.Run(name, func(t *testing.T) {
			c, problems, err := catalog.Load(fstest.MapFS{
				"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\nspec: {workspaces: {" + tc.platform + "}}\n")},
				"all.yaml":       {Data: []byte(head + "kind: Cluster\nmetadata: {name: one}\n---\n" + head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one]}\n")},
				"p.yaml":         {Data: []byte(head + "kind: Project\nmetadata: {name: p}\nspec:\n  owner: x\n  environments: [dev]\n  image: r/jobs:1\n  workloads:\n    - {name: lab, blueprint: notebook" + tc.workload + "}\n")},
			}, blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for _, p := range problems {
				text += p.Message + " " + p.Hint + "\n"
			}
			if (tc.want == "") != (text == "") || !strings.Contains(text, tc.want) {
				t.Fatalf("%s: got %q, want %q", tc.reason, text, tc.want)
			}
			if tc.want != "" {
				return
			}
			p, _ := c.Project("p")
			w := c.Release(p, catalog.ReleaseID{Project: "p", Environment: "dev", Cluster: "one"}).Workloads[0]
			if w.Image != tc.image || strings.Contains(tc.image, "jupyter") && w.Size.CPU == "" || c.WorkspacesPerPerson() != 3 {
				t.Errorf("%s: it is made from %s, size %v", tc.reason, w.Image, w.Size)
			}
		})
	}
}

// TestBasesOfEnvironments: an environment takes of the platform's bases what it says, and has its own beside them; what a workload has no base of is said
// with the environment in which it has none.
func TestBasesOfEnvironments(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	for name, tc := range map[string]struct {
		reason, dev, workload, overrides string
		images                           string // in dev and in prod
		want                             []string
	}{
		"none":       {"what an environment does not say, the platform does", "", ", params: {base: small}", "", "r/small r/small", nil},
		"only":       {"it takes some of the platform's", "only: [large]", "", "", "", []string{"the platform has several bases for it"}},
		"narrowed":   {"and others are not there", "only: [large]", ", params: {base: small}", "", "", []string{`the environment dev has no base "small" for it`}},
		"empty":      {"none is none", "only: []", ", params: {base: small}", "", "", []string{"the environment dev has no base for it"}},
		"own":        {"it has others beside them", "bases: {gpu: {image: r/gpu" + digest + "}}", ", params: {base: gpu}", "", "", []string{`the platform has no base "gpu" for it`}},
		"overridden": {"which workloads name there", "bases: {gpu: {image: r/gpu" + digest + "}}", ", params: {base: small}", ", workloads: {lab: {params: {base: gpu}}}", "r/gpu r/small", nil},
		"in place":   {"or in place of one", "bases: {small: {image: r/mine" + digest + "}}", ", params: {base: small}", "", "r/mine r/small", nil},
		"both":       {"or instead of all", "only: [], bases: {gpu: {image: r/gpu" + digest + "}}", "", ", workloads: {lab: {params: {idle: 2h}}}", "", []string{"the platform has several"}},
		"unknown":    {"a base that the platform does not have", "only: [vast]", ", params: {base: small}", "", "", []string{`"vast"`, `the environment dev has no base for it`}},
		"tag":        {"its own are pinned, too", "bases: {gpu: {image: \"r/gpu:1\"}}", ", params: {base: small}", "", "", []string{"pin its digest"}},
		"size":       {"and of a size that there is", "bases: {gpu: {image: r/gpu" + digest + ", size: immense}}", ", params: {base: small}", "", "", []string{"immense"}},
		"everywhere": {"what no environment has is said once", "", ", params: {base: nothing}", "", "", []string{`the platform has no base "nothing" for it`}},
	} {
		t.Run(name, func(t *testing.T) {
			c, problems, err := catalog.Load(fstest.MapFS{
				"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\nspec: {workspaces: {bases: {small: {image: r/small" + digest + "}, large: {image: r/large" + digest + "}}}}\n")},
				"one.yaml":       {Data: []byte(head + "kind: Cluster\nmetadata: {name: one}\n")},
				"dev.yaml":       {Data: []byte(head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one], workspaces: {" + tc.dev + "}}\n")},
				"prod.yaml":      {Data: []byte(head + "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [one]}\n")},
				"p.yaml":         {Data: []byte(head + "kind: Project\nmetadata: {name: p}\nspec:\n  owner: x\n  environments: {dev: {" + strings.TrimPrefix(tc.overrides, ", ") + "}, prod: {}}\n  image: r/jobs:1\n  workloads:\n    - {name: lab, blueprint: notebook" + tc.workload + "}\n")},
			}, blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for _, p := range problems {
				text += p.Message + " " + p.Hint + "\n"
			}
			for _, want := range tc.want {
				if !strings.Contains(text, want) {
					t.Errorf("%s: got %q, want %q", tc.reason, text, want)
				}
			}
			if len(problems) != len(tc.want) {
				t.Errorf("%s: got %q", tc.reason, text)
			}
			if len(tc.want) > 0 {
				return
			}
			p, _ := c.Project("p")
			var images []string
			for _, env := range []string{"dev", "prod"} {
				w := c.Release(p, catalog.ReleaseID{Project: "p", Environment: env, Cluster: "one"}).Workloads[0]
				images = append(images, strings.TrimSuffix(w.Image, digest))
			}
			if got := strings.Join(images, " "); got != tc.images {
				t.Errorf("%s: they are made from %s", tc.reason, got)
			}
		})
	}
}
