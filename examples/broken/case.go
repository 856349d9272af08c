// SPDX-License-Identifier: Apache-2.0

package broken

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"

	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/policy"
)

// caseFile is what there is to know of a case beside its trees, in case.yaml.
type caseFile struct {
	// Author is the login of who made the change, and Teams those that the author is in.
	Author string   `yaml:"author"`
	Teams  []string `yaml:"teams"`
	// ApprovedBy are those who approved it.
	ApprovedBy []person `yaml:"approvedBy"`
	// Estimates are what projects are expected to cost.
	Estimates []estimate `yaml:"estimates"`
}

type person struct {
	Login string   `yaml:"login"`
	Teams []string `yaml:"teams"`
}

// estimate is what a project costs in an environment in a month, such as "930.50".
type estimate struct {
	Project     string `yaml:"project"`
	Environment string `yaml:"environment"`
	Monthly     string `yaml:"monthly"`
}

// readCase reads case.yaml, which most cases do without.
func readCase(folder fs.FS) (c caseFile, err error) {
	data, err := readAll(folder, "case.yaml")
	if err != nil || data == nil {
		return c, err
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("reading case.yaml: %w", err)
	}
	for _, e := range c.Estimates {
		if _, ok := new(big.Rat).SetString(e.Monthly); !ok {
			return c, fmt.Errorf("reading case.yaml: %q is not an amount", e.Monthly)
		}
	}
	return c, nil
}

func (c caseFile) people() []policy.Person {
	if c.Author == "" {
		return nil
	}
	people := []policy.Person{{Login: c.Author, Teams: c.Teams}}
	for _, p := range c.ApprovedBy {
		people = append(people, policy.Person{Login: p.Login, Teams: p.Teams})
	}
	return people
}

func (c caseFile) estimates() []policy.Estimate {
	var out []policy.Estimate
	for _, e := range c.Estimates {
		monthly, _ := new(big.Rat).SetString(e.Monthly)
		out = append(out, policy.Estimate{Project: e.Project, Environment: e.Environment, Monthly: monthly})
	}
	return out
}
