// SPDX-License-Identifier: Apache-2.0

package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/flow/manifest"
)

// arcProps is the value of CLS_ARC_PROPS_JSON, with the fields that Clusterless has and in its order.
type arcProps struct {
	Sources               map[string]sourceDataset  `json:"sources"`
	Sinks                 map[string]locatedDataset `json:"sinks"`
	SourceManifestPaths   map[string]string         `json:"sourceManifestPaths"`
	SinkManifestTemplates map[string]string         `json:"sinkManifestTemplates"`
	WorkloadProps         map[string]any            `json:"workloadProps"`
}

type sourceDataset struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Subscribe bool   `json:"subscribe"`
}

type locatedDataset struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	PathURI string `json:"pathURI"`
}

// arcProps describes the run as Clusterless would.
func (r Run) arcProps() arcProps {
	props := arcProps{
		map[string]sourceDataset{}, map[string]locatedDataset{}, map[string]string{}, map[string]string{}, map[string]any{},
	}
	for _, in := range r.Inputs {
		props.Sources[in.Role] = sourceDataset{in.Name.Name, in.Name.Version, in.Triggers}
		if len(in.Lots) > 0 {
			props.SourceManifestPaths[in.Role] = strings.Replace(manifest.Template(in.Store, in.Name), "{state}{/attempt*}", string(manifest.Complete), 1)
		}
	}
	for _, s := range r.Sinks {
		props.Sinks[s.Role] = locatedDataset{s.Name.Name, s.Name.Version, s.Attempt}
		if s.Store != "" {
			props.SinkManifestTemplates[s.Role] = manifest.Template(s.Returns(), s.Name)
		}
	}
	if r.Workload.Params != nil {
		props.WorkloadProps = r.Workload.Params
	}
	return props
}

// Returns is the address where a program that writes its own manifests leaves them: in the location of its attempt, or apart, but not
// where one would count. It counts once it is found to be true.
func (s Sink) Returns() string {
	if s.Apart != "" {
		return s.Apart
	}
	return s.Attempt + manifestFolder
}

// Own is the folder in which nothing else writes than the attempt: that of its data, or, for a table, that of its manifests.
func (s Sink) Own() string {
	if s.Table() {
		return s.Apart
	}
	return s.Attempt
}

// workloadContext is what "$" is in an argument, as Clusterless has it.
type workloadContext struct {
	Role                     string              `json:"role,omitempty"`
	ArcNotifyEvent           *notifyEvent        `json:"arcNotifyEvent,omitempty"`
	ExistingPartialManifests map[string][]string `json:"existingPartialManifests"`
}

// notifyEvent says that a lot of an input is there.
type notifyEvent struct {
	Dataset   locatedDataset `json:"dataset"`
	Lot       string         `json:"lot"`
	Manifest  string         `json:"manifest"`
	DatasetID string         `json:"datasetId"`
}

// context is "$" of the run. Clusterless runs for one input, and so the event is that of one: of "main", or else of the first that
// triggers, by role. Its lot is the one that is made, since programs name what they write by it; its manifest is that of the last
// lot that is read.
func (r Run) context(seen Seen) workloadContext {
	ctx := workloadContext{ExistingPartialManifests: map[string][]string{}}
	for _, s := range r.Sinks {
		if found := seen.Partial[s.Role]; len(found) > 0 {
			ctx.ExistingPartialManifests[s.Role] = found
		}
	}
	in, ok := r.leading(seen)
	if !ok {
		return ctx
	}
	found := seen.Inputs[in.Role]
	ctx.Role = in.Role
	ctx.ArcNotifyEvent = &notifyEvent{
		Dataset: locatedDataset{in.Name.Name, in.Name.Version, in.Location}, Lot: r.Lot.ID(),
		Manifest: in.address(found[len(found)-1]), DatasetID: in.Name.Name + "/" + in.Name.Version,
	}
	return ctx
}

// leading is the input that the event is of.
func (r Run) leading(seen Seen) (best Input, ok bool) {
	rank := func(in Input) int {
		switch {
		case in.Role == "main":
			return 2
		case in.Triggers:
			return 1
		}
		return 0
	}
	for _, in := range r.Inputs {
		if len(seen.Inputs[in.Role]) > 0 && (!ok || rank(in) > rank(best)) {
			best, ok = in, true
		}
	}
	return best, ok
}

// execution is what "$$" is in an argument: of what Clusterless' state machines have there, the parts that a run here has.
func (r Run) execution(ctx workloadContext, started time.Time) map[string]any {
	at := started.UTC().Format("2006-01-02T15:04:05.000Z")
	name := JobName(r.Workload.Name, r.Lot, r.Attempt)
	return map[string]any{
		"Execution":    map[string]any{"Id": r.Release.String() + "/" + name, "Input": ctx, "Name": name, "StartTime": at},
		"State":        map[string]any{"EnteredTime": at, "Name": r.Workload.Name, "RetryCount": 0},
		"StateMachine": map[string]any{"Id": r.Release.Project + "/" + r.Workload.Name, "Name": r.Workload.Name},
	}
}

// fill replaces an argument that is "$", "$.x" or "$$.x" as a whole. Filled reports whether it was one.
func fill(arg string, ctx, execution any) (value string, filled bool, err error) {
	of, path := ctx, strings.TrimPrefix(arg, "$")
	switch {
	case arg == "$":
	case strings.HasPrefix(arg, "$."):
	case strings.HasPrefix(arg, "$$."):
		of, path = execution, strings.TrimPrefix(arg, "$$")
	default:
		return arg, false, nil
	}
	var tree any
	data, err := encode(of)
	if err == nil {
		err = json.Unmarshal(data, &tree)
	}
	if err != nil {
		return "", true, err
	}
	if path == "" {
		return string(data), true, nil
	}
	found, err := walk(tree, path)
	if err != nil {
		return "", true, fmt.Errorf("the argument %.100q: %w", arg, err)
	}
	if text, ok := found.(string); ok {
		return text, true, nil
	}
	data, err = encode(found)
	return string(data), true, err
}

// step is one of a path: ".name", "['name']" or "[0]".
var step = regexp.MustCompile(`^(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\['([^']*)'\]|\[([0-9]{1,6})\])`)

// walk finds what a path names: one value, as no wildcard or filter could be an argument.
func walk(tree any, path string) (any, error) {
	for walked := "$"; path != ""; {
		m := step.FindStringSubmatch(path)
		if m == nil {
			return nil, fmt.Errorf("%.40q is not a path: write it like $.arcNotifyEvent.lot, with [0] for an item of a list", path)
		}
		path = path[len(m[0]):]
		switch at := tree.(type) {
		case map[string]any:
			name := m[1] + m[2]
			value, ok := at[name]
			if !ok || m[3] != "" {
				return nil, fmt.Errorf("%s has no %s; it has: %s", walked, strings.TrimPrefix(m[0], "."), strings.Join(slices.Sorted(maps.Keys(at)), ", "))
			}
			tree = value
		case []any:
			n, err := strconv.Atoi(m[3])
			if err != nil || n >= len(at) {
				return nil, fmt.Errorf("%s is a list of %d, and has no %s", walked, len(at), m[0])
			}
			tree = at[n]
		default:
			return nil, fmt.Errorf("%s is a value, and has nothing below it", walked)
		}
		walked += m[0]
	}
	return tree, nil
}

// encode writes JSON as Clusterless does: in one line, and with no character written as another.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
