// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"compress/gzip"
	"io"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"trunkline.dev/trunkline/build"
	"trunkline.dev/trunkline/build/archive"
)

// The modes of files: who has checked them out, and how, is not told.
const (
	plain      = 0o644
	executable = 0o755
)

// Code is a layer of files.
type Code struct {
	v1.Layer

	DiffID v1.Hash
	Files  []build.File
	// Folder is where they are in the image.
	Folder string
}

// Layer makes one of files in a folder. They belong to root, and everybody may read them.
func Layer(files []build.File, folder string) (Code, error) {
	below := strings.TrimPrefix(folder, "/")
	nodes := []archive.Node{archive.Folder(below, executable, 0)} // it is there without files, too
	for _, f := range files {
		n := archive.Node{Name: path.Join(below, f.Path), Mode: plain, Content: f.Data}
		if f.Executable {
			n.Mode = executable
		}
		nodes = append(nodes, n)
	}
	var tar bytes.Buffer
	if err := archive.WriteTar(&tar, nodes); err != nil {
		return Code{}, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(tar.Bytes())), nil },
		tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		return Code{}, err
	}
	id, err := l.DiffID()
	return Code{Layer: l, DiffID: id, Files: files, Folder: folder}, err
}
