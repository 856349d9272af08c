// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// checkParams holds params to the blueprint's parameters once more: a release can be made by others than the
// catalog, and the engines rely on it.
func checkParams(bp *catalog.Blueprint, params map[string]any) error {
	problems, err := bp.CheckParams(params)
	if err != nil {
		return fmt.Errorf("spec.parameters of the blueprint: %w", err)
	}
	if len(problems) == 0 {
		return nil
	}
	texts := make([]string, len(problems))
	for i, p := range problems {
		p.Path = append([]any{"params"}, p.Path...)
		texts[i] = p.String()
	}
	return errors.New(strings.Join(texts, "; "))
}
