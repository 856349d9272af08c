// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // Git's checksum, against accidents
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"trunkline.dev/trunkline/reconciler/durable"
)

// repair brings everything of the tips and their history, and removes what is damaged. The new pack is looked over by
// itself, so that damage here is never taken for the server's, and what can be read meanwhile stays until the new pack is
// there. What is sound stays in any case: other tracks may need it.
func (s *Store) repair(ctx context.Context, talk *conversation) error {
	done, err := s.turns.wait(ctx, turnStaging)
	if err != nil {
		return fmt.Errorf("waiting for the store's clean-up: %w", err)
	}
	defer done()
	packs, err := s.stage()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(s.stagingDir()) }() // the next one to stage does it too
	req, err := talk.request()
	if err != nil {
		return err
	}
	names, err := s.transfer(ctx, talk, req, packs)
	if err != nil {
		return err
	}
	for _, tip := range talk.tips {
		if err := s.completeIn(ctx, s.stagingDir(), tip); err != nil {
			return err
		}
	}
	release, err := s.gate.alone(ctx)
	if err != nil {
		return err
	}
	defer release()
	damaged, err := s.damagedPacks(ctx, names)
	if err != nil {
		return err
	}
	err = s.objects.swap(func() error {
		return errors.Join(s.publish(packs, names), removePacks(s.packDir(), damaged), s.removeDamagedLoose(ctx))
	})
	if err != nil {
		return err
	}
	s.objects.damaged.Store(false)
	return s.removeDanglingRefs(ctx)
}

// removeDanglingRefs removes the refs to what is lost for good: their tracks are fetched as if they were new.
func (s *Store) removeDanglingRefs(ctx context.Context) error {
	refs, err := s.refs()
	if err != nil {
		return err
	}
	for name, h := range refs {
		err := s.objects.completeCommit(ctx, h)
		if isObjectError(err) {
			err = s.removeRef(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// completeIn reports what is wrong with a commit as it is in a repository that holds nothing but what a server sent.
func (s *Store) completeIn(ctx context.Context, dir string, tip plumbing.Hash) error {
	sent := newObjects(s.limits, func() *filesystem.Storage { return s.storageIn(dir) })
	defer sent.sto.Close()
	if err := sent.completeCommit(ctx, tip); err != nil {
		return &unusableError{tip, err}
	}
	return nil
}

// publish moves packs to where they are read, each index before its pack.
func (s *Store) publish(from string, names []string) error {
	for _, name := range names {
		s.step("publish index of " + name)
		err := os.Rename(filepath.Join(from, name+".idx"), filepath.Join(s.packDir(), name+".idx"))
		if err == nil {
			s.step("publish " + name)
			err = durable.Rename(filepath.Join(from, name+".pack"), filepath.Join(s.packDir(), name+".pack"))
		}
		if err != nil {
			return fmt.Errorf("keeping new packs: %w", err)
		}
	}
	return nil
}

// damagedPacks lists the packs that do not match their checksum, but for those that are replaced anyway.
func (s *Store) damagedPacks(ctx context.Context, replaced []string) ([]string, error) {
	names, err := s.packNames()
	if err != nil {
		return nil, err
	}
	for _, name := range replaced {
		delete(names, name)
	}
	var damaged []string
	for name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		base := filepath.Join(s.packDir(), name)
		if checkPack(base) != nil || checkSum(base+".pack") != nil {
			damaged = append(damaged, name)
		}
	}
	return damaged, nil
}

var errSum = errors.New("the content does not match its checksum")

// checkSum compares a file with the checksum that it ends in.
func checkSum(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum := sha1.New() //nolint:gosec // Git's checksum, against accidents
	in := bufio.NewReaderSize(f, 1<<20)
	if _, err := io.CopyN(sum, in, info.Size()-int64(sum.Size())); err != nil {
		return err
	}
	want, err := io.ReadAll(in)
	if err == nil && string(want) != string(sum.Sum(nil)) {
		err = errSum
	}
	return err
}

// looseObjects calls a function for every loose object.
func (s *Store) looseObjects(each func(file string, h plumbing.Hash) error) error {
	files, err := filepath.Glob(filepath.Join(s.dir, "objects", "[0-9a-f][0-9a-f]", "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file)) + filepath.Base(file)
		if h, err := parseHash(name); err != nil {
			continue // not ours
		} else if err := each(file, h); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) removeDamagedLoose(ctx context.Context) error {
	var damaged []string
	err := s.looseObjects(func(file string, h plumbing.Hash) error {
		if checkLoose(file, h, s.limits) != nil {
			damaged = append(damaged, file)
		}
		return ctx.Err()
	})
	if err = errors.Join(err, durable.Remove(damaged...)); err != nil {
		return fmt.Errorf("removing damaged objects: %w", err)
	}
	return nil
}

// checkLoose reads a loose object and compares it with its name.
func checkLoose(file string, h plumbing.Hash, lim Limits) (err error) {
	defer recoverCorrupt(plumbing.AnyObject, h, &err)
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := objfile.NewReader(f)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, _, err := r.Header(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(r, lim.MaxObject)); err != nil {
		return err
	}
	if r.Hash() != h {
		return errSum
	}
	return nil
}
