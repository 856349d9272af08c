// SPDX-License-Identifier: Apache-2.0

package run

import (
	"fmt"
	"strings"

	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
)

const (
	// MaxObjects is how many objects of an attempt are looked at: as many as a manifest can list.
	MaxObjects = 100_000
	// maxFolders is how many folders or prefixes a program's manifest may list, each of which is compared with all objects.
	maxFolders = 1000
)

// Left is what an attempt left at a sink.
type Left struct {
	// Objects are the URIs of what is in the location of the attempt, in the order of the listing: all, or more than [MaxObjects].
	Objects []string
	// Returned are the manifests that the program wrote itself.
	Returned []Returned
	// Others are the folders of what other Jobs of the attempt left: they were deleted while nobody looked.
	Others []string
}

// Returned is a manifest that a program left in the location of the attempt.
type Returned struct {
	// Path is where it lies, for people.
	Path string
	Key  manifest.Key
	manifest.Manifest
	// Damaged is why it is none, or does not say what its place says.
	Damaged error
}

// Ended is how the process ended.
type Ended struct {
	// Failed says why the run failed, such as "it ended with exit code 3"; empty if it ended well.
	Failed string
}

// Outcome is what comes of a run.
type Outcome struct {
	// State is that of the workload's lot now.
	State State
	// Sinks are what becomes of each, by role. Only if all of them are whole, any of them counts: one run makes one lot of each.
	Sinks []Made
	// Beside are records of what other Jobs of the attempt left, if it is complete; else the manifests of its own say it too.
	Beside []Made
	// Failed is why it is not complete; empty if it is.
	Failed string
}

// SinkStates are the states of the manifests of all sinks with lots; a sink of which nothing is to be written has none.
func (o Outcome) SinkStates() (states []manifest.State) {
	for _, made := range o.Sinks {
		if made.Store != "" {
			states = append(states, made.Key.State)
		}
	}
	return states
}

// Made is what becomes of a sink.
type Made struct {
	Sink
	// Key and Manifest are what is to be written; nil if nothing is.
	Key      manifest.Key
	Manifest *manifest.Manifest
}

// Address is where the manifest lies once it is written.
func (m Made) Address() string { return strings.TrimSuffix(m.Store, "/") + "/" + m.Key.Path() }

// Conclude says what comes of a run that has ended, of what it left at each sink by role: all sinks are looked at.
func (r Run) Conclude(ended Ended, left map[string]Left) Outcome {
	out := Outcome{State: Complete}
	var why []string
	if ended.Failed != "" {
		why = append(why, ended.Failed)
	}
	for _, s := range r.Sinks {
		if s.Store == "" {
			continue // it has no lots, and so no manifest
		}
		m, wrong := s.judge(r, left[s.Role])
		if wrong != "" {
			why = append(why, fmt.Sprintf("%s (%s): %s", s.ID, s.Role, wrong))
		}
		out.Sinks = append(out.Sinks, Made{s, r.key(s, m.State), &m})
	}
	if len(why) == 0 {
		for _, made := range out.Sinks {
			if key, m := made.abandoned(r, left[made.Role]); m != nil {
				out.Beside = append(out.Beside, Made{made.Sink, key, m})
			}
		}
		return out
	}
	out.Failed, out.State = strings.Join(why, "; "), Missing
	for i := range out.Sinks {
		made := &out.Sinks[i]
		made.Key, made.Manifest = made.partial(r, left[made.Role], out.Failed)
		if made.Manifest != nil {
			out.State = Partial
		}
	}
	return out
}

// key is the place of a manifest of the run.
func (r Run) key(s Sink, state manifest.State) manifest.Key {
	k := manifest.Key{Dataset: s.Name, Lot: r.Lot, State: state}
	if state.Attempted() {
		k.Attempt = r.Attempt
	}
	return k
}

// judge says what the program made of a sink, by what it returned, or else by what is there. Wrong says why it does not count.
func (s Sink) judge(r Run, left Left) (m manifest.Manifest, wrong string) {
	listed := s.list(r, left)
	switch len(left.Returned) {
	case 0:
		if s.Table() {
			return listed, "the program wrote no manifest, and what is in a table cannot be listed: it says itself what it added, as the blueprint catalog does"
		}
		return listed, ""
	case 1:
	default:
		paths := make([]string, len(left.Returned))
		for i := range left.Returned {
			paths[i] = left.Returned[i].Path
		}
		return listed, "the program wrote several manifests, of which one at most can be true: " + few(paths)
	}
	back := left.Returned[0]
	refuse := func(why string, a ...any) (manifest.Manifest, string) {
		return listed, fmt.Sprintf("the program's manifest %s does not count: %s", back.Path, fmt.Sprintf(why, a...))
	}
	switch {
	case back.Damaged != nil:
		return refuse("%v", back.Damaged)
	case back.Key.Dataset != s.Name || back.Key.Lot != r.Lot:
		return refuse("it is of %s %s, and the run makes %s %s", back.Key.Dataset, back.Key.Lot, s.Name, r.Lot)
	case back.State == manifest.Removed:
		return refuse("a run removes nothing")
	}
	if lie := s.lie(back.Manifest, left); lie != "" && !s.Table() { // of a table, that it lists nothing else is all that can be seen
		return refuse("%s", lie)
	}
	if back.State == manifest.Partial {
		why := "the program says that it is partial"
		if back.Comment != nil && *back.Comment != "" {
			why += ": " + *back.Comment
		}
		return listed, why
	}
	return back.Manifest, ""
}

