// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/policy"
)

// changeCase is a platform, a change of it, and what the change breaks.
type changeCase struct {
	reason string
	// before are the edits that make the platform before the change, and after those that the change makes of it.
	before, after []edit
	people        []policy.Person
	want          []string
}

// testChange checks changes, each in two ways: with the platform after it loaded again, and as an update of the one before.
func testChange(t *testing.T, rule string, cases map[string]changeCase) {
	t.Helper()
	broken, near := 0, 0
	for name, tc := range cases {
		if len(tc.want) == 0 {
			near++
		}
		if slices.ContainsFunc(tc.want, func(line string) bool { return strings.Contains(line, " "+rule+" ") }) {
			broken++
		}
		t.Run(name, func(t *testing.T) {
			before := change(t, acme(), tc.before...)
			after := change(t, before, tc.after...)
			in := policy.Input{Catalog: load(t, after), Base: load(t, before), Changed: differ(before, after), People: tc.people}
			got := said(mustCheck(t, in))
			judged := got
			if rule != policy.RuleRemoval { // which is told of each change that removes something
				judged = slices.DeleteFunc(slices.Clone(got), func(line string) bool { return strings.HasPrefix(line, "warn removal ") })
			}
			if diff := cmp.Diff(tc.want, judged, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			next, _, err := in.Base.Update(tree(after), in.Changed)
			if err != nil {
				t.Fatal(err)
			}
			in.Catalog = next
			if diff := cmp.Diff(got, said(mustCheck(t, in))); diff != "" {
				t.Errorf("an update of the base is checked otherwise: -loaded +updated\n%s", diff)
			}
		})
	}
	if broken == 0 || near == 0 {
		t.Errorf("%s is broken by %d cases, and narrowly kept by %d", rule, broken, near)
	}
}

func TestRemoved(t *testing.T) {
	const daily = `    - {name: daily, version: "1", path: lake://orders/daily/, lots: {unit: daily, since: 2026-01-01T00:00:00Z}}` + "\n"
	unwritten := edit{orders, "      writes: {main: daily@1}\n", ""}
	testChange(t, policy.RuleRemoved, map[string]changeCase{
		"Nothing": {reason: "No change breaks nothing."},
		"Dataset": {
			reason: "A dataset that someone reads is not removed, and who removes it is to blame; that it is not there is not said again.",
			after:  []edit{{orders, daily, ""}, unwritten},
			want:   []string{`deny removed-in-use orders/project.yaml:9 the dataset orders/daily@1 is removed, and is still read`},
		},
		"Version": {
			reason: "Nor is a version, though there is another.",
			after:  []edit{{orders, `daily, version: "1"`, `daily, version: "2"`}, {orders, "daily@1", "daily@2"}},
			want:   []string{`deny removed-in-use orders/project.yaml:9 the version 1 of the dataset orders/daily is removed, and is still read`},
		},
		"Project": {
			reason: "Nor is a project; that is told once, with each place that reads one of its datasets.",
			after:  []edit{{file: orders}},
			want: []string{
				`deny removed-in-use orders/project.yaml:0 the project "orders" is removed, and its datasets are still read`,
			},
		},
		"Renamed": {
			reason: "A project that is renamed is a project that is removed.",
			after:  []edit{{orders, "name: orders}", "name: shop}"}},
			want: []string{
				`deny removed-in-use orders/project.yaml:0 the project "orders" is removed, and its datasets are still read`,
			},
		},
		"OwnReader": {
			reason: "A reader in the same project counts like any other.",
			after:  []edit{{orders, `raw, version: "1"`, `raw, version: "2"`}, {orders, "writes: {main: raw@1}", "writes: {main: raw@2}"}},
			want:   []string{`deny removed-in-use orders/project.yaml:18 the version 1 of the dataset orders/raw is removed, and orders/sum still reads it`},
		},
		"ReaderMoves":   {reason: "A reader that moves in the same change reads it no more.", after: []edit{{orders, daily, ""}, unwritten, {sales, "daily: orders/daily@1, ", ""}}},
		"ReaderRemoved": {reason: "Nor does one that is removed in it.", after: []edit{{file: orders}, {file: sales}}},
		"Moved":         {reason: "Where a project is declared does not matter.", after: []edit{{file: orders}, {"shop/orders.yaml", "", acme()[orders]}}},
		"Unread":        {reason: "What nobody reads may go.", before: []edit{{sales, "daily: orders/daily@1, ", ""}}, after: []edit{{orders, daily, ""}, unwritten}},
		"NeverThere": {
			reason: "What was never there was not removed.",
			after:  []edit{{sales, "orders/daily@1", "orders/dayly@1"}},
			want:   []string{`deny dataset-owner sales/project.yaml:11 there is no dataset orders/dayly@1`},
		},
		"Unreadable": {
			reason: "A project with a typing error is still there.",
			after:  []edit{{orders, "  owner:", "  ownr:"}},
			want:   []string{`deny unknown-field orders/project.yaml:5 unknown field "ownr"`},
		},
	})
}

// TestRemovedIsFixed relaxes the rule before the change that breaks it: what is not there is not there.
func TestRemovedIsFixed(t *testing.T) {
	before := change(t, acme(), settings(`{rules: {removed-in-use: off}, exceptions: [{rule: removed-in-use, reason: x}]}`))
	after := change(t, before, edit{file: orders})
	result := mustCheck(t, policy.Input{Catalog: load(t, after), Base: load(t, before), Changed: differ(before, after)})
	got := said(result)
	if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, "deny removed-in-use ") }) {
		t.Errorf("the removal of what is read can be relaxed: %q", got)
	}
}

