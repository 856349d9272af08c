// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
)

// maxArchiveDepth bounds archives in archives.
const maxArchiveDepth = 4

// unpackArchives replaces each charts/*.tgz by the files in it. Helm's loader would unpack them too, but up to
// a limit of 100 MiB for each, which is a variable of the whole process.
func unpackArchives(files []*loader.BufferedFile) ([]*loader.BufferedFile, error) {
	u := unpacker{budget: maxChartBytes}
	return u.unpack(files, 0)
}

type unpacker struct{ budget int64 }

func (u *unpacker) unpack(files []*loader.BufferedFile, depth int) ([]*loader.BufferedFile, error) {
	out := make([]*loader.BufferedFile, 0, len(files))
	for _, f := range files {
		if !isSubchartArchive(f.Name) {
			out = append(out, f)
			continue
		}
		if depth == maxArchiveDepth {
			return nil, fmt.Errorf("%s: archives nest deeper than %d levels", f.Name, maxArchiveDepth)
		}
		inner, err := u.archive(f.Data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if inner, err = u.unpack(inner, depth+1); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		// The loader groups by folder; this one cannot be there already.
		folder := strings.TrimSuffix(f.Name, ".tgz") + ".unpacked"
		for _, i := range inner {
			out = append(out, &loader.BufferedFile{Name: path.Join(folder, i.Name), Data: i.Data})
		}
		if len(out) > maxChartFiles {
			return nil, fmt.Errorf("the chart has more than %d files", maxChartFiles)
		}
	}
	return out, nil
}

// archive first counts what the archive expands to, without keeping it.
func (u *unpacker) archive(data []byte) ([]*loader.BufferedFile, error) {
	zipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	size, err := io.Copy(io.Discard, io.LimitReader(zipped, u.budget+1))
	if err != nil {
		return nil, err
	}
	if u.budget -= size; u.budget < 0 {
		return nil, fmt.Errorf("the archive expands to more than %d MiB", maxChartBytes>>20)
	}
	return loader.LoadArchiveFiles(bytes.NewReader(data))
}

// isSubchartArchive tells charts/x.tgz, of the chart or of a subchart that is a folder.
func isSubchartArchive(name string) bool {
	return path.Ext(name) == ".tgz" && path.Base(path.Dir(name)) == "charts" &&
		!strings.HasPrefix(path.Base(name), ".") && !strings.HasPrefix(path.Base(name), "_")
}
