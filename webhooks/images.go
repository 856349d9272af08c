// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/promotion/images"
	"trunkline.dev/trunkline/webhooks/report"
)

// blueprintMark begins what stands for a blueprint where projects do otherwise; no project's name has a slash.
const blueprintMark = "blueprint/"

// follows finds the declaration of a project, or of a blueprint, whose images or artifact are followed.
func follows(c *catalog.Catalog, name string) (*v1alpha1.Document, bool) {
	if blueprint, ok := strings.CutPrefix(name, blueprintMark); ok {
		for doc := range c.Documents(v1alpha1.KindBlueprint) {
			if doc.Name == blueprint {
				return doc, true
			}
		}
		return nil, false
	}
	project, ok := c.Project(name)
	if !ok {
		return nil, false
	}
	return project.Document, true
}

// imageBranch begins the names of branches that move images; the project follows.
const imageBranch = "trunkline/images/"

// Registries says what images are in their registries.
type Registries interface {
	// Look returns what the tags and ranges of a repository are now, as far as that was found out. The error is for people.
	Look(ctx context.Context, repository string, tracks []string) (map[string]images.Seen, error)
}

// Images is how images that projects follow are watched.
type Images struct {
	Registries Registries
	// Interval is how often each repository is looked at; default: 5m.
	Interval time.Duration
	// Trouble is told what is wrong with it, whenever that changes; empty: nothing.
	Trouble func(text string)
}

const (
	defaultImages = 5 * time.Minute
	// keepImages is for how many intervals counts what a registry said.
	keepImages = 3
	// maxTroubles is how many repositories a text for people names.
	maxTroubles = 3
)

// follower is what is known of the images that projects follow. It is lost with the process, and then registries are asked again.
type follower struct {
	looks map[string]images.Look
	seen  map[images.Target]images.Seen
	// troubles are what is wrong, by repositories and projects.
	troubles map[string]string
	told     string
	// proposed has what was proposed for a project, and withdrawn the projects whose proposal we closed ourselves.
	proposed  map[string]string
	withdrawn map[string]bool
	// unopened are the sources that follow images in which no pull requests can be opened, with why.
	unopened map[string]string
}

// followImages opens the pull requests that move images, from time to time.
func (e *Engine) followImages(ctx context.Context) {
	if e.opts.Images == nil {
		return
	}
	f := &follower{
		looks: map[string]images.Look{}, seen: map[images.Target]images.Seen{}, troubles: map[string]string{}, proposed: map[string]string{}, withdrawn: map[string]bool{},
		unopened: map[string]string{},
	}
	e.poll(ctx, min(e.imageInterval(), e.opts.Poll), func() {
		if err := e.moveImages(ctx, f); err != nil && ctx.Err() == nil {
			e.opts.Log.Warn("cannot propose newer images; it is tried again", "err", err.Error())
		}
		if ctx.Err() == nil {
			e.tellOfImages(f)
		}
	})
	if f.told != "" && e.opts.Images.Trouble != nil {
		e.opts.Images.Trouble("") // who does it from now on finds out
	}
}

func (e *Engine) imageInterval() time.Duration { return cmp.Or(e.opts.Images.Interval, defaultImages) }

