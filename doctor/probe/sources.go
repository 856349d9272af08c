// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"os"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/signers"
)

// Source is how a daemon reads a repository that the platform includes.
type Source struct {
	Remote git.Remote
	// Line is what is followed, for people.
	Line string
	// Signers are those who may sign commits; nil: nobody need.
	Signers *signers.Signers
}

// ErrUnread says that a source cannot be read from here as a daemon does.
var ErrUnread = errors.New("it is not read from here")

// sources asks for the repositories that a platform includes, each for itself.
func (o Options) sources(ctx context.Context, read tree) doctor.Fact[[]doctor.Source] {
	if read.platform.Value == nil || read.platform.Value.Name == "" {
		return doctor.Unknown[[]doctor.Source]("there is no platform that can be read")
	}
	if len(read.included) > 0 && o.Source == nil {
		return doctor.Unknown[[]doctor.Source]("no configuration says how the %d repositories are read that the platform includes", len(read.included))
	}
	out := make([]doctor.Source, len(read.included))
	each(len(out), func(i int) {
		declared := read.included[i]
		found := ask(ctx, o.Timeout, "the server of "+declared.Name, func(ctx context.Context) doctor.Fact[doctor.Source] {
			return doctor.Known(o.source(ctx, declared))
		})
		if out[i] = (doctor.Source{Remote: doctor.Remote{Error: found.Unknown, Hint: "find out what is between here and the server; --timeout gives it longer"}}); found.Value != nil {
			out[i] = *found.Value
		}
		out[i].Name, out[i].URL = declared.Name, git.Redact(declared.URL)
	})
	return doctor.Known(out)
}

func (o Options) source(ctx context.Context, declared v1alpha1.IncludedRepository) (out doctor.Source) {
	fails := func(err error) doctor.Source {
		out.Error = err.Error()
		if fetch, ok := errors.AsType[*git.FetchError](err); ok {
			out.Hint = fetch.Hint
		}
		return out
	}
	s, err := o.Source(declared)
	if errors.Is(err, ErrUnread) {
		out.Unread = err.Error()
		return out
	}
	if err != nil {
		return fails(err)
	}
	out.Line = s.Line
	if s.Signers == nil && s.Remote.Commit == "" {
		if out.Commit, err = git.Tip(ctx, s.Remote); err != nil {
			return fails(err)
		}
		return out
	}
	head, err := fetched(ctx, s.Remote)
	if err != nil {
		return fails(err)
	}
	out.Commit = head.Hash
	if s.Signers == nil {
		return out
	}
	out.Signed = doctor.Signed{Wanted: true, Commit: head.Hash}
	by, err := s.Signers.Verify(signers.Object{Raw: head.Raw, Tree: head.Tree, Parents: head.Parents}, o.Now())
	if refusal, refused := errors.AsType[*signers.RefusedError](err); refused {
		out.Signed.Refused, out.Signed.Who = refusal.Because, refusal.Who()
	} else if err != nil {
		return fails(err)
	}
	out.Signed.By = by.String()
	return out
}

// fetched brings the head of a repository here, and leaves nothing of it.
func fetched(ctx context.Context, r git.Remote) (commit git.RawCommit, err error) {
	dir, err := os.MkdirTemp("", "trunkline-doctor-")
	if err != nil {
		return commit, fmt.Errorf("making a folder for the commit: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := git.Open(dir)
	if err != nil {
		return commit, err
	}
	head, err := store.Fetch(ctx, r)
	if err != nil {
		return commit, err
	}
	return store.RawCommit(head.Commit)
}
