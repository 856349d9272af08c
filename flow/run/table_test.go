// SPDX-License-Identifier: Apache-2.0

package run_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

// tables has lots that are in a table of a catalog, too.
const tables = `
apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [prod]
  image: a/b:1
  datasets:
    - {name: raw, version: "1", path: "lake://orders/raw/", external: true, lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: table, version: "1", path: "tables://sales/orders/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
  workloads:
    - {name: clean, blueprint: catalog, reads: {main: raw@1}, writes: {main: table@1}}
`

// TestTable: a table is no folder. Nothing is written below it, and what is in it is what the program says.
func TestTable(t *testing.T) {
	r := of(t, platformOf(t, tables), "clean")
	const table, apart = "glue:///sales/orders", "s3://manifests/prod/orders/trunkline-returned/name=table/version=1/lot=20260102P1D000/attempt=7/"
	sink := r.Sinks[0]
	if !sink.Table() || sink.Attempt != table || sink.Returns() != apart {
		t.Errorf("it writes to %s, and leaves its manifest in %s", sink.Attempt, sink.Returns())
	}
	job := r.Tagged("q").Sinks[0]
	if want := strings.TrimSuffix(apart, "/") + "-q/"; job.Attempt != table || job.Returns() != want || job.Own() != want {
		t.Errorf("its Job writes to %s, and leaves its manifest in %s", job.Attempt, job.Returns())
	}
	p, err := r.Process(run.Seen{Inputs: map[string][]run.Found{"main": {found(r.Lot, manifest.Empty)}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range p.Variables {
		if v.Name == "CLS_ARC_PROPS_JSON" && !strings.Contains(v.Value.With(nil), `"sinkManifestTemplates":{"main":"`+apart+"datasets/") {
			t.Errorf("the program is told %s", v.Value.With(nil))
		}
	}
	back := func(state manifest.State, change func(*run.Returned), uris ...string) run.Left {
		one := run.Returned{
			Path: "m", Key: manifest.Key{Dataset: sink.Name, Lot: r.Lot, State: state},
			Manifest: manifest.Manifest{State: state, LotID: r.Lot.ID(), URIType: manifest.Identifier, URIs: uris},
		}
		if change != nil {
			change(&one)
		}
		return run.Left{Returned: []run.Returned{one}}
	}
	for name, tc := range map[string]struct {
		reason string
		ended  run.Ended
		left   run.Left
		want   string
		why    string
	}{
		"Complete": {"what the program says counts", run.Ended{}, back("complete", nil, table+"/1", table+"/2"), "complete 1 2", ""},
		"Empty":    {"also if it has added nothing", run.Ended{}, back("empty", nil), "empty", ""},
		"Silent":   {"if it says nothing, nothing is known", run.Ended{}, run.Left{}, "", "what is in a table cannot be listed"},
		"Partial":  {"it may say that it has failed, and what it had added", run.Ended{}, back("partial", func(b *run.Returned) { b.Comment = new("no such table") }, table+"/1"), "partial 1", "no such table"},
		"Failed":   {"of a run that failed nothing counts", run.Ended{Failed: run.Exit(3)}, back("complete", nil, table+"/1"), "partial 1", "exit code 3"},
		"Other":    {"it is of this table and lot", run.Ended{}, back("complete", func(b *run.Returned) { b.Key.Lot = b.Key.Lot.Next() }), "partial", "it is of table@1 20260103P1D000"},
		"Outside":  {"and lists nothing else", run.Ended{}, back("complete", func(b *run.Returned) { b.Damaged = errors.New("uris[0] is not in it") }, "glue:///sales/other/1"), "partial", "uris[0] is not in it"},
	} {
		t.Run(name, func(t *testing.T) {
			out := r.Conclude(tc.ended, map[string]run.Left{"main": tc.left})
			got := ""
			if m := out.Sinks[0].Manifest; m != nil {
				got = shown(*m, table+"/")
				if err := errors.Join(m.Check(), out.Sinks[0].Key.Check()); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || (tc.why == "") != (out.Failed == "") || !strings.Contains(out.Failed, tc.why) {
				t.Errorf("%s: %s (-want +got):\n%s", tc.reason, out.Failed, diff)
			}
		})
	}
}
