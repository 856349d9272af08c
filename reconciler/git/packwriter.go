// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bufio"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // Git's checksum, against accidents
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

// packWriter writes objects as a pack, one at a time and without deltas. go-git's encoder holds all objects of a pack in
// memory.
type packWriter struct {
	dir   string
	file  *os.File
	buf   *bufio.Writer
	sum   hash.Hash
	crc   hash.Hash32
	out   io.Writer // to all of these
	zip   *zlib.Writer
	index *idxfile.Writer
	at    int64
	left  int
}

// newPackWriter begins a pack of so many objects in a folder.
func newPackWriter(dir string, count int) (*packWriter, error) {
	f, err := os.CreateTemp(dir, tmpPrefix+"pack_")
	if err != nil {
		return nil, fmt.Errorf("writing a pack: %w", err)
	}
	w := &packWriter{
		dir: dir, file: f, buf: bufio.NewWriterSize(f, 256<<10), sum: sha1.New(), crc: crc32.NewIEEE(), //nolint:gosec // Git's checksum
		index: new(idxfile.Writer), left: count,
	}
	w.out = io.MultiWriter(w.buf, w.sum, w.crc)
	w.zip = zlib.NewWriter(io.Discard)
	header := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(count)) //nolint:gosec // bounded by memory
	err = errors.Join(w.index.OnHeader(uint32(count)), w.write(header))                    //nolint:gosec // bounded by memory
	if err != nil {
		w.abandon()
		return nil, fmt.Errorf("writing a pack: %w", err)
	}
	return w, nil
}

func (w *packWriter) write(p []byte) error {
	n, err := w.Write(p)
	_ = n // Write returns an error when it is short
	return err
}

// Write counts what goes into the pack.
func (w *packWriter) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	w.at += int64(n)
	return n, err
}

// add writes an object.
func (w *packWriter) add(typ plumbing.ObjectType, h plumbing.Hash, content []byte) error {
	start := w.at
	w.crc.Reset()
	// Type and length: four bits of the length, then seven to a byte.
	size := uint64(len(content))
	first := byte(typ)<<4 | byte(size&0x0f) //nolint:gosec // a type of four
	header := []byte{first}
	for size >>= 4; size > 0; size >>= 7 {
		header[len(header)-1] |= 0x80
		header = append(header, byte(size&0x7f))
	}
	err := w.write(header)
	if err == nil {
		w.zip.Reset(w)
		_, err = w.zip.Write(content)
		err = errors.Join(err, w.zip.Close())
	}
	if err != nil {
		return fmt.Errorf("writing a pack: %w", err)
	}
	w.left--
	return w.index.OnInflatedObjectContent(h, start, w.crc.Sum32(), nil)
}

// finish keeps the pack and returns its name.
func (w *packWriter) finish() (string, error) {
	defer w.abandon() // what is kept has another name by then
	if w.left != 0 {
		return "", fmt.Errorf("writing a pack: %d objects are missing", w.left)
	}
	sum := plumbing.Hash(w.sum.Sum(nil))
	if _, err := w.buf.Write(sum[:]); err != nil {
		return "", fmt.Errorf("writing a pack: %w", err)
	}
	if err := errors.Join(w.buf.Flush(), w.index.OnFooter(sum)); err != nil {
		return "", fmt.Errorf("writing a pack: %w", err)
	}
	name := "pack-" + sum.String()
	return name, keepPack(w.file, w.index, filepath.Join(w.dir, name))
}

// abandon drops what was written.
func (w *packWriter) abandon() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}
