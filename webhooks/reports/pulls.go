// SPDX-License-Identifier: Apache-2.0

package reports

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/reconciler/durable"
	"trunkline.dev/trunkline/webhooks/report"
)

const (
	// maxPulls bounds how many pull requests are kept, the open ones before the others, and these no longer than a link is good.
	maxPulls = 2000
	// pullForm and factsForm end the names of files: what is known of a pull request, and the report on it.
	pullForm, factsForm = ".pull.json", ".facts.gz"
)

// pullName is what a file may be called after.
var pullName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ErrNoPull says that nothing is known of a pull request.
var ErrNoPull = errors.New("this pull request is not known")

// stored is a report as it is on disk.
type stored struct {
	Facts report.Facts
	Flow  *draw.Graph `json:",omitempty"`
}

// readPulls reads what was kept by the process before this one. What cannot be read is as if it had not been kept: it is found out again.
func (k *Keeper) readPulls() error {
	files, err := filepath.Glob(filepath.Join(k.dir, "*"+pullForm))
	if err != nil {
		return fmt.Errorf("listing the pull requests: %w", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		var p report.Pull
		if err == nil && json.Unmarshal(data, &p) == nil && p.Name+pullForm == filepath.Base(file) {
			k.pulls[p.Name] = p
		}
	}
	return nil
}

// Note keeps what the forge says of a pull request.
func (k *Keeper) Note(p report.Pull) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	p.Report = k.pulls[p.Name].Report
	return k.put(p)
}

// put writes a pull request if it differs from what is kept. The caller holds the lock.
func (k *Keeper) put(p report.Pull) error {
	if !pullName.MatchString(p.Name) {
		return fmt.Errorf("%q is not the name of a pull request", p.Name)
	}
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("keeping a pull request: %w", err)
	}
	if before, known := k.pulls[p.Name]; known {
		if same, err := json.Marshal(before); err == nil && string(same) == string(data) {
			return nil
		}
	}
	if err := durable.Replace(filepath.Join(k.dir, p.Name+pullForm), data, filepath.Join(k.dir, temporary+"*")); err != nil {
		return fmt.Errorf("keeping pull request %s: %w", p.Name, err)
	}
	k.pulls[p.Name] = p
	k.changed()
	return k.prunePulls()
}

// keepFacts keeps the facts of a report for the console. The caller holds the lock.
func (k *Keeper) keepFacts(name string, f report.Facts) error {
	data, err := json.Marshal(stored{f, f.Flow})
	if err != nil {
		return fmt.Errorf("keeping the report on pull request %s: %w", name, err)
	}
	packed, err := pack(data)
	if err == nil {
		err = durable.Replace(filepath.Join(k.dir, name+factsForm), packed, filepath.Join(k.dir, temporary+"*"))
	}
	if err != nil {
		return fmt.Errorf("keeping the report on pull request %s: %w", name, err)
	}
	p, known := k.pulls[name]
	if !known {
		return nil
	}
	s := f.Summary()
	p.Report = &s
	return k.put(p)
}

// Drop forgets a pull request.
func (k *Keeper) Drop(name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.pulls[name]; !known {
		return nil
	}
	k.changed()
	return k.drop(name)
}

func (k *Keeper) drop(name string) error {
	delete(k.pulls, name)
	var errs []error
	for _, form := range []string{pullForm, factsForm} {
		if err := os.Remove(filepath.Join(k.dir, name+form)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// prunePulls forgets those that are beyond what is kept. The caller holds the lock.
func (k *Keeper) prunePulls() error {
	var errs []error
	all := k.sorted()
	for i, p := range all {
		if i >= maxPulls || !p.Open() && k.now().Sub(cmp.Or(p.Closed, p.Updated)) > longest {
			errs = append(errs, k.drop(p.Name))
		}
	}
	return errors.Join(errs...)
}

func (k *Keeper) sorted() []report.Pull {
	out := make([]report.Pull, 0, len(k.pulls))
	for _, p := range k.pulls {
		out = append(out, p)
	}
	slices.SortFunc(out, report.ComparePulls)
	return out
}

// Pulls returns the pull requests that are known: the open ones first, and then the newest first.
func (k *Keeper) Pulls() []report.Pull {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sorted()
}

// Pull returns a pull request and the report on it; nil if there is none. The error is [ErrNoPull] if it is not known.
func (k *Keeper) Pull(name string) (report.Pull, *report.Facts, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, known := k.pulls[name]
	if !known {
		return report.Pull{}, nil, ErrNoPull
	}
	packed, err := os.ReadFile(filepath.Join(k.dir, name+factsForm))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil, nil
	}
	if err != nil {
		return p, nil, fmt.Errorf("reading a report: %w", err)
	}
	data, err := unpack(packed)
	var s stored
	if err != nil || json.Unmarshal(data, &s) != nil {
		return p, nil, nil // what is damaged is found out again: it is no report
	}
	s.Facts.Flow = s.Flow
	return p, &s.Facts, nil
}

// isFacts reports whether a file is the report on a pull request that is known, which is kept as long as that is.
func (k *Keeper) isFacts(file string) bool {
	name, ok := strings.CutSuffix(file, factsForm)
	_, known := k.pulls[name]
	return ok && known
}
