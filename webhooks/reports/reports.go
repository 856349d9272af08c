// SPDX-License-Identifier: Apache-2.0

// Package reports keeps the full reports of pull requests in the data folder, and makes the links by which they are read: whoever
// has a link may read its report until it expires, and nobody can guess or make one.
//
// Of Trunkline it may import catalog/draw, reconciler/durable and webhooks/report.
package reports

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/reconciler/durable"
	"trunkline.dev/trunkline/webhooks/report"
)

const (
	// maxReports and maxBytes bound what is kept, in reports and in bytes as they are on disk; the oldest go first.
	maxReports, maxBytes = 500, 256 << 20
	// temporary begins the names of files that are being written.
	temporary = "new-"
	// maxPage bounds a page that is read, in bytes.
	maxPage = 64 << 20
)

// Errors of [Keeper.Read].
var (
	// ErrNoLink says that a link is none of ours, or expired.
	ErrNoLink = errors.New("this is no link to a report")
	// ErrGone says that a link is right, and its report is not kept any more.
	ErrGone = errors.New("the report is not kept any more")
)

// Keeper keeps reports. Its methods may be called by any goroutine.
type Keeper struct {
	dir, base string
	now       func() time.Time
	// changed tells those who look at pull requests that one has changed.
	changed func()

	mu    sync.Mutex
	keys  keys
	pulls map[string]report.Pull
}

// Open opens the reports in a folder, which is created if need be. The base is where people reach the daemon; without one there are
// no links. Changed is called whenever what is known of a pull request changes; it must not block.
func Open(dir, base string, changed func(), now func() time.Time) (*Keeper, error) {
	if err := durable.MakeFolder(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of reports: %w", err)
	}
	k := &Keeper{dir: dir, base: strings.TrimSuffix(base, "/"), changed: changed, now: now, pulls: map[string]report.Pull{}}
	err := k.readPulls()
	if err != nil {
		return nil, err
	}
	if k.keys, err = readKeys(k.keyFile()); err != nil {
		return nil, err
	}
	return k, k.rotate()
}

func (k *Keeper) keyFile() string { return filepath.Join(k.dir, "keys.json") }

// rotate makes a new key if the newest one is old, and forgets those that no link is good by any more.
func (k *Keeper) rotate() error {
	next, changed, err := k.keys.rotated(k.now())
	if err != nil || !changed {
		return err
	}
	if err := next.write(k.keyFile()); err != nil {
		return err
	}
	k.keys = next
	return nil
}

// Keep keeps the report on a head of a pull request, and returns the address at which it is read; empty if there is none. That stays
// the same for days.
func (k *Keeper) Keep(pull, head string, r report.Review) (address string, err error) {
	facts := report.FactsOf(r)
	page, err := report.Page(facts)
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.rotate(); err != nil {
		return "", err
	}
	if err := k.keepFacts(pull, facts); err != nil {
		return "", err
	}
	if k.base == "" {
		return "", nil
	}
	id := idOf(pull, head)
	for form, content := range map[string][]byte{".html.gz": page, ".md.gz": []byte(report.Full(r))} {
		file := filepath.Join(k.dir, id.String()+form)
		packed, err := pack(content)
		if err == nil {
			err = durable.Replace(file, packed, filepath.Join(k.dir, temporary+"*"))
		}
		if err == nil {
			err = os.Chtimes(file, k.now(), k.now())
		}
		if err != nil {
			return "", fmt.Errorf("keeping the report on pull request %s: %w", pull, err)
		}
	}
	if err := k.prune(); err != nil {
		return "", err
	}
	return k.base + "/reports/" + k.keys.link(id, expiry(k.now())), nil
}

// Read returns the report that a link leads to, as a page of HTML or in Markdown.
func (k *Keeper) Read(link string, markdown bool) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id, ok := k.keys.open(link, k.now())
	if !ok {
		return nil, ErrNoLink
	}
	form := ".html.gz"
	if markdown {
		form = ".md.gz"
	}
	packed, err := os.ReadFile(filepath.Join(k.dir, id.String()+form))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	return unpack(packed)
}

// prune removes the oldest reports beyond what is kept, and those that no link is good for any more.
func (k *Keeper) prune() error {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return fmt.Errorf("listing the reports: %w", err)
	}
	type kept struct {
		name string
		at   time.Time
		size int64
	}
	var all []kept
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), temporary) {
			_ = os.Remove(filepath.Join(k.dir, e.Name())) // of a process that was killed
		}
		if err != nil || !strings.HasSuffix(e.Name(), ".gz") || k.isFacts(e.Name()) {
			continue // it is gone already, or none
		}
		all = append(all, kept{e.Name(), info.ModTime(), info.Size()})
	}
	slices.SortFunc(all, func(a, b kept) int { return cmp.Or(b.at.Compare(a.at), strings.Compare(a.name, b.name)) })
	var errs []error
	size := int64(0)
	for i, f := range all {
		if size += f.size; i >= 2*maxReports || size > maxBytes || k.now().Sub(f.at) > longest {
			errs = append(errs, os.Remove(filepath.Join(k.dir, f.name)))
		}
	}
	return errors.Join(errs...)
}

func pack(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(r, maxPage))
	if err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	return content, nil
}
