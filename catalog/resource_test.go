// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// made has an environment say how resources are made.
func made(file, how string) edit {
	return edit{file, "  stores:", "  resources: " + how + "\n  stores:"}
}

// having has a project declare resources.
func having(project, resources string) edit {
	return edit{project, "spec:\n", "spec:\n  resources: " + resources + "\n"}
}

var (
	devAPI  = made("dev.yaml", "{via: api}")
	prodAPI = made("prod.yaml", "{via: api, region: eu-west-1}")
)

func TestProblemsOfResources(t *testing.T) {
	const one = `orders/project.yaml:5:`
	table := func(more string) string {
		return `{databases: [{name: "d_<environment>"}], tables: [{database: "d_<environment>", name: t, environments: [prod], format: csv` + more + `}]}`
	}
	columns := `, columns: [{name: a, type: string}]`
	testProblems(t, map[string]problemCase{
		"Fine": {
			reason: "One bucket, database and table for each environment.",
			edits: []edit{devAPI, prodAPI, having(orders, `{buckets: [{name: "acme-<environment>-<project>", versioned: true, tags: {team: "a b"}, onRemoval: remove}], `+
				strings.TrimPrefix(table(`, dataset: raw@1`+columns+`, partitions: [{name: lot, type: date}]`), "{"))},
		},
		"OneEnvironment": {
			reason: "What is in one environment alone needs no word of the others.",
			edits:  []edit{prodAPI, having(orders, `{buckets: [{name: acme-orders, environments: [prod]}]}`)},
		},
		"Nowhere": {
			reason: "Nobody would make it.",
			edits:  []edit{prodAPI, having(orders, `{buckets: [{name: "acme-<environment>"}]}`)},
			want: one + `25: error: spec.resources.buckets[0]: the environment "dev" does not say how resources are made
    hint: write spec.resources there, such as "resources: {via: api, region: eu-west-1}", or name the environments of the resource`,
		},
		"BothEnvironments": {
			reason: "A name without the environment is one bucket.",
			edits:  []edit{devAPI, prodAPI, having(orders, `{buckets: [{name: acme-orders}]}`)},
			want: one + `25: error: spec.resources.buckets[0]: the bucket "acme-orders" of orders in "prod" is that of orders in "dev": each has one owner
    hint: declare it once; one for each environment has "<environment>" in its name`,
		},
		"TwoRegions": {
			reason: "Databases of one name in two regions are two.",
			edits:  []edit{devAPI, prodAPI, having(orders, `{databases: [{name: d}]}`)},
		},
		"TwoProjects": {
			reason: "Each has one owner.",
			edits:  []edit{devAPI, prodAPI, having(orders, `{databases: [{name: d, environments: [prod]}]}`), having(rates, `{databases: [{name: d, environments: [prod]}]}`)},
			want: `rates/project.yaml:5:27: error: spec.resources.databases[0]: the database "d" of rates in "prod" is that of orders in "prod": each has one owner
    hint: declare it once; one for each environment has "<environment>" in its name`,
		},
		"DatabaseOfOthers": {
			reason: "A table may be in the database of another project.",
			edits: []edit{
				prodAPI, having(orders, `{databases: [{name: d, environments: [prod]}]}`),
				having(rates, `{tables: [{database: d, name: t, environments: [prod], format: orc, location: "s3://a/b/"`+columns+`}]}`),
			},
		},
		"NoDatabase": {
			reason: "Nobody would make it.",
			edits:  []edit{prodAPI, having(orders, `{tables: [{database: d, name: t, environments: [prod], format: csv, location: "s3://a/b/"`+columns+`}]}`)},
			want: one + `35: error: spec.resources.tables[0].database: no project declares the database "d" in "prod"
    hint: declare it, or say databaseExternal: true if it is made outside of the platform`,
		},
		"ExternalDatabase": {
			reason: "It is made elsewhere.",
			edits:  []edit{prodAPI, having(orders, `{tables: [{database: d, databaseExternal: true, name: t, environments: [prod], format: csv, location: "s3://a/b/"`+columns+`}]}`)},
		},
		"Names": {
			reason: "The environment says which names there may be.",
			edits:  []edit{made("prod.yaml", `{via: api, names: ["acme-<environment>-<project>-*"]}`), having(orders, `{buckets: [{name: acme-prod-orders-a, environments: [prod]}, {name: acme-prod-rates-a, environments: [prod]}]}`)},
			want: one + `82: error: spec.resources.buckets[1].name: the environment "prod" does not allow the bucket "acme-prod-rates-a"
    hint: it allows: acme-<environment>-<project>-*`,
		},
		"NotAnEnvironment": {
			reason: "It is one of the project's.",
			edits:  []edit{prodAPI, having(orders, `{buckets: [{name: acme-orders, environments: [prd]}]}`)},
			want: one + `60: error: spec.resources.buckets[0].environments[0]: the project "orders" is not in an environment "prd"
    hint: did you mean "prod"?`,
		},
		"TwoPlaces": {
			reason: "It is about one place.",
			edits:  []edit{devAPI, prodAPI, having(orders, table(`, dataset: raw@1, location: "s3://a/b/"`+columns))},
			want: one + `64: error: spec.resources.tables[0]: a table is about a dataset of the project or about a location: say which of them
    hint: as in "dataset: clean@1"`,
		},
		"NoDataset": {
			reason: "It is one of the project.",
			edits:  []edit{devAPI, prodAPI, having(orders, table(`, dataset: row@1`+columns))},
			want: one + `147: error: spec.resources.tables[0].dataset: the project has no dataset "row@1"
    hint: did you mean "raw@1"?`,
		},
		"NotS3": {
			reason: "Tables of Glue are about files in S3.",
			edits:  []edit{devAPI, prodAPI, having(orders, strings.Replace(table(`, dataset: raw@1`+columns), ", environments: [prod]", "", 1))},
			want: one + `64: error: spec.resources.tables[0]: the data of a table are in S3, and in "dev" these are in file:///dev/orders/raw/
    hint: name the environments of the table that have theirs in S3`,
		},
		"Types": {
			reason: "A type is one of Hive's.",
			edits:  []edit{devAPI, prodAPI, having(orders, table(`, location: "s3://a/b/", columns: [{name: a, type: text}], partitions: [{name: A, type: array<int>}]`))},
			want: one + `187: error: spec.resources.tables[0].columns[0].type: there is no type "text"
    hint: types are those of Hive, such as string, bigint, timestamp, decimal(12,2) or array<string>
orders/project.yaml:5:215: error: spec.resources.tables[0].partitions[0].name: there are two columns "a"
    hint: a partition is no column of the files, too
orders/project.yaml:5:224: error: spec.resources.tables[0].partitions[0].type: a partition of the type array<int>: the name of a folder holds one value`,
		},
		"Placeholder": {
			reason: "There is one for all clusters.",
			edits:  []edit{prodAPI, having(orders, `{buckets: [{name: "acme-<cluster>", environments: [prod]}]}`)},
			want: one + `32: error: spec.resources.buckets[0].name: there is no placeholder "<cluster>"
    hint: want one of: <project>, <environment>`,
		},
		"Tags": {
			reason: "Those by which it is known whose it is are not a project's to set.",
			edits:  []edit{prodAPI, having(orders, `{buckets: [{name: acme-orders, environments: [prod], tags: {trunkline.dev/owner: x}}]}`)},
			want: one + `74: error: spec.resources.buckets[0].tags."trunkline.dev/owner": the tag "trunkline.dev/owner" is reserved
    hint: choose another name`,
		},
	})
}

