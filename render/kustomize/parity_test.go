// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/kustomize/api/konfig"
)

// reasons are why a kustomization that Kustomize takes is refused, by what the message says.
var reasons = []struct {
	message *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`fetches nothing`), "it is fetched"},
	{regexp.MustCompile(`runs no plugins|runs the program helm`), "a plugin or function"},
	{regexp.MustCompile(`leads out of the repository|is absolute`), "a path out of the tree"},
	{regexp.MustCompile(`on each render`), "a random value or a time is written"},
	{regexp.MustCompile(``), "other"},
}

// overlays returns the folders below one that have a kustomization.
func overlays(root string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains(konfig.RecognizedKustomizationFileNames(), d.Name()) {
			out = append(out, filepath.Dir(p))
		}
		return err
	})
	return out, err
}

type tally struct {
	counts  map[outcome]int
	refused map[string]int
}

func (c *tally) add(t *testing.T, name string, what outcome, why string) {
	c.counts[what]++
	switch what {
	case equal, failsToo:
		return
	case different:
		t.Errorf("%s: %s: %s", name, what, why)
		return
	case refused:
		for _, r := range reasons {
			if r.message.MatchString(why) {
				c.refused[r.reason]++
				break
			}
		}
	case onlyHere:
	}
	t.Logf("%s: %s: %s", name, what, why)
}

// TestParityOfPublicOverlays compares what Kustomize's own program and this package make of the kustomizations that `make parity`
// fetches, and of the inputs of Kustomize's own tests. It writes the table of docs/compatibility.md to .cache/kustomize/parity.txt.
func TestParityOfPublicOverlays(t *testing.T) {
	root := os.Getenv("OVERLAYS")
	if root == "" {
		t.Skip("OVERLAYS names no folder with kustomizations; `make parity` does")
	}
	p := commands(t)
	var table strings.Builder
	kinds := []struct {
		name string
		each func(*tally)
	}{
		{"kustomizations", func(c *tally) {
			all, err := overlays(root)
			if err != nil || len(all) == 0 {
				t.Errorf("%d kustomizations in %s, %v", len(all), root, err)
			}
			for _, dir := range all {
				rel, _ := filepath.Rel(root, dir)
				what, why := p.compare(t.Context(), root, rel)
				c.add(t, rel, what, why)
			}
		}},
		{"inputs of Kustomize's own tests", func(c *tally) {
			var inputs []goInput
			for _, folder := range []string{"krusty", "internal/target"} {
				some, err := goInputs(filepath.Join(root, "sigs.k8s.io/kustomize/api", folder))
				if err != nil {
					t.Error(err)
				}
				inputs = append(inputs, some...)
			}
			for _, in := range inputs {
				archive := &txtar.Archive{}
				for name, text := range in.files {
					archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text)})
				}
				what, why := p.compare(t.Context(), unpack(t, archive), in.dir)
				c.add(t, in.name, what, why)
			}
		}},
	}
	for _, kind := range kinds {
		c := &tally{counts: map[outcome]int{}, refused: map[string]int{}}
		kind.each(c)
		for _, what := range slices.Sorted(maps.Keys(c.counts)) {
			fmt.Fprintf(&table, "%4d %s: %s\n", c.counts[what], kind.name, what)
		}
		for _, reason := range slices.Sorted(maps.Keys(c.refused)) {
			fmt.Fprintf(&table, "%4d of these refused: %s\n", c.refused[reason], reason)
		}
	}
	t.Log("\n" + table.String())
	if err := os.WriteFile("../../.cache/kustomize/parity.txt", []byte(table.String()), 0o600); err != nil {
		t.Error(err)
	}
}
