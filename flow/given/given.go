// SPDX-License-Identifier: Apache-2.0

package given

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// Run is what a program was started for.
type Run struct {
	// Lot is the one that is made; zero for a workload that does not run for one.
	Lot lot.Lot
	// Attempt is what the attempt at it is called.
	Attempt string
	// Inputs and Sinks are what is read and written, by role.
	Inputs []Input
	Sinks  []Sink
	// Params are those of the workload, as JSON; "{}" if it has none.
	Params json.RawMessage
}

// Input is a dataset that is read.
type Input struct {
	Role string
	// Location is where all data of the dataset are.
	Location string
	// Manifests are those of the lots that are read, in their order. Whole reports that there are none, as the dataset comes in no lots:
	// what is in Location is read.
	Manifests []Manifest
	Whole     bool
}

// Manifest is where the manifest of a lot lies.
type Manifest struct {
	manifest.Key
	// Store is the address of the store.
	Store string
}

// Sink is a dataset that is written.
type Sink struct {
	Role string
	// Folder is where this run writes.
	Folder string
	// Dataset is what manifests call it, and Store where a program leaves one; both are empty for a dataset that comes in no lots.
	Dataset manifest.Dataset
	Store   string
	// Location is where all data of the dataset are, and Counted the store of the manifests that count of it; both are empty for a dataset that
	// comes in no lots.
	Location, Counted string
}

// Input is another lot of the dataset, as what is read: a program goes on from there. It is false if where lots are is not known. Whether
// the lot is there, in that state, is asked of the store.
func (s Sink) Input(l lot.Lot, state manifest.State) (Input, bool) {
	if s.Location == "" || s.Counted == "" {
		return Input{}, false
	}
	return Input{Role: s.Role, Location: s.Location, Manifests: []Manifest{{manifest.Key{Dataset: s.Dataset, Lot: l, State: state}, s.Counted}}}, true
}

// Key is the place of a manifest of the run in the store of a sink.
func (r Run) Key(s Sink, state manifest.State) manifest.Key {
	k := manifest.Key{Dataset: s.Dataset, Lot: r.Lot, State: state}
	if state.Attempted() {
		k.Attempt = r.Attempt
	}
	return k
}

