// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/policy"
)

// versions are what each file of the platform may become in a step: what it is, and things that break rules, or fix
// what another one breaks. An empty one is no file.
func versions() map[string][]string {
	base := acme()
	replace := func(file string, pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(base[file], pairs[i]) {
				panic(pairs[i] + " is not in " + file)
			}
		}
		return strings.NewReplacer(pairs...).Replace(base[file])
	}
	out := map[string][]string{
		platform: {
			replace(platform, "spec: {}", "spec: {rules: {schedule-never: off, image-digest: deny, not-supported-yet: off}}"),
			replace(platform, "spec: {}", "spec: {health: [{kind: W, healthy: x}]}"),
			replace(platform, "spec: {}", "spec: {rules: {lot-mismatch: warn}, exceptions: [{rule: suspended-needed, project: sales, reason: x}, {rule: path-overlap, reason: x, until: 2026-01-01}]}"),
		},
		prod: {
			replace(prod, "  stores", "  protected: true\n  stores"), replace(prod, "  stores", "  promotesFrom: dev\n  stores"),
			replace(prod, "  stores", "  rules: {image-digest: warn}\n  identities: [sales]\n  defaults: {timeout: 25h}\n  stores"), "",
		},
		orders: {
			"", "# moved down\n" + base[orders],
			replace(orders, "    - name: sum\n", "    - name: sum\n      suspend: true\n"),
			replace(orders, "      writes: {main: daily@1}\n", ""), replace(orders, "writes: {main: daily@1}", "writes: {main: daily@1, more: raw@1}"),
			replace(orders, "unit: daily", "unit: Sixths"), replace(orders, "lake://orders/daily/,", "lake://orders/daily/, retention: 1d,"),
			replace(orders, "[dev, prod]", "[dev]"), replace(orders, "[dev, prod]", "{dev: {suspend: true}, prod: {}}"),
			replace(orders, `daily, version: "1"`, `daily, version: "2"`, "daily@1", "daily@2"),
			replace(orders, "external: true", "lots: {unit: hourly, since: 2026-01-01T00:00:00Z}"),
			replace(orders, "lake://orders/daily/", "lake://orders/raw/daily/"),
			replace(orders, "owner: team-orders", "ownr: x"), replace(orders, "  owner:", "  dags: ['*.py']\n  owner:"),
			replace(orders, "owner: team-orders", "owner: team-sales"),
		},
		sales: {
			"", "# moved down\n" + base[sales], replace(sales, "0 6 * * *", "0 6 30 2 *"), replace(sales, "0 6 * * *", "*/5 * * * *"),
			replace(sales, "daily: orders/daily@1", "daily: {dataset: orders/daily@1, window: {lots: 30}}"),
			replace(sales, "orders/daily@1", "orders/daily@2"), replace(sales, "    - name: clock", "    - name: sums\n      blueprint: container-job\n      reads: {raw: orders/raw@1, daily: orders/daily@1}\n      join: 3\n    - name: clock"),
			replace(sales, "- name: report\n", "- name: report\n      suspend: true\n"), replace(sales, "{dev: {}, prod: {}}", "{prod: {workloads: {report: {identity: orders}}}}"),
		},
		"orders/a.py": {"", "from airflow import DAG\nDAG(dag_id='a')\n", "from airflow import DAG\nDAG(\n"},
		"p/p.yaml": {
			"", head + "kind: Project\nmetadata: {name: more}\nspec:\n  owner: t\n  environments: [dev]\n  dags: ['*.py']\n  datasets: [{name: d, version: '1', path: lake://orders/raw/d/}]\n",
			head + "kind: Project\nmetadata: {name: orders}\nspec: {owner: t, environments: [dev]}\n",
		},
		"p/b.py":      {"", "from airflow import DAG\nDAG(dag_id='a')\n"},
		"a[1]/p.yaml": {"", head + "kind: Project\nmetadata: {name: brackets}\nspec: {owner: t, environments: [dev], dags: ['*.py']}\n"},
		"a[1]/a.py":   {"", "from airflow import DAG\nDAG(dag_id='a')\n", "from airflow import DAG\nDAG(\n"},
		"CODEOWNERS":  {"", "* @eve\n", "orders/ eve\n"},
	}
	for name := range out {
		if base[name] != "" {
			out[name] = append(out[name], base[name])
		}
	}
	return out
}