func TestProtected(t *testing.T) {
	protect := edit{prod, "  stores", "  protected: true\n  stores"}
	testChange(t, policy.RuleProtected, map[string]changeCase{
		"Project": {
			reason: "A project that is taken away leaves the environment.",
			before: []edit{protect}, after: []edit{{file: sales}},
			want: []string{`deny protected-removal prod.yaml:6 the project "sales" would be deleted from "prod", which is protected`},
		},
		"Environment": {
			reason: "So does one that is not deployed there any more.",
			before: []edit{protect}, after: []edit{{sales, ", prod: {}", ""}},
			want: []string{`deny protected-removal prod.yaml:6 the project "sales" would be deleted from "prod", which is protected`},
		},
		"ProtectionToo": {
			reason: "Taking away the protection in the same change takes it from the next change on.",
			before: []edit{protect}, after: []edit{{file: sales}, {prod, "  protected: true\n", ""}},
			want: []string{
				`warn privilege-widened prod.yaml:5 the environment "prod" is no longer protected`,
				`deny protected-removal prod.yaml:5 the project "sales" would be deleted from "prod", which is protected`,
			},
		},
		"RemovalsToo": {
			reason: "Naming the project in the same change names it for the next.",
			before: []edit{protect}, after: []edit{{file: sales}, {prod, "  protected: true\n", "  protected: true\n  removals: [sales]\n"}},
			want: []string{
				`deny protected-removal prod.yaml:6 the project "sales" would be deleted from "prod", which is protected`,
				`warn privilege-widened prod.yaml:7 the project "sales" may be removed from "prod", which is protected`,
			},
		},
		"Excepted": {
			reason: "An exception that comes with the change counts from the next on, as well.",
			before: []edit{protect}, after: []edit{{file: sales}, settings("{exceptions: [{rule: protected-removal, reason: x}]}")},
			want: []string{
				`deny protected-removal prod.yaml:6 the project "sales" would be deleted from "prod", which is protected`,
				`warn privilege-widened trunkline.yaml:4 an exception of the rule "protected-removal" is new, or covers more than it did`,
			},
		},
		"Announced":     {reason: "A removal that was named before may happen.", before: []edit{protect, {prod, "  stores", "  removals: [sales]\n  stores"}}, after: []edit{{file: sales}}},
		"NotProtected":  {reason: "Other environments may be left.", before: []edit{protect}, after: []edit{{sales, "dev: {}, ", ""}}},
		"NeverThere":    {reason: "Who was not there does not leave.", before: []edit{protect, {sales, ", prod: {}", ""}}, after: []edit{{file: sales}}},
		"ProtectionNew": {reason: "What is protected from now on was not before.", after: []edit{{sales, ", prod: {}", ""}, protect}},
		"Unreadable": {
			reason: "A project with a typing error does not leave: nothing of the commit is applied.",
			before: []edit{protect}, after: []edit{{sales, "  owner:", "  ownr:"}},
			want: []string{`deny unknown-field sales/project.yaml:5 unknown field "ownr"`},
		},
	})
}

