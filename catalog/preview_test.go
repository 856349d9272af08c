// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
)

// previewing has dev of acme give previews.
var previewing = edit{"dev.yaml", "clusters: [one]", "clusters: [one]\n  preview: {}"}

// places lists what the releases of a preview read and write, and where they are.
func places(p *catalog.Preview) (out []string) {
	for _, rel := range p.Releases {
		for _, w := range rel.Workloads {
			for _, side := range []struct {
				verb string
				refs map[string]catalog.DatasetRef
			}{{"reads", w.Reads}, {"writes", w.Writes}} {
				for _, role := range slices.Sorted(maps.Keys(side.refs)) {
					out = append(out, fmt.Sprintf("%s %s in %s: %s %s", rel.ID.Project, w.Name, rel.Namespace, side.verb, side.refs[role].URI))
				}
			}
		}
	}
	return out
}

func TestPreview(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		edits   []edit
		changed []string
		want    []string
		err     string
	}{
		"Reader": {
			"What it writes is its own, and what nobody in it writes is read from the environment.",
			nil,
			[]string{"orders"},
			[]string{
				"orders land in orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in orders-pr-7: reads file:///dev/rates/fx/",
				"orders clean in orders-pr-7: reads file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/clean/",
			},
			"",
		},
		"Downstream": {
			"Who reads what is changed is in it, too, and reads what it writes.",
			nil,
			[]string{"rates"},
			[]string{
				"orders land in orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in orders-pr-7: reads file:///dev/trunkline-previews/acme/pr-7/rates/fx/",
				"orders clean in orders-pr-7: reads file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/clean/",
				"rates fetch in rates-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/rates/fx/",
			},
			"",
		},
		"Named": {
			"It goes no further than the projects that get previews.",
			[]edit{{"dev.yaml", "preview: {}", "preview: {projects: [rates]}"}},
			[]string{"rates", "orders"},
			[]string{"rates fetch in rates-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/rates/fx/"},
			"",
		},
		"DependsOn": {
			"Who waits for what is changed is in it, too.",
			[]edit{
				{"orders/project.yaml", "  image: orders:1\n", "  image: orders:1\n  dependsOn: [rates]\n"},
				{"orders/project.yaml", ", fx: rates/fx@1", ""},
			},
			[]string{"rates"},
			[]string{
				"orders land in orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in orders-pr-7: reads file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/clean/",
				"rates fetch in rates-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/rates/fx/",
			},
			"",
		},
		"SuspendedWriter": {
			"What nobody would write is read from where it is.",
			[]edit{{"orders/project.yaml", "environments: [dev, prod]", "environments: {dev: {workloads: {land: {suspend: true}}}, prod: {}}"}},
			[]string{"orders"},
			[]string{
				"orders land in orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in orders-pr-7: reads file:///dev/rates/fx/",
				"orders clean in orders-pr-7: reads file:///dev/orders/raw/",
				"orders clean in orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/clean/",
			},
			"",
		},
		"ExcludedReader": {
			"A workload that is left out of the environment makes nobody follow.",
			[]edit{{"orders/project.yaml", "environments: [dev, prod]", "environments: {dev: {workloads: {clean: {exclude: true}}}, prod: {}}"}},
			[]string{"rates"},
			[]string{"rates fetch in rates-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/rates/fx/"},
			"",
		},
		"OneNamespace": {
			"A pattern that has no environment in it gets one: a preview is never where the environment is.",
			[]edit{{"dev.yaml", "preview: {}", "preview: {}\n  namespace: \"d-<project>\""}},
			[]string{"rates"},
			[]string{
				"orders land in d-orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in d-orders-pr-7: reads file:///dev/trunkline-previews/acme/pr-7/rates/fx/",
				"orders clean in d-orders-pr-7: reads file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in d-orders-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/orders/clean/",
				"rates fetch in d-rates-pr-7: writes file:///dev/trunkline-previews/acme/pr-7/rates/fx/",
			},
			"",
		},
		"Long": {
			"A name that is too long ends in a hash.",
			[]edit{
				{"dev.yaml", "preview: {}", "preview: {projects: [orders]}\n  namespace: \"" + strings.Repeat("x", 52) + "-<project>-<environment>\""},
				{"orders/project.yaml", ", fx: rates/fx@1", ""},
			},
			[]string{"orders"},
			[]string{
				"orders land in xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-d1ccdcbabe: writes file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-d1ccdcbabe: reads file:///dev/trunkline-previews/acme/pr-7/orders/raw/",
				"orders clean in xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-d1ccdcbabe: writes file:///dev/trunkline-previews/acme/pr-7/orders/clean/",
			},
			"",
		},
		"Taken": {
			"The namespace of another release is not used.",
			[]edit{
				{"more.yaml", "", head + "kind: Environment\nmetadata: {name: \"7\"}\nspec: {clusters: [one]}\n"},
				{"taken/project.yaml", "", head + "kind: Project\nmetadata: {name: rates-pr}\nspec: {owner: t, environments: [\"7\"]}\n"},
			},
			[]string{"rates"},
			nil,
			`the namespace "rates-pr-7" of rates/pr-7@one is that of rates-pr/7@one: a preview does not use one that others have`,
		},
		"Suspended": {
			"A project that is left as it is has no preview.",
			[]edit{{"orders/project.yaml", "environments: [dev, prod]", "environments: {dev: {suspend: true}, prod: {}}"}},
			[]string{"orders"},
			nil,
			`nothing that the pull request changes runs in the environment "dev"`,
		},
		"None": {
			"An environment that does not say so has no previews.",
			[]edit{{"dev.yaml", "\n  preview: {}", ""}},
			[]string{"orders"},
			nil,
			`the environment "dev" has no previews: spec.preview of it says on the trunk who gets them`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cat, problems := load(t, mapFS(change(t, append([]edit{previewing}, tc.edits...)...)))
			if problems.Denied() && name != "SuspendedWriter" { // no blueprint here can be suspended
				t.Fatalf("the platform is refused:\n%s", problems)
			}
			p, err := cat.Preview(catalog.PreviewOf{Trunk: cat, Environment: "dev", Pull: catalog.Pull{Number: 7}, Changed: tc.changed})
			if err != nil {
				if err.Error() != tc.err {
					t.Fatalf("%s\ngot the error  %v\nwant           %s", tc.reason, err, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, places(p)); diff != "" || tc.err != "" {
				t.Errorf("%s (want the error %q)\n-want +got\n%s", tc.reason, tc.err, diff)
			}
		})
	}
}