// whole words everything of a result.
func whole(r *policy.Result) string {
	var b strings.Builder
	for _, p := range r.Problems {
		b.WriteString(p.Rule + " " + p.String() + "\n")
	}
	for _, s := range r.Silenced {
		b.WriteString("silenced by " + s.Exception.Rule + ": " + s.Problem.String() + "\n")
	}
	return b.String()
}

// TestPreviousSavesWorkAlone makes random changes to random files, one after the other, and compares what is found with
// the help of the previous result with what is found without it, on the platform loaded again.
func TestPreviousSavesWorkAlone(t *testing.T) {
	versions := versions()
	names := slices.Sorted(maps.Keys(versions))
	rapid.Check(t, func(t *rapid.T) {
		mustCheck := func(in policy.Input) *policy.Result {
			in.Now = today
			result, err := policy.Check(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			return result
		}
		files := acme()
		cat := load(t, files)
		result := mustCheck(policy.Input{Catalog: cat})
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			was := maps.Clone(files)
			for range rapid.IntRange(1, 2).Draw(t, "files") {
				name := rapid.SampledFrom(names).Draw(t, "file")
				if files[name] = rapid.SampledFrom(versions[name]).Draw(t, "text"); files[name] == "" {
					delete(files, name)
				}
			}
			changed := differ(was, files)
			next, _, err := cat.Update(tree(files), changed)
			if err != nil {
				t.Fatal(err)
			}
			before := whole(result)
			updated := mustCheck(policy.Input{Catalog: next, Previous: result})
			if diff := cmp.Diff(whole(mustCheck(policy.Input{Catalog: load(t, files)})), whole(updated)); diff != "" {
				t.Fatalf("after %q: -checked again +with the previous result\n%s", changed, diff)
			}
			if again := whole(mustCheck(policy.Input{Catalog: next, Previous: updated})); again != whole(updated) {
				t.Fatalf("checking the same again gives something else:\n%s", cmp.Diff(whole(updated), again))
			}
			// As a change: what is checked is the same whether the platform after it was loaded or updated.
			people := []policy.Person{{Login: "eve", Teams: []string{"team-sales"}}}
			loaded := whole(mustCheck(policy.Input{Catalog: load(t, files), Base: load(t, was), Changed: changed, People: people}))
			if diff := cmp.Diff(loaded, whole(mustCheck(policy.Input{Catalog: next, Base: cat, Changed: changed, People: people, Previous: result}))); diff != "" {
				t.Fatalf("as a change of %q: -loaded +updated\n%s", changed, diff)
			}
			if after := whole(mustCheck(policy.Input{Catalog: cat, Previous: result})); after != before {
				t.Fatalf("the previous result is not what it was:\n%s", cmp.Diff(before, after))
			}
			cat, result = next, updated
		}
	})
}

