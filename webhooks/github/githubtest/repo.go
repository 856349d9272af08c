// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Repo is a repository, as tests and the demo handle it. Its methods do what people do in a browser, or by git push, and
// send the webhooks of that.
type Repo struct {
	g    *GitHub
	repo *repo
}

// RepoSpec says what a new repository is like.
type RepoSpec struct {
	// DefaultBranch is main if it is empty.
	DefaultBranch string
	Private       bool
	// Git has it be a real repository, in [Options.Dir].
	Git bool
}

// AddRepo adds a repository "owner/name"; the owner is made an organisation if it is not there. Without Git, its default
// branch has a commit at once.
func (g *GitHub) AddRepo(fullName string, spec RepoSpec) (*Repo, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.addRepo(fullName, spec, nil)
	if err != nil {
		return nil, err
	}
	return &Repo{g, r}, nil
}

func (g *GitHub) addRepo(fullName string, spec RepoSpec, parent *repo) (*repo, error) {
	owner, short, ok := strings.Cut(fullName, "/")
	if !ok || owner == "" || short == "" {
		return nil, fmt.Errorf("the name of a repository is OWNER/NAME, not %q", fullName)
	}
	if g.repos[repoKey(fullName)] != nil {
		return nil, fmt.Errorf("there is a repository %s already", fullName)
	}
	if spec.DefaultBranch == "" {
		spec.DefaultBranch = "main"
	}
	kind := "Organization"
	if parent != nil {
		kind = "User"
	}
	r := &repo{
		id: g.id(), owner: g.account(owner, kind), name: short, defaultBranch: spec.DefaultBranch, private: spec.Private, parent: parent, created: g.now(),
		branches: map[string]string{}, grants: map[string]string{}, rules: map[string]rules{}, labels: map[string]*label{},
	}
	if spec.Git {
		if err := g.initGit(r); err != nil {
			return nil, err
		}
	} else {
		r.branches[spec.DefaultBranch] = name(fullName, spec.DefaultBranch)
	}
	g.repos[repoKey(fullName)] = r
	return r, nil
}

// Repo returns a repository that is there; nil if it is not.
func (g *GitHub) Repo(fullName string) *Repo {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.repos[repoKey(fullName)]; r != nil {
		return &Repo{g, r}
	}
	return nil
}

// FullName is OWNER/NAME.
func (r *Repo) FullName() string {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	return r.repo.fullName()
}

// CloneURL is where git finds it.
func (r *Repo) CloneURL() string { return r.g.url + "/" + r.FullName() + ".git" }

// Dir is the bare repository on disk; empty without Git.
func (r *Repo) Dir() string { return r.repo.git }

// Grant has a person be allowed read, triage, write, maintain or admin; empty: nothing.
func (r *Repo) Grant(login, role string) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	r.g.account(login, "User")
	r.repo.grants[strings.ToLower(login)] = role
}

// Require has a branch demand checks, or contexts of statuses, of every merge.
func (r *Repo) Require(branch string, checks ...string) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	rule := r.repo.rules[branch]
	rule.required = checks
	r.repo.rules[branch] = rule
}

// UseQueue has merges into a branch go through the merge queue.
func (r *Repo) UseQueue(branch string, use bool) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	rule := r.repo.rules[branch]
	rule.queue = use
	r.repo.rules[branch] = rule
}

// AddHook adds a webhook of the repository itself, as those have who use a token instead of an App. It returns its id.
func (r *Repo) AddHook(url, secret string, events ...string) int64 {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	h := &hook{id: r.g.id(), repo: r.repo, owner: r.repo.owner.login, url: url, secret: secret, events: events, created: r.g.now()}
	r.repo.hooks = append(r.repo.hooks, h)
	r.g.mail.post(h, event{name: "ping", fields: object{"zen": "Design for failure.", "hook_id": h.id, "hook": r.g.shapeHook(h)}, repo: r.repo, sender: r.repo.owner})
	return h.id
}

// Fork makes a fork in a user's account.
func (r *Repo) Fork(login string) (*Repo, error) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	fork, err := r.g.addRepo(login+"/"+r.repo.name, RepoSpec{DefaultBranch: r.repo.defaultBranch, Private: r.repo.private, Git: r.repo.git != ""}, r.repo)
	if err != nil {
		return nil, err
	}
	if r.repo.git != "" {
		if _, err := r.g.git(fork, "fetch", "--quiet", r.repo.git, "+refs/heads/*:refs/heads/*"); err != nil {
			return nil, err
		}
	}
	maps.Copy(fork.branches, r.repo.branches)
	return &Repo{r.g, fork}, nil
}

// Push commits files to a branch as someone, makes the branch if it is not there, and returns the commit. Without Git, the
// commit is a name made of what is in it.
func (r *Repo) Push(branch, message string, files map[string]string, as string) (string, error) {
	changes := make(map[string]*string, len(files))
	for name, content := range files {
		changes[name] = &content
	}
	return r.push(branch, message, changes, as)
}

// Remove commits that files are gone.
func (r *Repo) Remove(branch, message string, files []string, as string) (string, error) {
	changes := make(map[string]*string, len(files))
	for _, name := range files {
		changes[name] = nil
	}
	return r.push(branch, message, changes, as)
}

