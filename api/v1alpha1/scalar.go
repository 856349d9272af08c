// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// maxDuration bounds every duration in a declaration. Longer ones are typing errors, and some consumers
// overflow on them.
const maxDuration = 366 * 24 * time.Hour

// Duration is a length of time in the syntax of [time.ParseDuration], such as "90s" or "1h30m"; more than
// zero and at most 366 days. The zero value means that none was given.
type Duration time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf(`%q is not a duration: write it like "90s", "30m" or "1h30m"`, text)
	}
	if v <= 0 || v > maxDuration {
		return fmt.Errorf("the duration %q is out of range: more than 0 and at most %s", text, maxDuration)
	}
	*d = Duration(v)
	return nil
}

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Time is an instant, written as RFC 3339 in UTC, such as "2026-01-01T00:00:00Z".
type Time struct{ time.Time }

// timeForm is RFC 3339 to the letter: [time.Parse] also takes an hour of one digit and a comma before the fraction.
var timeForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$`)

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *Time) UnmarshalText(text []byte) error {
	v, err := time.Parse(time.RFC3339, string(text))
	if err != nil || !timeForm.Match(text) {
		return fmt.Errorf(`%q is not a time: write it like "2026-01-01T00:00:00Z"`, text)
	}
	if _, offset := v.Zone(); offset != 0 {
		return fmt.Errorf("the time %q is not in UTC: end it with Z", text)
	}
	t.Time = v.UTC()
	return nil
}

// Quantity is a Kubernetes quantity, such as "500m" or "2Gi"; more than zero.
type Quantity string

// quantityForm is what [resource.ParseQuantity] takes, without signs and with bounds: it needs more than a second for
// "1e-9999999".
var quantityForm = regexp.MustCompile(`^([0-9]{1,18}(\.[0-9]{0,9})?|\.[0-9]{1,9})([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$`)

// UnmarshalText implements [encoding.TextUnmarshaler].
func (q *Quantity) UnmarshalText(text []byte) error {
	if !quantityForm.Match(text) {
		return fmt.Errorf(`%q is not a quantity: write it like "500m", "2" or "4Gi"`, shorten(string(text)))
	}
	v, err := resource.ParseQuantity(string(text))
	if err != nil {
		return fmt.Errorf(`%q is not a quantity: write it like "500m", "2" or "4Gi"`, text)
	}
	if v.Sign() <= 0 {
		return fmt.Errorf("the quantity %q must be more than zero", text)
	}
	*q = Quantity(text)
	return nil
}