// TestLinesThatMove moves the lines of a project down without changing anything that others read. What is said of others
// may point to these lines.
func TestLinesThatMove(t *testing.T) {
	for name, edits := range map[string][]edit{
		"Suspended": {{orders, "    - name: sum\n", "    - name: sum\n      suspend: true\n"}},
		"Excluded":  {{orders, "[dev, prod]", "{dev: {}, prod: {workloads: {sum: {exclude: true}}}}"}},
		"Cycle":     {{orders, "      writes: {main: raw@1}\n", "      reads: {back: sales/out@1}\n      writes: {main: raw@1}\n"}, {sales, "  workloads:\n", "  datasets: [{name: out, version: '1', path: lake://sales/out/}]\n  workloads:\n    - {name: out, blueprint: container-job, reads: {daily: orders/daily@1}, writes: {main: out@1}}\n"}},
		"Overlap":   {{sales, "  workloads:\n", "  datasets: [{name: out, version: '1', path: lake://orders/raw/out/}]\n  workloads:\n"}},
		"Unwritten": {{orders, "      writes: {main: daily@1}\n", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			files := change(t, acme(), edits...)
			cat := load(t, files)
			result := mustCheck(t, policy.Input{Catalog: cat})
			if len(result.Problems) == 0 {
				t.Fatal("nothing is wrong, so that nothing can point anywhere")
			}
			for move, moved := range map[string][]edit{
				"Lines": {{orders, "", "# a line more\n" + files[orders]}},
				"File":  {{file: orders}, {"orders/moved.yaml", "", files[orders]}},
			} {
				after := change(t, files, moved...)
				next, _, err := cat.Update(tree(after), differ(files, after))
				if err != nil {
					t.Fatal(err)
				}
				want, got := whole(mustCheck(t, policy.Input{Catalog: load(t, after)})), whole(mustCheck(t, policy.Input{Catalog: next, Previous: result}))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: -checked again +with the previous result\n%s", move, diff)
				}
			}
		})
	}
}

// TestOrderOfWriters changes places of workloads that write the same dataset. Which of them is named to its readers does
// not depend on that.
func TestOrderOfWriters(t *testing.T) {
	const one, two = "    - {name: a, blueprint: container-job, suspend: true, writes: {main: daily@1}}\n", "    - {name: b, blueprint: container-job, suspend: true, writes: {main: daily@1}}\n"
	with := func(writers string) map[string]string {
		return change(t, acme(), edit{orders, "      writes: {main: daily@1}\n", ""}, edit{orders, "  workloads:\n", "  workloads:\n" + writers})
	}
	cat := load(t, with(one+two))
	result := mustCheck(t, policy.Input{Catalog: cat})
	if !strings.Contains(whole(result), policy.RuleSuspended) {
		t.Fatal("no reader is told that the writers are suspended")
	}
	next, _, err := cat.Update(tree(with(two+one)), []string{orders})
	if err != nil {
		t.Fatal(err)
	}
	want, got := whole(mustCheck(t, policy.Input{Catalog: load(t, with(two+one))})), whole(mustCheck(t, policy.Input{Catalog: next, Previous: result}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-checked again +with the previous result\n%s", diff)
	}
}

// TestWhereFilesAreDoesNotMatter spreads the declarations over files of other names, and looks for the same problems.
func TestWhereFilesAreDoesNotMatter(t *testing.T) {
	versions := versions()
	rapid.Check(t, func(t *rapid.T) {
		files := acme()
		for _, name := range []string{platform, prod, orders, sales} {
			if text := rapid.SampledFrom(versions[name]).Draw(t, name); text != "" {
				files[name] = text
			}
		}
		words := func(files map[string]string) (out []string) {
			result, err := policy.Check(t.Context(), policy.Input{Catalog: load(t, files), Now: today})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range result.Problems {
				line := string(p.Severity) + " " + p.Rule + " " + p.Path + " " + p.Message
				for _, step := range p.Trace {
					line += "; " + step.Message
				}
				out = append(out, line)
			}
			slices.Sort(out)
			return out
		}
		want := words(files)
		moved := map[string]string{platform: files[platform]}
		names := []string{dev, prod, orders, sales}
		for i, name := range rapid.Permutation(names).Draw(t, "order") {
			moved[string("dbca"[i])+".yaml"] = files[name]
		}
		if diff := cmp.Diff(want, words(moved)); diff != "" {
			t.Errorf("-as it was +moved\n%s", diff)
		}
		if diff := cmp.Diff(want, words(files)); diff != "" {
			t.Errorf("checking again gives something else: -first +then\n%s", diff)
		}
	})
}