// moveImages looks at the registries, and opens, updates and withdraws pull requests.
func (e *Engine) moveImages(ctx context.Context, f *follower) error {
	commit, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return nil
	}
	c := runs.Catalog()
	clear(f.unopened)
	q := images.Question{Keep: keepImages * e.imageInterval(), Seen: f.seen, Open: e.openImages()}
	for p := range c.Projects() {
		followed := images.Of(p.Spec)
		if source := c.SourceOf(p.Document.File); !e.opens(source) {
			e.tellUnopened(f, source, len(followed) > 0)
			continue // its file is in another repository
		}
		if len(followed) > 0 {
			q.Projects = append(q.Projects, images.Project{Name: p.Name, Followed: followed})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Blueprints)) {
		followed := images.OfBlueprint(c.Blueprints[name].Spec)
		if source := c.SourceOf(c.Blueprints[name].Position.File); !e.opens(source) {
			e.tellUnopened(f, source, len(followed) > 0)
			continue
		}
		if len(followed) > 0 {
			q.Projects = append(q.Projects, images.Project{Name: blueprintMark + name, Followed: followed})
		}
	}
	e.lookAtImages(ctx, f, q.Projects)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	q.Now = e.opts.Now()
	answer := images.Decide(q)
	var failed []error
	for _, name := range answer.Withdraw {
		if err := e.opts.Forge.Withdraw(ctx, imageBranch+name, e.opts.Trunk.Branch(), noImages); err != nil {
			failed = append(failed, fmt.Errorf("closing the pull request for images of %s: %w", name, err))
			continue
		}
		e.markImages(name, false)
		delete(f.proposed, name)
		f.withdrawn[name] = true
	}
	left := maxPromotions
	for _, p := range answer.Propose {
		if left == 0 {
			break // the rest with the next look
		}
		proposed, err := e.proposeImages(ctx, f, c, commit, p)
		if err != nil {
			failed = append(failed, fmt.Errorf("proposing images of %s: %w", p.Project, err))
		}
		if proposed {
			left--
		}
	}
	return errors.Join(failed...)
}

// tellUnopened says of a source that it follows images, and that no pull requests can be opened there; the engine of the platform's own
// repository says it of all. Whether it still does, is found out with each look.
func (e *Engine) tellUnopened(f *follower, source string, follows bool) {
	if !follows || source == "" || e.opts.Source != "" {
		return
	}
	if of := e.Of(source); of != nil && of.opens(source) {
		return
	}
	why := "the daemon's configuration names no repository at GitHub for it"
	if e.Of(source) != nil {
		why = "what runs of it is no branch"
	}
	f.unopened[source] = fmt.Sprintf("images that the source %q follows are not proposed: %s", source, why)
}

// noImages is said where a pull request is closed. It names nothing: anybody who may push can name a branch as they like.
const noImages = "Closed: there is no newer image any more.\n"

// lookAtImages asks registries for what is followed, of each repository as often as its turn comes.
func (e *Engine) lookAtImages(ctx context.Context, f *follower, projects []images.Project) {
	tracks := map[string][]string{}
	wanted := map[images.Target]bool{}
	for _, p := range projects {
		for _, one := range p.Followed {
			if t := one.Target(); !wanted[t] {
				wanted[t] = true
				tracks[t.Repository] = append(tracks[t.Repository], t.Track)
			}
		}
	}
	maps.DeleteFunc(f.seen, func(t images.Target, _ images.Seen) bool { return !wanted[t] })
	maps.DeleteFunc(f.looks, func(repository string, _ images.Look) bool { return tracks[repository] == nil })
	names := map[string]bool{}
	for _, p := range projects {
		names[p.Name] = true
	}
	maps.DeleteFunc(f.troubles, func(of, _ string) bool { return tracks[of] == nil && !names[of] })
	silent := map[string]bool{} // registries that did not answer: others of their repositories wait for the next turn
	for _, repository := range slices.Sorted(maps.Keys(tracks)) {
		host := images.Host(repository)
		if !f.looks[repository].Due(e.opts.Now(), e.imageInterval()) || silent[host] {
			continue
		}
		at := e.opts.Now()
		seen, err := e.opts.Images.Registries.Look(ctx, repository, tracks[repository])
		if ctx.Err() != nil {
			return
		}
		for followed, s := range seen {
			f.seen[images.Target{Repository: repository, Track: followed}] = s
		}
		if err != nil {
			silent[host] = errors.Is(err, context.DeadlineExceeded)
			f.looks[repository] = images.Look{At: at, Failed: f.looks[repository].Failed + 1}
			f.troubles[repository] = strings.ReplaceAll(err.Error(), "\n", "; ")
			continue
		}
		f.looks[repository] = images.Look{At: at}
		delete(f.troubles, repository)
	}
}

