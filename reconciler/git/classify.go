// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// branchGone lists what is there instead.
func branchGone(r Remote, refs map[string]plumbing.Hash) error {
	e := &BranchGoneError{Remote: Redact(r.URL), Branch: r.Branch}
	kind := branchRefs
	if strings.HasPrefix(r.Branch, tagRefs) {
		kind = tagRefs
	}
	for name := range refs {
		if branch, ok := strings.CutPrefix(name, kind); ok && !strings.HasSuffix(branch, "^{}") {
			e.Exist = append(e.Exist, printable(branch, 100))
		}
	}
	slices.Sort(e.Exist)
	if few := 5; len(e.Exist) > few {
		e.More = len(e.Exist) - few
		if kind == tagRefs {
			e.Exist = e.Exist[e.More:] // the newest, as tags are called
		} else {
			e.Exist = e.Exist[:few]
		}
	}
	return e
}

// classify makes the error that leaves Fetch: scrubbed, with a class and what to do.
func classify(ctx context.Context, r Remote, err error) error {
	if gone, ok := errors.AsType[*BranchGoneError](err); ok {
		return gone
	}
	if cache, ok := errors.AsType[*CacheError](err); ok {
		return cache // it names nothing of the remote
	}
	e := &FetchError{Remote: Redact(r.URL), Branch: r.Branch, class: Transient}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	var unknownAuthority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var limit *LimitError
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed),
		errors.Is(err, errSSHAuth):
		e.class, e.Hint = Terminal, "check the credentials of this repository and what they may read"
	case errors.Is(err, errHostKey):
		e.class, e.Hint = Terminal, "compare the server's key with its owner's, then change the known_hosts file"
	case errors.Is(err, transport.ErrRepositoryNotFound):
		e.class, e.Hint = Terminal, "check the URL; a server may also hide a repository the credentials cannot read"
	case errors.Is(err, errNoGit):
		e.class, e.Hint = Terminal, "check the URL: it may be that of a page, or lead to one where people sign in"
	case errors.Is(err, errRedirect):
		e.class, e.Hint = Terminal, "if the repository moved, configure its new URL; credentials are sent to no other host"
	case errors.As(err, &unknownAuthority), errors.As(err, &hostname):
		e.class, e.Hint = Terminal, "name the server's authority in the CA file"
	case errors.As(err, &limit):
		e.class, e.Hint = Terminal, "make the repository smaller or raise the limit"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		e.class = Terminal
	}
	e.cause = newScrubber(r).wrap(err)
	return e
}
