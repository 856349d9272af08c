// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"trunkline.dev/trunkline/reconciler/durable"
)

// disk has what was fetched, in a folder: what is of an artifact is in files that begin with the hex digits of its digest.
type disk struct {
	dir string
	// most bounds what is kept, in bytes: what was used longest ago goes first.
	most int64
	now  func() time.Time
	mu   sync.Mutex
}

// The ends of the files.
const (
	endManifest = ".manifest"
	endContent  = ".content"
	endEvidence = ".signatures"
)

// kept is an artifact as it is on the disk.
type kept struct {
	// manifest is that of a registry; nil for the chart of a Helm repository. content is the archive.
	manifest, content []byte
}

func openDisk(dir string, most int64, now func() time.Time) (*disk, error) {
	if err := durable.MakeFolder(dir, 0o700); err != nil {
		return nil, err
	}
	return &disk{dir: dir, most: most, now: now}, nil
}

func (d *disk) file(of, end string) string {
	return filepath.Join(d.dir, strings.TrimPrefix(of, "sha256:")+end)
}

// get reads an artifact; ok is false if it is not there as its digest says, whatever became of it.
func (d *disk) get(of string, remote bool) (k kept, ok bool) {
	read := func(end string) []byte {
		name := d.file(of, end)
		info, err := os.Stat(name)
		if err != nil || info.Size() > maxArchive {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		at := d.now()
		_ = os.Chtimes(name, at, at) // it only says when it was used
		return data
	}
	k.content = read(endContent)
	if k.content == nil {
		return kept{}, false
	}
	want := of
	if remote {
		if k.manifest = read(endManifest); k.manifest == nil || digest.FromBytes(k.manifest).String() != of {
			return kept{}, false
		}
		layer, err := contentOf(k.manifest)
		if err != nil {
			return kept{}, false
		}
		want = layer.digest
	}
	return k, digest.FromBytes(k.content).String() == want
}

// put keeps an artifact, and makes room for it.
func (d *disk) put(of string, k kept) error {
	if k.manifest != nil {
		if err := d.write(of, endManifest, k.manifest); err != nil {
			return err
		}
	}
	if err := d.write(of, endContent, k.content); err != nil {
		return err
	}
	return d.evict(of)
}

func (d *disk) write(of, end string, data []byte) error {
	return durable.Write(d.file(of, end), data, filepath.Join(d.dir, "new-*"))
}

// evidence reads what was said of signatures; nil if that is not there.
func (d *disk) evidence(of string) (out []evidence) {
	data, err := os.ReadFile(d.file(of, endEvidence))
	if err != nil || json.Unmarshal(data, &out) != nil {
		return nil
	}
	return out
}

func (d *disk) putEvidence(of string, all []evidence) error {
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return d.write(of, endEvidence, data)
}

// evict removes what was used longest ago, but for one, until all is within the bound. Another process may do the same: what is not
// there any more is fetched again.
func (d *disk) evict(but string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	total := int64(0)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		files, total = append(files, info), total+info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	var failed []error
	for _, f := range files {
		if total <= d.most {
			break
		}
		if strings.HasPrefix(f.Name(), strings.TrimPrefix(but, "sha256:")) {
			continue
		}
		if err := os.Remove(filepath.Join(d.dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
			continue
		}
		total -= f.Size()
	}
	return errors.Join(failed...)
}