// proposeImages opens or updates the pull request for a project, unless that was done with the same content.
func (e *Engine) proposeImages(ctx context.Context, f *follower, c *catalog.Catalog, commit string, p images.Proposal) (proposed bool, err error) {
	document, ok := follows(c, p.Project)
	if !ok {
		return false, nil
	}
	declared := promotion.Of(c.Tree(), document)
	data, err := fs.ReadFile(c.Tree(), declared.File)
	if err != nil {
		return false, err
	}
	content, err := images.Apply(data, declared.Number, p.Moves)
	if err != nil {
		f.troubles[p.Project] = fmt.Sprintf("%s: %s", declared.File, err)
		return false, nil // it is for those who declare it, and the other projects do not wait for it
	}
	delete(f.troubles, p.Project)
	sum := sha256.Sum256(content)
	key := hex.EncodeToString(sum[:])
	if f.proposed[p.Project] == key {
		return false, nil
	}
	what := "image"
	blueprint, ofBlueprint := strings.CutPrefix(p.Project, blueprintMark)
	if ofBlueprint {
		what = "source"
	} else {
		blueprint = p.Project
	}
	title := fmt.Sprintf("Update the %ss of %s", what, blueprint)
	var message strings.Builder
	message.WriteString(title + "\n\n")
	for _, m := range p.Moves {
		message.WriteString(m.Reference() + "\n")
	}
	if len(p.Moves) == 1 {
		title = fmt.Sprintf("Update the %s of %s: %s", what, blueprint, p.Moves[0].Image.Repository)
		if tag := p.Moves[0].To.Tag; tag != "" {
			title += ":" + tag
		}
	}
	text := string(content)
	pull, err := e.opts.Forge.Propose(ctx, Proposal{
		Branch: imageBranch + p.Project, Parent: commit, Base: e.opts.Trunk.Branch(), Files: map[string]*string{e.opts.Repository.Path(declared.File): &text},
		Message: message.String(), Title: title, Body: report.ImageUpdate{Project: p.Project, Moves: p.Moves}.Body(), Again: f.withdrawn[p.Project],
	})
	if err != nil {
		return false, err
	}
	f.proposed[p.Project] = key
	delete(f.withdrawn, p.Project)
	e.markImages(p.Project, pull.State == Open)
	return true, nil
}

// tellOfImages says what is wrong, whenever that changes.
func (e *Engine) tellOfImages(f *follower) {
	var all []string
	for _, of := range slices.Sorted(maps.Keys(f.troubles)) {
		all = append(all, f.troubles[of])
	}
	for _, of := range slices.Sorted(maps.Keys(f.unopened)) {
		all = append(all, f.unopened[of])
	}
	text := strings.Join(all[:min(len(all), maxTroubles)], "; ")
	if more := len(all) - maxTroubles; more > 0 {
		text += fmt.Sprintf("; and %d more, in the daemon's log", more)
	}
	whole := strings.Join(all, "\n")
	if f.told == whole {
		return
	}
	f.told = whole
	for _, trouble := range all {
		e.opts.Log.Warn("an image is not followed; it is tried again", "err", trouble)
	}
	if e.opts.Images.Trouble != nil {
		e.opts.Images.Trouble(text)
	}
}

// openImages returns the projects for which a pull request that moves images is open, as far as the last sweep saw.
func (e *Engine) openImages() map[string]bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.imagesOpen)
}

func (e *Engine) markImages(project string, open bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.imagesOpen == nil {
		e.imagesOpen = map[string]bool{}
	}
	e.imagesOpen[project] = open
}

// seeImages remembers which open pull requests move images.
func (e *Engine) seeImages(open []Pull) {
	seen := map[string]bool{}
	for _, p := range open {
		if project, ours := strings.CutPrefix(p.Head.Ref, imageBranch); ours && !p.Fork && p.Base.Ref == e.opts.Trunk.Branch() {
			seen[project] = true
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.imagesOpen = seen
}
