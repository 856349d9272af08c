// SPDX-License-Identifier: Apache-2.0

package location_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/location"
)

func TestParseTable(t *testing.T) {
	for address, want := range map[string]struct {
		is  location.Table
		err string
	}{
		"glue:///sales/orders":             {is: location.Table{Scheme: "glue", Namespace: []string{"sales"}, Name: "orders"}},
		"glue:///sales/orders/":            {is: location.Table{Scheme: "glue", Namespace: []string{"sales"}, Name: "orders"}},
		"glue://123456789012/sales/orders": {is: location.Table{Scheme: "glue", Catalog: "123456789012", Namespace: []string{"sales"}, Name: "orders"}},
		"iceberg://prod/a/b/orders":        {is: location.Table{Scheme: "iceberg", Catalog: "prod", Namespace: []string{"a", "b"}, Name: "orders"}},
		"":                                 {err: "want one of: glue, iceberg"},
		"s3://lake/a/b":                    {err: "want one of: glue, iceberg"},
		"Glue:///a/b":                      {err: "want one of: glue, iceberg"},
		"glue://":                          {err: "names no database"},
		"glue:///orders":                   {err: "names no database"},
		"glue:///a//b":                     {err: "names no database"},
		"glue:///a/../b":                   {err: "names no database"},
		"glue:///a/b/c":                    {err: "has a folder too many"},
		"iceberg:///a/b":                   {err: "names no catalog"},
		"iceberg://prod/a/b%2fc":           {err: "a character that no name should have"},
		"iceberg://prod/a/b\x00":           {err: "a character that no name should have"},
		"iceberg://me:hunter2@prod/a/b":    {err: `"iceberg://***@prod/a/b" has a character`},
		"iceberg://prod/a/b?token=hunter2": {err: `"iceberg://prod/a/b?***" has a character`},
	} {
		got, err := location.ParseTable(address)
		switch {
		case want.err == "":
			if diff := cmp.Diff(want.is, got); diff != "" || err != nil || !location.IsTable(address) {
				t.Errorf("%q is read as %s (%v, -want +got):\n%s", address, got, err, diff)
			}
		case err == nil || !strings.Contains(err.Error(), want.err) || strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%q: the error is %v, want %q", address, err, want.err)
		}
	}
	if location.IsTable("s3://lake/glue://x/") || location.IsTable("glue") {
		t.Error("what is no table is taken for one")
	}
}
