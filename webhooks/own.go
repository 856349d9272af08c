// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/previews"
	"trunkline.dev/trunkline/webhooks/report"
)

// own is what is known of a pull request's own environment, its preview. Only the worker on the pull request uses it.
type own struct {
	// over reports whether nothing of it is left, once the pull request is not open any more.
	over bool
	// subject identifies what is to be looked at, and logins are those of who made and approved the head.
	subject string
	logins  []string
	// recalled reports whether the forge was asked for what an earlier process told it: deployments and commands.
	recalled    bool
	deployments []Deployment // the newest first
	commands    []previews.Command

	// looked is what the newest head would have; its subject is empty if that is not known.
	looked wish
	// review is what the comment tells, but for the preview; nil if it is not known.
	review *report.Review
	// put identifies what was put, and asleep is how.
	put    string
	asleep bool
	runs   deployed
}

// wish is what a head would have as its preview.
type wish struct {
	// subject identifies what it is of.
	subject string
	// environment is the one that is chosen by what the base declares, and label would have one chosen.
	environment, label string
	// approved reports whether people who may have approved a fork's head, and owners are those who may.
	approved bool
	owners   []string
	verdict  previews.Verdict
	// refused says why there cannot be one, to people.
	refused string
	monthly *big.Rat
	// made is what is to be put; nil if it was, or if there is none.
	made *evaluate.Preview
	runs deployed
}

// deployed is what of a preview is told.
type deployed struct {
	head, of string
	releases []catalog.ReleaseID
	hosts    []string
	reads    []string // projects whose data are read from the environment that it is made after
}

// previewing is what is known of all previews together, whichever repository their pull requests are of.
type previewing struct {
	mu     sync.Mutex
	facts  map[catalog.Pull]previews.Pull
	exists map[catalog.Pull]previews.Existing
	// surveyed reports whether all clusters said which previews they hold.
	surveyed bool
	// fates are what was decided about each last, in words.
	fates map[catalog.Pull]string
}

func newPreviewing() *previewing {
	return &previewing{facts: map[catalog.Pull]previews.Pull{}, exists: map[catalog.Pull]previews.Existing{}, fates: map[catalog.Pull]string{}}
}

// actPrefix begins the acts of replies that are of a preview.
const actPrefix = "preview-"

// did remembers what a reply says was done.
func (o *own) did(reply int64, at time.Time, acts []string) {
	for i, act := range acts {
		do, ok := strings.CutPrefix(act, actPrefix)
		c := previews.Command{ID: reply*maxCommands + int64(i), At: at, Do: previews.Act(do)}
		if ok && !slices.Contains(o.commands, c) {
			o.commands = append(o.commands, c)
		}
	}
}

// recallActs finds what was done in replies, which are its memory.
func (o *own) recallActs(comments []Comment) {
	o.commands = nil
	for _, c := range comments {
		if a, ok := report.ParseReply(c.Body); ok && c.Ours {
			o.did(c.ID, c.Created, a.Acts)
		}
	}
}

// rulesOf are what the environments of the base declare of previews.
func rulesOf(base *catalog.Catalog) (out []previews.Rules) {
	for _, name := range slices.Sorted(maps.Keys(base.Environments)) {
		declared := base.Environments[name].Spec.Preview
		if declared == nil {
			continue
		}
		r := previews.Rules{
			Environment: name, TTL: cmp.Or(time.Duration(declared.TTL), defaultTTL), SleepAfter: time.Duration(declared.SleepAfter), Limit: defaultPreviews,
		}
		if declared.Limit != nil {
			r.Limit = *declared.Limit
		}
		if most, ok := new(big.Rat).SetString(string(declared.SpendCap)); ok {
			r.SpendCap = most
		}
		out = append(out, r)
	}
	return out
}

const (
	defaultTTL      = 72 * time.Hour
	defaultPreviews = 10
)

// rules are those of what runs; none if there are no previews, or if nothing runs yet.
func (e *Engine) rules() []previews.Rules {
	if e.opts.Previews == nil {
		return nil
	}
	_, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return nil
	}
	return rulesOf(runs.Catalog())
}

// fate is what was decided about one pull request.
type fate struct {
	want   *previews.Preview
	none   *previews.None
	keep   *previews.None
	remove *previews.Removal
}

// String identifies it, but for times.
func (f fate) String() string {
	switch {
	case f.want != nil:
		return fmt.Sprintf("at %s like %s, asleep: %v", f.want.Head, f.want.Environment, f.want.Asleep)
	case f.remove != nil:
		return "goes: " + string(f.remove.Reason)
	case f.keep != nil:
		return "stays: " + string(f.keep.Reason)
	case f.none != nil:
		return "none: " + string(f.none.Reason)
	}
	return ""
}

func fatesOf(d previews.Decision) map[catalog.Pull]fate {
	out := map[catalog.Pull]fate{}
	for i := range d.None {
		out[catalog.Pull{Source: d.None[i].Source, Number: d.None[i].Number}] = fate{none: &d.None[i]}
	}
	for i := range d.Keep {
		out[catalog.Pull{Source: d.Keep[i].Source, Number: d.Keep[i].Number}] = fate{keep: &d.Keep[i]}
	}
	for i := range d.Want {
		out[catalog.Pull{Source: d.Want[i].Source, Number: d.Want[i].Number}] = fate{want: &d.Want[i]}
	}
	for i := range d.Remove {
		of := catalog.Pull{Source: d.Remove[i].Source, Number: d.Remove[i].Number}
		f := out[of]
		f.remove = &d.Remove[i]
		out[of] = f
	}
	return out
}

