// SPDX-License-Identifier: Apache-2.0

package schema

// Reserved is the one name that a parameter of a blueprint cannot have: Helm hands the values under it to all
// subcharts, and Trunkline's own stand there.
const Reserved = "global"

// Params compiles the parameters of a blueprint; without any, no params are taken. The schema that it gives
// takes nil for no params, and refuses one with the name [Reserved].
func Params(parameters map[string]any) (*Schema, error) {
	if parameters == nil {
		parameters = map[string]any{"type": "object", "additionalProperties": false}
	}
	s, err := Compile(parameters)
	if err != nil {
		return nil, err
	}
	s.params = true
	return s, nil
}

// Check returns what is wrong with a workload's params, as the parameters of its blueprint have it. The error is
// about the parameters themselves. Who checks often keeps the schema from [Params].
func Check(parameters, params map[string]any) ([]Problem, error) {
	s, err := Params(parameters)
	if err != nil {
		return nil, err
	}
	return s.Check(params), nil
}

// asParams prepares params for a check, or says what is wrong with them beforehand.
func asParams(value any) (any, []Problem) {
	params, isTable := value.(map[string]any)
	switch {
	case value == nil, isTable && params == nil:
		return map[string]any{}, nil
	case !isTable:
		return value, nil
	}
	if _, taken := params[Reserved]; taken {
		return nil, []Problem{{Path: []any{Reserved}, Message: "is the name of Trunkline's own values; choose another"}}
	}
	return value, nil
}
