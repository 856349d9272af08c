// SPDX-License-Identifier: Apache-2.0

package given_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
)

const props = `{"sources":{"raw-in":{"name":"raw","version":"2","subscribe":true},"all":{"name":"all","version":"1"}},
"sinks":{"main":{"name":"clean","version":"1","pathURI":"s3://lake/clean/lot=20260102P1D000/attempt=1/"},"log":{"name":"log","version":"1"}},
"sinkManifestTemplates":{"main":"s3://lake/clean/_manifests/datasets/name=clean/version=1/lot={lot}/state={state}{/attempt*}/manifest.json"},
"workloadProps":{"a":1}}`

func environment() map[string]string {
	return map[string]string{
		"CLS_ARC_PROPS_JSON": props, "TRUNKLINE_LOT": "20260102P1D000", "TRUNKLINE_ATTEMPT": "1",
		"TRUNKLINE_READ_RAW_IN_LOCATION":  "s3://lake/raw in/",
		"TRUNKLINE_READ_RAW_IN_MANIFESTS": "s3://store/a b/datasets/name=raw/version=2/lot=20260102PT1H000/state=complete/manifest.json\ns3://store/a b/datasets/name=raw/version=2/lot=20260102PT1H001/state=empty/manifest.json",
		"TRUNKLINE_READ_ALL":              "s3://lake/all/", "TRUNKLINE_WRITE_MAIN": "s3://lake/clean/lot=20260102P1D000/attempt=1/", "TRUNKLINE_WRITE_LOG": "s3://lake/log/",
		"TRUNKLINE_WRITE_MAIN_LOCATION": "s3://lake/clean/", "TRUNKLINE_WRITE_MAIN_MANIFESTS": "s3://store/a b/datasets/name=clean/version=1/",
	}
}

func aLot(t *testing.T, id string) lot.Lot {
	t.Helper()
	l, err := lot.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRead(t *testing.T) {
	raw := manifest.Dataset{Name: "raw", Version: "2"}
	want := given.Run{
		Lot: aLot(t, "20260102P1D000"), Attempt: "1", Params: []byte(`{"a":1}`),
		Inputs: []given.Input{
			{Role: "all", Location: "s3://lake/all/", Whole: true},
			{Role: "raw-in", Location: "s3://lake/raw in/", Manifests: []given.Manifest{
				{Key: manifest.Key{Dataset: raw, Lot: aLot(t, "20260102PT1H000"), State: manifest.Complete}, Store: "s3://store/a b/"},
				{Key: manifest.Key{Dataset: raw, Lot: aLot(t, "20260102PT1H001"), State: manifest.Empty}, Store: "s3://store/a b/"},
			}},
		},
		Sinks: []given.Sink{
			{Role: "log", Folder: "s3://lake/log/"},
			{Role: "main", Folder: "s3://lake/clean/lot=20260102P1D000/attempt=1/", Dataset: manifest.Dataset{Name: "clean", Version: "1"}, Store: "s3://lake/clean/_manifests/", Location: "s3://lake/clean/", Counted: "s3://store/a b/"},
		},
	}
	got, err := given.Read(environment())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("(-want +got):\n%s\n%v", diff, err)
	}
	partial := got.Key(got.Sinks[1], manifest.Partial).Path()
	if want := "datasets/name=clean/version=1/lot=20260102P1D000/state=partial/attempt=1/manifest.json"; partial != want {
		t.Errorf("a partial manifest is at %s, want %s", partial, want)
	}

	none := environment()
	none["TRUNKLINE_READ_RAW_IN_MANIFESTS"] = ""
	if got, err := given.Read(none); err != nil || got.Inputs[1].Whole || len(got.Inputs[1].Manifests) != 0 {
		t.Errorf("no lot of an input is there, and %+v is read, %v", got.Inputs, err)
	}
	whole, err := given.Read(map[string]string{"TRUNKLINE_READ_A": "s3://lake/a/", "TRUNKLINE_WRITE_B_C": "s3://lake/b/", "TRUNKLINE_PROJECT": "p"})
	if diff := cmp.Diff(given.Run{
		Inputs: []given.Input{{Role: "a", Location: "s3://lake/a/", Whole: true}}, Sinks: []given.Sink{{Role: "b_c", Folder: "s3://lake/b/"}}, Params: []byte("{}"),
	}, whole); diff != "" || err != nil {
		t.Errorf("without a lot (-want +got):\n%s\n%v", diff, err)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"TRUNKLINE_LOT", "today", `TRUNKLINE_LOT: "today" is not the id of a lot`},
		{"CLS_ARC_PROPS_JSON", "", "CLS_ARC_PROPS_JSON is not set"},
		{"CLS_ARC_PROPS_JSON", "{", "CLS_ARC_PROPS_JSON: "},
		{"CLS_ARC_PROPS_JSON", strings.Replace(props, "name=clean", "name=other", 1), `the template of the manifests of "main" is not one of clean@1`},
		{"TRUNKLINE_READ_RAW_IN_LOCATION", "", `TRUNKLINE_READ_RAW_IN_LOCATION is not set: where the data of "raw-in" are is not known`},
		{"TRUNKLINE_READ_RAW_IN_MANIFESTS", "s3://store/x.json", `TRUNKLINE_READ_RAW_IN_MANIFESTS: "s3://store/x.json" is not the address of a manifest`},
		{"TRUNKLINE_READ_ALL", "", "neither TRUNKLINE_READ_ALL nor TRUNKLINE_READ_ALL_MANIFESTS is set"},
		{"TRUNKLINE_WRITE_MAIN", "", "TRUNKLINE_WRITE_MAIN is not set"},
		{"TRUNKLINE_WRITE_MAIN_MANIFESTS", "s3://store/", "TRUNKLINE_WRITE_MAIN_MANIFESTS: it is not the folder of the manifests of clean@1"},
	} {
		env := maps.Clone(environment())
		env[c.name] = c.value
		if _, err := given.Read(env); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%.20s: the error is %v, want %s", c.name, c.value, err, c.want)
		}
	}
	if _, err := given.Read(map[string]string{"HOME": "/"}); err == nil || !strings.Contains(err.Error(), "this is not the environment of a run") {
		t.Errorf("without a run, the error is %v", err)
	}
}

func TestRoles(t *testing.T) {
	two := given.Run{Inputs: []given.Input{{Role: "main"}, {Role: "b.c"}}, Sinks: []given.Sink{{Role: "one"}}}
	for _, c := range []struct {
		reason, role, want, err string
	}{
		{"by name", "b.c", "b.c", ""},
		{"by what is left of it in the name of a variable", "b_c", "b.c", ""},
		{"main is meant if none is named", "", "main", ""},
		{"there is none", "x", "", `the workload reads nothing as "x"; there are: main, b.c`},
	} {
		in, err := two.Input(c.role)
		if in.Role != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %q, %v", c.reason, in.Role, err)
		}
	}
	if s, err := two.Sink(""); s.Role != "one" || err != nil {
		t.Errorf("the only one is meant if none is named: %q, %v", s.Role, err)
	}
	if _, err := (given.Run{}).Sink(""); err == nil || err.Error() != "the workload writes nothing" {
		t.Errorf("the error is %v", err)
	}
	if _, err := (given.Run{Inputs: []given.Input{{Role: "a"}, {Role: "b"}}}).Input(""); err == nil || err.Error() != "name a role: what is read are a, b" {
		t.Errorf("the error is %v", err)
	}
}
