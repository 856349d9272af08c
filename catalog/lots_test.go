// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
)

const inLots = `, lots: {unit: hourly, since: "2026-01-01T00:00:00Z"}`

// kept has an environment keep its lots somewhere.
func kept(file, manifests string) edit {
	return edit{file, "  stores:", "  lots: {manifests: \"" + manifests + "\"}\n  stores:"}
}

var (
	ordersInLots = edit{orders, "path: lake://orders/raw/", "path: lake://orders/raw/" + inLots}
	ratesInLots  = edit{rates, "path: lake://rates/fx/", "path: lake://rates/fx/" + inLots}
	ratesRaw     = edit{rates, "{name: fx, version: \"1\", path: lake://rates/fx/}", "{name: raw, version: \"1\", path: lake://rates/raw/" + inLots + "}\n    - {name: fx, version: \"1\", path: lake://rates/fx/}"}
)

func TestProblemsOfLots(t *testing.T) {
	const hint = `
    hint: name the project and the environment in spec.lots.manifests of the environment, as in "s3://acme-manifests/<environment>/<project>/", or rename a dataset`
	testProblems(t, map[string]problemCase{
		"Apart": {
			reason: "The project and the environment tell them apart.",
			edits:  []edit{ordersInLots, ratesRaw, kept("dev.yaml", "s3://m/<environment>/<project>"), kept("prod.yaml", "s3://m/<environment>/<project>/")},
		},
		"OtherVersion": {
			reason: "So does the version.",
			edits:  []edit{ordersInLots, {rates, "name: fx, version: \"1\", path: lake://rates/fx/", "name: raw, version: \"2\", path: lake://rates/fx/" + inLots}, {orders, "rates/fx@1", "rates/raw@2"}, {rates, "fx@1", "raw@2"}, kept("prod.yaml", "s3://m/")},
		},
		"WithoutLots": {
			reason: "What has no lots has no manifests.",
			edits:  []edit{ratesRaw, kept("prod.yaml", "s3://m/")},
		},
		"TwoProjects": {
			reason: "The manifests of the second would be those of the first.",
			edits:  []edit{ordersInLots, ratesRaw, kept("prod.yaml", "s3://m/<environment>/")},
			want:   `rates/project.yaml:8:64: error: spec.datasets[0].lots: the manifests of rates/raw@1 in "prod" would be those of orders/raw@1 in "prod", in s3://m/prod/` + hint,
		},
		"TwoEnvironments": {
			reason: "Those of one dataset in two environments are two.",
			edits:  []edit{ordersInLots, kept("dev.yaml", "s3://m/<project>"), kept("prod.yaml", "s3a://m/<project>/")},
			want:   `orders/project.yaml:9:65: error: spec.datasets[0].lots: the manifests of orders/raw@1 in "prod" would be those of orders/raw@1 in "dev", in s3://m/orders/` + hint,
		},
		"External": {
			reason: "What neither environment writes may be looked at by both.",
			edits:  []edit{{orders, "{name: raw, version: \"1\", ", "{name: raw, version: \"1\", external: true" + inLots + ", "}, {orders, "writes: {main: raw@1}", "retries: 1"}, kept("dev.yaml", "s3://m/"), kept("prod.yaml", "s3://m/")},
		},
		"Placeholder": {
			reason: "There is one place for all clusters.",
			edits:  []edit{kept("prod.yaml", "s3://m/<cluster>/")},
			want: `prod.yaml:6:21: error: spec.lots.manifests: there is no placeholder "<cluster>"
    hint: want one of: <project>, <environment>`,
		},
		"Scheme": {
			reason: "A store that nobody can open keeps nothing.",
			edits:  []edit{kept("prod.yaml", "ftp://m/")},
			want:   `prod.yaml:6:21: error: spec.lots.manifests: the location "ftp://m/" is in a kind of store that is not known; want one of: s3, gs, azblob, file`,
		},
		"NoAddress": {
			reason: "Nor does what is none.",
			edits:  []edit{kept("prod.yaml", "/data/m")},
			want:   `prod.yaml:6:21: error: spec.lots.manifests: the location "/data/m" is no address of a store, such as s3://bucket/folder/`,
		},
		"Credentials": {
			reason: "Credentials are not declared, and not shown.",
			edits:  []edit{kept("prod.yaml", "s3://AKIA:secret@m/")},
			want:   `prod.yaml:6:21: error: spec.lots.manifests: the location "s3://***@m/" names no bucket: no name of one has any of ?#@:%; credentials are those of the cloud's own tools`,
		},
		"Outside": {
			reason: "No path leads up.",
			edits:  []edit{kept("prod.yaml", "s3://m/a/../<project>/")},
			want:   `prod.yaml:6:21: error: spec.lots.manifests: the location "s3://m/a/../<project>/" is no folder of a store: a part of it is empty, "." or ".."`,
		},
		"BucketPerProject": {
			reason: "Previews have one folder for all of their projects.",
			edits:  []edit{kept("prod.yaml", "s3://m-<project>/")},
			want: `prod.yaml:6:21: error: spec.lots.manifests: the bucket is named after a project, and previews have theirs in one of all
    hint: write "<project>" in the path, as in "s3://acme-manifests/<environment>/<project>/"`,
		},
		"OfPreviews": {
			reason: "What previews write is theirs.",
			edits:  []edit{kept("prod.yaml", "s3://m/trunkline-previews/")},
			want: `prod.yaml:6:21: error: spec.lots.manifests: the folder "trunkline-previews" is reserved: previews write there
    hint: choose another folder`,
		},
		"Nowhere": {
			reason: "Who keeps lots says where.",
			edits:  []edit{{"prod.yaml", "  stores:", "  lots: {}\n  stores:"}},
			want:   "prod.yaml:6:9: error: spec.lots: the field \"manifests\" is missing or empty",
		},
	})
}

