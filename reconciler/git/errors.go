// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Class is what can make a failed fetch succeed.
type Class string

const (
	// Transient errors may pass by themselves: try again, later and later.
	Transient Class = "transient"
	// Terminal errors last until the configuration or the server is changed.
	Terminal Class = "terminal"
)

// FetchError is a fetch that failed. Its text holds no credential: the URL is redacted and everything
// a library or a server said was scrubbed on the way in. For the same reason the cause can be asked
// about with errors.Is but not taken out with errors.As.
type FetchError struct {
	// Remote is the redacted URL.
	Remote string
	Branch string
	// Hint says what to do about it; may be empty.
	Hint string

	class Class
	cause error
}

// Class reports whether a retry can help.
func (e *FetchError) Class() Class { return e.class }

func (e *FetchError) Error() string {
	text := fmt.Sprintf("fetching %s of %q: %s", called(e.Branch), e.Remote, e.cause.Error())
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

func (e *FetchError) Unwrap() error { return e.cause }

// WantsCredentials reports whether a fetch failed since the server wants to know who asks.
func WantsCredentials(err error) bool { return errors.Is(err, transport.ErrAuthenticationRequired) }

const (
	branchRefs = "refs/heads/"
	tagRefs    = "refs/tags/"
)

// called is what people call a branch, a tag or a commit.
func called(branch string) string {
	if tag, is := strings.CutPrefix(branch, tagRefs); is {
		return fmt.Sprintf("tag %q", tag)
	}
	if IsHash(branch) {
		return "commit " + branch
	}
	return fmt.Sprintf("branch %q", branch)
}

// BranchGoneError is a branch or a tag that the server, which answers, does not have (any more).
type BranchGoneError struct {
	// Remote is the redacted URL.
	Remote string
	Branch string
	// Exist holds a few of the branches that are there, or of the tags, sorted; More is how many others there are.
	Exist []string
	More  int
}

// Class of a vanished branch is transient: it comes back by a push, not by configuration.
func (e *BranchGoneError) Class() Class { return Transient }

func (e *BranchGoneError) Error() string {
	var there string
	switch {
	case len(e.Exist) == 0 && strings.HasPrefix(e.Branch, tagRefs):
		there = "the repository has no tags"
	case len(e.Exist) == 0:
		there = "the repository has no branches"
	case e.More > 0:
		there = fmt.Sprintf("it has %s and %d more", quoteAll(e.Exist), e.More)
	default:
		there = "it has " + quoteAll(e.Exist)
	}
	return fmt.Sprintf("%s does not exist in %q: %s", called(e.Branch), e.Remote, there)
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}

// RefusedAuth is the [RefusedError.What] of credentials that are missing, or do not go with the URL.
const RefusedAuth = "authentication"

// RefusedError is a URL or a name that is not used at all because of how it looks.
type RefusedError struct {
	// What is the kind of thing ("URL", "branch"), Value the thing itself, redacted.
	What, Value string
	// Because is the reason.
	Because string
}

// Class of a refusal is terminal.
func (e *RefusedError) Class() Class { return Terminal }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s %q is refused: %s", e.What, e.Value, e.Because)
}

// CacheError is damage to the local copy of the repository, as opposed to what the server sends. The next fetch
// repairs it.
type CacheError struct {
	// Dir is the folder of the store.
	Dir string

	cause error
}

// Class of a damaged cache is transient: a fetch repairs it.
func (e *CacheError) Class() Class { return Transient }

func (e *CacheError) Error() string {
	return fmt.Sprintf("the local copy of the repository in %s is damaged and is repaired by the next fetch: %s", e.Dir, e.cause.Error())
}

func (e *CacheError) Unwrap() error { return e.cause }

// cacheError blames the store for an object that it lacks or holds damaged, unless that is how the server sent it.
func (s *Store) cacheError(err error) error {
	if isUnusable(err) || !isObjectError(err) {
		return err
	}
	s.objects.damaged.Store(true)
	return &CacheError{Dir: s.dir, cause: err}
}

func asObjectError(err error) (*ObjectError, bool) { return errors.AsType[*ObjectError](err) }

func isObjectError(err error) bool {
	_, ok := asObjectError(err)
	return ok
}

// isMissing reports whether an object is not there at all, as opposed to damaged.
func isMissing(err error) bool {
	e, ok := asObjectError(err)
	return ok && e.Missing
}

// isMalformed reports whether an object is what its hash says and makes no sense all the same: it was crafted, and is no
// damage.
func isMalformed(err error) bool {
	e, ok := asObjectError(err)
	return ok && errors.Is(e.cause, errMalformedTree)
}

// ObjectError is an object that the store lacks, or holds damaged. It deliberately never matches
// fs.ErrNotExist: a broken store must not read as "there is no such file".
type ObjectError struct {
	// Kind is "commit", "tree" or "blob"; Hash its name.
	Kind, Hash string
	// Missing is true when the object is not there, false when it cannot be read.
	Missing bool

	cause error
}

func (e *ObjectError) Error() string {
	if e.Missing {
		return fmt.Sprintf("%s %s is missing from the object store", e.Kind, e.Hash)
	}
	return fmt.Sprintf("reading %s %s from the object store: %s", e.Kind, e.Hash, e.cause.Error())
}

// Why a link is not followed. A [LinkError] matches one of them with errors.Is.
var (
	ErrLeavesTree = errors.New("leaves the tree")
	ErrLinkLoop   = errors.New("is part of a loop or of too long a chain")
	// ErrOtherPart is of the tree of a [Composition] only.
	ErrOtherPart = errors.New("leads into another repository")
)

// LinkError is a symbolic link that was not followed.
type LinkError struct {
	// Link is the path of the link, Target what it says.
	Link, Target string
	Err          error
}

func (e *LinkError) Error() string {
	return fmt.Sprintf("symlink %q -> %q %s", e.Link, e.Target, e.Err.Error())
}

func (e *LinkError) Unwrap() error { return e.Err }
