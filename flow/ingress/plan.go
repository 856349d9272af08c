// SPDX-License-Identifier: Apache-2.0

package ingress

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/boundary"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// Seen is the manifest of a lot that counts.
type Seen struct {
	State manifest.State
	// Written is when it was, by the clock of its store.
	Written time.Time
	// Manifest is what it says. One that is empty need not have been read.
	Manifest manifest.Manifest
}

// Write is a manifest to write.
type Write struct {
	Key      manifest.Key
	Manifest manifest.Manifest
	// Why is why it is written in place of the one that counts; empty if none does.
	Why string
}

// Plan is what a boundary writes.
type Plan struct {
	// Writes are the manifests, of the newest lots first.
	Writes []Write
	// Refused are the lots of which none can be written, with why.
	Refused map[lot.Lot]string
	// Next is when something is to be written although nothing more arrives; zero if never.
	Next time.Time
}

// Plan says what is to be written. Whatever is written as it says, the next plan of the same does not ask for again.
func (b Boundary) Plan(a Arrived, seen map[lot.Lot]Seen, now time.Time) Plan {
	out := Plan{Refused: map[lot.Lot]string{}}
	if a.More {
		return out
	}
	out.Next = b.next(a, now)
	claims := b.claims(a, seen, now)
	decide := func(l lot.Lot) {
		if !b.kept(l, now) || !b.due(l, now) {
			return
		}
		if w, refused, ok := b.decide(a, l, seen[l], claims); refused != "" {
			out.Refused[l] = refused
		} else if ok {
			out.Writes = append(out.Writes, w)
		}
	}
	if b.Arrival == boundary.Interval {
		for l := range lot.Range(b.Unit, b.Since, now) {
			decide(l)
		}
	} else {
		for l := range a.lots {
			decide(l)
		}
		for l := range seen {
			if len(a.lots[l]) == 0 {
				decide(l)
			}
		}
	}
	slices.SortFunc(out.Writes, func(x, y Write) int { return y.Key.Lot.Compare(x.Key.Lot) })
	return out
}

// decide says what becomes of a lot.
func (b Boundary) decide(a Arrived, l lot.Lot, s Seen, claims claims) (w Write, refused string, ok bool) {
	var data []Object
	for _, o := range a.lots[l] {
		if !claims.elsewhere(o.Key, l) {
			data = append(data, o)
		}
	}
	if s.State == manifest.Complete {
		if digest, ours := digestIn(s.Manifest); claims.standing[l] || ours && digest == digestOf(data) {
			return Write{}, "", false
		}
		listed := b.listed(a, s.Manifest)
		if says(s, listed, data) {
			return Write{}, "", false
		}
		w.Why = changed(listed, data)
	}
	switch {
	case len(data) == 0 && (s.State == manifest.Empty || s.State == "" && b.Arrival == boundary.Immediate):
		return Write{}, "", false
	case len(data) > MaxListed:
		return Write{}, fmt.Sprintf("%d objects are of it, and a manifest lists at most %d", len(data), MaxListed), false
	case s.State == manifest.Empty:
		w.Why = "data arrived late"
	}
	w.Manifest = b.manifest(l, data)
	w.Key = b.key(l, w.Manifest.State)
	const large = 10_000 // objects; fewer always fit
	if len(data) > large && len(w.Manifest.Encode()) > manifest.MaxSize {
		return Write{}, fmt.Sprintf("its manifest would have more than %d MiB", manifest.MaxSize>>20), false
	}
	return w, "", true
}

// says reports whether a manifest with another digest says what there is all the same, but for objects that have gone since: a manifest
// keeps those that it lists, and what reads them finds out.
func says(s Seen, listed map[string]bool, data []Object) bool {
	if len(listed) != len(data) || len(s.Manifest.URIs) <= len(listed) {
		return false
	}
	for _, o := range data {
		if !listed[o.Key] || o.Written.After(s.Written) {
			return false
		}
	}
	return true
}

// changed says in words why a manifest is replaced.
func changed(listed map[string]bool, data []Object) string {
	more := 0
	for _, o := range data {
		if !listed[o.Key] {
			more++
		}
	}
	switch {
	case more == 1:
		return "one more object arrived"
	case more > 1:
		return fmt.Sprintf("%d more objects arrived", more)
	}
	return "what it lists was written again, or is of another lot now"
}

// listed are the keys that a manifest lists, of those that are there.
func (b Boundary) listed(a Arrived, m manifest.Manifest) map[string]bool {
	out := map[string]bool{}
	_, ours := digestIn(m)
	for _, uri := range m.URIs {
		paths := manifest.Paths(b.Location, uri)
		if ours && len(paths) > 0 {
			paths = paths[len(paths)-1:] // it is written as a URI has to be
		}
		for _, path := range paths {
			switch {
			case a.there[path]:
				out[path] = true
			case m.URIType != manifest.Identifier:
				for key := range a.there {
					if strings.HasPrefix(key, path) {
						out[key] = true
					}
				}
			}
		}
	}
	return out
}

// Settled reports whether a manifest with some comment says of a lot what there is, so that it need not be read.
func (b Boundary) Settled(a Arrived, l lot.Lot, comment string) bool {
	digest, ours := digestIn(manifest.Manifest{Comment: &comment})
	return ours && digest == digestOf(a.lots[l])
}

// manifest is that of a lot with some data.
func (b Boundary) manifest(l lot.Lot, data []Object) manifest.Manifest {
	comment := fmt.Sprintf("boundary %s: %d objects, %s", b.ID, len(data), digestOf(data))
	m := manifest.Manifest{State: manifest.Complete, Comment: &comment, LotID: l.ID(), URIType: manifest.Identifier}
	for _, o := range data {
		m.URIs = append(m.URIs, manifest.URI(b.Location, o.Key))
	}
	slices.Sort(m.URIs)
	if len(data) == 0 {
		m.State = manifest.Empty
	}
	return m
}

// ours is the comment of a manifest that a boundary wrote.
var ours = regexp.MustCompile(`^boundary [^ :]+: \d+ objects, ([0-9a-f]{32})$`)

// Ours reports whether a boundary wrote a manifest.
func Ours(m manifest.Manifest) bool {
	_, ours := digestIn(m)
	return ours
}

// digestIn is the digest in a manifest that a boundary wrote.
func digestIn(m manifest.Manifest) (digest string, ok bool) {
	if m.Comment == nil {
		return "", false
	}
	found := ours.FindStringSubmatch(*m.Comment)
	if found == nil {
		return "", false
	}
	return found[1], true
}

// digestOf stands for some objects and their content, in whatever order they come.
func digestOf(data []Object) string {
	lines := make([]string, len(data))
	for i, o := range data {
		lines[i] = o.Key + "\x00" + o.ETag
	}
	slices.Sort(lines)
	h := sha256.New()
	for _, line := range lines {
		fmt.Fprintf(h, "%d %s\n", len(line), line)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
