// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/cmd/trunkline/config"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// chosen are the flags of a daemon as they were when it was configured, by their names: those that were given, and the values of all,
// whoever has them. What the daemon makes of them later changes nothing here.
type chosen struct {
	given  map[string][]string
	values map[string]string
	// at is where the configuration says so.
	at map[string]config.Setting
	// read is what the file held.
	read string
}

// readConfig returns the flags that were not given what the configuration says.
func (s *serve) readConfig(flags *pflag.FlagSet) error {
	s.chosen = chosen{given: map[string][]string{}, values: map[string]string{}, at: map[string]config.Setting{}}
	flags.Visit(func(f *pflag.Flag) { s.chosen.given[f.Name] = valuesOf(f) })
	defer flags.VisitAll(func(f *pflag.Flag) { s.chosen.values[f.Name] = strings.Join(valuesOf(f), "\n") })
	if s.config == "" {
		return nil
	}
	data, err := os.ReadFile(s.config)
	if err != nil {
		return &troubleError{fmt.Errorf("reading the configuration: %w", err)}
	}
	s.chosen.read = string(data)
	settings, problems := config.Read(s.config, data)
	if len(problems) > 0 {
		return &troubleError{errors.New(problems.String())}
	}
	for _, setting := range settings {
		flag := flags.Lookup(setting.Flag)
		if flag.Changed {
			continue
		}
		s.chosen.at[setting.Flag] = setting
		for _, value := range setting.Values {
			if err := flag.Value.Set(value); err != nil {
				return &troubleError{fmt.Errorf("%s: error: %s: %w", setting.Position, setting.Path, err)}
			}
		}
	}
	return nil
}

// again returns the flags of another daemon that would be started as this one was, with the configuration as it is now.
func (s *serve) again() (*serve, error) {
	cmd, next := serveCommand()
	next.clouds = s.clouds // so that a cluster that is reached as before is the same one
	for name, values := range s.chosen.given {
		for _, value := range values {
			if err := cmd.Flags().Set(name, value); err != nil {
				return nil, err // it was accepted before
			}
		}
	}
	return next, next.readConfig(cmd.Flags())
}

// valuesOf returns what a flag was set to: each value of one that may be given several times.
func valuesOf(f *pflag.Flag) []string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	return []string{f.Value.String()}
}

// changes are the keys of the configuration that are not as they were, by their flags.
func (s *serve) changes(next *serve) (flags []string) {
	for _, name := range slices.Sorted(maps.Keys(next.chosen.values)) {
		if s.chosen.values[name] != next.chosen.values[name] {
			flags = append(flags, name)
		}
	}
	return flags
}

// restarts says which changes need a restart; nil if none does.
func (s *serve) restarts(next *serve) error {
	var needed []error
	for _, flag := range s.changes(next) {
		if key, ok := config.KeyOf(flag); !ok || !key.Live {
			needed = append(needed, next.needsRestart(flag, ""))
		}
	}
	if s.listening.asksForTokens() != next.listening.asksForTokens() {
		needed = append(needed, next.needsRestart("token-file", ": whether callers need a token"))
	}
	if (s.listening.cert == "") != (next.listening.cert == "") {
		needed = append(needed, next.needsRestart("tls-cert-file", ": whether https is served"))
	}
	if home := next.replicas.home; home != "" && !slices.ContainsFunc(next.clusters, func(c string) bool { return strings.HasPrefix(c, home+"=") }) {
		needed = append(needed, next.needsRestart("cluster", ": "+home+", in which the replicas meet, is not among them"))
	}
	return errors.Join(needed...)
}

// needsRestart says that a key was changed that counts at the start alone.
func (s *serve) needsRestart(flag, why string) error {
	key, _ := config.KeyOf(flag)
	at, path := v1alpha1.Position{File: s.config}, "spec."+key.Path
	if setting, set := s.chosen.at[flag]; set {
		at = setting.Position
	}
	return fmt.Errorf("%s: error: %s was changed%s, which needs a restart of the daemon", at, path, why)
}

// sayKeys has each flag say which key of the configuration it is.
func sayKeys(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if key, ok := config.KeyOf(f.Name); ok {
			f.Usage += "; key: " + key.Path
		}
	})
}

// accountName is a flag with the name of a service account.
type accountName struct{ into *string }

// String implements [pflag.Value].
func (a accountName) String() string {
	if a.into == nil {
		return ""
	}
	return *a.into
}

// Set implements [pflag.Value]. An empty name must not mean that there is none.
func (a accountName) Set(name string) error {
	*a.into = name
	if _, err := cluster.ServiceAccount("any", name); err != nil {
		return fmt.Errorf("%q is not a valid name of a service account", name)
	}
	return nil
}

// Type implements [pflag.Value].
func (accountName) Type() string { return "NAME" }
