// SPDX-License-Identifier: Apache-2.0

// Package archive writes archives that are the same whenever and wherever they are written.
//
// It imports nothing of Trunkline.
package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"time"
)

// Epoch is the time of all files, so that an archive of the same files is the same.
var Epoch = time.Unix(0, 0).UTC()

// Node is a file or a folder.
type Node struct {
	// Name is its path, without a slash at either end.
	Name string
	Mode int64
	// UID is its owner, and the group of it.
	UID     int
	Content []byte
	// From is a file that holds the content, for one that is large.
	From   string
	Folder bool
}

// Folder is one that is there even if nothing is in it, or that has other rights than usual.
func Folder(name string, mode int64, uid int) Node {
	return Node{Name: name, Mode: mode, UID: uid, Folder: true}
}

// WriteTar writes nodes, and the folders that they are in, in the order of their names.
func WriteTar(w io.Writer, nodes []Node) error {
	all := map[string]Node{}
	for _, n := range nodes {
		for up := path.Dir(n.Name); up != "."; up = path.Dir(up) {
			if _, there := all[up]; !there {
				all[up] = Folder(up, 0o755, 0)
			}
		}
		all[n.Name] = n
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	t := tar.NewWriter(w)
	for _, name := range names {
		if err := writeNode(t, all[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return t.Close()
}

func writeNode(t *tar.Writer, n Node) error {
	header := &tar.Header{Name: n.Name, Mode: n.Mode, Uid: n.UID, Gid: n.UID, ModTime: Epoch, Typeflag: tar.TypeReg, Size: int64(len(n.Content)), Format: tar.FormatPAX}
	var content io.Reader = bytes.NewReader(n.Content)
	switch {
	case n.Folder:
		header.Name, header.Typeflag, header.Size = n.Name+"/", tar.TypeDir, 0
	case n.From != "":
		f, err := os.Open(n.From)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		header.Size, content = info.Size(), f
	}
	if err := t.WriteHeader(header); err != nil {
		return err
	}
	if n.Folder {
		return nil
	}
	_, err := io.Copy(t, content)
	return err
}
