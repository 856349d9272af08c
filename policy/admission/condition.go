// SPDX-License-Identifier: Apache-2.0

package admission

import (
	celgo "github.com/google/cel-go/cel"
)

// condition is an expression of a policy with the types that it may return: an ExpressionAccessor for the compiler.
type condition struct {
	text    string
	returns []*celgo.Type
}

// GetExpression returns the text of the expression.
func (c *condition) GetExpression() string { return c.text }

// ReturnTypes returns the types that the expression may have.
func (c *condition) ReturnTypes() []*celgo.Type { return c.returns }

// variable is a named expression, which others may use.
type variable struct {
	condition

	name string
}

// GetName returns the name of the variable.
func (v *variable) GetName() string { return v.name }

// validation is an expression that has to hold, and the message if it does not.
type validation struct {
	condition

	message string
}

func newVariable(name, expression string) *variable {
	return &variable{condition{expression, []*celgo.Type{celgo.AnyType, celgo.DynType}}, name}
}

func newValidation(expression, message string) *validation {
	return &validation{condition{expression, []*celgo.Type{celgo.BoolType}}, message}
}

func newMessage(expression string) *condition {
	return &condition{expression, []*celgo.Type{celgo.StringType}}
}

func newAnnotation(expression string) *condition {
	return &condition{expression, []*celgo.Type{celgo.StringType, celgo.NullType}}
}