func (r *Repo) push(branch, message string, files map[string]*string, as string) (sha string, err error) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	who := r.g.account(as, "User")
	if r.repo.git == "" {
		sha = name(r.repo.fullName(), branch, message, r.repo.branches[branch], r.g.id())
	} else if sha, err = r.g.write(r.repo, branch, message, files, who); err != nil {
		return "", fmt.Errorf("committing to %s: %w", branch, err)
	}
	return sha, r.g.moved(r.repo, branch, sha, who)
}

// Branch makes a branch at the end of another one.
func (r *Repo) Branch(branch, from string) error {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	sha := r.repo.branches[from]
	if sha == "" {
		return fmt.Errorf("%s has no branch %q", r.repo.fullName(), from)
	}
	return r.g.setBranch(r.repo, branch, sha, r.repo.owner)
}

// Reset moves a branch to a commit that is there, as a push with force does.
func (r *Repo) Reset(branch, sha, as string) error {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	return r.g.setBranch(r.repo, branch, sha, r.g.account(as, "User"))
}

// DeleteBranch deletes a branch.
func (r *Repo) DeleteBranch(branch, as string) error {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	return r.g.setBranch(r.repo, branch, "", r.g.account(as, "User"))
}

// Head is the commit at the end of a branch; empty if there is none.
func (r *Repo) Head(branch string) string {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	return r.repo.branches[branch]
}

// Rename renames the repository; those who ask by its old name are redirected.
func (r *Repo) Rename(short, as string) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	old := r.repo.name
	r.rekey(func() { r.repo.name = short })
	r.g.emit(event{name: "repository", action: "renamed", repo: r.repo, sender: r.g.account(as, "User"), fields: object{
		"changes": object{"repository": object{"name": object{"from": old}}},
	}})
}

// Transfer moves the repository to another owner.
func (r *Repo) Transfer(owner, as string) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	old := r.repo.owner
	r.rekey(func() { r.repo.owner = r.g.account(owner, "Organization") })
	r.g.emit(event{name: "repository", action: "transferred", repo: r.repo, sender: r.g.account(as, "User"), fields: object{
		"changes": object{"owner": object{"from": object{"user": r.g.shapeUser(old)}}},
	}})
}

// rekey changes what the repository is called.
func (r *Repo) rekey(change func()) {
	key := repoKey(r.repo.fullName())
	delete(r.g.repos, key)
	r.repo.former = append(r.repo.former, key)
	change()
	r.g.repos[repoKey(r.repo.fullName())] = r.repo
}

// Delete deletes the repository. Pull requests from it stay, and say that their head is nowhere.
func (r *Repo) Delete() {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	r.repo.deleted = true
	delete(r.g.repos, repoKey(r.repo.fullName()))
	for _, other := range r.g.repos {
		for _, p := range other.pulls {
			if p.head == r.repo {
				p.head = nil
			}
		}
	}
}

// setBranch moves a branch on disk and in memory; an empty commit deletes it.
func (g *GitHub) setBranch(r *repo, branch, sha string, who *account) error {
	if r.git != "" {
		args := []string{"update-ref", "refs/heads/" + branch, sha}
		if sha == "" {
			args = []string{"update-ref", "-d", "refs/heads/" + branch}
		}
		if _, err := g.git(r, args...); err != nil {
			return err
		}
	}
	return g.moved(r, branch, sha, who)
}

// moved does what follows from a branch that ends elsewhere: pull requests from it and into it have other commits, and
// those who listen hear of it.
func (g *GitHub) moved(r *repo, branch, sha string, who *account) error {
	before := r.branches[branch]
	if before == sha {
		return nil
	}
	if sha == "" {
		delete(r.branches, branch)
	} else {
		r.branches[branch] = sha
	}
	g.emitPush(r, branch, before, sha, who)
	var errs []error
	for _, base := range g.sortedRepos() {
		for _, p := range base.pulls {
			errs = append(errs, g.pullMoved(base, p, r, branch, sha, who))
		}
	}
	return errors.Join(errs...)
}

// pullMoved has a pull request follow a branch that moved.
func (g *GitHub) pullMoved(base *repo, p *pull, r *repo, branch, sha string, who *account) error {
	if p.closed {
		return nil
	}
	if p.head == r && p.headBranch == branch {
		if sha == "" {
			return g.closePull(base, p, who) // GitHub closes it with its branch
		}
		before := p.headSHA
		if err := g.setHead(base, p, sha); err != nil {
			return err
		}
		p.edited = g.now()
		g.requestChecks(base, sha, p.author)
		g.emitPull(base, p, "synchronize", who, object{"before": before, "after": sha})
	}
	if base == r && p.base == branch && sha != "" {
		p.baseSHA = sha
		g.forgetMerge(p)
	}
	return nil
}

// sortedRepos are all repositories, in the order in which they were made.
func (g *GitHub) sortedRepos() []*repo {
	var out []*repo
	for _, r := range g.repos {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *repo) int { return int(a.id - b.id) })
	return out
}
