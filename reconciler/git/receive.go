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
	"github.com/go-git/go-git/v5/plumbing/storer"
)

const (
	tmpPrefix = "tmp_"
	// looseBelow is the number of objects below which a pack is taken apart into loose objects, as git
	// itself does: following a branch brings a small pack per commit, and every look-up asks every pack.
	looseBelow = 250
)

// receive stores the objects of a pack that a server sends. go-git's own writer indexes while it
// downloads, without a bound, and leaves its files and descriptors behind when the pack turns out bad;
// here the pack is first spooled, then looked over, then kept.
func (s *Store) receive(ctx context.Context, from io.Reader, whole bool) (err error) {
	spool, err := os.CreateTemp(s.packDir(), tmpPrefix+"pack_")
	if err != nil {
		return fmt.Errorf("storing the pack: %w", err)
	}
	defer func() {
		// After install the name is gone, which is fine.
		_ = spool.Close()
		_ = os.Remove(spool.Name())
	}()
	if _, err := io.Copy(spool, &capped{r: from, left: s.limits.MaxPack, limit: tooMuch(s.limits)}); err != nil {
		return fmt.Errorf("downloading the pack: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errBadPack, p)
		}
	}()
	count, err := s.inspect(ctx, spool)
	if err != nil || count == 0 {
		return err
	}
	if count < looseBelow && !whole {
		return s.unpack(spool)
	}
	return s.install(spool)
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

// unpack writes the objects of a small pack one by one.
func (s *Store) unpack(pack io.ReadSeeker) error {
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the pack: %w", err)
	}
	sto := s.storage()
	defer sto.Close()
	// The embedded interface hides the storage's lazy writer, of which go-git keeps one open file per object.
	parser, err := packfile.NewParserWithStorage(packfile.NewScanner(pack), struct{ storer.EncodedObjectStorer }{sto})
	if err != nil {
		return fmt.Errorf("reading the pack: %w", err)
	}
	if _, err := parser.Parse(); err != nil {
		return fmt.Errorf("%w: %w", errBadPack, err)
	}
	return nil
}

// install keeps a pack as it is, with an index beside it.
func (s *Store) install(pack *os.File) error {
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the pack: %w", err)
	}
	writer := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(pack), writer)
	if err != nil {
		return fmt.Errorf("reading the pack: %w", err)
	}
	sum, err := parser.Parse()
	if err != nil {
		return fmt.Errorf("%w: %w", errBadPack, err)
	}
	index, err := writer.Index()
	if err != nil {
		return fmt.Errorf("indexing the pack: %w", err)
	}
	base := filepath.Join(s.packDir(), "pack-"+sum.String())
	idx, err := os.Create(base + ".idx")
	if err != nil {
		return fmt.Errorf("indexing the pack: %w", err)
	}
	buf := bufio.NewWriter(idx)
	_, err = idxfile.NewEncoder(buf).Encode(index)
	if err = errors.Join(err, buf.Flush(), idx.Sync(), idx.Close(), pack.Sync()); err != nil {
		return fmt.Errorf("indexing the pack: %w", err)
	}
	// The pack's name comes last: an index without its pack is ignored, the other way round is damage.
	if err := os.Rename(pack.Name(), base+".pack"); err != nil {
		return fmt.Errorf("keeping the pack: %w", err)
	}
	s.objects.reopen()
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

// dropPacks removes the packs that keep does not name.
func (s *Store) dropPacks(keep map[string]bool) error {
	names, err := s.packNames()
	if err != nil {
		return err
	}
	var errs []error
	for name := range names {
		if keep[name] {
			continue
		}
		base := filepath.Join(s.packDir(), name)
		errs = append(errs, os.Remove(base+".pack"), os.Remove(base+".idx"))
	}
	s.objects.reopen()
	return errors.Join(errs...)
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