// TestNamesOfBuckets holds names to what S3 takes.
func TestNamesOfBuckets(t *testing.T) {
	for name, want := range map[string]string{
		"abc": "", "a.b-c": "", "ab": "3 to 63 characters", strings.Repeat("a", 64): "3 to 63 characters", strings.Repeat("a", 63): "",
		"Acme": "lower-case", "a_b": "lower-case", "-ab": "lower-case", "ab-": "lower-case", "a..b": "two dots", "192.168.0.1": "address of IP",
		"xn--abc": "begin with xn--", "abc--x-s3": "end with --x-s3", "abc-s3alias": "end with -s3alias", "ab c": "lower-case",
	} {
		_, problems := load(t, mapFS(change(t, prodAPI, having(orders, `{buckets: [{name: "`+name+`", environments: [prod]}]}`))))
		got := problems.String()
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// TestResources: names and places are those of the environment, and where nobody makes any there are none.
func TestResources(t *testing.T) {
	c, problems := load(t, mapFS(change(t, prodAPI, having(orders,
		`{buckets: [{name: "a-<environment>-<project>", environments: [prod], onRemoval: remove}], databases: [{name: d, environments: [prod]}], tables: [{database: d, name: t, environments: [prod], format: csv, dataset: raw@1, columns: [{name: a, type: int}]}]}`))))
	if problems.Denied() {
		t.Fatal(problems)
	}
	at := catalog.Resource{Project: "orders", Environment: "prod"}
	bucket, database, table := at, at, at
	bucket.Kind, bucket.Name, bucket.Remove = catalog.BucketResource, "a-prod-orders", true
	database.Kind, database.Name = catalog.DatabaseResource, "d"
	table.Kind, table.Name, table.Database, table.Format, table.Location = catalog.TableResource, "t", "d", v1alpha1.FormatCSV, "s3://prod/orders/raw/"
	table.Columns = []v1alpha1.Column{{Name: "a", Type: "int"}}
	if diff := cmp.Diff([]catalog.Resource{bucket, database, table}, c.Resources("prod")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := c.Resources("dev"); got != nil {
		t.Errorf("in dev there are %v", got)
	}
}
