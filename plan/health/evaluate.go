// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// run evaluates an expression on an object.
func (e *expression) run(o map[string]any) (value ref.Val, err error) {
	defer func() {
		if r := recover(); r != nil {
			value, err = nil, fmt.Errorf("%v", r)
		}
	}()
	value, _, err = e.Eval(map[string]any{object: o})
	switch {
	case err != nil && strings.Contains(err.Error(), "actual cost limit exceeded"):
		return nil, fmt.Errorf("it costs more than %d on this object: look at less of it", ExpressionCost)
	case err != nil:
		return nil, err
	case types.IsUnknownOrError(value):
		return nil, fmt.Errorf("%v", value)
	}
	return value, nil
}