// lie returns what is not so of a manifest: what it lists is there, and, unless it is partial, what is there it lists.
func (s Sink) lie(m manifest.Manifest, left Left) string {
	there := make(map[string]bool, len(left.Objects)) // whether it is listed
	for _, uri := range left.Objects {
		there[uri] = false
	}
	objects := m.URIType == manifest.Identifier
	more := len(left.Objects) > MaxObjects
	switch {
	case more && objects:
		return fmt.Sprintf("there are more than %d objects, too many to look for each that it lists: list their folder, with the uriType path", MaxObjects)
	case !objects && len(m.URIs) > maxFolders:
		return fmt.Sprintf("it lists %d folders or prefixes; the limit is %d", len(m.URIs), maxFolders)
	}
	for _, uri := range m.URIs {
		found := false
		for _, named := range s.named(uri) {
			if objects {
				_, is := there[named]
				found = found || is
				if is {
					there[named] = true
				}
				continue
			}
			for object := range there {
				if strings.HasPrefix(object, named) {
					there[object], found = true, true
				}
			}
		}
		if !found && !more { // of more, it may be among those that were not looked at
			return fmt.Sprintf("it lists %.300q, and nothing is there", uri)
		}
	}
	if m.State == manifest.Partial || more {
		return ""
	}
	for _, object := range left.Objects {
		if !there[object] && !given.Hidden(s.path(object)) {
			return fmt.Sprintf(`it leaves out %.300q, which is there: list it, or have a part of its name begin with "_"`, object)
		}
	}
	return ""
}

// named are the objects, as a listing has them, that a URI may name.
func (s Sink) named(uri string) (named []string) {
	for _, path := range manifest.Paths(s.Attempt, uri) {
		named = append(named, manifest.URI(s.Attempt, path))
	}
	return named
}

// path is that of an object in the location of the attempt.
func (s Sink) path(object string) string {
	paths := manifest.Paths(s.Attempt, object)
	if len(paths) == 0 {
		return object
	}
	return paths[len(paths)-1]
}

// list is the manifest of what is there, for a program that wrote none.
func (s Sink) list(r Run, left Left) manifest.Manifest {
	m := manifest.Manifest{State: manifest.Complete, LotID: r.Lot.ID(), URIType: manifest.Identifier}
	for _, object := range left.Objects {
		if !given.Hidden(s.path(object)) {
			m.URIs = append(m.URIs, object)
		}
	}
	switch {
	case len(left.Objects) > given.MaxListed:
		m.URIType, m.URIs = manifest.Path, []string{manifest.URI(s.Attempt, "")}
	case len(m.URIs) == 0:
		m.State = manifest.Empty
	}
	return m
}

// maxComment bounds why a run failed, in its manifest.
const maxComment = 2000

// partial is the manifest of what a run left that failed; nil if it left nothing here.
func (s Sink) partial(r Run, left Left, why string) (manifest.Key, *manifest.Manifest) {
	m := s.list(r, left)
	if len(left.Objects) == 0 && len(left.Returned) == 0 {
		return s.abandoned(r, left)
	}
	if len(left.Others) > 0 {
		m.URIType, m.URIs = manifest.Path, append([]string{manifest.URI(s.Attempt, "")}, left.Others...)
	}
	if back := left.Returned; s.Table() && len(back) == 1 && back[0].Damaged == nil {
		m.URIs = back[0].URIs
	}
	why = strings.ToValidUTF8(why[:min(len(why), maxComment)], "")
	m.State, m.Comment = manifest.Partial, &why
	return r.key(s, manifest.Partial), &m
}

// abandoned is the manifest of what other Jobs of the attempt left; nil if there is nothing.
func (s Sink) abandoned(r Run, left Left) (manifest.Key, *manifest.Manifest) {
	if len(left.Others) == 0 {
		return manifest.Key{}, nil
	}
	why := "another Job of this attempt left it, which was deleted while nobody looked"
	return r.key(s, manifest.Partial), &manifest.Manifest{
		State: manifest.Partial, Comment: &why, LotID: r.Lot.ID(), URIType: manifest.Path, URIs: left.Others,
	}
}

// Exit says why a program failed that ended with a code other than 0.
func Exit(code int) string { return fmt.Sprintf("it ended with exit code %d", code) }