// TestPreviewIsOfTheTrunk: what a preview may be is said by the trunk, whatever the pull request says of itself.
func TestPreviewIsOfTheTrunk(t *testing.T) {
	trunk, _ := load(t, mapFS(change(t, edit{"dev.yaml", "clusters: [one]", `clusters: [one]
  allow: [{namespaces: [monitoring]}]
  identity: {role: "<identity>-<environment>"}
  serviceAccount: {name: deployer, clusterRole: deploy}
  preview: {quota: {pods: "3"}, network: {from: [ingress]}, identity: {role: preview}}`})))
	head, problems := load(t, mapFS(change(t, edit{"dev.yaml", "clusters: [one]", `clusters: [one, two]
  allow: [{namespaces: [kube-public]}]
  stores: {lake: s3://stolen}
  preview: {quota: {pods: "999"}, network: {from: [everyone]}, identity: {role: admin}}`}, edit{"dev.yaml", "\n  stores: {lake: \"file:///dev/\"}", ""})))
	if problems.Denied() {
		t.Fatal(problems)
	}
	p, err := head.Preview(catalog.PreviewOf{Trunk: trunk, Environment: "dev", Pull: catalog.Pull{Number: 7}, Changed: []string{"rates"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Releases) != 2 {
		t.Fatalf("there are %d releases, want those on the cluster of the trunk's environment", len(p.Releases))
	}
	rel := p.Releases[1]
	if diff := cmp.Diff([]catalog.Account{{Name: "rates", Annotations: map[string]string{"role": "preview"}}}, rel.Accounts); diff != "" {
		t.Errorf("accounts: -want +got\n%s", diff)
	}
	access, ok := p.Catalog.Access(rel.ID)
	want := catalog.Access{Account: "deployer", Role: "deploy", Bounds: &catalog.Bounds{
		Quota: maps.Collect(maps.All(catalog.DefaultQuota())), From: []string{"ingress", "orders-pr-7", "rates-pr-7"},
	}}
	want.Bounds.Quota["pods"] = "3"
	if diff := cmp.Diff(want, access); diff != "" || !ok {
		t.Errorf("access: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"file:///dev/trunkline-previews/acme/pr-7/"}, p.Data); diff != "" {
		t.Errorf("data: -want +got\n%s", diff)
	}

	// Nor does it loosen what its pods may do.
	loose := edit{"dev.yaml", "clusters: [one]", "clusters: [one]\n  podSecurity: {level: baseline, allow: privileged}\n  preview: {}"}
	trunk, _ = load(t, mapFS(change(t, loose)))
	head, _ = load(t, mapFS(change(t, loose, edit{"rates/project.yaml", "dev: {}", "dev: {podSecurity: privileged}"})))
	asks := catalog.PreviewOf{Trunk: trunk, Environment: "dev", Pull: catalog.Pull{Number: 7}, Changed: []string{"rates"}}
	_, err = head.Preview(asks)
	if want := `rates asks for the pod security "privileged" in the environment "dev", which is not merged yet: its preview may have "baseline"`; err == nil || err.Error() != want {
		t.Errorf("got the error  %v\nwant           %s", err, want)
	}
	asks.Trunk = head // once it is merged
	if p, err = head.Preview(asks); err != nil || p.Releases[1].PodSecurity != "privileged" || p.Releases[0].PodSecurity != "baseline" {
		t.Errorf("what is merged does not count: %v, %+v", err, p)
	}

	// Nor does it make room for itself.
	trunk, _ = load(t, mapFS(change(t, previewing, edit{"dev.yaml", "preview: {}", "preview: {}\n  namespace: \"all-<environment>\""}, edit{file: "orders/project.yaml"})))
	head, _ = load(t, mapFS(change(t, previewing)))
	_, err = head.Preview(catalog.PreviewOf{Trunk: trunk, Environment: "dev", Pull: catalog.Pull{Number: 7}, Changed: []string{"rates"}})
	if want := `two projects of the preview would share the namespace "all-pr-7": use "<project>" in spec.namespace of the environment "dev"`; err == nil || err.Error() != want {
		t.Errorf("got the error  %v\nwant           %s", err, want)
	}
}

// TestPreviewsStayApart: of any platform, a preview writes below its own folders only, reads what it writes from there and all
// else from the environment, is in no namespace of another, and has what comes after what changed, and nothing else.
func TestPreviewsStayApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "projects")
		files := maps.Clone(map[string]string{"trunkline.yaml": acme["trunkline.yaml"], "clusters.yaml": acme["clusters.yaml"]})
		pattern := rapid.SampledFrom([]string{"<project>-<environment>", "<project>", "<environment>-<project>", "x<project>"}).Draw(t, "namespace")
		files["dev.yaml"] = head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one, two], namespace: \"" + pattern +
			"\", stores: {lake: \"s3://lake\", cold: \"s3://cold/d/\"}, preview: {}}\n"
		after := make([][]int, n) // the projects that read from each
		for i := range n {
			reads := map[string]bool{}
			for j := range i {
				if rapid.Bool().Draw(t, "reads") {
					reads[fmt.Sprintf("r%d: p%d/out@1", j, j)] = true
					after[j] = append(after[j], i)
				}
			}
			store := rapid.SampledFrom([]string{"lake", "cold"}).Draw(t, "store")
			files[fmt.Sprintf("p%d/project.yaml", i)] = fmt.Sprintf("%skind: Project\nmetadata: {name: p%d}\nspec:\n  owner: t\n  environments: [dev]\n  datasets:\n"+
				"    - {name: out, version: \"1\", path: %s://p%d/}\n  workloads:\n    - {name: w, blueprint: job, reads: {%s}, writes: {out: out@1}}\n",
				head, i, store, i, strings.Join(slices.Sorted(maps.Keys(reads)), ", "))
		}
		cat, problems, err := catalog.Load(mapFS(files), library)
		if err != nil || problems.Denied() {
			t.Fatalf("%v %s", err, problems)
		}
		changed := rapid.IntRange(0, n-1).Draw(t, "changed")
		number := rapid.IntRange(1, 999).Draw(t, "number")
		p, err := cat.Preview(catalog.PreviewOf{Trunk: cat, Environment: "dev", Pull: catalog.Pull{Number: number}, Changed: []string{fmt.Sprint("p", changed)}})
		if err != nil {
			t.Fatal(err)
		}
		in := map[string]bool{}
		var follow func(int)
		follow = func(i int) {
			in[fmt.Sprint("p", i)] = true
			for _, j := range after[i] {
				follow(j)
			}
		}
		follow(changed)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(in)), p.Projects); diff != "" {
			t.Fatalf("projects: -want +got\n%s", diff)
		}
		own := func(uri string) bool {
			return slices.ContainsFunc(p.Data, func(folder string) bool { return strings.HasPrefix(uri, folder) })
		}
		taken := map[string]bool{}
		for rel := range cat.Releases() {
			taken[rel.ID.Cluster+" "+rel.Namespace] = true
		}
		for _, rel := range p.Releases {
			space := rel.ID.Cluster + " " + rel.Namespace
			if taken[space] || len(rel.Namespace) > 63 {
				t.Fatalf("%s is in the namespace %s, which is another's or too long", rel.ID, rel.Namespace)
			}
			taken[space] = true
			for _, w := range rel.Workloads {
				for _, ref := range w.Writes {
					if !own(ref.URI) || !strings.Contains(ref.URI, fmt.Sprintf("/pr-%d/", number)) {
						t.Fatalf("%s writes %s", rel.ID, ref.URI)
					}
				}
				for _, ref := range w.Reads {
					owner, _, _ := strings.Cut(ref.ID, "/")
					if own(ref.URI) != in[owner] {
						t.Fatalf("%s reads %s from %s", rel.ID, ref.ID, ref.URI)
					}
				}
			}
		}
	})
}

