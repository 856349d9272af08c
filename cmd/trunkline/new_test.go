// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/scaffold"
)

// acme returns a copy of the example.
func acme(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("../../examples/acme")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// contents are all files of a folder.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			out[name+"/"] = ""
			return nil
		}
		data, err := os.ReadFile(filepath.Join(folder, name))
		out[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// trunkline runs a command that must exit with a code, and returns what it prints.
func trunkline(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, failed bytes.Buffer
	if got := run(args, strings.NewReader(""), &out, &failed); got != code {
		t.Fatalf("trunkline %q ended with %d, want %d:\n%s%s", args, got, code, &out, &failed)
	}
	return out.String(), failed.String()
}

func TestNewFromEveryTemplate(t *testing.T) {
	batch := []string{"--set", "owner=team-pay", "--set", "image=trunkline.local/host:1"}
	cases := map[scaffold.Kind]map[string]struct {
		name string
		args []string
		// uses is a workload of the project orders that uses a blueprint.
		uses string
		// env and want are what is rendered after it, and what must be in it.
		project, env, want string
	}{
		scaffold.Project: {
			"batch": {
				name: "pay", args: append([]string{"--set", "environments=dev, prod", "--set", "since=2026-01-01"}, batch...),
				project: "pay", env: "prod", want: "kind: CronJob",
			},
			"service": {name: "pay", args: batch, project: "pay", env: "dev", want: "kind: Deployment"},
			// What they render is in TestNewProjectsRender.
			"airflow":    {name: "pay", args: batch, project: "pay", env: "prod", want: "kind: Namespace"},
			"dbt-duckdb": {name: "pay", args: batch, project: "pay", env: "prod", want: "dbt build"},
			"notebook":   {name: "pay", args: batch, project: "pay", env: "prod", want: "papermill"},
			"pyspark":    {name: "pay", args: batch, project: "pay", env: "prod", want: "spark-submit"},
			"python":     {name: "pay", args: batch, project: "pay", env: "prod", want: "arcs.totals"},
			"stream":     {name: "pay", args: batch, project: "pay", env: "prod", want: "TRUNKLINE_CHECKPOINT"},
		},
		scaffold.Workload: {
			"container-job": {name: "extra", args: []string{"--project", "orders"}, project: "orders", env: "dev", want: "extra runs in"},
			"cron-job": {
				name: "extra", args: []string{"--project", "orders", "--set", "image=other:1", "--set", "timeZone=Europe/Brussels"},
				project: "orders", env: "dev", want: "image: other:1",
			},
			"service":   {name: "extra", args: []string{"--project", "storefront"}, project: "storefront", env: "dev", want: "name: extra\n"},
			"kustomize": {name: "extra", args: []string{"--project", "alerts"}, project: "alerts", env: "prod", want: "name: extra\n"},
			"manifests": {name: "extra", args: []string{"--project", "alerts"}, project: "alerts", env: "prod", want: "name: extra\n"},
			"jsonnet":   {name: "extra", args: []string{"--project", "alerts"}, project: "alerts", env: "prod", want: "environment: prod\n"},
			"cue":       {name: "extra", args: []string{"--project", "alerts"}, project: "alerts", env: "prod", want: "environment: prod\n"},
		},
		scaffold.Environment: {
			"dev":  {name: "qa", args: []string{"--set", "cluster=dev", "--set", "location=s3://acme-qa-lake"}},
			"prod": {name: "live", args: []string{"--set", "cluster=prod", "--set", "location=s3://acme-live-lake"}},
		},
		scaffold.Blueprint: {
			"helm": {
				name: "wide", uses: "- {name: extra, blueprint: wide, command: [sh], params: {pods: 3}}\n",
				project: "orders", env: "dev", want: "parallelism: 3",
			},
			"kustomize": {
				name: "base", uses: "- {name: extra, blueprint: base}\n",
				project: "orders", env: "dev", want: "image: trunkline.local/host:1",
			},
		},
	}
	for _, kind := range scaffold.Kinds() {
		names, err := scaffold.Names(os.DirFS(t.TempDir()), kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, template := range names {
			t.Run(string(kind)+"/"+template, func(t *testing.T) {
				t.Parallel()
				c, ok := cases[kind][template]
				if !ok {
					t.Fatal("there is no case for this template")
				}
				folder := acme(t)
				args := append([]string{"new", string(kind), c.name, "--template", template, "--from", folder}, c.args...)
				before := contents(t, folder)
				trunkline(t, exitFine, args...)
				after := contents(t, folder)
				if len(after) == len(before) && kind != scaffold.Workload {
					t.Error("nothing was written")
				}
				if c.uses != "" {
					project := filepath.Join(folder, "projects/orders/project.yaml")
					now, err := scaffold.AppendWorkload([]byte(after["projects/orders/project.yaml"]), "orders", []byte(c.uses))
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(project, now, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if out, _ := trunkline(t, exitFine, "validate", folder); !strings.HasPrefix(out, "no problems;") {
					t.Errorf("validate prints:\n%s", out)
				}
				if c.project != "" {
					out, _ := trunkline(t, exitFine, "render", c.project, "--env", c.env, "--from", folder)
					if !strings.Contains(out, c.want) {
						t.Errorf("the rendered project does not have %q:\n%s", c.want, out)
					}
				}
				after = contents(t, folder)
				// The same once more would overwrite.
				_, failed := trunkline(t, exitFindings, args...)
				if !strings.Contains(failed, "nothing is written") {
					t.Errorf("the second time prints:\n%s", failed)
				}
				if diff := cmp.Diff(after, contents(t, folder)); diff != "" {
					t.Errorf("the second time wrote something (-before, +after):\n%s", diff)
				}
			})
		}
	}
}

func TestNewWritesAllOrNothing(t *testing.T) {
	cases := map[string]struct {
		reason string
		// spoil puts something into the way after everything was looked at.
		spoil   func(t *testing.T, folder string)
		changed *change
		want    string
	}{
		"FileInTheWay": {
			reason: "A file that came meanwhile is not overwritten.",
			spoil:  func(t *testing.T, folder string) { write(t, filepath.Join(folder, "b/two"), "mine") },
			want:   `writing "b/two"`,
		},
		"FileForFolder": {
			reason: "A file cannot be a folder.",
			spoil:  func(t *testing.T, folder string) { write(t, filepath.Join(folder, "b"), "mine") },
			want:   `"b" is not a folder`,
		},
		"LinkLeadsOut": {
			reason: "A link is not followed out of the platform.",
			spoil: func(t *testing.T, folder string) {
				if err := os.Symlink(t.TempDir(), filepath.Join(folder, "b")); err != nil {
					t.Fatal(err)
				}
			},
			want: "b",
		},
		"ChangedMeanwhile": {
			reason:  "What someone else has saved meanwhile is not lost.",
			spoil:   func(t *testing.T, folder string) { write(t, filepath.Join(folder, "old"), "theirs") },
			changed: &change{File: scaffold.File{Path: "old", Data: []byte("new")}, was: []byte("read")},
			want:    `"old" has been changed meanwhile`,
		},
		"Gone": {
			reason:  "A file that is gone is not made again.",
			spoil:   func(*testing.T, string) {},
			changed: &change{File: scaffold.File{Path: "old", Data: []byte("new")}, was: []byte("read")},
			want:    `changing "old"`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			c.spoil(t, folder)
			before := contentsOrLinks(t, folder)
			files := []scaffold.File{{Path: "a/deep/one", Data: []byte("1")}, {Path: "b/two", Data: []byte("2")}}
			err := writeAll(folder, files, c.changed)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s\ngot the error %v, want one with %q", c.reason, err, c.want)
			}
			if diff := cmp.Diff(before, contentsOrLinks(t, folder)); diff != "" {
				t.Errorf("%s\nsomething was written (-before, +after):\n%s", c.reason, diff)
			}
		})
	}
}

func TestNewChangesAFile(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "old")
	write(t, name, "read")
	changed := &change{File: scaffold.File{Path: "old", Data: []byte("new")}, was: []byte("read")}
	if err := writeAll(folder, []scaffold.File{{Path: "a/one", Data: []byte("1")}}, changed); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"./": "", "a/": "", "a/one": "1", "old": "new"}
	if diff := cmp.Diff(want, contents(t, folder)); diff != "" {
		t.Errorf("the folder (-want, +got):\n%s", diff)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o640 {
		t.Errorf("the file has the mode %v now, want that it had", info.Mode())
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

// contentsOrLinks is like contents, and does not read what links lead to.
func contentsOrLinks(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			data, err := os.ReadFile(name)
			out[name] = string(data)
			return err
		}
		out[name] = entry.Type().String()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
