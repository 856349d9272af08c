// SPDX-License-Identifier: Apache-2.0

package schema

// Reserved is the parameter of a blueprint that is more than its own: Helm hands the values under it to all subcharts.
// Those of Trunkline are there, too, under [Own], which no params can set.
const (
	Reserved = "global"
	Own      = "trunkline"
)

// Params compiles the parameters of a blueprint; a blueprint without any accepts no params. The returned schema
// accepts nil for no params, and refuses params that set what is Trunkline's own; see [Reserved].
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
	if global, given := params[Reserved]; given {
		table, isTable := global.(map[string]any)
		if !isTable {
			return nil, []Problem{{Path: []any{Reserved}, Message: "is not a mapping: it has the values that a chart shares with its subcharts"}}
		}
		if _, taken := table[Own]; taken {
			return nil, []Problem{{Path: []any{Reserved, Own}, Message: "is the name of Trunkline's own values; choose another"}}
		}
	}
	return value, nil
}
