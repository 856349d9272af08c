package render

import (
	"errors"
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// checkParams holds params to the blueprint's parameters once more: a release can be made by others than the
// catalog, and the engines rely on it.
func checkParams(bp v1alpha1.BlueprintSpec, params map[string]any) error {
	problems, err := schema.Check(bp.Parameters, params)
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
