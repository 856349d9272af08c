// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode"
	"unicode/utf16"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/plan/resource"
)

// document is what [JSON] holds.
type document struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Changes reports whether something would change, and Failed that something is not known or would fail.
	Changes bool `json:"changes"`
	Failed  bool `json:"failed"`
	// Counts has the number of releases for each action.
	Counts map[preview.Action]int `json:"counts"`
	// Releases are those of which there is something to say.
	Releases []releaseJSON `json:"releases"`
	// Lots are those that are computed, and those that become nobody's.
	Lots *lotsJSON `json:"lots,omitempty"`
	// Resources are what projects have made in the cloud, as far as something would happen to it.
	Resources []resourceJSON `json:"resources,omitempty"`
	// Data are the rights on data that accounts need in the cloud, more or fewer than before.
	Data     []dataJSON    `json:"dataAccess,omitempty"`
	Troubles []troubleJSON `json:"troubles,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
}

// resourceJSON is a resource.
type resourceJSON struct {
	Environment string                `json:"environment"`
	Project     string                `json:"project"`
	Before      string                `json:"before,omitempty"`
	Kind        catalog.ResourceKind  `json:"kind"`
	Name        string                `json:"name"`
	Action      resource.Action       `json:"action"`
	Via         v1alpha1.ResourcesVia `json:"via"`
	Adopts      bool                  `json:"adopts,omitempty"`
	Fields      []string              `json:"fields,omitempty"`
}

func resourcesOf(changes []resource.Change) (out []resourceJSON) {
	for _, c := range changes {
		out = append(out, resourceJSON{c.Environment, c.Project, c.Before, c.Kind, c.Name, c.Action, c.Via, c.Adopts, c.Fields})
	}
	return out
}

type lotsJSON struct {
	Compute []computeJSON `json:"compute,omitempty"`
	Nobodys []nobodysJSON `json:"nobodys,omitempty"`
	Never   []neverJSON   `json:"never,omitempty"`
	Expire  []expireJSON  `json:"expire,omitempty"`
}

// computeJSON are lots of one workload.
type computeJSON struct {
	Environment string   `json:"environment"`
	Workload    string   `json:"workload"`
	Datasets    []string `json:"datasets"`
	First       string   `json:"first"`
	Last        string   `json:"last"`
	Lots        int64    `json:"lots"`
	// Seconds is how long a run usually takes.
	Seconds float64 `json:"secondsEach,omitempty"`
	// Lasts is how long all of them take at the limits, of which AtOnce is the one that they reach first.
	AtOnce int     `json:"atOnce,omitempty"`
	Lasts  float64 `json:"secondsAtLimits,omitempty"`
	// Replay is the one by which they are made once more.
	Replay string `json:"replay,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// nobodysJSON are lots of one dataset.
type nobodysJSON struct {
	Environment string `json:"environment"`
	Dataset     string `json:"dataset"`
	First       string `json:"first"`
	Last        string `json:"last"`
	Lots        int64  `json:"lots"`
	Reason      string `json:"reason"`
}

// neverJSON are lots of one dataset that can never be made, since an input begins later.
type neverJSON struct {
	Environment string `json:"environment"`
	Dataset     string `json:"dataset"`
	First       string `json:"first"`
	Last        string `json:"last"`
	Lots        int64  `json:"lots"`
	Input       string `json:"input"`
	Begins      string `json:"inputBegins"`
}

// expireJSON are lots of one dataset that are not kept any more.
type expireJSON struct {
	Environment string  `json:"environment"`
	Dataset     string  `json:"dataset"`
	First       string  `json:"first"`
	Last        string  `json:"last"`
	Lots        int64   `json:"lots"`
	Seconds     float64 `json:"keptSeconds"`
	PerDay      int     `json:"perDay"`
}

