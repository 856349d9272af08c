// SPDX-License-Identifier: Apache-2.0

package resource_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/resource"
)

const head = "apiVersion: trunkline.dev/v1alpha1\n"

// tree has two projects with what they have made in an environment.
func tree(environment, orders, rates string) fstest.MapFS {
	project := func(name, resources string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(head + "kind: Project\nmetadata: {name: " + name + "}\nspec:\n  owner: ann\n  environments: [prod]\n  resources: " + resources + "\n")}
	}
	return fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: main}\n---\n" +
			head + "kind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [main]\n" + environment)},
		"orders.yaml": project("orders", orders), "rates.yaml": project("rates", rates),
	}
}

const via = "  resources: {via: api}\n"

func TestMerge(t *testing.T) {
	const table = `{databases: [{name: d}], tables: [{database: d, name: t, location: "s3://a/b/", format: csv, columns: [{name: a, type: int}]}]}`
	for name, c := range map[string]struct {
		reason     string
		base, head fstest.MapFS
		want       []string
	}{
		"Same": {"Nothing is said of what stays as it is.", tree(via, table, "{}"), tree(via, table, "{}"), nil},
		"New": {"Tables come after their databases.", tree(via, "{}", "{}"), tree(via, table, "{buckets: [{name: one, adopt: true}]}"), []string{
			"make rates bucket one [] adopts", "make orders database d []", "make orders table d.t []",
		}},
		"Changed": {"Each field is named.", tree(via, table, "{}"), tree(via, strings.NewReplacer("int", "bigint", "csv", "orc", "a/b", "a/c", "name: t,", "name: t, onRemoval: remove, description: x,").Replace(table), "{}"), []string{
			"change orders table d.t [columns description format location onRemoval]",
		}},
		"Kept": {"It stays by default.", tree(via, table, "{}"), tree(via, "{}", "{}"), []string{"stay orders database d []", "stay orders table d.t []"}},
		"Removed": {"It goes if its last declaration says so.", tree(via, "{buckets: [{name: one, onRemoval: remove}]}", "{}"), tree(via, "{}", "{}"), []string{
			"remove orders bucket one []",
		}},
		"NobodyMakesAny": {"An environment in which nobody makes resources removes none.", tree(via, "{buckets: [{name: one, onRemoval: remove}]}", "{}"), tree("", "{}", "{}"), []string{
			"stay orders bucket one []",
		}},
		"Moved": {"Another project takes it over.", tree(via, "{buckets: [{name: one}]}", "{}"), tree(via, "{}", "{buckets: [{name: one, adopt: true}]}"), []string{
			"move rates bucket one [] from orders",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			base, problems, err := catalog.Load(c.base, blueprints.FS)
			if err != nil || problems.Denied() {
				t.Fatal(err, problems)
			}
			updated, problems, err := base.Update(c.head, []string{"trunkline.yaml", "orders.yaml", "rates.yaml"})
			if err != nil || problems.Denied() {
				t.Fatal(err, problems)
			}
			loaded, _, err := catalog.Load(c.head, blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			for _, head := range []*catalog.Catalog{updated, loaded} {
				var got []string
				for _, change := range resource.Merge(base, head) {
					line := fmt.Sprintf("%s %s %s %s %v", change.Action, change.Project, change.Kind, change.Name, change.Fields)
					if change.Adopts {
						line += " adopts"
					}
					if change.Before != "" {
						line += " from " + change.Before
					}
					got = append(got, line)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s\n-want +got:\n%s", c.reason, diff)
				}
			}
		})
	}
}

// TestMayChange: what is another's is changed by nobody, and what is left of another project of the platform only if that is said.
func TestMayChange(t *testing.T) {
	us := resource.Owner{Platform: "acme", Environment: "prod", Project: "orders"}
	for _, c := range []struct {
		mark        string
		adopt, want bool
		says        string
	}{
		{"acme/prod/orders", false, true, ""},
		{"", false, false, "was not made by Trunkline"},
		{"", true, true, ""},
		{"somebody", false, false, "was not made by Trunkline"},
		{"somebody", true, true, ""},
		{"a/b/c/d", false, false, "was not made by Trunkline"},
		{"acme/prod/rates", false, false, "was made for the project rates"},
		{"acme/prod/rates", true, true, ""},
		{"acme/dev/orders", true, false, "belongs to acme/dev/orders"},
		{"other/prod/orders", true, false, "belongs to other/prod/orders"},
	} {
		err := resource.MayChange("the bucket b", c.mark, us, c.adopt)
		if (err == nil) != c.want || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q, adopt %t: %v", c.mark, c.adopt, err)
		}
	}
}

// TestToRemove: only what is ours goes, that is not declared any more, and whose last declaration said so.
func TestToRemove(t *testing.T) {
	us := resource.Owner{Platform: "acme", Environment: "prod", Project: "orders"}
	none := func(string) bool { return false }
	for name, c := range map[string]struct {
		left     resource.Left
		declared func(string) bool
		want     bool
	}{
		"Goes":               {resource.Left{ID: "bucket b", Owner: us, Removal: "remove"}, none, true},
		"Kept":               {resource.Left{ID: "bucket b", Owner: us, Removal: "keep"}, none, false},
		"Unknown":            {resource.Left{ID: "bucket b", Owner: us}, none, false},
		"Declared":           {resource.Left{ID: "bucket b", Owner: us, Removal: "remove"}, func(id string) bool { return id == "bucket b" }, false},
		"AnotherPlatform":    {resource.Left{ID: "bucket b", Owner: resource.Owner{Platform: "x", Environment: "prod", Project: "orders"}, Removal: "remove"}, none, false},
		"AnotherEnvironment": {resource.Left{ID: "bucket b", Owner: resource.Owner{Platform: "acme", Environment: "dev", Project: "orders"}, Removal: "remove"}, none, false},
	} {
		if got := resource.ToRemove(c.left, "acme", "prod", c.declared); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
