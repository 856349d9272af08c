// SPDX-License-Identifier: Apache-2.0

package rights_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/flow/rights/rightstest"
	"trunkline.dev/trunkline/flow/run"
)

// folders look like each other.
var folders = []string{"orders", "orders-2", "order", "Orders", "orders/x", "or*ders", "orders_", "orders 2", "or${x}ders"}

// request is what a run asks of a store.
type request struct {
	right rights.Right
	at    string
}

// requests are those of a run, by the places that flow/run gives it.
func requests(r run.Run, builtin bool) (all []request) {
	for _, in := range r.Inputs {
		all = append(all, request{rights.List, in.Location}, request{rights.Get, in.Location + "a/b.csv"})
		for _, l := range in.Lots {
			k := manifest.Key{Dataset: in.Name, Lot: l, State: manifest.Complete}
			all = append(all, request{rights.Get, in.Store + k.Path()})
		}
	}
	for _, s := range r.Sinks {
		all = append(all, request{rights.List, s.Attempt}, request{rights.Create, s.Attempt + "day=1/a.csv"})
		k := manifest.Key{Dataset: s.Name, Lot: r.Lot, State: manifest.Complete}
		all = append(all, request{rights.Create, s.Returns() + k.Path()}, request{rights.Get, s.Returns() + k.Path()})
		if !builtin {
			all = append(all, request{rights.Delete, s.Attempt + "_temporary/0/x"}, request{rights.Get, s.Location + "lot=x/attempt=y/a.csv"},
				request{rights.Get, s.Store + k.Path()}, request{rights.List, s.Store + k.LotPrefix()})
		}
	}
	return all
}

// TestARunMayDoWhatItDoes, and nothing in the folders of datasets that it neither reads nor writes, nor anything to what counts.
func TestARunMayDoWhatItDoes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		names := rapid.Permutation(folders).Draw(r, "folders")[:4]
		builtin := rapid.Bool().Draw(r, "built in")
		blueprint := "container-job, command: [a]"
		if builtin {
			blueprint = "copy"
		}
		var b strings.Builder
		fmt.Fprintf(&b, head+"kind: Project\nmetadata: {name: p}\nspec:\n  owner: x\n  environments: [prod]\n  image: a/b:1\n  datasets:\n")
		for i, folder := range names {
			fmt.Fprintf(&b, "    - {name: d%d, version: \"1\", path: \"lake://%s/\", external: %t, lots: {unit: daily, since: \"2026-01-01T00:00:00Z\"}}\n", i, folder, i != 1)
		}
		fmt.Fprintf(&b, "  workloads:\n    - {name: w, blueprint: %s, reads: {main: d0@1}, writes: {main: d1@1}}\n", blueprint)
		for i := range names {
			for j := range names {
				if i != j && strings.HasPrefix(names[i], names[j]+"/") {
					r.Skip("datasets do not lie in each other")
				}
			}
		}
		cat := load(t, b.String())
		l, err := lot.ParseID("20260102P1D000")
		if err != nil {
			t.Fatal(err)
		}
		attempt, err := run.Of(cat, plan.Of(cat, "prod"), catalog.ReleaseID{Project: "p", Environment: "prod", Cluster: "one"}, "w", l, "7")
		if err != nil {
			r.Fatal(err)
		}
		p := rights.Principals(rights.Accounts(cat), catalog.AWS)[0]
		allows := func(right rights.Right, address string) bool {
			rest, _ := strings.CutPrefix(address, "s3://")
			bucket, key, _ := strings.Cut(rest, "/")
			return rightstest.Allows(&p.Needs, right, "s3", bucket, key)
		}
		for _, q := range requests(attempt.Tagged(rapid.SampledFrom([]string{"", "x9"}).Draw(r, "tag")), builtin) {
			if !allows(q.right, q.at) {
				r.Errorf("the run may not %s %s; it may %v", q.right, q.at, p.Grants)
			}
		}
		l0, err := location.Parse(attempt.Inputs[0].Location)
		if err != nil {
			r.Fatal(err)
		}
		counted := manifest.Key{Dataset: attempt.Sinks[0].Name, Lot: l, State: manifest.Complete}.Path()
		denied := []request{
			{rights.Create, l0.String() + "x"},
			{rights.Delete, l0.String() + "x"},
			{rights.Create, attempt.Sinks[0].Store + counted},
			{rights.Delete, attempt.Sinks[0].Store + counted},
			{rights.Delete, attempt.Sinks[0].Attempt + "a.csv"},
			{rights.Create, attempt.Sinks[0].Location + "a.csv"},
			{rights.List, "s3://lake/"},
			{rights.List, strings.TrimSuffix(l0.String(), "/")},
		}
		for _, folder := range names[2:] {
			for _, right := range rightstest.All() {
				denied = append(denied, request{right, "s3://lake/" + folder + "/lot=a/attempt=b/_c"})
			}
		}
		for _, q := range denied {
			if allows(q.right, q.at) {
				r.Errorf("the run may %s %s; it may %v", q.right, q.at, p.Grants)
			}
		}
	})
}
