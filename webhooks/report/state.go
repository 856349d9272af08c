// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/preview"
)

const (
	// marker is the first line of the comment on a pull request, by which it is found again.
	marker = "<!-- trunkline:pull-request -->\n"
	// stateBegin and stateEnd are around the state, in the last line.
	stateBegin, stateEnd = "<!-- trunkline:state:1 ", " -->\n"
	// maxState bounds the state as it is written, in bytes, and maxUnpacked what it may become.
	maxState, maxUnpacked = 16_000, 1 << 20
	// maxRemembered is how many findings are remembered, and maxTold how much of each, in characters.
	maxRemembered, maxTold = 30, 160
	// maxPlans is how many plans are remembered one by one; of more, each environment's are as a whole.
	maxPlans = 400
	// planBytes is how long a digest of a plan is.
	planBytes = 12
)

// State is what the comment of a pull request remembers, hidden in it. Whoever may write in the repository can change it,
// and anyone can write such a comment: it counts only in one of ours.
type State struct {
	// Head is the commit that Findings are of.
	Head string
	// Findings were there at the last evaluation, and Fixed are those of the push before that were not.
	Findings, Fixed []Told
	// plans are digests of what was shown of each release, or of all of an environment.
	plans map[string]bool
	whole bool
}

// Told is a finding as it was told.
type Told struct {
	Key   string `json:"k"`
	Rule  string `json:"r,omitempty"`
	Place string `json:"p,omitempty"`
	Text  string `json:"t,omitempty"`
}

// told returns a finding as it is remembered. Its line is no part of the key: lines move.
func told(f Finding) Told {
	sum := sha256.Sum256([]byte(f.Rule + "\n" + f.Position.File + "\n" + f.Path + "\n" + f.Message))
	return Told{
		Key: base64.RawStdEncoding.EncodeToString(sum[:9]), Rule: markdown.Clip(f.Rule, maxTold), Place: markdown.Clip(place(f.Position), maxTold),
		Text: markdown.Clip(f.Message, maxTold),
	}
}

// evaluated reports whether the findings of a review are those of its head.
func (r Review) evaluated() bool {
	o := r.outcome()
	return o == Passed || o == Refused || o == Untouched
}

// after returns the state after a review: a finding that was told and is not there any more is fixed. It stays fixed until
// another head is evaluated.
func (s State) after(r Review) State {
	if !r.evaluated() {
		s.plans, s.whole = nil, false // what was not evaluated was not reviewed
		return s
	}
	out := State{Head: r.Head}
	is := map[string]bool{}
	for _, f := range r.Findings {
		t := told(f)
		if !is[t.Key] && len(out.Findings) < maxRemembered {
			out.Findings = append(out.Findings, t)
		}
		is[t.Key] = true
	}
	was := s.Findings
	if s.Head == r.Head {
		was = slices.Concat(s.Fixed, s.Findings)
	}
	for _, t := range was {
		if !is[t.Key] && len(out.Fixed) < maxRemembered {
			is[t.Key] = true
			out.Fixed = append(out.Fixed, t)
		}
	}
	out.whole = changing(r.Plan.Releases) > maxPlans
	out.plans = plans(r.Plan.Releases, out.whole)
	return out
}

func changing(releases []preview.Release) (n int) {
	for _, r := range releases {
		if r.Action != preview.Unchanged {
			n++
		}
	}
	return n
}

// Digest identifies what is shown of what happens to a release. Why it is held, and what stays as it is, are no part of it.
func Digest(r preview.Release) string {
	type step struct{ Ref, Action, Reason, Replaces, Diff, Note, Err string }
	steps := make([]step, len(r.Steps))
	for i, s := range r.Steps {
		steps[i] = step{s.Ref.String(), string(s.Action), string(s.Reason), s.Replaces, s.Diff, s.Note, s.Err}
	}
	data, err := json.Marshal([]any{r.ID, r.Action, steps, r.Err})
	if err != nil {
		panic(err) // these are texts
	}
	sum := sha256.Sum256(data)
	return string(sum[:planBytes])
}

// plans are the digests of releases, or those of environments.
func plans(releases []preview.Release, whole bool) map[string]bool {
	out := map[string]bool{}
	if whole {
		for _, digest := range environments(releases) {
			out[digest] = true
		}
		return out
	}
	for _, r := range releases {
		if r.Action != preview.Unchanged {
			out[Digest(r)] = true
		}
	}
	return out
}

