// SPDX-License-Identifier: Apache-2.0

package clusterless_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/migrate/clusterless"
	"trunkline.dev/trunkline/scaffold"
)

// good is a project that can be taken over; each line is replaced by cases.
const good = `{
  "project": {"name": "P", "version": "1"},
  "placement": {"provider": "aws", "account": "1", "region": "eu-west-1"},
  "boundaries": [{"type": "aws:core:s3PutListenerBoundary", "name": "B", "lotUnit": "Sixths",
    "dataset": {"name": "in", "version": "1", "pathURI": "s3://b/in/"}}],
  "arcs": [{"type": "aws:core:batchExecArc", "name": "A",
    "sources": {"main": {"name": "in", "version": "1"}},
    "sinks": {"main": {"name": "out", "version": "1", "pathURI": "s3://b/out/"}},
    "workload": {"computeEnvironmentRef": "c", "imagePath": "app", "command": ["x"]}}]
}`

func with(old, replacement string) string {
	if !strings.Contains(good, old) {
		panic(old)
	}
	return strings.Replace(good, old, replacement, 1)
}

// TestRefused: what cannot be taken over is refused with file and line, and what to do.
func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct{ reason, text, want string }{
		"Good":          {"the one that is changed", good, ""},
		"Null":          {"null is as good as nothing", with(`"lotUnit"`, `"filter": null, "lotUnit"`), ""},
		"Empty":         {"no file", " \n", "f.json:1: it is empty"},
		"Half":          {"half a file", good[:200], "f.json:4: it is not JSON: unexpected end"},
		"Comment":       {"what Jsonnet has and JSON does not", with(`"arcs"`, "// arcs\n\"arcs\""), "f.json:6: it is not JSON: invalid character '/'"},
		"Trailing":      {"two documents", good + good, "f.json:10: it is not JSON: invalid character '{' after top-level value"},
		"Twice":         {"one reader takes the first, another the last", with(`"name": "A",`, `"name": "A", "name": "B",`), `f.json:6: the field "name" is there twice`},
		"Deep":          {"what takes the stack of those who read it", with(`"imagePath"`, `"x": `+strings.Repeat("[", 60)+strings.Repeat("]", 60)+`, "imagePath"`), "f.json:9: it is nested more than 50 deep"},
		"Binary":        {"no text", "\xff\xfe{", "f.json:1: it is not UTF-8"},
		"Patterns":      {"what would let all in", with(`"lotUnit"`, `"filter": {"includes": ["/x", "a/../b", ""]}, "lotUnit"`), `f.json:4: filter.includes: no pattern matches anything: write others`},
		"Huge":          {"what takes the memory", strings.Repeat(" ", clusterless.MaxBytes+1), "f.json:1: it has more than 4 MiB"},
		"List":          {"what is no project", `[1]`, "f.json:1: it is a number; want a project"},
		"NoProjects":    {"a list of none", `[]`, "there is no project in f.json"},
		"Other":         {"another file", `{"apiVersion": "v1"}`, `f.json:1: "project" is missing`},
		"NoVersion":     {"a field that is required", with(`, "version": "1"},`, `},`), `f.json:2: "version" is missing`},
		"NumberVersion": {"a version that is a number", with(`"version": "1"},`, `"version": 1},`), `f.json:2: "version" is a number; want a text`},
		"Provider":      {"another cloud", with(`"aws",`, `"gcp",`), `f.json:3: the provider "gcp" is not known; want: aws`},
		"Account":       {"what would be another bucket", with(`"account": "1"`, `"account": "1/x"`), `f.json:3: the account "1/x" is no number`},
		"Region":        {"what would be another bucket", with(`"eu-west-1"`, `"eu/../x"`), `f.json:3: the region "eu/../x" is none`},
		"Type": {
			"a type that nobody has", with("batchExecArc", "batchExecArk"),
			`f.json:6: the arc has the type "aws:core:batchExecArk": did you mean "aws:core:batchExecArc"?`,
		},
		"TypeOfOther": {"a type in the wrong list", with("batchExecArc", "s3Bucket"), `f.json:6: the arc has the type "aws:core:s3Bucket": .*aws:core:s3CopyArc`},
		"NoName":      {"what is called nothing", with(`"name": "A"`, `"name": "ÄÖ"`), `f.json:6: the name "ÄÖ" has no letter or digit`},
		"Unit":        {"units that no Clusterless can have", with("Sixths", "Hours"), `f.json:4: "Hours" is not a unit of lots in Clusterless; want one of: Fourths, Sixths, Twelfths`},
		"Arrival":     {"what throws in Clusterless", with(`"lotUnit"`, `"eventArrival": "veryFrequent", "lotUnit"`), `f.json:4: the eventArrival "veryFrequent" works in no Clusterless`},
		"Unowned":     {"what nobody makes", with(`{"main": {"name": "in"`, `{"main": {"name": "elsewhere"`), `f.json:7: arc A reads elsewhere@1, which neither these files nor the projects`},
		"Circle":      {"what is made of itself", with(`{"main": {"name": "in"`, `{"main": {"name": "out"`), `f.json:7: arc A reads out@1, which neither .* or which is made of what it makes`},
		"TwoOwners":   {"what two make", with(`"name": "out"`, `"name": "in"`), `f.json:8: the dataset in@1 is written by more than one component`},
		"SameName":    {"what two would be called", with(`"name": "out"`, `"name": "In"`), `f.json:8: the dataset In@1 would be called as another one, in@1`},
		"Address":     {"a store of another kind", with("s3://b/out/", "gs://b/out/"), `f.json:8: the address "gs://b/out/" is not one of S3`},
		"Up":          {"a way up", with("s3://b/out/", "s3://b/../out/"), `f.json:8: the location "s3://b/../out/" is no folder of a store`},
		"Credentials": {"what is not shown", with("s3://b/out/", "s3://AKIA:hush@b/out/"), `f.json:8: the location "s3://\*\*\*@b/out/" names no bucket`},
		"Memory":      {"more than there is", with(`"command"`, `"batchRuntimeProps": {"memorySizeMB": 99999}, "command"`), `needs 99999 MB, which is more than Clusterless has`},
		"Fraction":    {"no number of minutes", with(`"command"`, `"batchRuntimeProps": {"timeoutMin": 1.5}, "command"`), `f.json:9: "timeoutMin" is a number 1.5; want a whole number`},
		"Machine":     {"a machine that is none", with(`"command"`, `"batchRuntimeProps": {"architecture": "PDP11"}, "command"`), `the architecture "PDP11" is not known`},
		"Command":     {"no list", with(`["x"]`, `"x"`), `f.json:9: "command" is a text; want a list of texts`},
		"Environment": {"no text", with(`"command"`, `"environment": {"A": 1}, "command"`), `f.json:9: the variable "A" is a number; want a text`},
		"NoSinks":     {"an arc that writes nothing", with(`"sinks": {"main": {"name": "out", "version": "1", "pathURI": "s3://b/out/"}}`, `"sinks": {}`), `f.json:6: arc A reads or writes nothing`},
		"SourcesList": {"no object", with(`"sources": {"main": {"name": "in", "version": "1"}}`, `"sources": []`), `f.json:7: "sources" is a list; want an object`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := take(t, fstest.MapFS{}, clusterless.File{Name: "f.json", Data: []byte(tc.text)})
			if got := fmt.Sprint(err); tc.want == "" && err != nil || tc.want != "" && !regexp.MustCompile(tc.want).MatchString(got) {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

// TestFilesOfOne: files are of one project and stage; others are refused, as Clusterless refuses them.
func TestFilesOfOne(t *testing.T) {
	for other, want := range map[string]string{
		with(`"name": "P"`, `"name": "Q"`):                                         `it is of project Q:1, stage "", and a.json is of P:1, stage ""`,
		with(`"version": "1"},`, `"version": "2"},`):                               `it is of project P:2`,
		with(`"account"`, `"stage": "dev", "account"`):                             `stage "dev", and a.json is of P:1, stage ""`,
		with(`"eu-west-1"`, `"eu-west-2"`):                                         "<nil>",
		strings.ReplaceAll(with(`"eu-west-1"`, `"r"`), "s3://b/", "s3://b/below/"): `the dataset in@1 is at b://in/ in Sixths lots in one of the regions, and at b://below/in/`,
		strings.ReplaceAll(with(`"eu-west-1"`, `"r"`), `"A"`, `"X"`):               `arc A is in one of the regions eu-west-1 and r only`,
	} {
		_, err := take(t, fstest.MapFS{}, clusterless.File{Name: "a.json", Data: []byte(good)}, clusterless.File{Name: "b.json", Data: []byte(other)})
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestIntoPlatform: an environment that is there is used, and what it lacks is said with what to add.
func TestIntoPlatform(t *testing.T) {
	tree := fstest.MapFS{
		"trunkline.yaml":   {Data: []byte("apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: acme}\nspec: {roots: [trunkline]}\n")},
		"trunkline/c.yaml": {Data: []byte("apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: blue}\nspec: {}\n")},
		"trunkline/e.yaml": {Data: []byte("apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: live}\n" +
			"spec: {clusters: [blue], stores: {lake: \"s3://b/in\"}, lots: {manifests: \"s3://clusterless-manifest-1-eu-west-1\"}}\n")},
	}
	_, err := take(t, tree, clusterless.File{Name: "f.json", Data: []byte(good)})
	want := "f.json:8: the environment \"live\" has no store that s3://b/out/ is in: add to spec.stores of it, in trunkline/e.yaml:\n    b: s3://b"
	if fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	result, err := take(t, tree, clusterless.File{Name: "f.json", Data: []byte(strings.ReplaceAll(good, "s3://b/out/", "s3://b/in/out/"))})
	if err != nil {
		t.Fatal(err)
	}
	text := string(result.Files[0].Data) + fmt.Sprint(result.Notes)
	for _, want := range []string{"path: lake://out/", "- live", "add to spec.lots in trunkline/e.yaml: states: s3://clusterless-arc-state-1-eu-west-1/"} {
		if len(result.Files) != 1 || !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

// FuzzTake: whatever a file holds, it is refused, or declarations come out that can be read; a secret is never in them.
func FuzzTake(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("[" + good + "]"))
	f.Add([]byte(with(`"command"`, `"environment": {"API_TOKEN": "hush-hush-0123456789"}, "command"`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		result, err := clusterless.Take(clusterless.Input{Files: []clusterless.File{{Name: "f.json", Data: data}}, To: "trunkline", Platform: "acme", Owner: "o", Since: now})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.json:") && !strings.Contains(err.Error(), "no project in f.json") {
				t.Errorf("the error does not say where: %v", err)
			}
			return
		}
		var all strings.Builder
		for _, file := range result.Files {
			all.Write(file.Data)
		}
		for _, n := range result.Notes {
			all.WriteString(n.String())
			if n.Line < 1 || n.Why == "" {
				t.Errorf("a note says not where, or not why: %v", n)
			}
		}
		const hidden = `"API_TOKEN": "hush-hush-0123456789"`
		if bytes.Count(data, []byte("hush-hush")) == 1 && bytes.Contains(data, []byte(hidden)) && strings.Contains(all.String(), "hush-hush") {
			t.Error("a secret is shown")
		}
		if e := evaluated(t, scaffold.Overlay(fstest.MapFS{}, result.Files)); e.Catalog().Platform == nil {
			t.Errorf("the declarations cannot be read:\n%s", e.Problems())
		}
	})
}
