// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// The rules that the decoder holds every declaration to. They cannot be switched off: what breaks them cannot be
// read as what was meant.
const (
	// RuleSyntax is broken by what is neither YAML nor JSON.
	RuleSyntax = "syntax"
	// RuleUnknownKind is broken by an unknown kind or version of a declaration.
	RuleUnknownKind = "unknown-kind"
	// RuleStray is broken by a declaration that does not count any more, by how it is kept.
	RuleStray = "not-a-declaration"
	// RuleUnknownField is broken by a field that the declaration does not have.
	RuleUnknownField = "unknown-field"
	// RuleMissingField is broken by a required field that is missing or empty.
	RuleMissingField = "missing-field"
	// RuleWrongType is broken by a value of another type than the field's.
	RuleWrongType = "wrong-type"
	// RuleInvalidValue is broken by a value of the right type that the field does not take.
	RuleInvalidValue = "invalid-value"
	// RuleDuplicate is broken by a name that is given twice where names are unique.
	RuleDuplicate = "duplicate-name"
	// RuleLimit is broken by what is too large, too deep or too many.
	RuleLimit = "limit"
)
