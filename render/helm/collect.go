package helm

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// hookAnnotation makes Helm run an object at a step of its own instead of keeping it.
const hookAnnotation = "helm.sh/hook"

// collect reads the objects out of the rendered files.
func collect(c *chart.Chart, rendered map[string]string) ([]manifest.Object, error) {
	var objects []manifest.Object
	for _, crd := range c.CRDObjects() {
		parsed, err := manifest.Parse(crd.Filename, crd.File.Data)
		if err != nil {
			return nil, err
		}
		objects = append(objects, parsed...)
	}
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if path.Base(name) == "NOTES.txt" || strings.TrimSpace(rendered[name]) == "" {
			continue
		}
		parsed, err := manifest.Parse(name, []byte(rendered[name]))
		if err != nil {
			return nil, err
		}
		for _, o := range parsed {
			keep, err := checkHook(o)
			if err != nil {
				return nil, err
			}
			if keep {
				objects = append(objects, o)
			}
		}
	}
	return objects, nil
}

// checkHook tells whether to keep an object. A hook would be kept running by whoever applies it as a plain
// object, so it is refused. Tests are left out, as installing a chart leaves them out.
func checkHook(o manifest.Object) (keep bool, err error) {
	metadata, _ := o.Object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	hook, isHook := annotations[hookAnnotation]
	if !isHook {
		return true, nil
	}
	for step := range strings.SplitSeq(fmt.Sprint(hook), ",") {
		switch strings.TrimSpace(step) {
		case "test", "test-success", "test-failure":
		default:
			return false, fmt.Errorf("%s: the %s %q is a Helm hook (%s), which Trunkline does not run: make it a workload of "+
				"its own with `after`, or leave it out by the chart's values", o.Source, o.GetKind(), o.GetName(), hook)
		}
	}
	return false, nil
}
