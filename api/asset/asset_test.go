// SPDX-License-Identifier: Apache-2.0

package asset_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/asset"
)

func TestURI(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"orders/clean@1", "a/b@v1.2-rc_3", "0-0/9@A"} {
		uri, err := asset.URI(id)
		if err != nil {
			t.Errorf("URI(%q): %v", id, err)
			continue
		}
		if back, ours, err := asset.Dataset(uri); back != id || !ours || err != nil {
			t.Errorf("Dataset(%q) is %q, %t, %v; want %q", uri, back, ours, err, id)
		}
	}
}

func TestNoURI(t *testing.T) {
	t.Parallel()
	for id, reason := range map[string]string{
		"":                                   "nothing",
		"clean@1":                            "no project",
		"orders/clean":                       "no version",
		"orders/a/clean@1":                   "a folder",
		"orders/clean@1/":                    "Airflow takes the last slash away, so that it would be another's",
		"orders/clean@1#2":                   "Airflow takes what follows away",
		"orders/clean@1?x=1":                 "a query",
		"Orders/clean@1":                     "names are in small letters",
		"orders/clean@1@2":                   "two versions",
		"orders:x@y/clean@1":                 "a password, which Airflow takes away",
		"../clean@1":                         "a way up",
		"orders/clean@1\n":                   "a line break",
		strings.Repeat("a", 64) + "/clean@1": "too long",
	} {
		if uri, err := asset.URI(id); err == nil {
			t.Errorf("URI(%q) is %q, and has to be refused: %s", id, uri, reason)
		}
		if _, ours, err := asset.Dataset("trunkline://" + id); !ours || err == nil {
			t.Errorf("Dataset(trunkline://%q) is taken, and has to be refused: %s", id, reason)
		}
	}
}

func TestOthers(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{"", "orders", "s3://bucket/orders", "trunkline:/orders/clean@1", "trunkline-x://orders/clean@1"} {
		if id, ours, err := asset.Dataset(uri); ours || err != nil {
			t.Errorf("Dataset(%q) is %q, %t, %v; want that it is none of ours", uri, id, ours, err)
		}
	}
	if _, ours, err := asset.Dataset("Trunkline://orders/clean@1"); !ours || err == nil {
		t.Error("a scheme in other letters is one of ours, and refused: Airflow has it as another asset")
	}
}