// TestPreviewsHaveNoTables: there is nothing in a catalog that could be removed with a preview, as it has nothing there.
func TestPreviewsHaveNoTables(t *testing.T) {
	c, _ := load(t, mapFS(change(t, previewing, edit{"dev.yaml", "stores: {", "stores: {tables: \"glue:///\", more: \"iceberg://prod/\", "})))
	if diff := cmp.Diff([]string{"file:///dev/trunkline-previews/acme/pr-7/"}, catalog.PreviewData(c, "dev", catalog.Pull{Number: 7})); diff != "" {
		t.Error(diff)
	}
}

func TestPreviewNames(t *testing.T) {
	for name, want := range map[string]catalog.Pull{
		"pr-7": {Number: 7}, "pr-0": {}, "pr-07": {}, "pr-": {}, "pr--1": {}, "pr-7a": {}, "7": {}, "pr-99999999999999999999": {}, "dev": {}, "orders-7": {},
		"pr-orders-7": {Source: "orders", Number: 7}, "pr-a-b-12": {Source: "a-b", Number: 12}, "pr-8-7": {Source: "8", Number: 7}, "pr-orders-07": {}, "pr-orders-": {},
	} {
		got, ok := catalog.PreviewPull(name)
		if ok != (want.Number != 0) || ok && got != want {
			t.Errorf("PreviewPull(%q) = %v, %t, want %v", name, got, ok, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		source := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?`))
		pull := rapid.Custom(func(t *rapid.T) catalog.Pull {
			return catalog.Pull{Source: source.Draw(t, "source"), Number: rapid.IntRange(1, 120).Draw(t, "number")}
		})
		a, b := pull.Draw(t, "a"), pull.Draw(t, "b")
		if back, ok := catalog.PreviewPull(a.Preview()); !ok || back != a {
			t.Errorf("%v has the preview %q, which is of %v, %t", a, a.Preview(), back, ok)
		}
		if a != b && a.Preview() == b.Preview() {
			t.Errorf("%v and %v have the same preview %q", a, b, a.Preview())
		}
	})
	long := strings.Repeat("a", 63)
	if a, b := catalog.Shorten(long+"-pr-7"), catalog.Shorten(long+"-pr-8"); a == b || len(a) > 63 || catalog.Shorten(long) != long {
		t.Errorf("shortened to %q and %q", a, b)
	}
}

func TestProblemsOfPreviews(t *testing.T) {
	spec := func(preview string) edit {
		return edit{"dev.yaml", "clusters: [one]", "clusters: [one]\n  preview: " + preview}
	}
	for name, tc := range map[string]struct {
		edits []edit
		want  string // "file:line: message" of the one problem; empty for none
	}{
		"All": {[]edit{spec(`{labels: [preview], paths: ["orders/**"], authors: [ann, "@acme/data"], branches: ["release/*"], drafts: true, projects: [orders],
    clusters: [one], ttl: 24h, sleepAfter: 8h, limit: 3, budget: "50", spendCap: "20", quota: {pods: "3", requests.nvidia.com/gpu: "1", count/jobs.batch: "4"},
    network: {from: [ingress-nginx]}, identity: {role: "<identity>-preview"}}`)}, ""},
		"Reserved": {
			[]edit{{"pr.yaml", "", head + "kind: Environment\nmetadata: {name: pr-12}\nspec: {clusters: [one]}\n"}},
			`pr.yaml:3: the name "pr-12" is reserved: previews of pull requests are named so`,
		},
		"ReservedFolder": {
			[]edit{{"rates/project.yaml", "lake://rates/fx/", "lake://./trunkline-previews/acme/"}},
			`rates/project.yaml:8: the folder "trunkline-previews" of store "lake" is reserved: previews write there`,
		},
		"ReservedStore": {
			[]edit{{"dev.yaml", "file:///dev/", "file:///dev/trunkline-previews/x"}},
			`dev.yaml:6: the folder "trunkline-previews" is reserved: previews write there`,
		},
		"Cluster": {[]edit{spec("{clusters: [two]}")}, `dev.yaml:6: the environment "dev" has no cluster "two"`},
		"Quota":   {[]edit{spec("{quota: {pod: \"3\"}}")}, `dev.yaml:6: "pod" is nothing that a ResourceQuota bounds`},
		"Path":    {[]edit{spec("{paths: [../x]}")}, `dev.yaml:6: "../x" is not a pattern of paths: write it like "projects/orders/**"`},
		"Label":   {[]edit{spec("{labels: [\"\"]}")}, `dev.yaml:6: it is empty`},
		"From":    {[]edit{spec("{network: {from: [Ingress]}}")}, `dev.yaml:6: "Ingress" is not a valid name of a namespace`},
		"Pattern": {[]edit{spec("{identity: {role: \"<team>\"}}")}, `dev.yaml:6: there is no placeholder "<team>"`},
		"Account": {
			[]edit{{"dev.yaml", "clusters: [one]", "clusters: [one]\n  serviceAccount: {name: deployer}\n  preview: {}"}},
			`dev.yaml:7: nobody makes the service account in the namespaces of previews, which come and go`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := load(t, mapFS(change(t, tc.edits...)))
			var got []string
			for _, p := range problems {
				got = append(got, fmt.Sprintf("%s:%d: %s", p.Position.File, p.Position.Line, p.Message))
			}
			if strings.Join(got, "\n") != tc.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), tc.want)
			}
		})
	}
}