// decide decides about all pull requests, and returns what is to become of one, and when to look again. A place that it is
// given is taken at once. Others of which something else was decided than before are looked at.
func (e *Engine) decide(number int, facts *previews.Pull) (fate, time.Time) {
	rules, own := e.rules(), e.id(number)
	v := e.previewing
	v.mu.Lock()
	defer v.mu.Unlock()
	if facts != nil {
		facts.Source = own.Source
		v.facts[own] = *facts
	}
	d := previews.Decide(previews.Input{
		Now: e.opts.Now(), Rules: rules, Pulls: slices.Collect(maps.Values(v.facts)), Exists: slices.Collect(maps.Values(v.exists)),
	})
	fates := fatesOf(d)
	mine := fates[own]
	if !v.surveyed && mine.want != nil {
		if _, there := v.exists[own]; !there { // there may be others that nobody knows of yet
			mine = fate{none: &previews.None{Source: own.Source, Number: number, Reason: previews.Unknown, Environment: mine.want.Environment}}
		}
	}
	if w := mine.want; w != nil {
		v.exists[own] = previews.Existing{Source: own.Source, Number: number, Head: w.Head, Environment: w.Environment}
	}
	for other, f := range fates {
		if is := f.String(); v.fates[other] != is {
			v.fates[other] = is
			if keeper := e.all[other.Source]; keeper != nil && other != own {
				keeper.queue.work.Add(key{pull: other.Number})
			}
		}
	}
	return mine, d.Again
}

// Expiring is a preview that there is, and when it is removed unless someone uses it.
type Expiring struct {
	Name    string
	Expires time.Time
}

// Expiring returns the previews of all repositories, by what is known of them.
func (e *Engine) Expiring() (out []Expiring) {
	rules, v := e.rules(), e.previewing
	v.mu.Lock()
	defer v.mu.Unlock()
	d := previews.Decide(previews.Input{
		Now: e.opts.Now(), Rules: rules, Pulls: slices.Collect(maps.Values(v.facts)), Exists: slices.Collect(maps.Values(v.exists)),
	})
	for _, p := range d.Want {
		of := catalog.Pull{Source: p.Source, Number: p.Number}
		if _, there := v.exists[of]; there {
			out = append(out, Expiring{of.Preview(), p.Expires})
		}
	}
	slices.SortFunc(out, func(a, b Expiring) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// gone forgets a preview that is gone, and what was known of its pull request if that is not open any more. Others may have its
// place.
func (e *Engine) gone(number int, open bool) {
	v, own := e.previewing, e.id(number)
	v.mu.Lock()
	delete(v.exists, own)
	if !open {
		delete(v.facts, own)
		delete(v.fates, own)
	}
	v.mu.Unlock()
	e.decide(0, nil)
}

// isAt remembers at which head a preview is, which clusters do not say.
func (e *Engine) isAt(number int, head string) {
	e.previewing.mu.Lock()
	defer e.previewing.mu.Unlock()
	if there, ok := e.previewing.exists[e.id(number)]; ok && there.Head == "" {
		there.Head = head
		e.previewing.exists[e.id(number)] = there
	}
}

// notKnown forgets what is known of a pull request that the forge does not show: whether it is open is not known, and its preview
// stays as it is.
func (e *Engine) notKnown(number int) {
	e.previewing.mu.Lock()
	defer e.previewing.mu.Unlock()
	delete(e.previewing.facts, e.id(number))
}

// survey asks the clusters which previews there are, and has those looked at of which nobody knows why.
func (e *Engine) survey(ctx context.Context) error {
	if _, runs := e.opts.Trunk.Accepted(); e.opts.Previews == nil || runs == nil {
		return nil // it is asked for once something runs
	}
	states, err := e.opts.Previews.States(ctx)
	v := e.previewing
	v.mu.Lock()
	v.surveyed = v.surveyed || err == nil
	strange := map[catalog.Pull]*Engine{}
	for _, s := range states {
		of, ok := catalog.PreviewPull(s.Name)
		if !ok {
			continue
		}
		if _, known := v.exists[of]; !known {
			v.exists[of] = previews.Existing{Source: of.Source, Number: of.Number, Head: s.Head, Environment: s.Of, Removing: s.Removing}
			strange[of] = e.all[of.Source]
		} else if e.all[of.Source] == nil {
			strange[of] = nil // it is still there
		}
	}
	v.mu.Unlock()
	for of, keeper := range strange {
		var failed error
		switch {
		case keeper != nil:
			failed = keeper.queue.add(key{pull: of.Number}, "")
		case e.opts.Source == "":
			failed = e.endForeign(ctx, of)
		}
		if failed != nil {
			return failed
		}
	}
	if err != nil {
		return fmt.Errorf("asking the clusters which previews there are: %w", err)
	}
	return nil
}

// endForeign removes the preview of a pull request of a repository whose pull requests nobody works on any more.
func (e *Engine) endForeign(ctx context.Context, of catalog.Pull) error {
	done, err := e.end(ctx, of, "nobody works on the pull requests of the source "+of.Source+" any more")
	if err != nil {
		return fmt.Errorf("removing the preview of %s: %w", of, err)
	}
	if done {
		e.previewing.mu.Lock()
		defer e.previewing.mu.Unlock()
		delete(e.previewing.exists, of)
	}
	return nil
}

// surveyed reports whether all clusters said which previews they hold.
func (e *Engine) surveyed() bool {
	e.previewing.mu.Lock()
	defer e.previewing.mu.Unlock()
	return e.previewing.surveyed
}

// exists reports whether a pull request has a preview, as far as is known.
func (e *Engine) exists(number int) bool {
	e.previewing.mu.Lock()
	defer e.previewing.mu.Unlock()
	_, ok := e.previewing.exists[e.id(number)]
	return ok
}
