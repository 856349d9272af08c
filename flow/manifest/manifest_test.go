// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// golden is what Clusterless' own code wrote.
const golden = `{"state":"complete","comment":null,"lotId":"20260101PT5M000","uriType":"identifier","uris":["s3://b/p/f.parquet"]}`

func aLot(t testing.TB, id string) lot.Lot {
	t.Helper()
	l, err := lot.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func complete(uris ...string) manifest.Manifest {
	return manifest.Manifest{State: manifest.Complete, LotID: "20260101PT5M000", URIType: manifest.Identifier, URIs: uris}
}

// TestAsClusterless holds the format to what Clusterless' own code answered.
func TestAsClusterless(t *testing.T) {
	m, err := manifest.Parse([]byte(golden))
	if diff := cmp.Diff(complete("s3://b/p/f.parquet"), m); diff != "" || err != nil {
		t.Errorf("it is read as another (-want +got):\n%s\n%v", diff, err)
	}
	if diff := cmp.Diff(golden, string(m.Encode())); diff != "" {
		t.Errorf("it is written otherwise (-want +got):\n%s", diff)
	}
	d := manifest.Dataset{Name: "d", Version: "20230101"}
	key := manifest.Key{Dataset: d, Lot: aLot(t, "20260101PT5M000"), State: manifest.Complete}
	removed := key
	removed.State, removed.Attempt = manifest.Removed, "1767225600000"
	got := []string{key.Path(), removed.Path(), manifest.Template("s3://store", d), manifest.Template("s3://store/prod/", d)}
	want := []string{
		"datasets/name=d/version=20230101/lot=20260101PT5M000/state=complete/manifest.json",
		"datasets/name=d/version=20230101/lot=20260101PT5M000/state=removed/attempt=1767225600000/manifest.json",
		"s3://store/datasets/name=d/version=20230101/lot={lot}/state={state}{/attempt*}/manifest.json",
		"s3://store/prod/datasets/name=d/version=20230101/lot={lot}/state={state}{/attempt*}/manifest.json",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	with := func(old, replacement string) string { return strings.Replace(golden, old, replacement, 1) }
	cases := map[string]struct {
		reason, text, want string
	}{
		"Empty":         {"a lot without data", `{"state":"empty","comment":"nobody ordered","lotId":"20260101P1D000","uriType":"identifier","uris":[]}`, ""},
		"NoType":        {"the type that is meant then", with(`"uriType":"identifier",`, ""), ""},
		"Dataset":       {"what Clusterless' example in Python adds", with(`{`, `{"dataset":{"name":"d"},`), ""},
		"Unknown":       {"fields of others", with(`{`, `{"schema":[1,{"state":"x"}],`), ""},
		"Prefix":        {"the beginning of keys", with(`identifier","uris":["s3://b/p/f.parquet"`, `prefix","uris":["s3://b/p/f"`), ""},
		"PartialOfNone": {"an attempt that wrote nothing", with(`"complete"`, `"partial"`), ""},

		"Nothing":          {"half a file that was never begun", ``, "it is not the JSON of a manifest"},
		"Half":             {"half a file", golden[:40], "it is not the JSON of a manifest"},
		"Two":              {"two in one file", golden + golden, "it is not the JSON of a manifest"},
		"Null":             {"no object", `null`, `it has no "uris"`},
		"List":             {"no object", `[` + golden + `]`, "it is not the JSON of a manifest"},
		"Text":             {"something else", `<html>503</html>`, "it is not the JSON of a manifest"},
		"Binary":           {"what is no text", "\x1f\x8b\x08\x00" + golden, "not UTF-8"},
		"BadUTF8":          {"what is read in several ways", with("f.parquet", "f\xff"), "not UTF-8"},
		"Huge":             {"what takes the memory of those who read it", strings.Repeat(" ", manifest.MaxSize+1), "more than 16 MiB"},
		"Deep":             {"what takes the stack of those who read it", with(`{`, `{"x":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+`,`), "it is not the JSON of a manifest"},
		"Twice":            {"one reader takes the first, another the last", with(`{`, `{"state":"empty",`), `it can be read in two ways: duplicate field "state"`},
		"UrisTwice":        {"one reader takes the first, another the last", with(`{`, `{"uris":[],`), "it can be read in two ways"},
		"Capitals":         {"Clusterless tells them apart", with(`"state"`, `"STATE"`), `its state is ""`},
		"State":            {"an unknown state", with("complete", "done"), `its state is "done"; want one of: complete, empty, partial, removed`},
		"StateIsNumber":    {"a wrong type", with(`"complete"`, "1"), "it is not the JSON of a manifest"},
		"LotID":            {"no lot", with("20260101PT5M000", "2026-01-01"), "its lotId:"},
		"NoLotID":          {"no lot", with("lotId", "lotid"), "its lotId:"},
		"LotOfNoUnit":      {"a unit that nobody has", with("PT5M000", "PT7M000"), "its lotId:"},
		"UriType":          {"an unknown type", with("identifier", "object"), `the uriType is "object"; want one of: identifier, path, prefix`},
		"NoUris":           {"a list that is missing is not an empty one", with(`,"uris":["s3://b/p/f.parquet"]`, ""), `it has no "uris"`},
		"UrisAreNull":      {"nor is null", with(`["s3://b/p/f.parquet"]`, "null"), `it has no "uris"`},
		"UrisAreText":      {"a wrong type", with(`["s3://b/p/f.parquet"]`, `"s3://b/p/f.parquet"`), "it is not the JSON of a manifest"},
		"UrisHaveNull":     {"an address that is none", with(`"s3://b/p/f.parquet"`, "null"), "uris[0]: it is empty"},
		"UrisHaveNumber":   {"a wrong type", with(`"s3://b/p/f.parquet"`, "1"), "it is not the JSON of a manifest"},
		"EmptyWithUris":    {"it contradicts itself", with("complete", "empty"), "its state is empty, and it lists 1 URIs"},
		"CompleteOfNone":   {"whoever reads it could not tell that data are lost", with(`"s3://b/p/f.parquet"`, ""), "its state is complete, and it lists nothing"},
		"Same":             {"data would be counted twice", with(`"s3://b/p/f.parquet"`, `"s3://b/f","s3://b/f"`), "uris[1]: \"s3://b/f\" is listed twice"},
		"IdentifierFolder": {"an object is no folder", with("f.parquet", ""), "names a folder, and its uriType is identifier"},
		"PathNoFolder":     {"a folder ends in /", with("identifier", "path"), "does not end in /, and its uriType is path"},
		"Relative":         {"relative to what?", with("s3://b/p/f.parquet", "p/f.parquet"), "is no address"},
		"NoScheme":         {"of what?", with("s3://b", "://b"), "is no address"},
		"Bucket":           {"nothing in it", with("s3://b/p/f.parquet", "s3://"), "is no address"},
		"Query":            {"one reader takes it for a part of the name", with("f.parquet", "f?versionId=1"), "has a ?, # or"},
		"Fragment":         {"one reader takes it for a part of the name", with("f.parquet", "f#1"), "has a ?, # or"},
		"Backslash":        {"one reader takes it for a /", with("f.parquet", `..\\..\\f`), "has a ?, # or"},
		"BadCode":          {"a code that stands for nothing", with("f.parquet", "100%.csv"), "write %25"},
		"NUL":              {"what ends a text in C", with("f.parquet", `f\u0000`), "control character"},
		"NULCode":          {"the same as a code", with("f.parquet", "f%00"), "stands for a control character"},
		"Newline":          {"what makes two lines of one", with("f.parquet", `f\n`), "control character"},
		"LongURI":          {"longer than any key", with("f.parquet", strings.Repeat("f", 5000)), "longer than 4096 bytes"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m, err := manifest.Parse([]byte(tc.text))
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("%s: %v", tc.reason, err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%s: it is read as %+v, and the error is %v, want %q", tc.reason, m, err, tc.want)
			case err != nil && len(err.Error()) > 1000:
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestWithin(t *testing.T) {
	const here = "s3://lake/orders/raw/"
	cases := map[string]struct {
		reason, location string
		m                manifest.Manifest
		want             string // what the error has; "": it counts
	}{
		"Object":     {"below the location", here, complete(here + "day=1/f.parquet"), ""},
		"NoSlash":    {"a location is a folder", "s3://lake/orders/raw", complete(here + "f"), ""},
		"Spark":      {"Hadoop's name for the same store", here, complete("s3a://lake/orders/raw/f"), ""},
		"SparkToo":   {"on the other side as well", "s3a://lake/orders/raw/", complete(here + "f"), ""},
		"Disk":       {"how Java writes it", "file:///data/raw/", complete("file:/data/raw/f"), ""},
		"Folder":     {"the folder itself, with all in it", here, manifest.Manifest{State: "complete", LotID: "20260101PT5M000", URIType: "path", URIs: []string{here}}, ""},
		"Code":       {"a space as a code", here, complete(here + "a%20b"), ""},
		"Space":      {"and as it is", here, complete(here + "a b"), ""},
		"CodeAround": {"a location that a URI writes with a code", "s3://lake/raw data/", complete("s3://lake/raw%20data/f"), ""},
		"SpaceAround": {
			"or as it is", "s3://lake/raw data/", complete("s3://lake/raw data/f"), "",
		},
		"Dots":     {"names may begin with dots", here, complete(here+"..f", here+".../f", here+"_SUCCESS"), ""},
		"Database": {"a table's partition", "glue://db/table/", complete("glue://db/table/2026/01"), ""},

		"OtherLot":     {"a copy of another lot's", here, func() manifest.Manifest { m := complete(here + "f"); m.LotID = "20260101PT5M001"; return m }(), "it is of the lot 20260101PT5M001"},
		"OtherState":   {"a copy of another state's", here, manifest.Manifest{State: "partial", LotID: "20260101PT5M000", URIType: "identifier", URIs: []string{here + "f"}}, "its state is partial"},
		"OtherBucket":  {"another store's", here, complete("s3://evil/orders/raw/f"), "is not in s3://lake/orders/raw/"},
		"OtherScheme":  {"another kind of store", here, complete("gs://lake/orders/raw/f"), "is not in"},
		"LocalFile":    {"a file of who reads it", here, complete("file:///etc/passwd"), "is not in"},
		"OtherFolder":  {"another dataset's", here, complete("s3://lake/orders/clean/f"), "is not in"},
		"SameStart":    {"a folder whose name only begins alike", here, complete("s3://lake/orders/raw-evil/f"), "is not in"},
		"BucketStart":  {"a bucket whose name only begins alike", "s3://lake/", complete("s3://lake-evil/f"), "is not in"},
		"PrefixAround": {"a prefix that others' keys have", here, manifest.Manifest{State: "complete", LotID: "20260101PT5M000", URIType: "prefix", URIs: []string{"s3://lake/orders/ra"}}, "is not in"},
		"PathAround":   {"a folder around it", here, manifest.Manifest{State: "complete", LotID: "20260101PT5M000", URIType: "path", URIs: []string{"s3://lake/orders/"}}, "is not in"},
		"Up":           {"up and elsewhere", here, complete(here + "../clean/f"), "is not in"},
		"UpAtTheEnd":   {"up", here, complete(here + "x/.."), "is not in"},
		"UpAndBack":    {"even if it comes back: not every reader follows", here, complete(here + "../raw/f"), "is not in"},
		"UpCode":       {"up, as a code", here, complete(here + "%2e%2e/clean/f"), "is not in"},
		"UpHalfCode":   {"up, half as a code", here, complete(here + ".%2E/clean/f"), "is not in"},
		"SlashCode":    {"up, by a slash as a code", here, complete(here + "..%2fclean%2ff"), "is not in"},
		"BackCode":     {"up, by a backslash as a code", here, complete(here + "..%5cclean"), "is not in"},
		"AroundCode":   {"one reader finds it elsewhere", here, complete("s3://lake/orders/r%61w/f"), "is not in"},
		"Userinfo":     {"another host", here, complete("s3://lake@evil/orders/raw/f"), "is not in"},
		"Capitals":     {"another name to most stores", here, complete("S3://lake/orders/raw/f", "s3://lake/Orders/raw/f"), "is not in"},
		"OneOfMany":    {"one is enough", here, complete(here+"f", here+"g", "s3://evil/h"), "uris[2]"},
		"NoLocation":   {"nobody says where the data are", "", complete("f:/x"), "nobody says"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			key := manifest.Key{Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Lot: aLot(t, "20260101PT5M000"), State: manifest.Complete}
			err := tc.m.Within(key, tc.location)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: the error is %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

func TestParsePath(t *testing.T) {
	const good = "datasets/name=d/version=1/lot=20260101PT5M000/state=complete/manifest.json"
	with := func(old, replacement string) string { return strings.Replace(good, old, replacement, 1) }
	cases := map[string]struct {
		reason, path, want string
	}{
		"Complete": {"the place of a manifest", good, ""},
		"Empty":    {"and of one without data", with("complete", "empty"), ""},
		"Attempt":  {"an attempt has a name", with("complete", "partial/attempt=1-a_b.c=d"), ""},
		"OddName":  {"names of others' datasets", with("name=d", "name=Ünsere.Daten_2 x"), ""},

		"Nothing":         {"nothing", "", "does not begin with datasets/"},
		"Elsewhere":       {"not among them", with("datasets/", "arcs/"), "does not begin with datasets/"},
		"Absolute":        {"no key begins with /", "/" + good, "does not begin with datasets/"},
		"Short":           {"a part is missing", with("/state=complete", ""), "state=… is missing"},
		"Order":           {"in another order", with("name=d/version=1", "version=1/name=d"), "name=… is missing"},
		"File":            {"another file", with("manifest.json", "manifest.json.bak"), "the file is not manifest.json"},
		"Folder":          {"a folder", with("manifest.json", ""), "the file is not manifest.json"},
		"Deeper":          {"something below", good + "/x", "the file is not manifest.json"},
		"NoName":          {"no name", with("name=d", "name="), "the name is empty"},
		"Lot":             {"no lot", with("20260101PT5M000", "today"), "is not the id of a lot"},
		"LotOfOthers":     {"a unit that nobody has", with("PT5M", "PT1M"), "is not the id of a lot"},
		"State":           {"no state", with("complete", "done"), "the state is \"done\""},
		"AttemptOfNone":   {"a complete lot has one manifest", with("complete/", "complete/attempt=1/"), "the file is not manifest.json"},
		"NoAttempt":       {"whose attempt was it?", with("complete", "removed"), "attempt=… is missing"},
		"EmptyAttempt":    {"whose attempt was it?", with("complete", "removed/attempt="), "the attempt is empty"},
		"Code":            {"Hive would read another name", with("name=d", "name=a%2Fb"), "has a character that none has"},
		"Backslash":       {"a disk would read another name", with("name=d", `name=a\b`), "has a character that none has"},
		"Control":         {"what drives a terminal", with("name=d", "name=\x1b[2J"), "has a character that none has"},
		"Invisible":       {"two names that look the same", with("name=d", "name=d\u200b"), "has a character that none has"},
		"NotUTF8":         {"what is no text", with("name=d", "name=\xff"), "has a character that none has"},
		"LongName":        {"longer than a key can be with it", with("name=d", "name="+strings.Repeat("d", 201)), "longer than 200 bytes"},
		"DoubleSlash":     {"an empty folder", with("name=d/", "name=d//"), "version=… is missing"},
		"UpInsteadOfName": {"a way up", "datasets/../x/lot=20260101PT5M000/state=complete/manifest.json", "name=… is missing"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			k, err := manifest.ParsePath(tc.path)
			switch {
			case tc.want == "" && (err != nil || k.Path() != tc.path):
				t.Errorf("%s: read as %q, %v", tc.reason, k.Path(), err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%s: the error is %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

// TestURI: what a store lists is in a manifest as a URI, which lies in the location and is read as what was listed.
func TestURI(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-zA-Z0-9 %?#+=:,;@&._~ü/\[\]-]{1,20}`)
		locate, key := "s3://lake/"+strings.Trim(strings.ReplaceAll(word.Draw(t, "location"), "//", ""), "/")+"/", word.Draw(t, "key")
		if slices.ContainsFunc(strings.Split(key, "/"), func(s string) bool { return s == "." || s == ".." }) || strings.HasSuffix(key, "/") {
			t.Skip("no object has such a name")
		}
		m := complete(manifest.URI(locate, key))
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		l, _ := lot.ParseID(m.LotID)
		if err := m.Within(manifest.Key{Lot: l, State: manifest.Complete}, locate); err != nil {
			t.Fatal(err)
		}
		if decoded, err := url.PathUnescape(m.URIs[0]); err != nil || decoded != locate+key {
			t.Fatalf("%q in %q is written as %q, and read as %q", key, locate, m.URIs[0], decoded)
		}
	})
}

// FuzzParse: what is read as a manifest is written as one that is the same, and what is in a location stays there.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		golden, `{"state":"empty","lotId":"20260101P1D000","uris":[]}`, strings.Replace(golden, "p/f", "../x", 1),
		strings.Replace(golden, "p/f", "%2e%2e/x", 1), strings.Replace(golden, "s3:", "s3a:", 1), `{"state":"partial","comment":"a\u2028b","lotId":"20260101PT1H003","uriType":"prefix","uris":["gs://b/x"]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse(data)
		if err != nil {
			return
		}
		again, err := manifest.Parse(m.Encode())
		if diff := cmp.Diff(m, again); diff != "" || err != nil {
			t.Errorf("%s\nis written as\n%s\n%s%v", data, m.Encode(), diff, err)
		}
		l, err := lot.ParseID(m.LotID)
		if err != nil || m.Within(manifest.Key{Lot: l, State: m.State}, "s3://b/p") != nil {
			return
		}
		for _, uri := range m.URIs {
			for _, read := range []func(string) (string, error){url.PathUnescape, func(s string) (string, error) { return s, nil }} {
				name, err := read(uri)
				_, rest, _ := strings.Cut(name, "://")
				if err != nil || !strings.HasPrefix(path.Clean(rest)+"/", "b/p/") {
					t.Errorf("%q leads out of it: %q, %v", uri, name, err)
				}
			}
		}
	})
}

// FuzzParsePath: what is read as the place of a manifest is written as the same, and has nothing above it.
func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{
		"datasets/name=d/version=1/lot=20260101PT5M000/state=complete/manifest.json",
		"datasets/name=d/version=1/lot=20260101P1D000/state=removed/attempt=1-a/manifest.json",
		"datasets/name=../version=..%2f/lot=20260101PT5M000/state=empty/manifest.json",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := manifest.ParsePath(text)
		if err != nil {
			return
		}
		if k.Path() != text || k.Check() != nil || path.Clean(text) != text || !strings.HasPrefix(text, k.LotPrefix()) {
			t.Errorf("%q is read as %+v, and written as %q", text, k, k.Path())
		}
	})
}

func ExampleTemplate() {
	fmt.Println(manifest.Template("s3://acme-manifests/prod/", manifest.Dataset{Name: "orders", Version: "1"}))
	// Output: s3://acme-manifests/prod/datasets/name=orders/version=1/lot={lot}/state={state}{/attempt*}/manifest.json
}
