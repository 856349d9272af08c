// SPDX-License-Identifier: Apache-2.0

// Package jsonschema writes the kinds of declaration as JSON Schemas (draft 2020-12), for editors and other tools.
//
// The decoder of [trunkline.dev/trunkline/api/v1alpha1] decides; a schema says the same of a document, which a test
// holds on generated ones, but for what JSON Schema cannot say:
//
//   - how long a document is, how many values it has and how deep it is nested;
//   - that a duration is at most 366 days, and that it is not less than a nanosecond;
//   - that a number has at most 9 digits behind the point (multipleOf is not exact in most editors), and how a number
//     is written: 1e3, 0x10 and 3.0 are as good as 1000, 16 and 3 to JSON Schema, and are not to the decoder;
//   - what is of YAML alone: keys that are there twice, merge keys, aliases;
//   - that a document of someone else's apiVersion is passed over: to a schema it is wrong.
//
// What the catalog checks, such as that a name is a DNS label or that a dataset exists, is not in the schemas.
package jsonschema
