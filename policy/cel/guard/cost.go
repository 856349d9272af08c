// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"math"

	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"k8s.io/apiserver/pkg/cel/library"

	"trunkline.dev/trunkline/policy/subject"
)

const (
	// perWeight is what looking at a value costs, as CEL has it for a byte of a text.
	perWeight = 0.1
	// perPatternByte is what CEL adds to the cost of a regular expression for each byte of it.
	perPatternByte = 0.25
	// perStep is what one step of a regular expression costs.
	perStep = 0.05
)

// estimator adds to what the API server charges for a call where that does not grow with the work: CEL compares two mappings
// for the price of their number of keys, whatever is in them, and takes a repetition in a pattern for its few characters.
type estimator struct{ kubernetes library.CostEstimator }

// CallCost implements [github.com/google/cel-go/interpreter.ActualCostEstimator]. Nil leaves it to CEL.
func (e *estimator) CallCost(function, overloadID string, args []ref.Val, result ref.Val) *uint64 {
	known := e.kubernetes.CallCost(function, overloadID, args, result)
	if cheap[function] || function == operators.Add || len(args) == 0 {
		return known
	}
	var work float64
	switch function {
	case operators.Equals, operators.NotEquals, operators.In:
		if plain(args[0]) && plain(args[1]) {
			return known
		}
		work = weigh(args...) * perWeight
	case "matches", "find", "findAll":
		pattern, ok := args[1].(types.String)
		if !ok || len(pattern) > subject.MaxPattern {
			return known // the call was refused at once
		}
		work = textLen(args[0])*float64(subject.PatternSize(string(pattern)))*perStep +
			math.Ceil((1+textLen(args[0]))*perWeight)*math.Ceil(float64(len(pattern))*perPatternByte)
	case "format":
		work = (weigh(args...) + textLen(result)) * perWeight
	case "contains", "string", "bytes", "strings.quote":
		return known // CEL's own grows with what they are given
	default:
		work = weigh(args...) * perWeight
	}
	cost := uint64(math.Ceil(min(work, MaxSteps)))
	if known != nil {
		cost = max(cost, *known)
	}
	cost = max(cost, 1)
	return &cost
}

// plain tells values that are compared at once, or for what CEL says.
func plain(v ref.Val) bool {
	switch v.(type) {
	case types.String, types.Bytes, types.Int, types.Uint, types.Double, types.Bool, types.Null, types.Duration, types.Timestamp:
		return true
	default:
		return false
	}
}
