// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// node is a place that a path leads to.
type node struct {
	// path is where the node really is: no part of it is a link.
	path string
	kind kind
	hash plumbing.Hash // of a tree's node; a folder on disk has none
}

// space is what paths are looked up in: a tree, or a folder on disk.
type space interface {
	// child returns the entry of a folder; an error that is fs.ErrNotExist when there is none.
	child(dir node, name string) (node, error)
	// target reads a link.
	target(link node) (string, error)
}

// SubmoduleError says that a path leads into a submodule. It is fs.ErrNotExist: there is nothing in the tree.
type SubmoduleError struct{ Folder string }

// Error implements error.
func (e *SubmoduleError) Error() string {
	return fmt.Sprintf("%q is a submodule, whose content is in another repository: %v", e.Folder, fs.ErrNotExist)
}

// Submodule returns the folder.
func (e *SubmoduleError) Submodule() string { return e.Folder }

// Unwrap returns [fs.ErrNotExist].
func (e *SubmoduleError) Unwrap() error { return fs.ErrNotExist }

// maxHops is how many links one look-up follows, as Linux does.
const maxHops = 40

// maxTarget is the longest target of a link, as Linux has it.
const maxTarget = 4096

// lookup walks a path from the root of a space as an operating system would: links are followed relative
// to where they really are, ".." means the real parent. There is no way out: the parent of the root, and
// an absolute target, are an error and not the root again, so that a link which leaves and comes back does
// not come to mean something else here than where the repository is checked out. The same holds for each part that walls divide
// the space into.
// With follow unset the last step is not followed when it is a link.
func lookup(s space, root node, w walls, lim Limits, op, name string, follow bool) (node, error) {
	fail := func(err error) (node, error) {
		return node{}, &fs.PathError{Op: op, Path: printable(name, 1024), Err: err}
	}
	if len(name) > lim.MaxPath {
		return fail(&LimitError{Subject: "the path", Got: int64(len(name)), Limit: int64(lim.MaxPath), Unit: "bytes", Field: "MaxPath"})
	}
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	at := []node{root} // the folders from the root to here, and at the end the node found
	todo := strings.Split(name, "/")
	var via *LinkError // the link that was followed last
	for hops := 0; len(todo) > 0; {
		step := todo[0]
		todo = todo[1:]
		here := at[len(at)-1]
		switch {
		case here.kind == kindModule && step != "." && step != "..":
			return fail(&SubmoduleError{Folder: here.path})
		case step == "" || step == ".":
			continue
		case here.kind != kindFolder && here.kind != kindModule:
			return fail(missing(via))
		case step == "..":
			if len(at) == 1 || w.root(here.path) {
				via.Err = ErrLeavesTree // only a link's target holds ".."
				return fail(via)
			}
			at = at[:len(at)-1]
			continue
		}
		next, err := s.child(here, step)
		if errors.Is(err, fs.ErrNotExist) {
			err = missing(via)
		}
		if err == nil && w.crosses(via, next) {
			err = &LinkError{Link: via.Link, Target: printable(via.Target, maxTarget), Err: ErrOtherPart}
		}
		if err != nil {
			return fail(err)
		}
		if next.kind == kindLink && (follow || len(todo) > 0) {
			if via, err = follows(s, next, &hops); err != nil {
				return fail(err)
			}
			todo = append(strings.Split(via.Target, "/"), todo...)
			continue
		}
		at = append(at, next)
	}
	return at[len(at)-1], nil
}

// follows reads a link and refuses it when it must not be followed.
func follows(s space, link node, hops *int) (*LinkError, error) {
	target, err := s.target(link)
	if err != nil {
		return nil, err
	}
	via := &LinkError{Link: link.path, Target: printable(target, maxTarget)}
	*hops++
	switch {
	case *hops > maxHops:
		via.Err = ErrLinkLoop
		return nil, via
	case path.IsAbs(target):
		via.Err = ErrLeavesTree
		return nil, via
	case target == "" || strings.ContainsRune(target, 0):
		return nil, missing(via)
	}
	via.Target = target
	return via, nil
}

// missing is the error of a path that leads nowhere, with the link that led there if one did.
func missing(via *LinkError) error {
	if via == nil {
		return fs.ErrNotExist
	}
	return &LinkError{Link: via.Link, Target: printable(via.Target, maxTarget), Err: danglingError{}}
}

// danglingError reads better behind a link than "file does not exist", and means the same.
type danglingError struct{}

func (danglingError) Error() string        { return "leads to a file that does not exist" }
func (danglingError) Is(target error) bool { return target == fs.ErrNotExist }

// under joins the real path of a folder and a name in it.
func under(dir node, name string) string {
	if dir.path == "." {
		return name
	}
	return dir.path + "/" + name
}
