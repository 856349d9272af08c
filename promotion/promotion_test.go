// SPDX-License-Identifier: Apache-2.0

package promotion_test

import (
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/promotion"
)

const file = "projects/orders/project.yaml"

// orders is a project with three environments: staging has what is to be promoted, prod something older.
const orders = `apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  description: all orders
  promotion: {keep: [replicas]}
  image: ghcr.io/acme/orders@sha256:01 # of dev
  dags: [dags/*.py]
  environments:
    dev: {}
    staging:
      image: ghcr.io/acme/orders@sha256:02
      workloads:
        clean: {params: {threshold: 5, replicas: 1}}
    prod:
      # what customers see
      image: "ghcr.io/acme/orders@sha256:00" # since spring
      size: mx.large
      workloads:
        clean:
          params:
            threshold: 4   # tuned
            replicas: 3
            old: true
  datasets:
    - {name: raw, version: "1", path: "lake://orders/raw/", schema: schemas/raw.json}
  workloads:
    - {name: land, blueprint: container-job, writes: {out: raw@1}}
    - {name: clean, blueprint: container-job, params: {mode: fast}, files: [sql]}
`

func tree(declaration string, more ...string) fstest.MapFS {
	t := fstest.MapFS{
		file:                               {Data: []byte(declaration)},
		"projects/orders/dags/a.py":        {Data: []byte("a = 1\n")},
		"projects/orders/sql/x.sql":        {Data: []byte("select 1\n")},
		"projects/orders/schemas/raw.json": {Data: []byte("{}\n")},
		"projects/orders/README.md":        {Data: []byte("orders\n")},
	}
	for i := 0; i < len(more); i += 2 {
		t[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	return t
}

func read(t interface{ Fatal(...any) }, tree fs.FS) *promotion.Declared {
	d, err := promotion.Read(tree, file, "orders")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func build(t interface{ Fatal(...any) }, tree fs.FS, env string) promotion.BuildID {
	id, err := read(t, tree).Build(env)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestPromote promotes from staging to prod: the build moves, what belongs to prod stays, and so does every other byte.
func TestPromote(t *testing.T) {
	before := tree(orders)
	c, err := read(t, before).Promote("staging", "prod")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		`image: "ghcr.io/acme/orders@sha256:00" # since`, `image: "ghcr.io/acme/orders@sha256:02" # since`,
		"threshold: 4 ", "threshold: 5 ", "            old: true\n", "",
	).Replace(orders)
	if diff := cmp.Diff(want, c.Content); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	moved := []promotion.Moved{
		{Workload: "land", From: "ghcr.io/acme/orders@sha256:00", To: "ghcr.io/acme/orders@sha256:02"},
		{Workload: "clean", From: "ghcr.io/acme/orders@sha256:00", To: "ghcr.io/acme/orders@sha256:02"},
		{Workload: "clean", Param: "old", From: true},
		{Workload: "clean", Param: "threshold", From: int64(4), To: int64(5)},
	}
	if diff := cmp.Diff(moved, c.Moved); diff != "" {
		t.Errorf("moved (-want +got):\n%s", diff)
	}
	after := tree(c.Content)
	if build(t, after, "prod") != build(t, before, "staging") || c.After != build(t, after, "prod") {
		t.Error("prod has another build than staging")
	}
	for _, env := range []string{"dev", "staging"} {
		if build(t, after, env) != build(t, before, env) {
			t.Errorf("the build of %s is another", env)
		}
	}
	again, err := read(t, after).Promote("staging", "prod")
	if err != nil || again.Before != again.After || len(again.Moved) != 0 || again.Content != "" {
		t.Errorf("it is promoted again: %+v %v", again, err)
	}
}

// TestWhatIsABuild: what makes it another one, and what does not.
func TestWhatIsABuild(t *testing.T) {
	replaced := func(from, to string) fstest.MapFS {
		if !strings.Contains(orders, from) {
			t.Fatalf("%q is not there", from)
		}
		return tree(strings.Replace(orders, from, to, 1))
	}
	for name, tc := range map[string]struct {
		reason  string
		changed fs.FS
		same    bool
	}{
		"Image":       {"It is what runs.", replaced("sha256:00", "sha256:03"), false},
		"OtherImage":  {"Prod has an image of its own.", replaced("sha256:01", "sha256:03"), true},
		"Param":       {"A parameter of prod.", replaced("threshold: 4", "threshold: 6"), false},
		"Kept":        {"A parameter that belongs to the environment.", replaced("replicas: 3", "replicas: 9"), true},
		"BaseParam":   {"A parameter of all environments.", replaced("mode: fast", "mode: slow"), false},
		"Command":     {"It is declared for all environments.", replaced("name: land,", "name: land, command: [run],"), false},
		"Size":        {"It is the environment's.", replaced("mx.large", "mx.small"), true},
		"Owner":       {"It does not run.", replaced("team-orders", "team-tills"), true},
		"Description": {"It is for people.", replaced("all orders", "every order"), true},
		"Comment":     {"It is for people.", replaced("# since spring", "# since autumn"), true},
		"Order":       {"Of keys, it means nothing.", replaced("owner: team-orders\n  description: all orders\n", "description: all orders\n  owner: team-orders\n"), true},
		"Dag":         {"It runs.", tree(orders, "projects/orders/dags/a.py", "a = 2\n"), false},
		"NewDag":      {"It matches the pattern.", tree(orders, "projects/orders/dags/b.py", ""), false},
		"File":        {"It is in the container.", tree(orders, "projects/orders/sql/x.sql", "select 2\n"), false},
		"Schema":      {"It is a contract.", tree(orders, "projects/orders/schemas/raw.json", "{} \n"), false},
		"OtherFile":   {"Nothing names it.", tree(orders, "projects/orders/README.md", "x\n"), true},
	} {
		t.Run(name, func(t *testing.T) {
			if same := build(t, tree(orders), "prod") == build(t, tc.changed, "prod"); same != tc.same {
				t.Errorf("%s It is the same build: %v", tc.reason, same)
			}
		})
	}
	if got, want := build(t, tree(orders), "prod").Short(), "0d110bb5c6e2"; got != want {
		t.Errorf("ids are in pull requests and in the history, and so must not change: got %s, want %s", got, want)
	}
}

// TestAnywhere: a project in another folder is the same build.
func TestAnywhere(t *testing.T) {
	there := fstest.MapFS{}
	for name, f := range tree(orders) {
		there[strings.Replace(name, "projects/orders/", "teams/o[1]/", 1)] = f
	}
	d, err := promotion.Read(there, "teams/o[1]/project.yaml", "orders")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.Build("prod"); err != nil || got != build(t, tree(orders), "prod") {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestRestore: what an environment had before comes back by its overrides alone, or cannot.
func TestRestore(t *testing.T) {
	before, now := tree(orders), tree(strings.NewReplacer("sha256:00", "sha256:09", "threshold: 4 ", "threshold: 7 ").Replace(orders))
	c, ok, err := read(t, now).Restore(read(t, before), "prod")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if diff := cmp.Diff(orders, c.Content); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	changed := tree(strings.Replace(orders, "name: land,", "name: land, command: [run],", 1))
	if _, ok, err := read(t, changed).Restore(read(t, before), "prod"); ok || err != nil {
		t.Errorf("a command is restored by an override: %v %v", ok, err)
	}
}

// TestCannotBePromoted: what people read if it is not done.
func TestCannotBePromoted(t *testing.T) {
	for name, tc := range map[string]struct{ declaration, from, to, want string }{
		"NoSource": {orders, "qa", "prod", `the project "orders" is not deployed to "qa"`},
		"NoTarget": {orders, "staging", "qa", `the project "orders" is not deployed to "qa"`},
		"Shared": {
			strings.NewReplacer("    prod:\n", "    prod: &p\n", "  datasets:", "    eu: *p\n  datasets:").Replace(orders), "staging", "prod",
			"projects/orders/project.yaml: cannot change spec.environments.prod.image: line 16: line 26 uses &p too, and would change with it; write it out there",
		},
		"Merged": {
			strings.NewReplacer("          params:\n            threshold: 4   # tuned\n", "          params:\n            <<: {older: 1}\n            threshold: 4   # tuned\n").Replace(orders), "staging", "prod",
			`projects/orders/project.yaml: what is declared there cannot be changed to the build of "staging", such as for a merge key; change it by hand`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, tree(tc.declaration)).Promote(tc.from, tc.to)
			if err == nil {
				t.Fatal("it is promoted")
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := promotion.Read(tree("kind: x\n"), file, "orders"); err == nil || !strings.Contains(err.Error(), `no project "orders"`) {
		t.Errorf("got %v", err)
	}
}

// TestPromotingMovesTheBuild promotes between environments that override at random: afterwards both have the same build, and no
// other environment has another one.
func TestPromotingMovesTheBuild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		image := func(label string) string {
			return rapid.SampledFrom([]string{"", "image: a@sha256:1", "image: 'b@sha256:2'", `image: "c"`}).Draw(t, label)
		}
		params := func(label string) string {
			return rapid.SampledFrom([]string{"", "params: {}", "params: {a: 1}", "params: {a: 2, keep: 1}", "params: {keep: 2, b: [x, {y: z}], c: null}", "params: {a: 'on'}"}).Draw(t, label)
		}
		list := func(parts ...string) string {
			var there []string
			for _, p := range parts {
				if p != "" {
					there = append(there, p)
				}
			}
			return "{" + strings.Join(there, ", ") + "}"
		}
		over := func(env string) string {
			var workloads []string
			for _, w := range []string{"one", "two", "three"} {
				if own := list(image(env+w), params(env+w+"p")); own != "{}" {
					workloads = append(workloads, w+": "+own)
				}
			}
			all := ""
			if len(workloads) > 0 {
				all = "workloads: {" + strings.Join(workloads, ", ") + "}"
			}
			return list(image(env), all)
		}
		declaration := "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: orders}\nspec:\n  owner: o\n  promotion: {keep: [keep]}\n  image: z@sha256:0\n"
		declaration += fmt.Sprintf("  environments:\n    dev: %s\n    prod: %s\n    other: %s\n  workloads:\n", over("dev"), over("prod"), over("other"))
		for _, w := range []string{"one", "two", "three"} {
			declaration += "  - " + list("name: "+w, "blueprint: container-job", image(w), params(w+"p")) + "\n"
		}
		before := tree(declaration)
		c, err := read(t, before).Promote("dev", "prod")
		if err != nil {
			t.Fatal(err, declaration)
		}
		after := maps.Clone(before)
		if c.Content != "" {
			after[file] = &fstest.MapFile{Data: []byte(c.Content)}
		}
		if build(t, after, "prod") != build(t, before, "dev") || build(t, after, "other") != build(t, before, "other") || build(t, after, "dev") != build(t, before, "dev") {
			t.Fatal("another build:\n", declaration, "\n", c.Content)
		}
		if (len(c.Moved) == 0) != (c.Before == c.After) || read(t, before).Differ("dev", "prod") != (c.Before != c.After) {
			t.Fatal("it is not told what moves", c)
		}
	})
}

// TestDecide: when a build is promoted by itself.
func TestDecide(t *testing.T) {
	now := time.Date(2026, 12, 16, 9, 30, 0, 0, time.UTC)
	healthy := func(name string, ago time.Duration) promotion.Source {
		return promotion.Source{Release: name, Build: "new", Healthy: true, Since: now.Add(-ago)}
	}
	for name, tc := range map[string]struct {
		reason string
		q      promotion.Question
		want   promotion.Answer
	}{
		"Ready":   {"It has been healthy for long enough.", promotion.Question{Soak: time.Hour, Sources: []promotion.Source{healthy("a", time.Hour)}}, promotion.Answer{Promote: true}},
		"NoSoak":  {"None is asked for.", promotion.Question{Sources: []promotion.Source{healthy("a", 0)}}, promotion.Answer{Promote: true}},
		"Soaking": {"The last one counts.", promotion.Question{Soak: time.Hour, Sources: []promotion.Source{healthy("a", time.Hour), healthy("b", 20*time.Minute)}}, promotion.Answer{Reason: "soaking until 2026-12-16T10:10:00Z", Until: now.Add(40 * time.Minute)}},
		"Sick":    {"It has to be healthy.", promotion.Question{Sources: []promotion.Source{{Release: "a", Build: "new", Since: now.Add(-time.Hour)}}}, promotion.Answer{Reason: "a is not healthy"}},
		"Behind":  {"What is healthy is another build.", promotion.Question{Sources: []promotion.Source{{Release: "a", Build: "older", Healthy: true}}}, promotion.Answer{Reason: "the build new is not in place in a"}},
		"Unknown": {"It is not known what is in place.", promotion.Question{Sources: []promotion.Source{{Release: "a", Healthy: true}}}, promotion.Answer{Reason: "the build new is not in place in a"}},
		"Nowhere": {"Nothing says that it works.", promotion.Question{}, promotion.Answer{Reason: "there is no release to promote from"}},
		"Same":    {"There is nothing to promote.", promotion.Question{Target: "new", Sources: []promotion.Source{healthy("a", time.Hour)}}, promotion.Answer{Reason: "both environments have the build new"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.q.Now, tc.q.Build = now, "new"
			if diff := cmp.Diff(tc.want, promotion.Decide(tc.q)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestFiles restores a whole project: its declaration and the files that it names or named, and nothing else.
func TestFiles(t *testing.T) {
	before := tree(orders, "projects/orders/dags/gone.py", "")
	now := tree(strings.Replace(orders, "name: land,", "name: land, command: [run],", 1), "projects/orders/dags/a.py", "a = 2\n", "projects/orders/dags/new.py", "", "projects/orders/README.md", "newer\n")
	got, err := read(t, now).Files(read(t, before))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]*string{
		file: new(orders), "projects/orders/dags/a.py": new("a = 1\n"), "projects/orders/dags/gone.py": new(""), "projects/orders/dags/new.py": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, tc := range map[string]struct {
		now, before fs.FS
		want        string
	}{
		"Several": {tree(orders + "---\nkind: x\n"), before, file + " declares other things too, which would go back with it; restore it by hand"},
		"Binary":  {now, tree(orders, "projects/orders/dags/a.py", "\xff"), "projects/orders/dags/a.py is no text; restore it by hand"},
	} {
		if _, err := read(t, tc.now).Files(read(t, tc.before)); err == nil || err.Error() != tc.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestTimeline: which build was where, for how long.
func TestTimeline(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 12, 16, hour, 0, 0, 0, time.UTC) }
	builds := map[string]promotion.BuildID{"dev 1": "a", "dev 2": "a", "dev 3": "b", "prod 1": "z", "prod 4": "a"}
	got := promotion.Timeline([]promotion.Applied{
		{"prod", "one", "4", at(9)},
		{"dev", "one", "3", at(5)},
		{"dev", "one", "1", at(1)},
		{"dev", "one", "2", at(3)},
		{"dev", "two", "2", at(4)},
		{"dev", "one", "1", at(6)},
		{"prod", "one", "1", at(2)},
		{"qa", "one", "7", at(1)},
		{"qa", "one", "7", at(2)},
		{"qa", "one", "8", at(3)},
	}, func(environment, commit string) promotion.BuildID { return builds[environment+" "+commit] }, func(commit string) string { return "who made " + commit })
	want := []promotion.Placed{
		{Build: "a", Environment: "dev", Cluster: "one", Since: at(6), Commit: "1", By: "who made 1"},
		{Build: "b", Environment: "dev", Cluster: "one", Since: at(5), Until: at(6), Commit: "3", By: "who made 3"},
		{Build: "a", Environment: "dev", Cluster: "one", Since: at(1), Until: at(5), Commit: "1", By: "who made 1"},
		{Build: "a", Environment: "dev", Cluster: "two", Since: at(4), Commit: "2", By: "who made 2"},
		{Build: "a", Environment: "prod", Cluster: "one", Since: at(9), Commit: "4", By: "who made 4"},
		{Build: "z", Environment: "prod", Cluster: "one", Since: at(2), Until: at(9), Commit: "1", By: "who made 1"},
		{Environment: "qa", Cluster: "one", Since: at(3), Commit: "8", By: "who made 8"},
		{Environment: "qa", Cluster: "one", Since: at(1), Until: at(3), Commit: "7", By: "who made 7"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