// TestManifests: manifests are where the environment says, and those of a preview are where nobody else's are.
func TestManifests(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, manifests string
		// want are those of orders/raw@1 and rates/fx@1, for writers and readers, in dev and in its preview for a change of orders.
		want    [8]string
		data    []string
		records string
	}{
		"Placeholders": {
			"Previews are beside the folders of projects.", "s3://m/<environment>/<project>",
			[8]string{
				"s3://m/dev/orders/", "s3://m/dev/orders/", "s3://m/dev/rates/", "s3://m/dev/rates/",
				"s3://m/dev/trunkline-previews/acme/pr-7/orders/", "s3://m/dev/trunkline-previews/acme/pr-7/orders/",
				"s3://m/dev/trunkline-previews/acme/pr-7/rates/", "s3://m/dev/rates/",
			},
			[]string{"file:///dev/trunkline-previews/acme/pr-7/", "s3://m/dev/trunkline-previews/acme/pr-7/"},
			"s3://m/dev/trunkline-lots/acme/dev/",
		},
		"Within": {
			"A folder that is named after a project among others is one of its own.", "s3a://m-<environment>/lots/of-<project>/x/",
			[8]string{
				"s3://m-dev/lots/of-orders/x/", "s3://m-dev/lots/of-orders/x/", "s3://m-dev/lots/of-rates/x/", "s3://m-dev/lots/of-rates/x/",
				"s3://m-dev/lots/trunkline-previews/acme/pr-7/of-orders/x/", "s3://m-dev/lots/trunkline-previews/acme/pr-7/of-orders/x/",
				"s3://m-dev/lots/trunkline-previews/acme/pr-7/of-rates/x/", "s3://m-dev/lots/of-rates/x/",
			},
			[]string{"file:///dev/trunkline-previews/acme/pr-7/", "s3://m-dev/lots/trunkline-previews/acme/pr-7/"},
			"s3://m-dev/lots/trunkline-lots/acme/dev/",
		},
		"Placement": {
			"A bucket of Clusterless.", "s3://prod-clusterless-manifest-123-eu-west-1",
			[8]string{
				"s3://prod-clusterless-manifest-123-eu-west-1/", "s3://prod-clusterless-manifest-123-eu-west-1/", "s3://prod-clusterless-manifest-123-eu-west-1/", "s3://prod-clusterless-manifest-123-eu-west-1/",
				"s3://prod-clusterless-manifest-123-eu-west-1/trunkline-previews/acme/pr-7/", "s3://prod-clusterless-manifest-123-eu-west-1/trunkline-previews/acme/pr-7/",
				"s3://prod-clusterless-manifest-123-eu-west-1/trunkline-previews/acme/pr-7/", "s3://prod-clusterless-manifest-123-eu-west-1/",
			},
			[]string{"file:///dev/trunkline-previews/acme/pr-7/", "s3://prod-clusterless-manifest-123-eu-west-1/trunkline-previews/acme/pr-7/"},
			"s3://prod-clusterless-manifest-123-eu-west-1/trunkline-lots/acme/dev/",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cat, problems := load(t, mapFS(change(t, ordersInLots, ratesInLots, kept("dev.yaml", tc.manifests), previewing)))
			if problems.Denied() {
				t.Fatalf("the platform is refused:\n%s", problems)
			}
			p, err := cat.Preview(catalog.PreviewOf{Trunk: cat, Environment: "dev", Pull: catalog.Pull{Number: 7}, Changed: []string{"orders"}})
			if err != nil {
				t.Fatal(err)
			}
			var got [8]string
			for i := range got {
				of, env := cat, "dev"
				if i >= 4 {
					of, env = p.Catalog, p.Name
				}
				got[i], _ = of.Manifests([]string{"orders/raw@1", "rates/fx@1"}[i/2%2], env, []catalog.EdgeKind{catalog.Writes, catalog.Reads}[i%2])
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.data, p.Data); diff != "" {
				t.Errorf("what goes with the preview (-want +got):\n%s", diff)
			}
			if got, _ := cat.Records("dev"); got != tc.records {
				t.Errorf("records are in %q, want %q", got, tc.records)
			}
			if got, ok := p.Catalog.Records(p.Name); ok {
				t.Errorf("a preview keeps records in %q", got)
			}
		})
	}
}

