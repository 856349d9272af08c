// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mutant is one change that a test must notice.
type mutant struct {
	Name string `yaml:"name"`
	// Breaks is the invariant, in the words of CONTRIBUTING.md.
	Breaks string `yaml:"breaks"`
	// File is relative to the root. Find occurs in it exactly once, and becomes Replace.
	File    string `yaml:"file"`
	Find    string `yaml:"find"`
	Replace string `yaml:"replace"`
	// Test is the package whose tests must fail, and Run, if it is set, the only ones that are run.
	Test string `yaml:"test"`
	Run  string `yaml:"run"`
	// Cluster is set if the tests need a cluster or a database; without it they run with -short.
	Cluster bool `yaml:"cluster"`
}

// load reads a list of mutants.
func load(file string) ([]mutant, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the list of mutants: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	var out []mutant
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	names := map[string]bool{}
	for i, m := range out {
		switch {
		case m.Name == "" || m.Breaks == "" || m.File == "" || m.Find == "" || m.Test == "":
			return nil, fmt.Errorf("reading %s: mutant %d (%q) needs a name, breaks, file, find and test", file, i+1, m.Name)
		case names[m.Name]:
			return nil, fmt.Errorf("reading %s: there are two mutants %q", file, m.Name)
		case m.Find == m.Replace:
			return nil, fmt.Errorf("reading %s: mutant %q changes nothing", file, m.Name)
		}
		names[m.Name] = true
	}
	return out, nil
}

// apply returns a source with the mutant in it.
func (m mutant) apply(source string) (string, error) {
	switch n := strings.Count(source, m.Find); n {
	case 1:
		return strings.Replace(source, m.Find, m.Replace, 1), nil
	case 0:
		return "", fmt.Errorf("%s does not contain %q any more: find out what holds the invariant now, and break that", m.File, m.Find)
	default:
		return "", fmt.Errorf("%s contains %q %d times: take more of the text around it", m.File, m.Find, n)
	}
}