// environments digest all that happens in each environment.
func environments(releases []preview.Release) map[string]string {
	in := map[string][]string{}
	for _, r := range releases {
		if r.Action != preview.Unchanged {
			in[r.ID.Environment] = append(in[r.ID.Environment], Digest(r))
		}
	}
	out := map[string]string{}
	for name, digests := range in {
		slices.Sort(digests)
		sum := sha256.Sum256([]byte(name + "\n" + strings.Join(digests, "")))
		out[name] = string(sum[:planBytes])
	}
	return out
}

// Unreviewed returns the releases of a plan to which something else happens than what the comment showed, in their order.
// Of very many, it is known for each environment as a whole only.
func (s State) Unreviewed(releases []preview.Release) (out []catalog.ReleaseID) {
	digests := environments(releases)
	for _, r := range releases {
		digest := digests[r.ID.Environment]
		if !s.whole {
			digest = Digest(r)
		}
		if r.Action != preview.Unchanged && !s.plans[digest] {
			out = append(out, r.ID)
		}
	}
	slices.SortFunc(out, catalog.ReleaseID.Compare)
	return out
}

// stored is a state as it is written.
type stored struct {
	Head     string `json:"h,omitempty"`
	Findings []Told `json:"f,omitempty"`
	Fixed    []Told `json:"x,omitempty"`
	Plans    []byte `json:"p,omitempty"`
	Whole    bool   `json:"w,omitempty"`
}

// String writes the state as the last line of a comment: packed, so that nothing in it ends the line. What is too long is
// forgotten, the findings first.
func (s State) String() string {
	d := stored{Head: s.Head, Findings: s.Findings, Fixed: s.Fixed, Whole: s.whole}
	for digest := range sorted(s.plans) {
		d.Plans = append(d.Plans, digest...)
	}
	for {
		line := stateBegin + pack(d) + stateEnd
		if len(line) <= maxState {
			return line
		}
		if len(d.Findings)+len(d.Fixed) == 0 {
			d.Plans = nil // they count as not reviewed
		}
		d.Findings, d.Fixed = d.Findings[:len(d.Findings)/2], d.Fixed[:len(d.Fixed)/2]
	}
}

func pack(d stored) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		if err = json.NewEncoder(w).Encode(d); err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		panic(fmt.Errorf("packing texts into memory: %w", err))
	}
	return base64.RawStdEncoding.EncodeToString(b.Bytes())
}

// record is what a check remembers of what it shows, as the last line of its text.
func (r Review) record() string {
	s := State{}.after(r)
	return State{Head: s.Head, plans: s.plans, whole: s.whole}.String()
}

// ParseRecord reports whether the text of a check says what it shows, and returns that. Nobody but the app that made a check can
// change it.
func ParseRecord(text string) (State, bool) { return parseState(text) }

// ParseComment reports whether a text is the comment of a pull request, and returns what it remembers; nothing, if that cannot
// be read. Ask it only of comments that we wrote.
func ParseComment(body string) (State, bool) {
	body = strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), "\n ") + "\n"
	if !strings.HasPrefix(body, marker) {
		return State{}, false
	}
	s, _ := parseState(body)
	return s, true
}

// parseState reads the state in the last line of a text.
func parseState(body string) (State, bool) {
	body = strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), "\n ") + "\n"
	last := body[strings.LastIndexByte(body[:len(body)-1], '\n')+1:]
	packed, ok := strings.CutPrefix(last, stateBegin)
	if !ok {
		return State{}, false
	}
	d, ok := unpack(strings.TrimSuffix(packed, stateEnd))
	if !ok {
		return State{}, false
	}
	s := State{Head: d.Head, whole: d.Whole, plans: map[string]bool{}}
	s.Findings = d.Findings[:min(len(d.Findings), maxRemembered)]
	s.Fixed = d.Fixed[:min(len(d.Fixed), maxRemembered)]
	for ; len(d.Plans) >= planBytes; d.Plans = d.Plans[planBytes:] {
		s.plans[string(d.Plans[:planBytes])] = true
	}
	return s, true
}

func unpack(packed string) (d stored, ok bool) {
	if len(packed) > maxState {
		return stored{}, false
	}
	data, err := base64.RawStdEncoding.DecodeString(packed)
	if err != nil {
		return stored{}, false
	}
	data, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), maxUnpacked))
	if err != nil || json.Unmarshal(data, &d) != nil {
		return stored{}, false
	}
	return d, true
}
