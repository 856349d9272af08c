// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"bytes"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/render"
)

var updateMistakes = flag.Bool("update-mistakes", false, "write what is said of the mistakes in testdata again")

// wrongTree is a case of testdata/mistakes: how it changes the platform there, and what is said of it.
type wrongTree struct {
	// base are files that are there before the change; nil if there is no base.
	base map[string]string
	// head are files, edits texts that are replaced, as "old => new" in each line, links symbolic links, and deleted files that go.
	head, edits, links map[string]string
	deleted            []string
	want               string
}

// mistakesOf reads an archive. Its files are named CASE/PART/FILE, with the part base, head, edit, link or delete, or CASE/want.
func mistakesOf(t *testing.T, a *txtar.Archive) map[string]*wrongTree {
	t.Helper()
	out := map[string]*wrongTree{}
	for _, f := range a.Files {
		name, rest, _ := strings.Cut(f.Name, "/")
		if out[name] == nil {
			out[name] = &wrongTree{head: map[string]string{}, edits: map[string]string{}, links: map[string]string{}}
		}
		m := out[name]
		part, file, _ := strings.Cut(rest, "/")
		switch part {
		case "base":
			if m.base == nil {
				m.base = map[string]string{}
			}
			m.base[file] = string(f.Data)
		case "head":
			m.head[file] = string(f.Data)
		case "edit":
			m.edits[file] = string(f.Data)
		case "link":
			m.links[file] = strings.TrimSpace(string(f.Data))
		case "delete":
			m.deleted = append(m.deleted, file)
		case "want":
			m.want = string(f.Data)
		default:
			t.Fatalf("%s is no part of a case", f.Name)
		}
	}
	return out
}

// trees are what is there before the change, and what is after it.
func (m *wrongTree) trees(t *testing.T, platform map[string]string) (before, after fstest.MapFS) {
	t.Helper()
	before = fstest.MapFS{}
	for _, files := range []map[string]string{platform, m.base} {
		for name, text := range files {
			before[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	after = maps.Clone(before)
	for name, edits := range m.edits {
		if after[name] == nil {
			t.Fatalf("there is no %s to edit", name)
		}
		text := string(after[name].Data)
		for line := range strings.Lines(edits) {
			unescape := strings.NewReplacer(`\n`, "\n", `\\`, `\`)
			from, to, found := strings.Cut(strings.TrimSuffix(line, "\n"), " => ")
			from, to = unescape.Replace(from), unescape.Replace(to)
			if !found || !strings.Contains(text, from) {
				t.Fatalf("%q changes nothing of %s", line, name)
			}
			text = strings.Replace(text, from, to, 1)
		}
		after[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, text := range m.head {
		after[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, target := range m.links {
		after[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
	}
	for _, name := range m.deleted {
		delete(after, name)
	}
	return before, after
}

// mistakenPlatform has the files to which the mistakes are made.
func mistakenPlatform(t *testing.T) map[string]string {
	t.Helper()
	own, err := txtar.ParseFile("testdata/mistakes/platform.txtar")
	if err != nil {
		t.Fatal(err)
	}
	platform := map[string]string{}
	for _, f := range own.Files {
		platform[f.Name] = string(f.Data)
	}
	return platform
}

// TestMistakes: what people get wrong is an error or a warning where it can be fixed, once, in words that say what to do. The archives
// in testdata/mistakes have a platform and the mistakes; -update-mistakes writes what is said of them.
func TestMistakes(t *testing.T) {
	archives, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(archives) < 2 {
		t.Fatal(archives, err)
	}
	platform := mistakenPlatform(t)
	for _, file := range archives {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) == "platform.txtar" {
			archive = &txtar.Archive{Files: []txtar.File{{Name: "fine/want"}}}
		}
		said := map[string]string{}
		cases := mistakesOf(t, archive)
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) {
				said[name] = cases[name].check(t, platform)
				if diff := cmp.Diff(cases[name].want, said[name]); diff != "" && !*updateMistakes {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
		if !*updateMistakes || filepath.Base(file) == "platform.txtar" {
			continue
		}
		for i, f := range archive.Files {
			if name, ok := strings.CutSuffix(f.Name, "/want"); ok {
				archive.Files[i].Data = []byte(said[name])
			}
		}
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// check returns what is said of a mistake.
func (m *wrongTree) check(t *testing.T, platform map[string]string) string {
	t.Helper()
	before, after := m.trees(t, platform)
	in := Input{Tree: after, Thorough: true, Runs: true, Want: nobody}
	if m.base != nil {
		in.Before, in.Change, in.Changed = loaded(t, before), &Change{}, differing(before, after)
	}
	var out strings.Builder
	for _, p := range headOf(t, in).Problems() {
		out.WriteString(p.Rule + ": " + p.String() + "\n")
	}
	return out.String()
}

func loaded(t *testing.T, tree fs.FS) *Evaluation {
	t.Helper()
	e, err := Load(tree, blueprints.FS)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func headOf(t *testing.T, in Input) *Evaluation {
	t.Helper()
	in.Library, in.Renderer, in.Now = blueprints.FS, render.New(blueprints.FS), time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	e, err := Head(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// differing are the files that differ between two trees.
func differing(before, after fstest.MapFS) (names []string) {
	for name := range after {
		if before[name] == nil || !bytes.Equal(before[name].Data, after[name].Data) || before[name].Mode != after[name].Mode {
			names = append(names, name)
		}
	}
	for name := range before {
		if after[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
