// SPDX-License-Identifier: Apache-2.0

package afar

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/jobs"
)

// event is a [jobs.Event] as it is told. What is in an object and nobody but its own cluster needs stays there.
type event struct {
	Kind     string         `json:"kind"`
	Job      *job           `json:"job,omitempty"`
	Template *jobs.Template `json:"template,omitempty"`
	Other    *job           `json:"other,omitempty"`
	Why      string         `json:"why,omitempty"`
}

// job is a [jobs.Job], with its lot by name: whoever reads it finds out that it is one.
type job struct {
	jobs.Job

	Lot string `json:"Lot,omitempty"`
}

// kinds are the kinds of event, as they are told.
var kinds = map[jobs.Kind]string{
	jobs.Begins: "begins", jobs.Complete: "complete", jobs.Has: "has", jobs.Gone: "gone", jobs.Away: "away", jobs.Back: "back",
}

func jobOf(j *jobs.Job) *job {
	if j == nil {
		return nil
	}
	return &job{*j, j.Lot.ID()}
}

func (j *job) job() (*jobs.Job, error) {
	if j == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	out := j.Job
	var err error
	if j.Lot != "" {
		out.Lot, err = lot.ParseID(j.Lot)
	}
	return &out, err
}

// encode is an event as it is told.
func encode(e jobs.Event) (json.RawMessage, error) {
	return json.Marshal(event{kinds[e.Kind], jobOf(e.Job), e.Template, jobOf(e.Other), e.Why})
}

// decode is the other way round.
func decode(data json.RawMessage) (jobs.Event, error) {
	var in event
	if err := json.Unmarshal(data, &in); err != nil {
		return jobs.Event{}, fmt.Errorf("reading what happened to a run: %w", err)
	}
	out := jobs.Event{Template: in.Template, Why: in.Why, Kind: -1}
	for kind, name := range kinds {
		if name == in.Kind {
			out.Kind = kind
		}
	}
	var errs [2]error
	out.Job, errs[0] = in.Job.job()
	out.Other, errs[1] = in.Other.job()
	if out.Kind < 0 {
		return jobs.Event{}, fmt.Errorf("reading what happened to a run: %q is no kind of event", in.Kind)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return jobs.Event{}, fmt.Errorf("reading what happened to a run: %w", err)
	}
	return out, nil
}

// deed is what an agent is asked for.
type deed string

const (
	doCreate deed = "create"
	doSettle deed = "settle"
	doDelete deed = "delete"
	doWhy    deed = "why"
	doAwait  deed = "await"
	doLinger deed = "lingering"
	doLog    deed = "log"
	doLook   deed = "look"
)

// question asks for one deed, with what it takes.
type question struct {
	Do    deed    `json:"do"`
	As    jobs.As `json:"as"`
	Order *order  `json:"order,omitempty"`
	Job   *job    `json:"job,omitempty"`
	// Name is that of a Job, and Outcome what came of one.
	Name    string `json:"name,omitempty"`
	Outcome string `json:"outcome,omitempty"`
}

// order is a [jobs.Order], with its template by name: the agent has it.
type order struct {
	jobs.Order

	Template template `json:"Template"`
	Lot      string   `json:"Lot"`
}

// template names one as it was when an order was made.
type template struct {
	Namespace, Name string
	UID             types.UID
	Digest          string
}

func orderOf(o jobs.Order) *order {
	t := o.Template
	o.Template = jobs.Template{}
	return &order{o, template{t.Namespace, t.Name, t.UID, t.Digest}, o.Lot.ID()}
}

// answer answers a question.
type answer struct {
	// Why is why it cannot be done; empty if it was. Class says more of that.
	Why   string `json:"why,omitempty"`
	Class class  `json:"class,omitempty"`
	// There, AtWork and Names answer what is asked for about Jobs and their pods.
	There  bool            `json:"there,omitempty"`
	AtWork bool            `json:"atWork,omitempty"`
	Names  map[string]bool `json:"names,omitempty"`
	// Text is the reason or the log, compressed.
	Text   []byte  `json:"text,omitempty"`
	Looked *looked `json:"looked,omitempty"`
}

// looked is a [jobs.Looked], with its manifest compressed.
type looked struct {
	Job        *job   `json:"job"`
	Manifest   []byte `json:"manifest,omitempty"`
	NoManifest string `json:"noManifest,omitempty"`
	Doing      string `json:"doing,omitempty"`
}

func lookedOf(l jobs.Looked) *looked {
	out := &looked{Job: jobOf(&l.Job), NoManifest: l.NoManifest, Doing: l.Doing}
	if l.Job.Lot.IsZero() {
		out.Job.Lot = ""
	}
	if l.Manifest != "" {
		out.Manifest = squeeze(l.Manifest)
	}
	return out
}

func (l *looked) looked() (out jobs.Looked, err error) {
	if l == nil {
		return out, errors.New("the agent does not say what it has found")
	}
	j, err := l.Job.job()
	if err != nil || j == nil {
		return out, fmt.Errorf("reading which Job the agent has found: %w", err)
	}
	out = jobs.Looked{Job: *j, NoManifest: l.NoManifest, Doing: l.Doing}
	if len(l.Manifest) > 0 {
		out.Manifest, err = expand(l.Manifest)
	}
	return out, err
}

// class is what kind of error an agent has met.
type class string

const (
	// passing is one of a cluster that does not answer for now, nothing that there is no log, and missing that there is no Job.
	passing class = "passing"
	nothing class = "nothing"
	missing class = "missing"
)

// failed is an error as it is answered.
func failed(err error) answer {
	out := answer{Why: err.Error()}
	switch {
	case errors.Is(err, jobs.ErrNoLog):
		out.Class = nothing
	case errors.Is(err, jobs.ErrNoJob):
		out.Class = missing
	case jobs.Transient(err):
		out.Class = passing
	}
	return out
}

// failure is an error of the other side.
type failure struct {
	why  string
	kind error
}

func (f *failure) Error() string { return f.why }
func (f *failure) Unwrap() error { return f.kind }

// err is the error that was answered; nil if there is none.
func (a answer) err() error {
	switch {
	case a.Why == "":
		return nil
	case a.Class == passing:
		return &failure{a.Why, jobs.ErrUnanswered}
	case a.Class == nothing:
		return &failure{a.Why, jobs.ErrNoLog}
	case a.Class == missing:
		return &failure{a.Why, jobs.ErrNoJob}
	}
	return errors.New(a.Why)
}

// maxText bounds what a log may be, in bytes, once it is unpacked: [jobs.Cluster] keeps its two ends.
const maxText = 4 << 20

func squeeze(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text) // a buffer takes all
	_ = z.Close()
	return b.Bytes()
}

func expand(data []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("reading what the agent answers: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxText))
	if err != nil {
		return "", fmt.Errorf("reading what the agent answers: %w", err)
	}
	return string(text), nil
}
