// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/report"
)

func TestDupes(t *testing.T) {
	lists := func(n int, as manifest.URIType, uris ...string) report.Listed {
		return report.Listed{Lot: hour(n), Manifest: manifest.Manifest{State: manifest.Complete, URIType: as, URIs: uris}}
	}
	const object, folder, prefix = manifest.Identifier, manifest.Path, manifest.Prefix
	for name, tc := range map[string]struct {
		reason string
		all    []report.Listed
		want   []report.Dupe
	}{
		"None":  {"Each lot has its own.", []report.Listed{lists(0, object, "s3://b/a/1", "s3://b/a/2"), lists(1, object, "s3://b/a/3")}, []report.Dupe{}},
		"Names": {"A name that begins like another is another.", []report.Listed{lists(0, object, "s3://b/a"), lists(1, object, "s3://b/a1"), lists(2, folder, "s3://b/a2/")}, []report.Dupe{}},
		"Same": {
			"One object is in three lots, and is told once.",
			[]report.Listed{lists(2, object, "s3://b/x", "s3://b/y"), lists(0, object, "s3://b/x"), lists(1, object, "s3://b/x")},
			[]report.Dupe{{"d", "s3://b/x", []string{"20260101PT1H000", "20260101PT1H001", "20260101PT1H002"}}},
		},
		"Folder": {
			"An object is in a folder that another lot lists; those of the same lot are not told.",
			[]report.Listed{lists(0, folder, "s3://b/f/"), lists(1, object, "s3://b/f/g/1", "s3://b/h/1"), lists(2, folder, "s3://b/h/")},
			[]report.Dupe{{"d", "s3://b/f/g/1", []string{"20260101PT1H000", "20260101PT1H001"}}, {"d", "s3://b/h/1", []string{"20260101PT1H001", "20260101PT1H002"}}},
		},
		"Prefix": {
			"A prefix need not end at a folder.",
			[]report.Listed{lists(0, prefix, "s3://b/day-1"), lists(1, object, "s3://b/day-12")},
			[]report.Dupe{{"d", "s3://b/day-12", []string{"20260101PT1H000", "20260101PT1H001"}}},
		},
		"Twice": {
			"A lot that is complete and empty is there twice.",
			[]report.Listed{lists(0, object, "s3://b/x"), lists(0, object)},
			[]report.Dupe{{Dataset: "d", Lots: []string{"20260101PT1H000"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, report.Dupes("d", tc.all)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
