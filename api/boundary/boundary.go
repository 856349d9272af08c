// SPDX-License-Identifier: Apache-2.0

// Package boundary is what the params of the blueprint boundary say: which objects that arrive are data, of which lot each is, and when
// a lot's manifest is written.
//
// It is pure. Of Trunkline it imports api/param and api/pattern.
package boundary

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"trunkline.dev/trunkline/api/param"
)

// Blueprint is the name of the embedded blueprint.
const Blueprint = "boundary"

// Arrival is when the manifest of a lot is written.
type Arrival string

// The arrivals.
const (
	// Interval writes the manifest of a lot once it has ended, and one that is empty if nothing arrived.
	Interval Arrival = "interval"
	// Immediate writes it as soon as something arrived, and another one whenever more does.
	Immediate Arrival = "immediate"
)

// Source is what says of which lot an object is.
type Source string

// The sources.
const (
	// Modified is when the object was written, by the clock of its store.
	Modified Source = "modified"
	// Key is the time that stands in its key.
	Key Source = "key"
)

// Spec is what a boundary is told.
type Spec struct {
	Arrival Arrival
	Filter  *Filter
	Source  Source
	// Time reads the time of a key; nil unless Source is [Key].
	Time *KeyTime
	// Lateness is how long after its end a lot waits for data that come late; 0 for an immediate arrival.
	Lateness time.Duration
}

// params are the JSON of the params. The schema of the blueprint has checked their types.
type params struct {
	Arrival Arrival `json:"arrival"`
	Filter  struct {
		Includes   []string `json:"includes"`
		Excludes   []string `json:"excludes"`
		IgnoreCase bool     `json:"ignoreCase"`
	} `json:"filter"`
	LotSource Source `json:"lotSource"`
	KeyTime   string `json:"keyTime"`
	Lateness  string `json:"lateness"`
}

// maxLateness is how long a lot may wait.
const maxLateness = 31 * 24 * time.Hour

// Parse reads the params of a boundary whose lots are as long as unit. What the schema of the blueprint refuses is an error without a
// path; everything else is a [param.Error].
func Parse(values map[string]any, unit time.Duration) (Spec, error) {
	var p params
	err := param.Read(values, &p)
	if err != nil {
		return Spec{}, err
	}
	spec := Spec{Arrival: cmp.Or(p.Arrival, Interval), Source: cmp.Or(p.LotSource, Modified)}
	if p.Filter.Includes == nil {
		p.Filter.Includes = []string{"**"}
	}
	if p.Filter.Excludes == nil {
		p.Filter.Excludes = Hidden()
	}
	if spec.Filter, err = NewFilter(p.Filter.Includes, p.Filter.Excludes, p.Filter.IgnoreCase); err != nil {
		return Spec{}, err
	}
	if p.Lateness != "" {
		if spec.Lateness, err = time.ParseDuration(p.Lateness); err != nil || spec.Lateness < 0 || spec.Lateness > maxLateness {
			return Spec{}, param.Wrong(`write a number and a unit, such as "90s", "15m" or "6h", of at most 744h`, fmt.Errorf("%q is not how long late data are waited for", p.Lateness), "lateness")
		}
	}
	if spec.Arrival == Immediate && spec.Lateness > 0 {
		return Spec{}, param.Wrong("remove it, or write arrival: interval", errors.New("what arrives counts at once, so that nothing is waited for"), "lateness")
	}
	switch {
	case spec.Source == Key && p.KeyTime == "":
		return Spec{}, param.Wrong(`write, for example, keyTime: "dt=(?<year>\\d{4})-(?<month>\\d{2})-(?<day>\\d{2})"`, errors.New("nothing says how the time is read from a key"), "lotSource")
	case spec.Source != Key && p.KeyTime != "":
		return Spec{}, param.Wrong("write lotSource: key, or remove it", errors.New("the time of a key is not asked for"), "keyTime")
	case spec.Source == Key:
		if spec.Time, err = NewKeyTime(p.KeyTime, unit); err != nil {
			return Spec{}, param.Wrong("", err, "keyTime")
		}
	}
	return spec, nil
}
