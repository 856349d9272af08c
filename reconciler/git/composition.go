// SPDX-License-Identifier: Apache-2.0

package git

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// SourcesDir is the folder of a platform in which the repositories are that it includes, each in one of its name.
const SourcesDir = "sources"

// maxSources bounds how many repositories a platform includes.
const maxSources = 64

// Composition is what a commit is made of that joins a platform's repository with those that it includes. It is made by
// [Store.Compose], of nothing else than this, so that the same parts have the same commit everywhere.
type Composition struct {
	// Platform is the commit of the platform's own repository, and Dir the folder of it that holds the platform; empty for the
	// repository itself.
	Platform, Dir string
	// Sources are the others, by name.
	Sources []Part
}

// Part is what a composition has of a repository.
type Part struct {
	Name, Commit string
	// Path is the folder of the repository that counts; empty for the repository itself.
	Path string
}

// Of returns the commit of a source, or of the platform for an empty name; empty if the composition has none.
func (c Composition) Of(name string) string {
	if name == "" {
		return c.Platform
	}
	for _, p := range c.Sources {
		if p.Name == name {
			return p.Commit
		}
	}
	return ""
}

// String writes the composition in one line, for [ParseComposition] to read.
func (c Composition) String() string {
	var b strings.Builder
	b.WriteString(c.Platform + inFolder(c.Dir))
	for _, p := range c.Sources {
		b.WriteString(" " + p.Name + "=" + p.Commit + inFolder(p.Path))
	}
	return b.String()
}

func inFolder(name string) string {
	if name == "" {
		return ""
	}
	return ":" + url.PathEscape(name)
}

// sourceName is what a source can be called: a label of DNS.
var sourceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ParseComposition reads what [Composition.String] writes, and nothing else.
func ParseComposition(s string) (Composition, error) {
	var c Composition
	for i, field := range strings.Split(s, " ") {
		name, at := "", field
		if i > 0 {
			var ok bool
			if name, at, ok = strings.Cut(field, "="); !ok || name == "" {
				return Composition{}, errNoComposition
			}
		}
		commit, escaped, _ := strings.Cut(at, ":")
		dir, err := url.PathUnescape(escaped)
		if err != nil {
			return Composition{}, errNoComposition
		}
		if i == 0 {
			c.Platform, c.Dir = commit, dir
			continue
		}
		c.Sources = append(c.Sources, Part{Name: name, Commit: commit, Path: dir})
	}
	if err := c.check(); err != nil || c.String() != s {
		return Composition{}, errNoComposition
	}
	return c, nil
}

var errNoComposition = errors.New("not the parts of a composition")

// check returns what is wrong with a composition by itself.
func (c Composition) check() error {
	switch {
	case !IsHash(c.Platform):
		return fmt.Errorf("the platform's commit %q: %w", printable(c.Platform, 80), errNotHash)
	case len(c.Sources) > maxSources:
		return fmt.Errorf("a platform includes at most %d repositories", maxSources)
	case !folderPath(c.Dir):
		return fmt.Errorf("%q is no folder of a repository", printable(c.Dir, 200))
	}
	for i, p := range c.Sources {
		switch {
		case !sourceName.MatchString(p.Name):
			return fmt.Errorf("%q is no name of a source", printable(p.Name, 80))
		case !IsHash(p.Commit):
			return fmt.Errorf("the commit %q of source %s: %w", printable(p.Commit, 80), p.Name, errNotHash)
		case !folderPath(p.Path):
			return fmt.Errorf("%q is no folder of source %s", printable(p.Path, 200), p.Name)
		case i > 0 && c.Sources[i-1].Name >= p.Name:
			return fmt.Errorf("source %s is named twice, or out of order", p.Name)
		}
	}
	return nil
}

// folderPath reports whether a text is the path of a folder, as this package writes it; empty is the whole.
func folderPath(name string) bool {
	return name == "" || name == path.Clean(name) && name != "." && name != ".." && !strings.HasPrefix(name, "../") && !path.IsAbs(name) && nameable(name) && !hasControl(name)
}

// sorted returns the composition with its sources by name.
func (c Composition) sorted() Composition {
	c.Sources = slices.SortedFunc(slices.Values(c.Sources), func(a, b Part) int { return cmp.Compare(a.Name, b.Name) })
	return c
}

// The commit of a composition says that it is one, and of what.
const (
	composedName  = "Trunkline"
	composedEmail = "compose@trunkline.dev"
	partsTrailer  = "Trunkline-Parts: "
)

func (c Composition) message() string {
	names := make([]string, len(c.Sources))
	for i, p := range c.Sources {
		names[i] = p.Name + " " + p.Commit[:8]
	}
	return fmt.Sprintf("Compose %s with %s\n\n%s%s\n", c.Platform[:8], strings.Join(names, ", "), partsTrailer, c)
}

// parents are the commits of the parts, each once.
func (c Composition) parents() []plumbing.Hash {
	all := []plumbing.Hash{plumbing.NewHash(c.Platform)}
	for _, p := range c.Sources {
		if h := plumbing.NewHash(p.Commit); !slices.Contains(all, h) {
			all = append(all, h)
		}
	}
	return all
}

// compositionOf reads a commit that joins others. Whatever else looks like one is none: the text has to be the one that is written for
// just these parents.
func compositionOf(c *object.Commit) (Composition, bool) {
	if c.Author.Email != composedEmail || c.Committer.Email != composedEmail || c.Author.Name != composedName {
		return Composition{}, false
	}
	_, line, ok := strings.Cut(strings.TrimSuffix(c.Message, "\n"), "\n\n"+partsTrailer)
	if !ok {
		return Composition{}, false
	}
	parts, err := ParseComposition(line)
	if err != nil || len(parts.Sources) == 0 || c.Message != parts.message() || !slices.Equal(c.ParentHashes, parts.parents()) {
		return Composition{}, false
	}
	return parts, true
}

// The folders of the tracks of repositories that a platform includes: of what is followed, of their pull requests, and of their merge
// queues.
const sourceTracks, sourcePulls, sourceQueues = "source/", "source-pr/", "source-queue/"

// SourceTrack is the name of the track of a repository that a platform includes by a name.
func SourceTrack(name string) string { return sourceTracks + inTrack(name) }

// inTrack is the name of a source as a part of the name of a track.
func inTrack(name string) string {
	if slices.Contains([]string{acceptedName, fetchedName, previousName}, name) {
		name += "_" // no name of a source ends in one
	}
	return name
}

// TrackSource returns the source that a track is of; false if it is of the platform's own repository.
func TrackSource(track string) (source string, ok bool) {
	for _, folder := range []string{sourceTracks, sourcePulls, sourceQueues} {
		if rest, is := strings.CutPrefix(track, folder); is {
			source, _, _ = strings.Cut(rest, "/")
			return strings.TrimSuffix(source, "_"), true
		}
	}
	return "", false
}

// walls keep the links of each part of a composition inside of it, as where its repository is checked out by itself.
type walls struct{ dir string }

// part names the part that a place is in; empty for the platform's own.
func (w walls) part(place string) string {
	if w.dir == "" {
		return ""
	}
	below, ok := strings.CutPrefix(place, w.dir+"/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(below, "/")
	return name
}

// root reports whether a place is the root of a part.
func (w walls) root(place string) bool { return w.dir != "" && path.Dir(place) == w.dir }

// at returns the walls of a tree that begins at a folder of another.
func (w walls) at(dir string) walls {
	if w.dir == "" || dir == "." {
		return w
	}
	below, ok := strings.CutPrefix(w.dir, dir+"/")
	if !ok {
		return walls{}
	}
	return walls{below}
}
