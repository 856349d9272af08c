// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/policy"
)

// change is a base and a head, and what each means.
type change struct {
	base, head *evaluate.Evaluation
	// from is the commit of the base, and paths are those that differ.
	from  string
	paths []string
	// behind is the commit that the change would be merged into, if that is refused itself, so that it is compared with
	// what runs; empty if it is not.
	behind string
}

// errNotReady says that nothing was accepted yet that a change could be compared with.
var errNotReady = errors.New("no commit of the branch was accepted yet that the change could be compared with")

// evaluate finds out what a tree means, compared with a commit of the trunk. It is judged by the settings, owners and
// policies of that commit, whoever the people are.
func (e *Engine) evaluate(ctx context.Context, base string, tree fs.FS, logins []string) (*change, error) {
	c, err := e.compared(ctx, base, tree, nil)
	if err != nil {
		return nil, err
	}
	asked, err := policy.Owners(c.base.Catalog(), c.paths)
	if err != nil {
		asked = nil // the evaluation says so
	}
	if err := e.evaluateFor(ctx, c, tree, logins, asked); err != nil {
		return nil, err
	}
	// A project that is new names its own owners.
	more, err := policy.Owners(c.head.Catalog(), c.paths)
	if err != nil {
		more = logins // any of them could be one
	}
	all := union(asked, more)
	claimed := slices.ContainsFunc(logins, func(login string) bool { return names(all, login) && !names(asked, login) })
	if claimed || len(all) > len(asked) && slices.ContainsFunc(c.head.Problems(), unowned) {
		if err := e.evaluateFor(ctx, c, tree, logins, all); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// names reports whether owners name a login, or a team that is called the same.
func names(owners []string, login string) bool {
	return slices.ContainsFunc(owners, func(owner string) bool { return strings.EqualFold(strings.TrimPrefix(owner, "@"), login) })
}

// evaluateFor evaluates a tree for people by their logins, of whom it is asked which of the owners they are.
func (e *Engine) evaluateFor(ctx context.Context, c *change, tree fs.FS, logins, owners []string) error {
	people, err := e.people(ctx, logins, owners)
	if err != nil {
		return err
	}
	return e.evaluateHead(ctx, c, tree, &evaluate.Change{People: people})
}

// evaluateOwn finds out what a tree means that is judged by its own settings, as one that is merged is. Other repositories are as they are
// accepted, or in a state.
func (e *Engine) evaluateOwn(ctx context.Context, base string, tree fs.FS, beside compose.State) (*change, error) {
	c, err := e.compared(ctx, base, tree, beside)
	if err != nil {
		return nil, err
	}
	return c, e.evaluateHead(ctx, c, tree, nil)
}

// evaluateHead evaluates the head of a change.
func (e *Engine) evaluateHead(ctx context.Context, c *change, tree fs.FS, judged *evaluate.Change) (err error) {
	c.head, err = evaluate.Head(ctx, evaluate.Input{
		Tree: tree, Library: e.opts.Library, Renderer: e.opts.Renderer, Now: e.opts.Now(), Thorough: true,
		Before: c.base, Changed: c.paths, Change: judged, Cost: new(e.terms(c.base)),
	})
	if err == nil {
		err = damage(tree)
	}
	if err != nil {
		return fmt.Errorf("evaluating the change: %w", err)
	}
	return nil
}

func unowned(p v1alpha1.Problem) bool { return p.Rule == policy.RuleOwnership }

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// people are those with the given logins, with the teams among the owners that each is in.
func (e *Engine) people(ctx context.Context, logins, owners []string) ([]policy.Person, error) {
	var teams []string
	for _, owner := range owners {
		name := strings.TrimPrefix(owner, "@")
		if !strings.Contains(name, "@") { // an address of mail
			teams = append(teams, name)
		}
	}
	people := make([]policy.Person, 0, len(logins))
	for _, login := range logins {
		of, err := e.rights().Teams(ctx, login, union(teams, nil))
		if err != nil {
			return nil, fmt.Errorf("reading the teams of %s: %w", login, err)
		}
		name, err := e.nameOf(ctx, login, owners)
		if err != nil {
			return nil, err
		}
		people = append(people, policy.Person{Login: name, Teams: of})
	}
	return people, nil
}

// nameOf returns by which name someone may be one of the owners. An owner can be a team without its organisation, and anybody
// may register the name of a team as a login: a login counts only of those who may write, as in CODEOWNERS.
func (e *Engine) nameOf(ctx context.Context, login string, owners []string) (string, error) {
	if !names(owners, login) {
		return login, nil
	}
	may, err := e.rights().Permission(ctx, login)
	if err != nil {
		return "", fmt.Errorf("reading what %s may do: %w", login, err)
	}
	switch {
	case may == Write || may == Admin:
		return login, nil
	case e.opts.Source != "":
		return login + " (who may not write to the platform's own repository)", nil
	}
	return login + " (who may not write to the repository)", nil
}

// rights says who the people are that the platform names.
func (e *Engine) rights() People {
	if e.opts.Rights != nil {
		return e.opts.Rights
	}
	return e.opts.Forge
}

// permission returns what someone may do. Who administers a source may there what others may who write to it: whoever administers the
// platform's own repository administers all.
func (e *Engine) permission(ctx context.Context, login string) (Permission, error) {
	may, err := e.opts.Forge.Permission(ctx, login)
	if err != nil || e.opts.Rights == nil {
		return may, err
	}
	of, err := e.opts.Rights.Permission(ctx, login)
	switch {
	case of == Admin:
		may = Admin
	case may == Admin:
		may = Write
	}
	return may, err
}

// compared returns a change to a tree of which only the base is evaluated.
func (e *Engine) compared(ctx context.Context, base string, tree fs.FS, beside compose.State) (*change, error) {
	c, err := e.comparedWith(ctx, base, beside)
	if err != nil {
		return nil, err
	}
	if c.paths, err = e.opts.Repository.Changed(ctx, c.base.Catalog().Tree(), tree); err != nil {
		return nil, fmt.Errorf("comparing with %s: %w", short(c.from), err)
	}
	return c, nil
}

// comparedWith returns the evaluation of a commit of the trunk; if that is refused, the one of the accepted commit. Other repositories are
// as they are accepted, or in a state.
func (e *Engine) comparedWith(ctx context.Context, commit string, beside compose.State) (*change, error) {
	accepted, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return nil, errNotReady
	}
	runs, err := e.prices.of(ctx, runs, cost.Terms{Now: e.opts.Now(), Typical: e.opts.Typical()})
	if err != nil {
		return nil, err
	}
	joint := e.joint()
	if beside != nil {
		joint = " " + beside.Key()
	} else if commit == accepted {
		return &change{base: runs, from: accepted}, nil
	}
	base, err := e.bases.of(commit+joint, func() (*evaluate.Evaluation, error) { return e.evaluateBase(ctx, runs, commit, beside) })
	switch {
	case err != nil:
		return nil, err
	case base.Denied():
		return &change{base: runs, from: accepted, behind: commit}, nil
	}
	return &change{base: base, from: commit}, nil
}

// joint identifies all repositories as they are accepted, if there are several: what a commit of the trunk means depends on them.
func (e *Engine) joint() string {
	if state := e.accepted(); e.opts.Source != "" || len(state) > 1 {
		return " " + state.Key()
	}
	return ""
}

// accepted are the accepted commits of all repositories.
func (e *Engine) accepted() compose.State {
	if e.opts.Joint != nil {
		return e.opts.Joint()
	}
	commit, _ := e.opts.Trunk.Accepted()
	return compose.State{"": commit}
}

// evaluateBase evaluates a commit of the trunk other than the accepted one.
func (e *Engine) evaluateBase(ctx context.Context, runs *evaluate.Evaluation, commit string, beside compose.State) (*evaluate.Evaluation, error) {
	c, err := e.opts.Repository.Commit(ctx, commit, e.opts.Trunk.Branch(), beside)
	if err != nil {
		return nil, fmt.Errorf("reading the base %s: %w", short(commit), err)
	}
	paths, err := e.opts.Repository.Changed(ctx, runs.Catalog().Tree(), c.Tree)
	if err != nil {
		return nil, fmt.Errorf("comparing the base %s with what runs: %w", short(commit), err)
	}
	base, err := evaluate.Head(ctx, evaluate.Input{
		Tree: c.Tree, Library: e.opts.Library, Renderer: e.opts.Renderer, Now: e.opts.Now(), Before: runs, Changed: paths,
	})
	if err == nil {
		err = damage(c.Tree)
	}
	if err != nil {
		return nil, fmt.Errorf("evaluating the base %s: %w", short(commit), err)
	}
	return base.Priced(ctx, e.terms(runs), runs)
}

// terms are what a change is estimated for: it is told from its base by what it declares alone, and not by what was learned meanwhile.
func (e *Engine) terms(base *evaluate.Evaluation) cost.Terms {
	if known := base.Cost(); known != nil {
		return known.Terms(e.opts.Now())
	}
	return cost.Terms{Now: e.opts.Now()}
}

// damage returns the error that a tree met while it was read, if it remembers one: what was made of it is not what the
// commit says then.
func damage(tree fs.FS) error {
	if t, ok := tree.(interface{ Err() error }); ok {
		return t.Err()
	}
	return nil
}

// maxBases is how many evaluations of the trunk are kept beside the accepted one: while it moves, pull requests that were
// looked at a moment ago are compared with the commit before.
const maxBases = 2

// bases are evaluations of commits of the trunk. Each shares what is the same with the accepted one. The zero value is
// ready for use.
type bases struct {
	mu    sync.Mutex
	known []known // the newest last
}

type known struct {
	commit     string
	evaluation *evaluate.Evaluation
}

// of returns the evaluation of a commit, made once. Those who ask for another one meanwhile wait.
func (b *bases) of(commit string, evaluated func() (*evaluate.Evaluation, error)) (*evaluate.Evaluation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.IndexFunc(b.known, func(k known) bool { return k.commit == commit }); i >= 0 {
		return b.known[i].evaluation, nil
	}
	made, err := evaluated()
	if err != nil {
		return nil, err
	}
	b.known = append(b.known, known{commit, made})
	if n := len(b.known) - maxBases; n > 0 {
		b.known = slices.Delete(b.known, 0, n)
	}
	return made, nil
}

// prices holds what the accepted commit costs, which the daemon itself does not ask: it is estimated from the commit before
// where that is known. The zero value is ready for use.
type prices struct {
	mu sync.Mutex
	// runs is the evaluation that priced was made of.
	runs, priced *evaluate.Evaluation
	terms        cost.Terms
}

// of returns an evaluation with what its releases cost.
func (p *prices) of(ctx context.Context, runs *evaluate.Evaluation, terms cost.Terms) (*evaluate.Evaluation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs != runs || cost.MonthOf(p.terms.Now) != cost.MonthOf(terms.Now) || !maps.Equal(p.terms.Typical, terms.Typical) {
		priced, err := runs.Priced(ctx, terms, p.priced)
		if err != nil {
			return nil, err
		}
		p.runs, p.priced, p.terms = runs, priced, terms
	}
	return p.priced, nil
}

// short returns the first characters of a commit's hash.
func short(hash string) string { return hash[:min(len(hash), 8)] }