func TestBreaking(t *testing.T) {
	const (
		number  = `{"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}`
		text    = `{"type": "object", "required": ["n"], "properties": {"n": {"type": "string"}}}`
		integer = `{"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}`
		file    = "orders/shops.json"
	)
	declared := []edit{{orders, "path: lake://orders/shops/,", "path: lake://orders/shops/, schema: shops.json,"}, {file, "", number}}
	testChange(t, policy.RuleBreaking, map[string]changeCase{
		"OtherType": {
			reason: "Readers of numbers were not built for texts; the declaration itself has not changed.",
			before: declared, after: []edit{{file, "", text}},
			want: []string{`deny schema-breaking orders/project.yaml:11 the schema change of orders/shops@1 breaks its readers: is now string and was number`},
		},
		"Narrower":   {reason: "Who reads numbers reads integers.", before: declared, after: []edit{{file, "", integer}}},
		"Formatting": {reason: "How a schema is written does not matter.", before: declared, after: []edit{{file, "", strings.ReplaceAll(number, ": ", ":\n")}}},
		"NewVersion": {
			reason: "A version of its own may be anything.",
			before: declared,
			after: []edit{
				{orders, "    - {name: shops", `    - {name: shops, version: "2", path: lake://orders/shops2/, external: true, schema: shops2.json}` + "\n    - {name: shops"},
				{"orders/shops2.json", "", text},
			},
		},
		"OtherFile": {
			reason: "A schema in another file is compared with the one that it replaces.",
			before: declared, after: []edit{{orders, "schema: shops.json", "schema: shops2.json"}, {"orders/shops2.json", "", text}},
			want: []string{`deny schema-breaking orders/project.yaml:11 the schema change of orders/shops@1 breaks its readers: is now string and was number`},
		},
		"SchemaRemoved": {
			reason: "Without a schema anything may come.",
			before: declared, after: []edit{{orders, ", schema: shops.json", ""}},
			want: []string{`deny schema-breaking orders/project.yaml:11 orders/shops@1 had a schema and now has none, which its readers do not expect`},
		},
		"SchemaNew": {reason: "Readers of anything read what a new schema allows.", after: declared},
		"OtherUnit": {
			reason: "Who reads a lot an hour was not built for a lot a day.",
			after:  []edit{{orders, "path: lake://orders/raw/, lots: {unit: hourly", "path: lake://orders/raw/, lots: {unit: daily"}},
			want:   []string{`deny schema-breaking orders/project.yaml:9 orders/raw@1 had hourly lots and now has daily lots, which its readers do not expect`},
		},
		"OtherLetters": {
			reason: "The case of a unit's letters does not matter.",
			after:  []edit{{orders, "path: lake://orders/raw/, lots: {unit: hourly", "path: lake://orders/raw/, lots: {unit: HOURLY"}},
		},
		"MovedBack": {
			reason: "That lots begin earlier is a backfill, and breaks nobody.",
			after:  []edit{{orders, "path: lake://orders/raw/, lots: {unit: hourly, since: 2026", "path: lake://orders/raw/, lots: {unit: hourly, since: 2025"}},
		},
		"NoSchema": {
			reason: "What is not a schema is refused as such.",
			before: declared, after: []edit{{file, "", "{"}},
			want: []string{`deny invalid-schema orders/project.yaml:11 the schema of orders/shops@1 is not valid: the schema is not JSON: unexpected EOF`},
		},
		"Fixed": {
			reason: "What was not a schema can be fixed: nobody could read it.",
			before: append(slices.Clone(declared), edit{file, "", "{"}), after: []edit{{file, "", `{"type": "object"}`}},
		},
		"OtherFormat": {
			reason: "A schema of another format cannot be compared with the one before.",
			before: declared,
			after:  []edit{{orders, "schema: shops.json", "schema: shops.avsc"}, {"orders/shops.avsc", "", `{"type": "record", "name": "r", "fields": []}`}},
			want:   []string{`deny schema-breaking orders/project.yaml:11 the schema of orders/shops@1 has changed its format; whether readers understand it cannot be decided`},
		},
		"ProjectNew": {reason: "A project that is new has no readers yet.", before: []edit{{file: orders}, {file: sales}}, after: append([]edit{{orders, "", acme()[orders]}}, declared...)},
	})
}
