// SPDX-License-Identifier: Apache-2.0

// Package broken checks the platforms beside it, each of which breaks one rule, as "trunkline validate" does.
//
// It may import api, blueprints, catalog, docs/rules, evaluate, policy and render.
package broken

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/docs/rules"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/policy/custom"
	"trunkline.dev/trunkline/policy/report"
	"trunkline.dev/trunkline/render"
)

// Verdict is what was found of a case.
type Verdict struct {
	// Problems are all that are shown, sorted, and Silenced those that exceptions silence.
	Problems v1alpha1.Problems
	Silenced []policy.Silenced

	catalog *catalog.Catalog
}

// Check checks the case in a folder: a platform, or one "before" a change and one "after" it, with what else there is
// to know of the change in case.yaml. Now is the time for which schedules and exceptions are checked.
func Check(ctx context.Context, folder fs.FS, now time.Time) (*Verdict, error) {
	c, err := readCase(folder)
	if err != nil {
		return nil, err
	}
	in := policy.Input{Now: now, People: c.people(), Estimates: c.estimates(), Thorough: true}
	if in.Catalog, err = load(folder); err != nil {
		return nil, err
	}
	if _, err := fs.Stat(folder, "after"); err == nil {
		if err := change(folder, &in); err != nil {
			return nil, err
		}
	}
	settings := in.Catalog
	if in.Base != nil {
		settings = in.Base
	}
	if in.Custom, err = custom.Load(settings); err != nil {
		return nil, err
	}
	if in.Objects, err = rendering(ctx, in); err != nil {
		return nil, err
	}
	result, err := policy.Check(ctx, in)
	if err != nil {
		return nil, err
	}
	return &Verdict{Problems: result.Problems, Silenced: result.Silenced, catalog: in.Catalog}, nil
}

// rendering returns the problems that only rendering finds.
func rendering(ctx context.Context, in policy.Input) (found v1alpha1.Problems, err error) {
	head := evaluate.Input{
		Tree: in.Catalog.Tree(), Library: blueprints.FS, Renderer: render.New(blueprints.FS), Now: in.Now, Thorough: true, Runs: true,
	}
	if in.Base != nil {
		head.Changed, head.Change = in.Changed, &evaluate.Change{People: in.People}
		if head.Before, err = evaluate.Load(in.Base.Tree(), blueprints.FS); err != nil {
			return nil, err
		}
	}
	e, err := evaluate.Head(ctx, head)
	if err != nil {
		return nil, err
	}
	for _, p := range e.Problems() {
		if slices.Contains([]string{policy.RuleNotRendered, policy.RuleObject, policy.RuleShared, policy.RuleVolumes, catalog.RuleNotYet}, p.Rule) {
			found = append(found, p)
		}
	}
	return found, nil
}

func load(tree fs.FS) (*catalog.Catalog, error) {
	cat, _, err := catalog.Load(tree, blueprints.FS)
	return cat, err
}

// change puts the platforms before and after a change into what is checked.
func change(folder fs.FS, in *policy.Input) error {
	before, err := fs.Sub(folder, "before")
	if err != nil {
		return err
	}
	after, err := fs.Sub(folder, "after")
	if err != nil {
		return err
	}
	if in.Base, err = load(before); err != nil {
		return err
	}
	if in.Changed, err = differences(before, after); err != nil {
		return err
	}
	in.Catalog, _, err = in.Base.Update(after, in.Changed)
	return err
}

// differences lists the files that are not the same in two trees.
func differences(before, after fs.FS) ([]string, error) {
	var names []string
	for _, tree := range []fs.FS{before, after} {
		err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			was, err1 := fs.ReadFile(before, name)
			is, err2 := fs.ReadFile(after, name)
			if (err1 == nil) != (err2 == nil) || !bytes.Equal(was, is) {
				names = append(names, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Broken lists the rules that are broken, sorted.
func (v *Verdict) Broken() []string {
	var ids []string
	for _, p := range v.Problems {
		ids = append(ids, p.Rule)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Text is what "trunkline validate" prints, without colours and not wrapped.
func (v *Verdict) Text(name string) (string, error) {
	known, err := rules.All()
	if err != nil {
		return "", err
	}
	counts := v.catalog.Counts()
	r := report.Report{
		Problems: v.Problems, Rules: map[string]report.Rule{},
		Source: func(file string) ([]byte, error) { return fs.ReadFile(v.catalog.Tree(), file) },
		Summary: report.Summary{
			Revision: path.Join("examples/broken", name), Projects: counts.Projects, Datasets: counts.Datasets,
			Workloads: counts.Workloads, Releases: counts.Releases, Files: counts.Files,
		},
	}
	for id, rule := range known {
		r.Rules[id] = report.Rule{Title: rule.Title, Help: rule.Page, Severity: v1alpha1.Severity(rule.Default)}
	}
	var text bytes.Buffer
	if err := report.Write(&text, report.Text, r, report.Options{}); err != nil {
		return "", err
	}
	return text.String(), nil
}

// Cases lists the folders of a folder: the cases, each named like the rule that it breaks.
func Cases(all fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(all, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, errors.New("there are no cases")
	}
	return names, nil
}

// readAll reads a file that need not be there; nil then.
func readAll(tree fs.FS, name string) ([]byte, error) {
	f, err := tree.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	defer f.Close()
	return io.ReadAll(f)
}
