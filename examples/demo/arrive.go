// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

// The example's data are of a week in January, and its lots begin in it. The demo has that week end today: the day that has ended last
// is the newest lot. Where the example says /lake, it has a folder of its own, so that nothing is written outside of that.
const (
	exampleLake  = "file:///lake"
	exampleSince = "since: 2026-01-05T00:00:00Z"
	week         = 7
	// lotsEnvironment is where lots arrive.
	lotsEnvironment = "dev"
)

// sinceText declares that lots begin at a day.
func sinceText(from lot.Lot) string { return "since: " + from.Start.Format(time.RFC3339) }

// settle has a copy of the example keep its data in a folder, and its lots begin at a day.
func settle(work, lake string, from lot.Lot) (err error) {
	root, err := os.OpenRoot(work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		data, err := root.ReadFile(path)
		if err != nil {
			return err
		}
		text := strings.NewReplacer(exampleLake, "file://"+lake, exampleSince, sinceText(from)).Replace(string(data))
		if text == string(data) {
			return nil
		}
		return root.WriteFile(path, []byte(text), 0o644)
	})
}

// day is the lot that ended so many days ago, counted from the last midnight before the demo began.
func (d *demo) day(ago int) lot.Lot { return lot.Daily.At(d.today.AddDate(0, 0, -ago)) }

// arrival is a dataset that comes from outside, with the file of the example that has a week of it.
type arrival struct{ project, dataset, file string }

func external() []arrival {
	return []arrival{
		{"orders", "exports", "projects/orders/data/orders.csv"},
		{"rates", "quotes", "projects/rates/data/fx.csv"},
	}
}

// arrive does what another system does that brings a day of data: it writes the object, and then the manifest that says so.
func (d *demo) arrive(ctx context.Context, ago int) error {
	for _, a := range external() {
		data, err := os.ReadFile(d.path("work", filepath.FromSlash(a.file)))
		if err != nil {
			return fmt.Errorf("reading a week of %s: %w", a.dataset, err)
		}
		rows, l := rowsOf(string(data), week-ago+1, d.day(ago)), d.day(ago)
		name := l.Start.Format(time.DateOnly) + ".csv"
		dir := d.path("lake", lotsEnvironment, a.project, a.dataset)
		err = errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), []byte(rows), 0o644)) //nolint:gosec // what computes reads it
		if err != nil {
			return fmt.Errorf("bringing %s of %s: %w", a.dataset, l, err)
		}
		key := manifest.Key{Dataset: manifest.Dataset{Name: a.dataset, Version: "1"}, Lot: l, State: manifest.Complete}
		uri := manifest.URI("file://"+dir+"/", name)
		err = store.With(ctx, "file://"+d.path("lake", "manifests", lotsEnvironment, a.project)+"/", bucket.Options{}, func(s *store.Store) error {
			return s.Write(ctx, key, manifest.Manifest{State: manifest.Complete, LotID: l.ID(), URIType: manifest.Identifier, URIs: []string{uri}})
		})
		if err != nil {
			return fmt.Errorf("saying that %s of %s are there: %w", a.dataset, l, err)
		}
	}
	return nil
}

// rowsOf are those of a day of January of a table of the example, as of another day.
func rowsOf(table string, day int, as lot.Lot) string {
	var out strings.Builder
	of := fmt.Sprintf("2026-01-%02d", day)
	for line := range strings.Lines(table) {
		if out.Len() == 0 || strings.Contains(line, of+",") {
			out.WriteString(strings.Replace(line, of, as.Start.Format(time.DateOnly), 1))
		}
	}
	return out.String()
}

// manifestOf is the file that says that a lot is there.
func (d *demo) manifestOf(project, dataset string, l lot.Lot) string {
	key := manifest.Key{Dataset: manifest.Dataset{Name: dataset, Version: "1"}, Lot: l, State: manifest.Complete}
	return d.path("lake", "manifests", lotsEnvironment, project, filepath.FromSlash(key.Path()))
}

// taking reads what was computed of a day in the end: where it is, its manifest says.
func (d *demo) taking(l lot.Lot) (address, text string, err error) {
	data, err := os.ReadFile(d.manifestOf("revenue", "takings", l))
	if err != nil {
		return "", "", fmt.Errorf("reading the manifest of %s: %w", l, err)
	}
	m, err := manifest.Parse(data)
	if err == nil && len(m.URIs) != 1 {
		err = fmt.Errorf("it lists %d objects, want one", len(m.URIs))
	}
	if err != nil {
		return "", "", fmt.Errorf("reading the manifest of %s: %w", l, err)
	}
	file := strings.TrimPrefix(m.URIs[0], "file://")
	data, err = os.ReadFile(file)
	if err != nil {
		return "", "", fmt.Errorf("reading what %s has: %w", l, err)
	}
	return strings.TrimPrefix(file, d.dir+"/"), string(data), nil
}
