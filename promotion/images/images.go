// SPDX-License-Identifier: Apache-2.0

// Package images decides which images that projects follow are to be moved to something newer, and how a declaration says so.
// It is pure: registries are looked at elsewhere.
//
// Of Trunkline it may import api.
package images

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/edit"
	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Followed is an image of a project that is followed, and where it is declared.
type Followed struct {
	Path  []any
	Image v1alpha1.Image
}

// Target is what a registry is asked for.
func (f Followed) Target() Target { return Target{f.Image.Repository, f.Image.Track} }

// Target is a tag or a semver range of a repository.
type Target struct{ Repository, Track string }

// Of returns the images of a project that are followed, in a stable order.
func Of(p *v1alpha1.ProjectSpec) (out []Followed) {
	add := func(image v1alpha1.Image, path ...any) {
		if image.Follows() {
			out = append(out, Followed{path, image})
		}
	}
	add(p.Image, "spec", "image")
	for i := range p.Workloads {
		add(p.Workloads[i].Image, "spec", "workloads", i, "image")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Environments)) {
		over := p.Environments[name]
		add(over.Image, "spec", "environments", name, "image")
		for _, workload := range slices.Sorted(maps.Keys(over.Workloads)) {
			add(over.Workloads[workload].Image, "spec", "environments", name, "workloads", workload, "image")
		}
	}
	return out
}

// OfBlueprint returns the artifact of a blueprint, if one is followed, as an image is. Its repository is the blueprint's source, with
// the chart of a Helm repository behind a number sign.
func OfBlueprint(b v1alpha1.BlueprintSpec) []Followed {
	a := b.Artifact
	if a == nil || a.Track == "" {
		return nil
	}
	repository := b.Source
	if a.Chart != "" {
		repository += chartMark + a.Chart
	}
	return []Followed{{[]any{"spec", "artifact"}, v1alpha1.Image{Repository: repository, Track: a.Track, Tag: a.Tag, Digest: a.Digest}}}
}

const chartMark = "#"

// Artifact returns the source and the chart that a repository of [OfBlueprint] stands for; ok is false for one of images.
func Artifact(repository string) (source, chart string, ok bool) {
	if !strings.Contains(repository, "://") {
		return "", "", false
	}
	source, chart, _ = strings.Cut(repository, chartMark)
	return source, chart, true
}

// Host is the server of a repository, of either kind.
func Host(repository string) string {
	if _, rest, remote := strings.Cut(repository, "://"); remote {
		repository = rest
	}
	host, _, _ := strings.Cut(repository, "/")
	return host
}

// Seen is what a registry said that a target is.
type Seen struct {
	Tag, Digest string
	// At is when it said so.
	At time.Time
}

// Move is an image that is to become another one.
type Move struct {
	Followed

	To Seen
}

// Reference is the image after the move.
func (m Move) Reference() string {
	after := m.Image
	after.Digest = m.To.Digest
	if !v1alpha1.IsTag(after.Track) {
		after.Tag = m.To.Tag
	}
	return after.Reference()
}

// Project is a project with its images that are followed, or a blueprint with its artifact.
type Project struct {
	// Name is that of the project, or "blueprint/" and that of the blueprint.
	Name     string
	Followed []Followed
}

// Question asks what is to be proposed.
type Question struct {
	Now time.Time
	// Keep is how long what a registry said counts.
	Keep     time.Duration
	Projects []Project
	Seen     map[Target]Seen
	// Open has the projects for which a proposal is open.
	Open map[string]bool
}

// Proposal is what is to be proposed for one project: all of its moves at once.
type Proposal struct {
	Project string
	Moves   []Move
}

// Answer is what is to be proposed, and the projects whose proposal is to be withdrawn.
type Answer struct {
	Propose  []Proposal
	Withdraw []string
}

// Decide decides what is to be proposed. What is not known, since a registry does not answer, changes no proposal that is open.
func Decide(q Question) (a Answer) {
	follows := map[string]bool{}
	for _, p := range q.Projects {
		if len(p.Followed) == 0 {
			continue
		}
		follows[p.Name] = true
		moves, known := q.moves(p.Followed)
		switch {
		case !known && q.Open[p.Name]:
		case len(moves) > 0:
			a.Propose = append(a.Propose, Proposal{p.Name, moves})
		case q.Open[p.Name]:
			a.Withdraw = append(a.Withdraw, p.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.Open)) {
		if q.Open[name] && !follows[name] {
			a.Withdraw = append(a.Withdraw, name)
		}
	}
	return a
}

// moves returns the images that are to move, and reports whether something is known of all of them.
func (q Question) moves(all []Followed) (moves []Move, known bool) {
	known = true
	for _, f := range all {
		seen, ok := q.Seen[f.Target()]
		if !ok || q.Now.Sub(seen.At) > q.Keep {
			known = false
			continue
		}
		t, err := track.Parse(f.Image.Track)
		if err != nil || f.Image.Digest == seen.Digest && f.Image.InForce() == seen.Tag || t.Back(f.Image.InForce(), seen.Tag) {
			continue
		}
		moves = append(moves, Move{f, seen})
	}
	return moves, known
}

// Apply makes the moves in the document with a number of a declaration's file. All else in it stays as it is, byte for byte.
func Apply(data []byte, document int, moves []Move) ([]byte, error) {
	var changes []edit.Change
	for _, m := range moves {
		if !v1alpha1.IsTag(m.Image.Track) {
			changes = append(changes, edit.Change{Path: append(slices.Clip(m.Path), "tag"), Value: m.To.Tag})
		}
		changes = append(changes, edit.Change{Path: append(slices.Clip(m.Path), "digest"), Value: m.To.Digest})
	}
	out, err := edit.Apply(data, document, changes...)
	if err != nil {
		return nil, fmt.Errorf("moving an image: %w", err)
	}
	return out, nil
}

// maxWait bounds how long a repository that cannot be looked at is left alone, unless the interval is longer.
const maxWait = 2 * time.Hour

// Look is when a repository was looked at last, and how often that has failed since it worked.
type Look struct {
	At     time.Time
	Failed int
}

// Due reports whether a repository is to be looked at: once in an interval, and after each failure twice as long after the one
// before. A tenth less counts, since clocks do not tick to the moment.
func (l Look) Due(now time.Time, interval time.Duration) bool {
	wait := interval
	for range l.Failed {
		if wait >= maxWait {
			break
		}
		wait = min(2*wait, max(interval, maxWait))
	}
	return l.At.IsZero() || now.Sub(l.At) >= wait-wait/10
}