// TestNoRecords: an environment that keeps no lots has no records of them.
func TestNoRecords(t *testing.T) {
	cat, _ := load(t, mapFS(change(t, ordersInLots, kept("dev.yaml", "s3://m/"))))
	for env, want := range map[string]bool{"dev": true, "prod": false, "nowhere": false} {
		if got, ok := cat.Records(env); ok != want || (got == "") == want {
			t.Errorf("%s: got %q, %v", env, got, ok)
		}
	}
}

// TestNoManifests: where nobody keeps any, there are none.
func TestNoManifests(t *testing.T) {
	cat, _ := load(t, mapFS(change(t, ordersInLots, kept("dev.yaml", "s3://m/"), edit{rates, "{dev: {}, prod: {}}", "[prod]"}, ratesInLots, edit{orders, ", fx: rates/fx@1", ""})))
	for _, tc := range []struct {
		reason, dataset, env string
		want                 bool
	}{
		{"It has lots, and they are kept.", "orders/raw@1", "dev", true},
		{"It has none.", "orders/clean@2", "dev", false},
		{"The environment keeps none.", "orders/raw@1", "prod", false},
		{"It is not there.", "rates/fx@1", "dev", false},
		{"Nobody declares the dataset,", "orders/raw@9", "dev", false},
		{"or the environment.", "orders/raw@1", "test", false},
	} {
		if got, ok := cat.Manifests(tc.dataset, tc.env, catalog.Reads); ok != tc.want || (got == "") == tc.want {
			t.Errorf("%s %s in %s: got %q, %v", tc.reason, tc.dataset, tc.env, got, ok)
		}
	}
}

