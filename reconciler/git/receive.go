// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/reconciler/durable"
)

// tmpPrefix begins the names of files that are being written; the next start removes what it finds of them.
const tmpPrefix = "tmp_"

// receive keeps the pack that a server sends in a folder, with an index beside it, and returns its name; an empty one for
// a pack with nothing in it. go-git's own writer indexes while it downloads, without a bound, and leaves its files and
// descriptors behind when the pack turns out bad; here the pack is first spooled, then looked over, then kept.
//
// Small packs are kept as they are too, rather than taken apart into loose objects: a pack can be synced, and a file per
// object takes a block of the disk each. [Store.Collect] makes one of many.
func (s *Store) receive(ctx context.Context, from io.Reader, into string) (name string, err error) {
	spool, err := os.CreateTemp(s.packDir(), tmpPrefix+"pack_")
	if err != nil {
		return "", fmt.Errorf("storing the pack: %w", err)
	}
	defer func() {
		// After install the name is gone, which is fine.
		_ = spool.Close()
		_ = os.Remove(spool.Name())
	}()
	if _, err := io.Copy(spool, &capped{r: from, left: s.limits.MaxPack, limit: tooMuch(s.limits)}); err != nil {
		return "", fmt.Errorf("downloading the pack: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errBadPack, p)
		}
	}()
	count, err := s.inspect(ctx, spool)
	if err != nil || count == 0 {
		return "", err
	}
	return install(spool, into)
}

var errBadPack = errors.New("the server sent a damaged pack")

// inspect reads all of a pack once, holding nothing, and refuses it when an object in it would become
// larger than the limit: a few kilobytes can inflate to gigabytes, and go-git inflates into memory.
func (s *Store) inspect(ctx context.Context, pack io.ReadSeeker) (count uint32, err error) {
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return 0, fmt.Errorf("reading the pack: %w", err)
	}
	scan := packfile.NewScanner(bufio.NewReaderSize(pack, 64<<10))
	if _, count, err = scan.Header(); err != nil {
		return 0, fmt.Errorf("%w: %w", errBadPack, err)
	}
	for range count {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		h, err := scan.NextObjectHeader()
		if err != nil {
			return 0, fmt.Errorf("%w: %w", errBadPack, err)
		}
		if h.Length > s.limits.MaxObject {
			return 0, s.tooLarge(h.Length)
		}
		var head deltaHead
		if _, _, err := scan.NextObject(&head); err != nil {
			return 0, fmt.Errorf("%w: %w", errBadPack, err)
		}
		if h.Type.IsDelta() {
			if n := head.target(); n > s.limits.MaxObject {
				return 0, s.tooLarge(n)
			}
		}
	}
	return count, nil
}

func (s *Store) tooLarge(n int64) error {
	return &LimitError{Subject: "an object of the repository", Got: n, Limit: s.limits.MaxObject, Unit: "bytes", Field: "MaxObject"}
}

// deltaHead keeps the first bytes of a delta, which say how long its base and its result are.
type deltaHead struct{ b []byte }

