// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"strings"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/signers"
)

func (o Options) place(context.Context) doctor.Fact[doctor.Place] {
	out := doctor.Place{Folder: o.From}
	where, err := git.Locate(o.From)
	if errors.Is(err, git.ErrNoRepository) {
		return doctor.Known(out)
	}
	if err != nil {
		return doctor.Unknown[doctor.Place]("%v", err)
	}
	out.Root, out.Prefix = where.Root, where.Prefix
	if head, err := git.OpenCommit(o.From, "HEAD"); err == nil {
		out.Head = head.Hash
	}
	return doctor.Known(out)
}

// remote asks the server that a daemon reads for its branch; or else the one that the folder was cloned from, as its owner's own Git does.
func (o Options) remote(ctx context.Context) doctor.Fact[doctor.Remote] {
	if o.Remote == nil {
		return o.origin(ctx)
	}
	r, err := o.Remote()
	if err != nil {
		return doctor.Unknown[doctor.Remote]("the credentials cannot be read: %v", err)
	}
	out := doctor.Remote{URL: git.Redact(r.URL), Branch: r.Branch}
	if out.Commit, err = git.Tip(ctx, r); err != nil {
		out.Error = err.Error()
		if fetch, ok := errors.AsType[*git.FetchError](err); ok {
			out.Hint = fetch.Hint
		}
	}
	return doctor.Known(out)
}

// origin asks the server of the remote "origin", with the program git and whatever credentials it has.
func (o Options) origin(ctx context.Context) doctor.Fact[doctor.Remote] {
	if _, err := git.Locate(o.From); err != nil {
		return doctor.Unknown[doctor.Remote]("no configuration names a repository, and the folder is in none")
	}
	if program("git") == "" {
		return doctor.Unknown[doctor.Remote]("no configuration names a repository, and there is no git to ask the server of this one")
	}
	url, err := o.run(ctx, "remote", "get-url", "origin")
	if err != nil {
		return doctor.Unknown[doctor.Remote]("no configuration names a repository, and this one has no remote called origin")
	}
	branch, err := o.run(ctx, "symbolic-ref", "--quiet", "--short", "HEAD")
	if err != nil {
		branch = "main" // a commit is checked out, and no branch
	}
	out := doctor.Remote{URL: git.Redact(url), Branch: branch}
	listed, err := o.run(ctx, "ls-remote", "origin", "refs/heads/"+branch)
	commit, _, _ := strings.Cut(listed, "\t")
	switch {
	case err != nil:
		out.Error = err.Error()
		out.Hint = `"git ls-remote origin" has to work; what a daemon reads with is looked at with --config FILE`
	case commit == "":
		out.Error, out.Hint = "the server has no branch "+branch, "push it"
	}
	out.Commit = commit
	return doctor.Known(out)
}

func (o Options) signed(context.Context) doctor.Fact[doctor.Signed] {
	if o.Configuration.File == "" {
		return doctor.Unknown[doctor.Signed]("no configuration says who may sign")
	}
	if o.Signers == nil {
		return doctor.Known(doctor.Signed{})
	}
	who, err := o.Signers()
	if err != nil {
		return doctor.Unknown[doctor.Signed]("%v", err)
	}
	head, err := git.OpenCommit(o.From, "HEAD")
	if err != nil {
		return doctor.Unknown[doctor.Signed]("no commit is checked out in %s", o.From)
	}
	out := doctor.Signed{Wanted: true, Commit: head.Hash}
	by, err := who.Verify(signers.Object{Raw: head.Raw, Tree: head.Tree, Parents: head.Parents}, o.Now())
	if refusal, refused := errors.AsType[*signers.RefusedError](err); refused {
		out.Refused, out.Who = refusal.Because, refusal.Who()
	} else if err != nil {
		return doctor.Unknown[doctor.Signed]("%v", err)
	}
	out.By = by.String()
	return doctor.Known(out)
}

// rewrite holds what is checked out against what the daemon has accepted.
func (o Options) rewrite(ctx context.Context, f doctor.Facts) doctor.Fact[doctor.Rewrite] {
	switch {
	case o.Configuration.File == "":
		return doctor.Unknown[doctor.Rewrite]("no configuration says if rewrites are refused")
	case !o.NoRewrite:
		return doctor.Known(doctor.Rewrite{})
	case f.Place.Value == nil || f.Place.Value.Head == "":
		return doctor.Unknown[doctor.Rewrite]("no commit is checked out in %s", o.From)
	case f.Daemon.Value == nil || f.Daemon.Value.State.Source.Accepted == nil:
		return doctor.Unknown[doctor.Rewrite]("what the daemon has accepted is not known")
	}
	out := doctor.Rewrite{Wanted: true, Accepted: f.Daemon.Value.State.Source.Accepted.Hash, Head: f.Place.Value.Head}
	after, known, err := git.After(ctx, o.From, "HEAD", out.Accepted)
	switch {
	case err != nil:
		return doctor.Unknown[doctor.Rewrite]("%v", err)
	case !known:
		return doctor.Unknown[doctor.Rewrite]("this folder does not have %s, which the daemon has accepted: fetch it", out.Accepted[:min(8, len(out.Accepted))])
	}
	out.Behind = !after
	return doctor.Known(out)
}
