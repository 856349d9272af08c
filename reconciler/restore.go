package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/status"
)

// maxArchive is how many catalogs of older commits are kept: what is held or rolled back is mostly so at the same few.
const maxArchive = 2

// archive keeps the catalogs of older commits, for releases that are not at the newest.
type archive struct {
	mu    sync.Mutex
	order []string
	past  map[string]*past
}

// past is the catalog of an older commit.
type past struct {
	once sync.Once
	rev  Revision
	cat  *catalog.Catalog
	err  error
}

// of gives the place of a commit's catalog; the one that was asked for longest ago makes room for a new one.
func (a *archive) of(commit string) *past {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.order, commit); i >= 0 {
		a.order = append(slices.Delete(a.order, i, i+1), commit)
		return a.past[commit]
	}
	if len(a.order) >= maxArchive {
		delete(a.past, a.order[0])
		a.order = slices.Delete(a.order, 0, 1)
	}
	if a.past == nil {
		a.past = map[string]*past{}
	}
	a.order, a.past[commit] = append(a.order, commit), &past{}
	return a.past[commit]
}

// restore renders a release as an older commit declares it.
func (r *Reconciler) restore(ctx context.Context, id catalog.ReleaseID, commit string) (t release.Target, err error) {
	if r.opts.Trees == nil || commit == "" {
		return t, errors.New("older commits are not kept")
	}
	p := r.archive.of(commit)
	p.once.Do(func() {
		p.rev.Commit = status.Commit{Hash: commit}
		if p.rev.Tree, p.err = r.opts.Trees(ctx, commit); p.err == nil {
			p.cat, _, p.err = catalog.Load(p.rev.Tree, r.opts.Library)
		}
	})
	if p.err != nil {
		r.archive.drop(commit, p)
		return t, fmt.Errorf("reading commit %s: %w", status.Short(commit), p.err)
	}
	project, ok := p.cat.Project(id.Project)
	if !ok || !slices.Contains(p.cat.ReleasesOf(project), id) {
		return t, fmt.Errorf("commit %s does not declare it", status.Short(commit))
	}
	rel := p.cat.Release(project, id)
	out := r.renders.one(ctx, p.rev, rel)
	if out.err != nil {
		return t, fmt.Errorf("rendering it at commit %s: %w", status.Short(commit), out.err)
	}
	return release.Target{Commit: commit, Namespace: rel.Namespace, Owner: rel.Owner, Objects: out.objects, Digest: out.objects.Digest()}, nil
}

// drop forgets a commit that could not be read: it may be there later.
func (a *archive) drop(commit string, p *past) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.past[commit] == p {
		delete(a.past, commit)
		a.order = slices.DeleteFunc(a.order, func(c string) bool { return c == commit })
	}
}