func (d *deltaHead) Write(p []byte) (int, error) {
	if room := 20 - len(d.b); room > 0 {
		d.b = append(d.b, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (d *deltaHead) target() int64 {
	var sizes [2]uint64
	rest := d.b
	for i := range sizes {
		for shift := 0; len(rest) > 0 && shift < 63; shift += 7 {
			c := rest[0]
			rest = rest[1:]
			sizes[i] |= uint64(c&0x7f) << shift
			if c&0x80 == 0 {
				break
			}
		}
	}
	return int64(sizes[1] &^ (1 << 63)) //nolint:gosec // the top bit is taken out
}

// install indexes a pack and keeps both in a folder.
func install(pack *os.File, into string) (name string, err error) {
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("reading the pack: %w", err)
	}
	writer := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(pack), writer)
	if err != nil {
		return "", fmt.Errorf("reading the pack: %w", err)
	}
	sum, err := parser.Parse()
	if err != nil {
		return "", fmt.Errorf("%w: %w", errBadPack, err)
	}
	return "pack-" + sum.String(), keepPack(pack, writer, filepath.Join(into, "pack-"+sum.String()))
}

// keepPack writes the index of a pack that has a temporary name, and renames the pack once both are on
// the disk. The pack's name comes last: an index without its pack is ignored, the other way round is damage.
func keepPack(pack *os.File, writer *idxfile.Writer, base string) error {
	index, err := writer.Index()
	if err != nil {
		return fmt.Errorf("indexing the pack: %w", err)
	}
	idx, err := os.CreateTemp(filepath.Dir(base), tmpPrefix+"idx_")
	if err != nil {
		return fmt.Errorf("indexing the pack: %w", err)
	}
	buf := bufio.NewWriter(idx)
	_, err = idxfile.NewEncoder(buf).Encode(index)
	if err = errors.Join(err, buf.Flush()); err == nil {
		var both errgroup.Group // the disk syncs two files in hardly more time than one
		both.Go(idx.Sync)
		both.Go(pack.Sync)
		err = both.Wait()
	}
	if err = errors.Join(err, idx.Close()); err == nil {
		err = os.Rename(idx.Name(), base+".idx")
	}
	if err != nil {
		_ = os.Remove(idx.Name())
		return fmt.Errorf("indexing the pack: %w", err)
	}
	if err := durable.Rename(pack.Name(), base+".pack"); err != nil {
		return fmt.Errorf("keeping the pack: %w", err)
	}
	return nil
}

// packNames returns the packs of the store, without folder and suffix.
func (s *Store) packNames() (map[string]bool, error) {
	entries, err := os.ReadDir(s.packDir())
	if err != nil {
		return nil, fmt.Errorf("listing the packs: %w", err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".pack"); ok {
			names[name] = true
		}
	}
	return names, nil
}

// dropPacks removes packs.
func (s *Store) dropPacks(names []string) error {
	if len(names) == 0 {
		return nil
	}
	return s.objects.swap(func() error { return removePacks(s.packDir(), names) })
}

// removePacks removes packs, each before its index.
func removePacks(dir string, names []string) error {
	var packs, indexes []string
	for _, name := range names {
		packs = append(packs, filepath.Join(dir, name+".pack"))
		indexes = append(indexes, filepath.Join(dir, name+".idx"))
	}
	if err := errors.Join(durable.Remove(packs...), durable.Remove(indexes...)); err != nil {
		return fmt.Errorf("removing packs: %w", err)
	}
	return nil
}

// sweepPacks removes what interrupted writes left, and reports a pack that does not match its index.
func (s *Store) sweepPacks() error {
	entries, err := os.ReadDir(s.packDir())
	if err != nil {
		return fmt.Errorf("listing the packs: %w", err)
	}
	packs, err := s.packNames()
	if err != nil {
		return err
	}
	for _, e := range entries {
		base, isIndex := strings.CutSuffix(e.Name(), ".idx")
		if strings.HasPrefix(e.Name(), tmpPrefix) || isIndex && !packs[base] {
			if err := os.Remove(filepath.Join(s.packDir(), e.Name())); err != nil {
				return fmt.Errorf("removing what an interrupted write left: %w", err)
			}
		}
	}
	for name := range packs {
		if err := checkPack(filepath.Join(s.packDir(), name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// checkPack compares a pack's last bytes, its checksum, with what its index says: cheap, and any pack that
// was cut short fails it.
func checkPack(base string) error {
	idx, err := os.Open(base + ".idx")
	if err != nil {
		return err
	}
	defer idx.Close()
	index := idxfile.NewMemoryIndex()
	if err := idxfile.NewDecoder(bufio.NewReader(idx)).Decode(index); err != nil {
		return err
	}
	pack, err := os.Open(base + ".pack")
	if err != nil {
		return err
	}
	defer pack.Close()
	sum := make([]byte, len(index.PackfileChecksum))
	if _, err := pack.Seek(-int64(len(sum)), io.SeekEnd); err != nil {
		return err
	}
	if _, err := io.ReadFull(pack, sum); err != nil {
		return err
	}
	if string(sum) != string(index.PackfileChecksum[:]) {
		return errors.New("the pack does not match its index")
	}
	return nil
}

// unwrapSideband returns the pack out of a server's answer, which may interleave it with progress.
func unwrapSideband(caps *capability.List, res *packp.UploadPackResponse) io.Reader {
	switch {
	case caps.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, res)
	case caps.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, res)
	}
	return res
}
