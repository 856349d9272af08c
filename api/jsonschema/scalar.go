// SPDX-License-Identifier: Apache-2.0

package jsonschema

import "trunkline.dev/trunkline/api/reference"

// number is what an unquoted number is checked against.
func number(kind string) *Schema { return &Schema{Type: kind} }

// scalar writes a text of a certain form. Their patterns are those of the decoder, written so that they mean the same
// in Go's regular expressions and in ECMAScript's.
func scalar(t reference.Type) *Schema {
	switch t {
	case reference.Number:
		return &Schema{Type: "integer", Minimum: new(int64(0)), Maximum: new(int64(1<<31 - 1))}
	case reference.Duration:
		// The second pattern asks for a digit that is not 0.
		return &Schema{Type: "string", Pattern: `^[+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`, AllOf: []*Schema{{Pattern: `[1-9]`}}}
	case reference.Time:
		return &Schema{
			Type: "string", Format: "date-time",
			Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]00:00)$`,
		}
	case reference.Date:
		return &Schema{Type: "string", Format: "date", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`}
	case reference.Days:
		return &Schema{Type: "string", Pattern: `^([1-9][0-9]{0,3}|[12][0-9]{4}|3[0-5][0-9]{3}|36[0-4][0-9]{2}|36500)d$`}
	case reference.Quantity:
		more := number("number")
		more.ExclusiveMinimum, more.ExclusiveMaximum = new(int64(0)), new(int64(1e18))
		return &Schema{AnyOf: []*Schema{{
			Type:    "string",
			Pattern: `^([0-9]{1,18}(\.[0-9]{0,9})?|\.[0-9]{1,9})([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$`,
			AllOf:   []*Schema{{Pattern: `^[0.]*[1-9]`}},
		}, more}}
	case reference.Amount:
		more := number("number")
		more.Minimum, more.ExclusiveMaximum = new(int64(0)), new(int64(1e9))
		return &Schema{AnyOf: []*Schema{{Type: "string", Pattern: `^[0-9]{1,9}(\.[0-9]{1,9})?$`}, more}}
	case reference.Currency:
		return &Schema{Type: "string", Pattern: `^[A-Z]{3}$`}
	case reference.Join:
		more := number("integer")
		more.Minimum, more.Maximum = new(int64(1)), new(int64(9999))
		return &Schema{AnyOf: []*Schema{{Enum: []string{"all", "any"}}, {Type: "string", Pattern: `^[1-9][0-9]{0,3}$`}, more}}
	default:
		panic("jsonschema: no schema for " + string(t)) // a type was added, and not here: every test fails
	}
}