// arcProps is what the variable of Clusterless says.
type arcProps struct {
	Sources map[string]struct{} `json:"sources"`
	Sinks   map[string]struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"sinks"`
	SinkManifestTemplates map[string]string `json:"sinkManifestTemplates"`
	WorkloadProps         json.RawMessage   `json:"workloadProps"`
}

// Read reads the environment of a program, by name.
func Read(env map[string]string) (Run, error) {
	if env[LotVariable] == "" {
		return whole(env)
	}
	r := Run{Attempt: env[AttemptVariable]}
	var err error
	if r.Lot, err = lot.ParseID(env[LotVariable]); err != nil {
		return Run{}, fmt.Errorf("%s: %w", LotVariable, err)
	}
	var props arcProps
	if env[ArcProperties] == "" {
		return Run{}, errors.New(ArcProperties + " is not set: a run for a lot is given it")
	}
	if err := json.Unmarshal([]byte(env[ArcProperties]), &props); err != nil {
		return Run{}, fmt.Errorf("%s: %w", ArcProperties, err)
	}
	r.Params = params(props.WorkloadProps)
	for _, role := range slices.Sorted(maps.Keys(props.Sources)) {
		in, err := input(env, role)
		if err != nil {
			return Run{}, err
		}
		r.Inputs = append(r.Inputs, in)
	}
	for _, role := range slices.Sorted(maps.Keys(props.Sinks)) {
		s := Sink{Role: role, Folder: env[Variable(WritePrefix, role)]}
		if s.Folder == "" {
			return Run{}, fmt.Errorf("%s is not set", Variable(WritePrefix, role))
		}
		if template := props.SinkManifestTemplates[role]; template != "" {
			s.Dataset = manifest.Dataset{Name: props.Sinks[role].Name, Version: props.Sinks[role].Version}
			root, known := strings.CutSuffix(template, manifest.Template("", s.Dataset))
			if !known {
				return Run{}, fmt.Errorf("%s: the template of the manifests of %q is not one of %s", ArcProperties, role, s.Dataset)
			}
			s.Store = root + "/"
			if s.Location, s.Counted, err = before(env, role, s.Dataset); err != nil {
				return Run{}, err
			}
		}
		r.Sinks = append(r.Sinks, s)
	}
	return r, nil
}

// input reads what is given of an input.
func input(env map[string]string, role string) (Input, error) {
	name := Variable(ReadPrefix, role)
	list, lots := env[name+ManifestsSuffix]
	if !lots {
		in := Input{Role: role, Location: env[name], Whole: true}
		if in.Location == "" {
			return Input{}, fmt.Errorf("neither %s nor %s is set", name, name+ManifestsSuffix)
		}
		return in, nil
	}
	in := Input{Role: role, Location: env[name+LocationSuffix]}
	if in.Location == "" {
		return Input{}, fmt.Errorf("%s is not set: where the data of %q are is not known", name+LocationSuffix, role)
	}
	for address := range strings.Lines(list) {
		m, err := parse(strings.TrimSuffix(address, "\n"))
		if err != nil {
			return Input{}, fmt.Errorf("%s: %w", name+ManifestsSuffix, err)
		}
		in.Manifests = append(in.Manifests, m)
	}
	return in, nil
}

// before reads where the lots of a sink are; without the variables it is not known.
func before(env map[string]string, role string, of manifest.Dataset) (location, store string, err error) {
	name := Variable(WritePrefix, role)
	location, folder := env[name+LocationSuffix], env[name+ManifestsSuffix]
	if location == "" || folder == "" {
		return "", "", nil
	}
	store, known := strings.CutSuffix(folder, of.Prefix())
	if !known {
		return "", "", fmt.Errorf("%s: it is not the folder of the manifests of %s", name+ManifestsSuffix, of)
	}
	return location, store, nil
}

// parse reads the address of a manifest.
func parse(address string) (Manifest, error) {
	at := strings.LastIndex(address, "/"+manifest.Folder+"name=")
	if at < 0 {
		return Manifest{}, fmt.Errorf("%.200q is not the address of a manifest", address)
	}
	key, err := manifest.ParsePath(address[at+1:])
	return Manifest{key, address[:at+1]}, err
}

// whole reads the environment of a workload that does not run for a lot. Its roles are known by their variables only.
func whole(env map[string]string) (Run, error) {
	r := Run{Params: params(json.RawMessage(env[Params]))}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if role, ok := strings.CutPrefix(name, ReadPrefix); ok && env[name] != "" {
			r.Inputs = append(r.Inputs, Input{Role: strings.ToLower(role), Location: env[name], Whole: true})
		}
		if role, ok := strings.CutPrefix(name, WritePrefix); ok && env[name] != "" {
			r.Sinks = append(r.Sinks, Sink{Role: strings.ToLower(role), Folder: env[name]})
		}
	}
	if len(r.Inputs)+len(r.Sinks) == 0 {
		return Run{}, errors.New("this is not the environment of a run: there is neither " + LotVariable + " nor a variable that begins with " +
			ReadPrefix + " or " + WritePrefix)
	}
	return r, nil
}

func params(given json.RawMessage) json.RawMessage {
	if len(given) == 0 || string(given) == "null" {
		return json.RawMessage("{}")
	}
	return given
}

// Input returns the input of a role. Without one, it is the only input, or else "main".
func (r Run) Input(role string) (Input, error) {
	roles := make([]string, len(r.Inputs))
	for i, in := range r.Inputs {
		roles[i] = in.Role
	}
	i, err := choose("reads", "read", role, roles)
	if err != nil {
		return Input{}, err
	}
	return r.Inputs[i], nil
}

// Sink returns the sink of a role. Without one, it is the only sink, or else "main".
func (r Run) Sink(role string) (Sink, error) {
	roles := make([]string, len(r.Sinks))
	for i, s := range r.Sinks {
		roles[i] = s.Role
	}
	i, err := choose("writes", "written", role, roles)
	if err != nil {
		return Sink{}, err
	}
	return r.Sinks[i], nil
}

func choose(does, done, role string, roles []string) (int, error) {
	wanted := role
	switch {
	case role == "" && len(roles) == 1:
		return 0, nil
	case role == "":
		wanted = "main"
	}
	i := slices.IndexFunc(roles, func(r string) bool { return Variable("", r) == Variable("", wanted) })
	switch {
	case i >= 0:
		return i, nil
	case len(roles) == 0:
		return 0, fmt.Errorf("the workload %s nothing", does)
	case role == "":
		return 0, fmt.Errorf("name a role: what is %s are %s", done, strings.Join(roles, ", "))
	}
	return 0, fmt.Errorf("the workload %s nothing as %q; there are: %s", does, role, strings.Join(roles, ", "))
}
