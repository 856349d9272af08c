// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
)

// SourceLine is a line of commits of a repository that a platform includes: of the three that say which, at most one is set.
type SourceLine struct{ Name, URL, Branch, Tag, Commit string }

// LineOf is what a platform follows of a repository that it includes.
func LineOf(s v1alpha1.IncludedRepository) SourceLine {
	line := SourceLine{Name: s.Name, URL: s.URL, Branch: s.Branch, Tag: s.Tag, Commit: s.Commit}
	if line.Branch+line.Tag+line.Commit == "" {
		line.Branch = "main"
	}
	return line
}

// String says what is followed, for people.
func (l SourceLine) String() string {
	switch {
	case l.Tag != "":
		return "tag " + l.Tag
	case l.Commit != "":
		return "commit " + status.Short(l.Commit)
	}
	return "branch " + l.Branch
}

// Remote returns the line of a repository that is read as the given one is.
func (l SourceLine) Remote(r git.Remote) git.Remote {
	r.Branch, r.Commit = l.Branch, l.Commit
	if l.Tag != "" {
		r.Branch = "refs/tags/" + l.Tag
	}
	return r
}

// Composer is where commits of several repositories are joined; it is [git.Store] outside of tests.
type Composer interface {
	Compose(ctx context.Context, c git.Composition) (string, error)
	Composition(commit string) (git.Composition, bool, error)
	NewerIn(ctx context.Context, tip string, commits []string, counts func(name string) bool) ([]string, error)
}

// Sources has the repositories followed that platforms include. All fields are required.
type Sources struct {
	Store Composer
	// Check returns why a repository is not read as a platform includes it, such as that the daemon's configuration has no source of that
	// name at that address; nil: it is. The address in the error is without credentials.
	Check func(SourceLine) error
	// Follow says which lines are followed from now on, and which repositories are included by any platform that counts. It must not block.
	Follow func(lines []SourceLine, included []string)
	// Admission says which heads of a source may count at all.
	Admission func(name string) Admission
	// Keep has the store keep what a source has at a commit, which is about to be accepted.
	Keep func(name, commit string) error
	// Known returns the head of a line as it was fetched last, by this process or one before; false if it never was.
	Known func(SourceLine) (git.Head, bool, error)
}

// SourceHead is called with the head of a repository that the platform includes, after every fetch.
func (f *Follower) SourceHead(line SourceLine, head git.Head) {
	f.inbox.source(line, func(s *sourceHead) {
		s.Head, s.fetched, s.tried, s.err = head, true, true, nil
		if head.Rewritten {
			s.notice = fmt.Sprintf("the branch was rewritten: %s does not come after %s", status.Short(head.Commit), status.Short(head.Previous))
		} else if head.Previous != head.Commit {
			s.notice = ""
		}
	})
	if head.Rewritten {
		f.Log.Warn("the branch of a source was rewritten", "source", line.Name, "head", head.Commit, "before", head.Previous)
	}
}

// SourceFailed is called with the error of a fetch of a repository that the platform includes. What runs of it stays as it is, and the
// others go on.
func (f *Follower) SourceFailed(line SourceLine, err error) {
	f.Log.Warn("cannot read the repository of a source; what runs of it is left as it is", "source", line.Name, "err", err.Error())
	f.inbox.source(line, func(s *sourceHead) { s.tried, s.err = true, err })
}

// joint is what a follower knows of the repositories that the platform includes. It is Run's own.
type joint struct {
	// platforms are what commits of the platform's repository declare of it, by commit.
	platforms map[string]*catalog.Catalog
	// followed are the lines that are followed.
	followed []SourceLine
	// included are the names of the repositories that platforms include that count.
	included []string
	// accepted is what the accepted commit joins.
	accepted git.Composition
	// refused are the states that were refused, by their keys.
	refused map[string]*refusal
	// told are the refusals that were told, by repository.
	told map[string]string
	// doubtful is set while clusters that hold something newer are left as they are.
	doubtful bool
	// unseen is set if the accepted state is compared with what clusters hold since nothing was accepted before.
	unseen bool
	// problems are those of the accepted state, once it was judged.
	problems v1alpha1.Problems
	judged   bool
	// graced are the lines whose first fetch is waited for, or was.
	graced map[SourceLine]bool
}

// refusal is why a state is refused, and which repositories are to blame, as far as that is known.
type refusal struct {
	problems v1alpha1.Problems
	blamed   []string
}

// maxPlatforms bounds how many commits of the platform's repository are remembered of what they include.
const maxPlatforms = 8

// platform reads what a commit of the platform's repository declares of the platform, and of the repositories that it includes.
func (f *Follower) platform(ctx context.Context, commit string) (*catalog.Catalog, error) {
	if c, ok := f.joint.platforms[commit]; ok {
		return c, nil
	}
	tree, err := f.tree(ctx, commit)
	if err != nil {
		return nil, err
	}
	c, err := catalog.ReadPlatform(tree)
	if err == nil {
		err = tree.Err()
	}
	if err != nil {
		return nil, err
	}
	if f.joint.platforms == nil || len(f.joint.platforms) >= maxPlatforms {
		f.joint.platforms = map[string]*catalog.Catalog{}
	}
	f.joint.platforms[commit] = c
	return c, nil
}