func TestProblemsOfReplays(t *testing.T) {
	replay := func(text string) edit {
		return edit{orders, "path: lake://orders/raw/", "path: lake://orders/raw/" + inLots + ", replay: [" + text + "]"}
	}
	const jan = `from: "2026-01-01T00:00:00Z", until: "2026-02-01T00:00:00Z", reason: test`
	testProblems(t, map[string]problemCase{
		"Good": {reason: "A dataset that a workload writes.", edits: []edit{replay(`{id: one, ` + jan + `}, {id: two, cascade: true, ` + jan + `}`)}},
		"Before": {
			reason: "What lies before the first lot is passed over.",
			edits:  []edit{replay(`{id: one, from: "2025-01-01T00:00:00Z", until: "2026-02-01T00:00:00Z", reason: test}`)},
		},
		"Twice": {
			reason: "An id is used once for a dataset.",
			edits:  []edit{replay(`{id: one, ` + jan + `}, {id: one, ` + jan + `}`)},
			want: `orders/project.yaml:9:212: error: spec.datasets[0].replay[1].id: the replay "one" is already declared in line 9
    hint: give each its own id: what was replayed by one is not replayed by it again`,
		},
		"NoName": {
			reason: "An id becomes part of a key in the store.",
			edits:  []edit{replay(`{id: "../x", ` + jan + `}`)},
			want:   `orders/project.yaml:9:126: error: spec.datasets[0].replay[0].id: "../x" is not a name: use lower-case letters, digits and dashes, at most 63 characters, with a letter or digit at both ends`,
		},
		"Backwards": {
			reason: "A range ends after it begins.",
			edits:  []edit{replay(`{id: one, from: "2026-02-01T00:00:00Z", until: "2026-02-01T00:00:00Z", reason: test}`)},
			want: `orders/project.yaml:9:168: error: spec.datasets[0].replay[0].until: the replay ends at 2026-02-01T00:00:00Z, and begins at 2026-02-01T00:00:00Z
    hint: until is the end of the last lot`,
		},
		"FromBetween": {
			reason: "Half a lot cannot be made.",
			edits:  []edit{replay(`{id: one, from: "2026-02-01T00:30:00Z", until: "2026-02-02T00:00:00Z", reason: test}`)},
			want: `orders/project.yaml:9:137: error: spec.datasets[0].replay[0].from: no hourly lot begins at 2026-02-01T00:30:00Z
    hint: the one around it begins at 2026-02-01T00:00:00Z`,
		},
		"UntilBetween": {
			reason: "Nor at the end.",
			edits:  []edit{replay(`{id: one, from: "2026-02-01T00:00:00Z", until: "2026-02-02T00:10:00Z", reason: test}`)},
			want: `orders/project.yaml:9:168: error: spec.datasets[0].replay[0].until: no hourly lot ends at 2026-02-02T00:10:00Z
    hint: the one around it ends at 2026-02-02T01:00:00Z`,
		},
		"BeforeSince": {
			reason: "There are no such lots.",
			edits:  []edit{replay(`{id: one, from: "2025-02-01T00:00:00Z", until: "2026-01-01T00:00:00Z", reason: test}`)},
			want: `orders/project.yaml:9:168: error: spec.datasets[0].replay[0].until: the replay ends before the first lot of raw@1, which begins at 2026-01-01T00:00:00Z
    hint: lots that nobody declares are not made`,
		},
		"WithoutLots": {
			reason: "A dataset that is one whole has no lots.",
			edits:  []edit{{orders, "path: lake://orders/raw/", "path: lake://orders/raw/, replay: [{id: one, " + jan + "}]"}},
			want: `orders/project.yaml:9:59: error: spec.datasets[0].replay: the dataset has no lots: there is nothing to make once more
    hint: remove the replay, or declare it where the lots are made`,
		},
		"External": {
			reason: "What is written elsewhere cannot be made here.",
			edits: []edit{
				{orders, "{name: raw, version: \"1\", ", "{name: raw, version: \"1\", external: true" + inLots + ", replay: [{id: one, " + jan + "}], "}, {orders, "writes: {main: raw@1}", "retries: 1"},
			},
			want: `orders/project.yaml:9:102: error: spec.datasets[0].replay: the dataset is external: what writes it is not run here: there is nothing to make once more
    hint: remove the replay, or declare it where the lots are made`,
		},
		"Unwritten": {
			reason: "Nobody makes the lots.",
			edits:  []edit{replay(`{id: one, ` + jan + `}`), {orders, "writes: {main: raw@1}", "retries: 1"}},
			want: `orders/project.yaml:9:112: error: spec.datasets[0].replay: no workload writes the dataset: there is nothing to make once more
    hint: remove the replay, or declare it where the lots are made`,
		},
		"WorkloadWithoutLots": {
			reason: "A workload makes the lots of what it writes.",
			edits:  []edit{{orders, "writes: {main: raw@1}", "writes: {main: raw@1}\n      replay: [{id: one, " + jan + "}]"}},
			want: `orders/project.yaml:15:7: error: spec.workloads[0].replay: the workload writes no dataset with lots: there is nothing to make once more
    hint: remove the replay, or declare it where the lots are made`,
		},
		"Limits": {
			reason: "None at a time is not a limit.",
			edits: []edit{
				{"prod.yaml", "  stores:", "  lots: {manifests: \"s3://m/\", limits: {runs: 0, perWorkload: 0, backfill: 101}, retention: {perDay: 0}}\n  stores:"},
				{orders, "path: lake://orders/raw/", "path: lake://orders/raw/" + inLots},
				{orders, "writes: {main: raw@1}", "writes: {main: raw@1}\n      lots: {atOnce: 0}"},
			},
			want: `orders/project.yaml:15:22: error: spec.workloads[0].lots.atOnce: 0 runs at a time is none: write 1 or more
    hint: to run none, suspend a workload or a project
prod.yaml:6:47: error: spec.lots.limits.runs: 0 runs at a time is none: write 1 or more
    hint: to run none, suspend a workload or a project
prod.yaml:6:63: error: spec.lots.limits.perWorkload: 0 runs at a time is none: write 1 or more
    hint: to run none, suspend a workload or a project
prod.yaml:6:76: error: spec.lots.limits.backfill: 101 is not a percentage: write 1 to 100
prod.yaml:6:102: error: spec.lots.retention.perDay: 0 lots a day is none: write 1 or more
    hint: to remove none, leave enforce out`,
		},
		"SaidOfNoLots": {
			reason: "What would be passed over is refused.",
			edits: []edit{
				{orders, "path: lake://orders/raw/", "path: lake://orders/raw/, freshness: 2h"},
				{orders, "writes: {main: raw@1}", "writes: {main: raw@1}\n      lots: {atOnce: 3}"},
			},
			want: `orders/project.yaml:9:59: error: spec.datasets[0].freshness: the dataset has no lots, of which one could be late
    hint: remove freshness, or declare the lots
orders/project.yaml:15:7: error: spec.workloads[0].lots: the workload writes no dataset with lots, and does not run for each
    hint: remove lots, or declare the lots of what it writes`,
		},
		"Subscribed": {
			reason: "A pattern without a star is the id of a dataset, and matches nothing else.",
			edits: []edit{
				{"prod.yaml", "  stores:", "  lots: {manifests: \"s3://m/\", events: [{to: hooks, datasets: [orders, orders/raw, raw@1, orders/raw@1, \"orders/*\", \"*\"]}]}\n  stores:"},
			},
			want: `prod.yaml:6:64: error: spec.lots.events[0].datasets[0]: "orders" is no dataset: it would match nothing
    hint: write "project/name@version", with "*" for any text, as in "orders/*"
prod.yaml:6:72: error: spec.lots.events[0].datasets[1]: "orders/raw" is no dataset: it would match nothing
    hint: write "project/name@version", with "*" for any text, as in "orders/*"
prod.yaml:6:84: error: spec.lots.events[0].datasets[2]: "raw@1" is no dataset: it would match nothing
    hint: write "project/name@version", with "*" for any text, as in "orders/*"`,
		},
	})
}

// TestReplaysOfAWorkload: a workload that runs per lot carries out its own replays and those of what it writes; elsewhere none is.
func TestReplaysOfAWorkload(t *testing.T) {
	const jan = `from: "2026-01-01T00:00:00Z", until: "2026-02-01T00:00:00Z", reason: test`
	edits := []edit{
		{orders, "path: lake://orders/raw/", "path: lake://orders/raw/" + inLots + ", replay: [{id: two, " + jan + "}, {id: one, " + jan + "}]"},
		{orders, "writes: {main: raw@1}", "writes: {main: raw@1}\n      replay: [{id: one, " + jan + "}]"},
	}
	keeps := kept("dev.yaml", "s3://m/<environment>/<project>/")
	want := []string{"one of orders/land", "one of orders/raw@1", "two of orders/raw@1"}
	if diff := cmp.Diff(want, workload(t, devOne, "land", append(edits, keeps)...).Replays); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := workload(t, devOne, "land", edits...).Replays; len(got) > 0 {
		t.Errorf("the environment keeps no lots, and these are carried out: %v", got)
	}
}