func lotsOf(m lots.Merged) *lotsJSON {
	if m.IsZero() {
		return nil
	}
	out := &lotsJSON{}
	for _, c := range m.Compute {
		out.Compute = append(out.Compute, computeJSON{
			c.Environment, c.Arc, c.Writes, c.First.ID(), c.Last.ID(), c.Lots, c.Each.Seconds(), c.AtOnce, c.Lasts().Seconds(), c.Replay, c.Reason,
		})
	}
	for _, n := range m.Nobodys {
		out.Nobodys = append(out.Nobodys, nobodysJSON{n.Environment, n.Series, n.First.ID(), n.Last.ID(), n.Lots, string(n.Loss)})
	}
	for _, n := range m.Never {
		out.Never = append(out.Never, neverJSON{n.Environment, n.Series, n.First.ID(), n.Last.ID(), n.Lots, n.Input, n.Begins.ID()})
	}
	for _, e := range m.Expire {
		out.Expire = append(out.Expire, expireJSON{e.Environment, e.Series, e.First.ID(), e.Last.ID(), e.Lots, e.Kept.Seconds(), e.PerDay})
	}
	return out
}

type troubleJSON struct {
	Cluster string `json:"cluster"`
	Error   string `json:"error"`
}

type releaseJSON struct {
	catalog.ReleaseID
	Action    preview.Action `json:"action"`
	Steps     []stepJSON     `json:"steps,omitempty"`
	Unchanged int            `json:"unchanged"`
	Held      *heldJSON      `json:"held,omitempty"`
	Error     string         `json:"error,omitempty"`
}

type heldJSON struct {
	Rule   string    `json:"rule"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until,omitzero"`
}

type stepJSON struct {
	Group     string      `json:"group"`
	Kind      string      `json:"kind"`
	Namespace string      `json:"namespace,omitempty"`
	Name      string      `json:"name"`
	Action    string      `json:"action"`
	Reason    string      `json:"reason,omitempty"`
	Replaces  string      `json:"replaces,omitempty"`
	Diff      string      `json:"diff,omitempty"`
	Drift     []driftJSON `json:"drift,omitempty"`
	Note      string      `json:"note,omitempty"`
	Error     string      `json:"error,omitempty"`
}

type driftJSON struct {
	Field     string `json:"field"`
	Manager   string `json:"manager"`
	TakenBack bool   `json:"takenBack"`
}

func writeJSON(out *bytes.Buffer, p preview.Preview) error {
	d := document{
		From: p.From, To: p.To, Changes: p.Changes(), Failed: p.Failed(), Counts: countsOf(p), Releases: []releaseJSON{}, Lots: lotsOf(p.Lots),
		Resources: resourcesOf(p.Resources), Data: dataOf(p.Data),
		Notes: p.Notes,
	}
	for _, r := range p.Releases {
		if shown(r) {
			d.Releases = append(d.Releases, releaseOf(r))
		}
	}
	for _, t := range p.Troubles {
		d.Troubles = append(d.Troubles, troubleJSON{Cluster: t.Cluster, Error: t.Err})
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		return fmt.Errorf("writing the preview as JSON: %w", err)
	}
	visible(out, buf.String())
	return nil
}

func releaseOf(r preview.Release) releaseJSON {
	out := releaseJSON{ReleaseID: r.ID, Action: r.Action, Unchanged: r.Unchanged, Error: r.Err}
	if r.Held.Hold != "" {
		out.Held = &heldJSON{Rule: string(r.Held.Hold), Reason: r.Held.Reason, Until: r.Held.Until}
	}
	for _, s := range r.Steps {
		step := stepJSON{
			Group: s.Ref.Group, Kind: s.Ref.Kind, Namespace: s.Ref.Namespace, Name: s.Ref.Name,
			Action: string(s.Action), Reason: string(s.Reason), Replaces: s.Replaces, Diff: s.Diff, Note: s.Note, Error: s.Err,
		}
		for _, d := range s.Drift {
			step.Drift = append(step.Drift, driftJSON(d))
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

// visible escapes, as JSON can, the characters that cannot be seen: it may be a terminal that it is printed on.
func visible(out *bytes.Buffer, s string) {
	for _, r := range s {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(out, `\u%04x`, r)
		}
	}
}
