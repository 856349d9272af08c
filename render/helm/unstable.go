// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// maxBlamed bounds the calls of which one is looked for. Each takes a render.
const maxBlamed = 50

// blame finds the call whose result makes a render differ from the first one, and says where it stands and what to do.
func blame(ctx context.Context, c *chart.Chart, in Input, first []manifest.Object, calls int, where string) error {
	function, template := "a function", ""
	for n := range min(calls, maxBlamed) {
		second, err := renderOnce(ctx, c, in, &chance{other: true, only: n + 1})
		if err == nil && difference(first, second.Objects) == "" {
			continue
		}
		_, err = renderOnce(ctx, c, in, &chance{refuse: n + 1})
		if called, ok := errors.AsType[*calledError](err); ok {
			function = called.function
		}
		if failed, ok := errors.AsType[*Error](err); ok {
			template = "template " + failed.Template + ": "
		}
		break
	}
	return fmt.Errorf("%s%s returns another result on each render, and %s has it, so that every commit would change the object; "+
		"set a value for it in params, or have the chart use a Secret that exists: generatedSecrets of the project makes one once and keeps it "+
		"(docs/secrets.md)", template, function, where)
}

// difference names the first field in which two renders differ; it is empty if they do not.
func difference(a, b []manifest.Object) string {
	if len(a) != len(b) {
		return "the number of objects"
	}
	for i := range a {
		if field, differ := differentField(a[i].Object, b[i].Object); differ {
			return fmt.Sprintf("the %s %q in %s", a[i].GetKind(), a[i].GetName(), cmp.Or(strings.TrimPrefix(field, "."), "its fields"))
		}
	}
	return ""
}

// differentField returns the path of the first field in which two values differ.
func differentField(a, b any) (string, bool) {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return "", true
		}
		for _, key := range slices.Sorted(maps.Keys(a)) {
			if field, differ := differentField(a[key], b[key]); differ {
				return "." + key + field, true
			}
		}
		return "", false
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return "", true
		}
		for i := range a {
			if field, differ := differentField(a[i], b[i]); differ {
				return fmt.Sprintf("[%d]", i) + field, true
			}
		}
		return "", false
	}
	return "", !reflect.DeepEqual(a, b)
}
