// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/api/lot"
	params "trunkline.dev/trunkline/api/pull"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/pull"
	"trunkline.dev/trunkline/flow/store"
)

type object = map[string]any

// lake is where lots of a dataset are pulled to, on a disk.
type lake struct {
	t   *testing.T
	dir string
	env map[string]string
	// logged are what was said meanwhile.
	logged []string
}

var dataset = manifest.Dataset{Name: "raw", Version: "1"}

func newLake(t *testing.T) *lake { return &lake{t: t, dir: t.TempDir(), env: map[string]string{}} }

func day(t *testing.T, id string) lot.Lot {
	t.Helper()
	l, err := lot.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const monday = "20260105P1D000"

// run is that of an attempt at a lot; without an id it is of none.
func (l *lake) run(id, attempt string) given.Run {
	if id == "" {
		return given.Run{Sinks: []given.Sink{{Role: "main", Folder: "file://" + l.dir + "/whole/"}}}
	}
	folder := "file://" + l.dir + "/raw/lot=" + id + "/attempt=" + attempt + "/"
	return given.Run{Lot: day(l.t, id), Attempt: attempt, Sinks: []given.Sink{{
		Role: "main", Folder: folder, Dataset: dataset, Store: folder + "_manifests/", Location: "file://" + l.dir + "/raw/", Counted: "file://" + l.dir + "/manifests/",
	}}}
}

// pull fetches a lot, as an attempt.
func (l *lake) pull(id, attempt string, values object) (pull.Pulled, error) {
	l.t.Helper()
	spec, err := params.Parse(values)
	if err != nil {
		l.t.Fatal(err)
	}
	stores := data.New(bucket.Options{})
	l.t.Cleanup(func() { _ = stores.Close() })
	p, err := pull.New(l.run(id, attempt), stores, spec, pull.Options{Env: l.env, Pause: time.Millisecond, Log: func(text string) { l.logged = append(l.logged, text) }})
	if err != nil {
		l.t.Fatal(err)
	}
	return p.Pull(l.t.Context())
}

// count has a lot count, as the daemon does what an attempt has left.
func (l *lake) count(id, attempt string) manifest.Manifest {
	l.t.Helper()
	r := l.run(id, attempt)
	for _, state := range []manifest.State{manifest.Complete, manifest.Empty} {
		key := manifest.Key{Dataset: dataset, Lot: r.Lot, State: state}
		var m manifest.Manifest
		err := store.With(l.t.Context(), r.Sinks[0].Store, bucket.Options{}, func(s *store.Store) (err error) {
			m, err = s.Read(l.t.Context(), key, r.Sinks[0].Folder)
			return err
		})
		if bucket.ClassOf(err) == bucket.NotFound {
			continue
		}
		if err == nil {
			err = store.With(l.t.Context(), r.Sinks[0].Counted, bucket.Options{}, func(s *store.Store) error { return s.Write(l.t.Context(), key, m) })
		}
		if err != nil {
			l.t.Fatal(err)
		}
		return m
	}
	l.t.Fatalf("%s has left no manifest", id)
	return manifest.Manifest{}
}

// remove has a lot not be there any more.
func (l *lake) remove(id string) {
	l.t.Helper()
	if err := os.RemoveAll(filepath.Join(l.dir, "manifests", filepath.FromSlash(manifest.Key{Dataset: dataset, Lot: day(l.t, id)}.LotPrefix()))); err != nil {
		l.t.Fatal(err)
	}
}

// files are the data that an attempt wrote, by name.
func (l *lake) files(id, attempt string) map[string]string {
	l.t.Helper()
	dir := filepath.Join(l.dir, "raw", "lot="+id, "attempt="+attempt)
	if id == "" {
		dir = filepath.Join(l.dir, "whole")
	}
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "_manifests" {
			if os.IsNotExist(err) {
				return nil
			}
			return fs.SkipDir
		}
		if d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(name)
		out[strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(name, dir)), "/")] = string(text)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}
