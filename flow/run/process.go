// SPDX-License-Identifier: Apache-2.0

package run

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/flow/given"
)

// maxValue bounds the value of a variable: Linux starts no process with one of 128 KiB, with its name.
const maxValue = 120 << 10

// Process is what is started for a run.
type Process struct {
	// Secrets are the variables whose values are not in the repository, and where they are in the cluster.
	Secrets map[string]v1alpha1.SecretRef
	// Variables are the others, by name.
	Variables []Variable
	// Command is the program and its arguments.
	Command []Text
	// Notes are for people: what the process does not get, and why.
	Notes []string
}

// Variable is one of the environment.
type Variable struct {
	Name  string
	Value Text
}

// Process says what is started.
func (r Run) Process(seen Seen) (Process, error) {
	set, notes, err := r.given(seen)
	if err != nil {
		return Process{}, err
	}
	for name := range r.Workload.Env {
		if _, taken := set[name]; taken {
			return Process{}, fmt.Errorf("the variable %q of env is one that Trunkline sets: give it another name", name)
		}
	}
	p := Process{Secrets: r.Workload.Secrets, Notes: notes}
	known := make(map[string]Text, len(set)+len(r.Workload.Env)+len(p.Secrets))
	for name := range p.Secrets {
		known[name] = Text{{Secret: name}}
	}
	names := slices.Sorted(maps.Keys(merged(set, r.Workload.Env)))
	for _, name := range names {
		value := Text{{Literal: set[name]}}
		if own, declared := r.Workload.Env[name]; declared {
			value = expand(own, known) // as in a container, of what stands before it
		}
		known[name] = value
		p.Variables = append(p.Variables, Variable{name, value})
	}
	if len(r.Workload.Command) == 0 {
		return Process{}, errors.New("it declares no command: what its image starts by itself is known where the image is")
	}
	ctx := r.context(seen)
	execution := r.execution(ctx, seen.Now)
	for _, arg := range r.Workload.Command {
		value, filled, err := fill(arg, ctx, execution)
		if err != nil {
			return Process{}, err
		}
		if filled {
			p.Command = append(p.Command, Text{{Literal: value}})
		} else {
			p.Command = append(p.Command, expand(arg, known))
		}
	}
	return p, nil
}

func merged[V any](a, b map[string]V) map[string]V {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// given are the variables that Trunkline sets.
func (r Run) given(seen Seen) (vars map[string]string, notes []string, err error) {
	props, err := encode(r.arcProps())
	if err != nil {
		return nil, nil, err
	}
	vars = map[string]string{
		"TRUNKLINE_PLATFORM": r.Platform, "TRUNKLINE_PROJECT": r.Release.Project, "TRUNKLINE_ENVIRONMENT": r.Release.Environment,
		"TRUNKLINE_CLUSTER": r.Release.Cluster, "TRUNKLINE_WORKLOAD": r.Workload.Name,
		given.LotVariable: r.Lot.ID(), "TRUNKLINE_LOT_START": r.Lot.Start.Format(time.RFC3339), "TRUNKLINE_LOT_END": r.Lot.End().Format(time.RFC3339),
		given.AttemptVariable: r.Attempt, given.ArcProperties: string(props),
	}
	if seen.Local {
		vars["CLS_LOCAL"] = "true"
	}
	for _, in := range r.Inputs {
		name := given.Variable(given.ReadPrefix, in.Role)
		if in.Store == "" {
			vars[name] = in.Location
			continue
		}
		vars[name+given.LocationSuffix] = strings.TrimSuffix(in.Location, "/") + "/"
		var data, manifests []string
		for _, f := range seen.Inputs[in.Role] {
			data, manifests = append(data, locations(f.Manifest, in.Location, f.Lot)...), append(manifests, in.address(f))
		}
		if vars[name+given.ManifestsSuffix] = lines(manifests); len(vars[name+given.ManifestsSuffix]) > maxValue {
			return nil, nil, fmt.Errorf("it reads %d lots of %s, whose manifests are too many for a variable: read fewer at a time", len(manifests), in.ID)
		}
		if vars[name] = lines(data); len(vars[name]) > maxValue {
			// Half of it would be taken for all, and nothing for none: a program that needs it has to notice.
			delete(vars, name)
			notes = append(notes, fmt.Sprintf("%s is not set: the manifests list %d objects, which are too many for a variable; read the manifests in %s",
				name, len(data), name+given.ManifestsSuffix))
		}
	}
	for _, s := range r.Sinks {
		name := given.Variable(given.WritePrefix, s.Role)
		if vars[name] = s.Attempt; s.Store != "" {
			vars[name+given.LocationSuffix] = strings.TrimSuffix(s.Location, "/") + "/"
			vars[name+given.ManifestsSuffix] = strings.TrimSuffix(s.Store, "/") + "/" + s.Name.Prefix()
		}
	}
	return vars, notes, nil
}

// lines are several addresses in a variable: one a line, since none has a line break.
func lines(addresses []string) string { return strings.Join(addresses, "\n") }

// checkNames returns which roles would become one variable.
func (r Run) checkNames() error {
	from := map[string]string{}
	take := func(side, role string, names ...string) error {
		for _, name := range names {
			if before, taken := from[name]; taken {
				return fmt.Errorf("%s: the roles %q and %q both become the variable %s: rename one", side, before, role, name)
			}
			from[name] = role
		}
		return nil
	}
	for _, in := range r.Inputs {
		name := given.Variable(given.ReadPrefix, in.Role)
		if err := take("reads", in.Role, name, name+given.ManifestsSuffix, name+given.LocationSuffix); err != nil {
			return err
		}
	}
	for _, s := range r.Sinks {
		name := given.Variable(given.WritePrefix, s.Role)
		if err := take("writes", s.Role, name, name+given.ManifestsSuffix, name+given.LocationSuffix); err != nil {
			return err
		}
	}
	return nil
}
