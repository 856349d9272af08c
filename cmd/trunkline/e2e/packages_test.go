// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// packagesProgram says which of what was installed it has imported, and by which path files are found.
const packagesProgram = `import os
from acme_utils import word
place = os.environ["TRUNKLINE_PACKAGE_ACME_UTILS"]
with open(os.path.join(place, "acme_utils", "note.txt")) as f:
    note = f.read().strip()
out = os.environ["TRUNKLINE_WRITE_OUT"].removeprefix("file://")
os.makedirs(out, exist_ok=True)
with open(os.path.join(out, "part"), "w") as f:
    f.write(word() + " " + note)
`

// shared is a platform of two projects that share a package: a folder with its files, of which commits are made.
type shared struct {
	t         *testing.T
	dir, lake string
	repo      *gittest.Repo
	// there are the files of the last commit.
	there   map[string]string
	d       *daemon
	cluster *clustertest.Cluster
}

// source writes what is not released of the package.
func (s *shared) source(word string) {
	s.t.Helper()
	place(s.t, filepath.Join(s.dir, "packages", "acme-utils", "src", "acme_utils"), map[string]string{
		"__init__.py": fmt.Sprintf("def word():\n    return %q\n", word), "note.txt": "beside " + word + "\n",
	})
}

// trunkline runs a command in the folder.
func (s *shared) trunkline(args ...string) {
	s.t.Helper()
	if out, errs, code := command(s.t, append(args, "--from", s.dir)...); code != 0 {
		s.t.Fatalf("trunkline %s ended with %d: %s%s", strings.Join(args, " "), code, out, errs)
	}
}

// use has a project use a version.
func (s *shared) use(project, version string) {
	s.t.Helper()
	place(s.t, filepath.Join(s.dir, "projects", project), map[string]string{"main.py": packagesProgram, "project.yaml": fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  packages: [{name: acme-utils, version: %s}]
  datasets: [{name: out, version: "1", path: "lake://%s/"}]
  workloads:
    - {name: main, blueprint: container-job, files: [main.py], command: [python3, main.py], writes: {out: out@1}}
`, project, version, project)})
}

// merge commits what the folder holds by now.
func (s *shared) merge(subject string) (head string) {
	s.t.Helper()
	files := taken(s.t, s.dir)
	change := maps.Clone(files)
	for name := range s.there {
		if _, is := files[name]; !is {
			change[name] = gittest.Delete
		}
	}
	s.there = files
	head = s.repo.Commit(s.t, subject, change)
	s.d.sync()
	return head
}

// said is what the program of a project wrote last.
func (s *shared) said(project string) string {
	data, _ := os.ReadFile(filepath.Join(s.lake, project, "part"))
	return string(data)
}

// runs counts the Jobs of a project that there were, by their names.
func (s *shared) runs(project string) (names []string) {
	s.t.Helper()
	jobs, err := s.cluster.Client(s.t).BatchV1().Jobs(project+"-dev").List(s.t.Context(), metav1.ListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, j := range jobs.Items {
		names = append(names, j.Name)
	}
	slices.Sort(names)
	return names
}

// await waits until the programs of both projects have said something, from a commit that counts.
func (s *shared) await(head, orders, sales string) {
	s.t.Helper()
	s.d.await(fmt.Sprintf("orders to say %q and sales %q", orders, sales), func(p status.Platform) bool {
		return p.Source.Accepted != nil && p.Source.Accepted.Hash == head && s.said("orders") == orders && s.said("sales") == sales
	})
}

// refused waits until a commit is refused with a problem.
func (s *shared) refused(head, problem string) {
	s.t.Helper()
	p := s.d.await("the commit to be refused", func(p status.Platform) bool {
		return p.Source.Head != nil && p.Source.Head.Hash == head && p.Source.Refused()
	})
	if text := p.Source.Problems.String(); !strings.Contains(text, problem) {
		s.t.Errorf("it is refused with %s, want %s", text, problem)
	}
}

// TestPackages: programs import the version of a package that their project names. What is not released is seen by the project that tries it and by
// no other, follows the package, and ends; another version is a merge, which changes what runs; and what someone uses does not go.
func TestPackages(t *testing.T) {
	t.Parallel()
	s := &shared{t: t, dir: t.TempDir(), lake: t.TempDir(), repo: gittest.New(t)}
	if err := os.Chmod(s.lake, 0o777); err != nil {
		t.Fatal(err)
	}
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	place(t, s.dir, map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: shared}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       head + fmt.Sprintf("kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], stores: {lake: \"file://%s\"}}\n", s.lake),
	})
	s.trunkline("package", "create", "acme-utils", "--owner", "team")
	for _, one := range [][2]string{{"1.0.0", "one"}, {"1.1.0", "two"}} {
		s.source(one[1])
		s.trunkline("package", "release", "acme-utils", "--version", one[0])
	}
	s.use("orders", "1.0.0")
	s.use("sales", "1.1.0")
	s.cluster = clustertest.Start(t, clustertest.Options{Name: "packages", Mode: clustertest.Exec, Args: []string{"--mount", s.lake + "=" + s.lake}})
	s.there = taken(t, s.dir)
	first := s.repo.Commit(t, "two versions", s.there)
	s.d = serve(t, "--repo", s.repo.URL(), "--data", t.TempDir(), "--cluster", "test="+s.cluster.Kubeconfig, "--poll", "1h")
	s.await(first, "one beside one", "two beside two")

	sales := s.runs("sales")
	s.source("next")
	s.trunkline("package", "trial", "acme-utils", "--project", "orders")
	s.use("orders", "trial")
	s.await(s.merge("orders tries what is next"), "next beside next", "two beside two")
	s.source("later")
	s.await(s.merge("the package alone"), "later beside later", "two beside two")

	s.use("sales", "trial")
	s.refused(s.merge("sales tries it, too"), `only the project "orders" may use the trial of the package "acme-utils"`)

	s.use("sales", "1.1.0")
	s.use("orders", "1.1.0")
	s.trunkline("package", "trial", "acme-utils", "--end")
	s.await(s.merge("orders uses what was released"), "two beside two", "two beside two")
	if diff := cmp.Diff(sales, s.runs("sales")); diff != "" {
		t.Errorf("sales has run although nothing of it has changed (-before +now):\n%s", diff)
	}

	withdraw := func(version string) {
		t.Helper()
		at := filepath.Join(s.dir, "packages", "acme-utils", "package.yaml")
		text, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			if strings.Contains(line, "version: "+version+",") {
				lines[i] = strings.TrimSuffix(line, "}") + ", withdrawn: it loses orders}"
			}
		}
		place(t, filepath.Dir(at), map[string]string{"package.yaml": strings.Join(lines, "\n")})
		if err := os.RemoveAll(filepath.Join(filepath.Dir(at), "versions", version)); err != nil {
			t.Fatal(err)
		}
	}
	kept := taken(t, s.dir)
	withdraw("1.1.0")
	s.refused(s.merge("what is in use goes"), `the version 1.1.0 of the package "acme-utils" was withdrawn: it loses orders`)
	place(t, s.dir, kept)
	withdraw("1.0.0")
	s.await(s.merge("what nobody uses goes"), "two beside two", "two beside two")
	if diff := cmp.Diff(sales, s.runs("sales")); diff != "" {
		t.Errorf("sales has run although nothing of it has changed (-before +now):\n%s", diff)
	}
}
