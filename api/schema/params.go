package schema

// Reserved is the one name that a parameter of a blueprint cannot have: Helm hands the values under it to all
// subcharts, and Trunkline's own stand there.
const Reserved = "global"

// Check gives what is wrong with a workload's params, as the parameters of its blueprint have it; without
// parameters, none are taken. The error is about the parameters themselves.
func Check(parameters, params map[string]any) ([]Problem, error) {
	if parameters == nil {
		parameters = map[string]any{"type": "object", "additionalProperties": false}
	}
	s, err := Compile(parameters)
	if err != nil {
		return nil, err
	}
	if _, taken := params[Reserved]; taken {
		return []Problem{{Path: []any{Reserved}, Message: "is the name of Trunkline's own values; choose another"}}, nil
	}
	if params == nil {
		params = map[string]any{}
	}
	return s.Check(params), nil
}
