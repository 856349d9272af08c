// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"fmt"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// The annotations of Helm hooks, as https://helm.sh/docs/topics/charts_hooks/ has them.
const (
	hookAnnotation       = "helm.sh/hook"
	hookWeightAnnotation = "helm.sh/hook-weight"
	hookPolicyAnnotation = "helm.sh/hook-delete-policy"
)

// The annotations of Trunkline that say the same: objects of a lower wave come first, and an object that cannot be
// changed is made again.
const (
	waveAnnotation    = "trunkline.dev/wave"
	replaceAnnotation = "trunkline.dev/replace"
)

const (
	// hookWave is how far before or after everything else hooks come.
	hookWave = 500
	// maxHookWeight bounds a weight, so that what comes before stays before.
	maxHookWeight = 400
)

// placeHook makes a Helm hook an object of an earlier or later wave, and reports whether to keep the object. Helm runs a
// hook at each installation and upgrade; here it runs when it has changed. Tests are left out, as installing a chart
// leaves them out. A hook of another step is refused: nothing here deletes or rolls back a chart as a whole.
func placeHook(o manifest.Object) (keep bool, err error) {
	metadata, _ := o.Object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	hook, isHook := annotations[hookAnnotation]
	if !isHook {
		return true, nil
	}
	before, after, test := false, false, false
	for step := range strings.SplitSeq(fmt.Sprint(hook), ",") {
		switch strings.TrimSpace(step) {
		case "pre-install", "pre-upgrade":
			before = true
		case "post-install", "post-upgrade":
			after = true
		case "test", "test-success", "test-failure":
			test = true
		default:
			return false, fmt.Errorf("%s: the %s %q is a Helm hook (%s), which Trunkline does not run: it runs those before and after an "+
				"installation or upgrade; leave it out by the chart's values", o.Source, o.GetKind(), o.GetName(), hook)
		}
	}
	if before && after || test && (before || after) {
		return false, fmt.Errorf("%s: the %s %q is a Helm hook of several steps (%s): it can come before or after everything else",
			o.Source, o.GetKind(), o.GetName(), hook)
	}
	if test {
		return false, nil
	}
	wave, err := hookWaveOf(annotations, before)
	if err != nil {
		return false, fmt.Errorf("%s: the %s %q: %w", o.Source, o.GetKind(), o.GetName(), err)
	}
	if _, said := annotations[waveAnnotation]; !said {
		annotations[waveAnnotation] = strconv.Itoa(wave)
	}
	// Without a word Helm deletes the hook of before when it makes the new one.
	if policy, said := annotations[hookPolicyAnnotation]; !said || strings.Contains(fmt.Sprint(policy), "before-hook-creation") {
		annotations[replaceAnnotation] = "enabled"
	}
	for _, key := range []string{hookAnnotation, hookWeightAnnotation, hookPolicyAnnotation} {
		delete(annotations, key)
	}
	return true, nil
}

func hookWaveOf(annotations map[string]any, before bool) (int, error) {
	weight := 0
	if text, said := annotations[hookWeightAnnotation]; said {
		var err error
		if weight, err = strconv.Atoi(fmt.Sprint(text)); err != nil || weight < -maxHookWeight || weight > maxHookWeight {
			return 0, fmt.Errorf("%s %q is not a whole number from -%d to %d", hookWeightAnnotation, fmt.Sprint(text), maxHookWeight, maxHookWeight)
		}
	}
	if before {
		return weight - hookWave, nil
	}
	return weight + hookWave, nil
}
