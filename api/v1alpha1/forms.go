// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// LotUnit is the length of a lot. Fourths (15 minutes), Sixths (10 minutes) and Twelfths (5 minutes) are parts of an
// hour; the case of the letters does not matter.
type LotUnit string

// The units of lots.
const (
	// Fourths are of 15 minutes, 96 a day.
	Fourths LotUnit = "Fourths"
	// Sixths are of 10 minutes, 144 a day.
	Sixths LotUnit = "Sixths"
	// Twelfths are of 5 minutes, 288 a day.
	Twelfths LotUnit = "Twelfths"
	// Hourly are of an hour, 24 a day.
	Hourly LotUnit = "hourly"
	// Daily are of a day, from midnight UTC.
	Daily LotUnit = "daily"
)

func (LotUnit) values() []string {
	return []string{string(Fourths), string(Sixths), string(Twelfths), string(Hourly), string(Daily)}
}

// folded tells the decoder that the case of the letters does not matter.
func (LotUnit) folded() bool { return true }

// Join says how many of several inputs are waited for: "all", "any", or a number from 1 on. The zero value means
// that nothing was said.
type Join string

// The joins that are words.
const (
	// JoinAll waits for all of them.
	JoinAll Join = "all"
	// JoinAny waits for the first.
	JoinAny Join = "any"
)

var joinForm = regexp.MustCompile(`^(all|any|[1-9][0-9]{0,3})$`)

// UnmarshalText implements [encoding.TextUnmarshaler].
func (j *Join) UnmarshalText(text []byte) error {
	if !joinForm.Match(text) {
		return fmt.Errorf(`%q is not a join: write "all", "any", or how many, from 1 to 9999`, shorten(string(text)))
	}
	*j = Join(text)
	return nil
}

// Amount is a decimal number that is not negative, with at most 9 digits before and 9 behind the point, such as
// "0.0425". The zero value means that none was given.
type Amount string

var amountForm = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9})?$`)

// UnmarshalText implements [encoding.TextUnmarshaler].
func (a *Amount) UnmarshalText(text []byte) error {
	if !amountForm.Match(text) {
		return fmt.Errorf(`%q is not an amount: write it like "12" or "0.0425"`, shorten(string(text)))
	}
	*a = Amount(text)
	return nil
}

// Currency is the code of a currency by ISO 4217: three capital letters, such as "EUR". The zero value means that none
// was given.
type Currency string

var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

// UnmarshalText implements [encoding.TextUnmarshaler].
func (c *Currency) UnmarshalText(text []byte) error {
	if !currencyForm.Match(text) {
		return fmt.Errorf(`%q is not a currency: write its three letters, like "USD" or "EUR"`, shorten(string(text)))
	}
	*c = Currency(text)
	return nil
}

// Days is a number of days, written like "90d"; from 1 to 36500. The zero value means that none was given.
type Days int

var daysForm = regexp.MustCompile(`^([1-9][0-9]{0,4})d$`)

const maxDays = 36500

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Days) UnmarshalText(text []byte) error {
	m := daysForm.FindSubmatch(text)
	if m == nil {
		return fmt.Errorf(`%q is not a number of days: write it like "90d"`, shorten(string(text)))
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil || n > maxDays {
		return fmt.Errorf("%q is out of range: at most %dd", text, maxDays)
	}
	*d = Days(n)
	return nil
}

// MarshalText implements [encoding.TextMarshaler].
func (d Days) MarshalText() ([]byte, error) { return []byte(strconv.Itoa(int(d)) + "d"), nil }

// Date is a day in UTC, written like "2027-01-01".
type Date struct{ time.Time }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Date) UnmarshalText(text []byte) error {
	v, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf(`%q is not a day: write it like "2027-01-01"`, shorten(string(text)))
	}
	d.Time = v
	return nil
}

// MarshalText implements [encoding.TextMarshaler].
func (d Date) MarshalText() ([]byte, error) { return []byte(d.Format(time.DateOnly)), nil }

// decodeNode reads the environments of a project: a list of names, or a map from name to [Override].
func (e *ProjectEnvironments) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		d.report(n, "expected a list of environments, or a mapping with what is different in each, got "+describe(n), asList(n), RuleWrongType)
		return
	}
	if n.Kind != yaml.SequenceNode {
		type plain map[string]Override // without this method, which would call itself
		var m plain
		d.mapping(n, reflect.ValueOf(&m).Elem())
		*e = make(ProjectEnvironments, len(m))
		maps.Copy(*e, m)
		return
	}
	*e = make(ProjectEnvironments, len(n.Content))
	for i, item := range n.Content {
		var name string
		d.within(step{index: i}, func() {
			d.decode(item, reflect.ValueOf(&name).Elem())
			if name == "" && item.Kind == yaml.ScalarNode && item.Tag == "!!str" {
				d.report(item, "the name of the environment is missing", "", RuleMissingField)
			}
			if _, ok := (*e)[name]; ok {
				d.report(item, fmt.Sprintf("the environment %q is listed twice", name), "", RuleDuplicate)
			}
		})
		if name != "" {
			(*e)[name] = Override{}
		}
	}
}

// decodeNode reads the text that stands for the dataset alone, or the mapping.
func (r *Read) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		type plain Read // without this method, which would call itself
		var p plain
		d.structure(n, reflect.ValueOf(&p).Elem())
		*r = Read(p)
		return
	}
	d.str(n, reflect.ValueOf(&r.Dataset).Elem())
	if r.Dataset == "" && n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		d.report(n, "the dataset is missing", `write "name@version" or "project/name@version"`, RuleMissingField)
	}
}