// acceptedParts returns the composition of the accepted commit; false if there is none. What a store that was repaired has lost is what was
// accepted last.
func (f *Follower) acceptedParts() (c git.Composition, known bool, err error) {
	commit, known, err := f.Store.Accepted()
	if err != nil || !known {
		return f.joint.accepted, f.joint.accepted.Platform != "", err
	}
	c, several, err := f.Sources.Store.Composition(commit)
	if err == nil && !several {
		c = git.Composition{Platform: commit, Dir: f.dir()}
	}
	if err == nil {
		f.joint.accepted = c
	}
	return c, true, err
}

// several reports whether the platform has more repositories than its own, as a head or the accepted commit has it.
func (f *Follower) several(ctx context.Context, head string) (bool, error) {
	if f.Sources == nil {
		return false, nil
	}
	parts, known, err := f.acceptedParts()
	if err != nil {
		return false, err
	}
	if known && len(parts.Sources) > 0 {
		return true, nil
	}
	for _, commit := range []string{parts.Platform, head} {
		if commit == "" {
			continue
		}
		c, err := f.platform(ctx, commit)
		if lost := new(git.ObjectError); commit == parts.Platform && errors.As(err, &lost) {
			continue // it was collected, or is damaged: the head says what is right
		}
		if err != nil {
			return false, nil //nolint:nilerr // judging the head says what is wrong with it
		}
		if c.Platform != nil && len(c.Platform.Spec.Sources) > 0 {
			return true, nil
		}
	}
	if len(f.joint.included) > 0 {
		f.forgetSources()
	}
	return false, nil
}

// forgetSources ends what was begun for repositories that the platform does not include any more.
func (f *Follower) forgetSources() {
	f.joint = joint{}
	f.inbox.keep(nil)
	f.Sources.Follow(nil, nil)
	f.Board.SetSource(func(s *status.Source) { s.Sources = nil })
}

// followAccepted has the repositories followed that the accepted commit includes, before anything is known of the repository of the
// platform itself: its server may be down.
func (f *Follower) followAccepted(ctx context.Context) {
	if f.Sources == nil {
		return
	}
	parts, known, err := f.acceptedParts()
	if err != nil || !known {
		return // whoever resumes there says so
	}
	c, err := f.platform(ctx, parts.Platform)
	if err != nil || c.Platform == nil {
		return
	}
	f.follow(c)
}

// follow has the repositories followed that platforms include.
func (f *Follower) follow(platforms ...*catalog.Catalog) map[SourceLine]sourceHead {
	wanted, included := map[SourceLine]bool{}, map[string]bool{}
	for _, c := range platforms {
		if c == nil {
			continue
		}
		for _, s := range c.Sources() {
			included[s.Name] = true
			if line := LineOf(s); f.Sources.Check(line) == nil {
				wanted[line] = true
			}
		}
	}
	lines := slices.SortedFunc(maps.Keys(wanted), func(a, b SourceLine) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.URL, b.URL), strings.Compare(a.String(), b.String()), strings.Compare(a.Commit, b.Commit))
	})
	heads, names := f.inbox.keep(wanted), slices.Sorted(maps.Keys(included))
	if !slices.Equal(lines, f.joint.followed) || !slices.Equal(names, f.joint.included) {
		f.joint.followed, f.joint.included = lines, names
		maps.DeleteFunc(f.joint.graced, func(line SourceLine, _ bool) bool { return !wanted[line] })
		f.Sources.Follow(lines, names)
	}
	for _, line := range lines {
		if heads[line].Commit != "" {
			continue
		}
		if head, known, err := f.Sources.Known(line); err == nil && known {
			one := heads[line]
			one.Head = head // as a process before this one has fetched it
			heads[line] = one
		}
	}
	return heads
}

// dir is the folder of the repository that holds the platform, as compositions have it.
func (f *Follower) dir() string { return folderOf(f.Dir) }

// folderOf is a folder as compositions have it: the root has no name.
func folderOf(dir string) string {
	if dir = path.Clean(dir); dir == "." {
		return ""
	}
	return dir
}

// partsWith is the composition of a commit that declares a platform with commits of those that it includes; those that have none are left
// out.
func partsWith(c *catalog.Catalog, platform, dir string, of func(name string) string) git.Composition {
	parts := git.Composition{Platform: platform, Dir: dir}
	for _, s := range c.Sources() {
		if commit := of(s.Name); commit != "" {
			parts.Sources = append(parts.Sources, git.Part{Name: s.Name, Commit: commit, Path: folderOf(s.Path)})
		}
	}
	slices.SortFunc(parts.Sources, func(a, b git.Part) int { return strings.Compare(a.Name, b.Name) })
	return parts
}

// Join joins a commit of the platform's repository, which has the platform in a folder, with what a composition has of the repositories that
// it includes; it returns the commit itself if there are none.
func Join(ctx context.Context, store *git.Store, dir, commit string, kept git.Composition) (string, error) {
	if _, joined, err := store.Composition(commit); err != nil || joined {
		return commit, err
	}
	tree, err := store.Tree(ctx, commit)
	if err != nil {
		return "", err
	}
	at, err := tree.At(path.Clean(dir))
	if err != nil {
		return commit, nil //nolint:nilerr // whoever looks for the platform in the commit says so
	}
	c, err := catalog.ReadPlatform(at)
	if err != nil {
		return "", err
	}
	if c.Platform == nil || len(c.Sources()) == 0 {
		return commit, nil
	}
	return store.Compose(ctx, partsWith(c, commit, folderOf(dir), kept.Of))
}
