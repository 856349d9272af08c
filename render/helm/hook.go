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
	hookLogAnnotation    = "helm.sh/hook-output-log-policy"
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

// step is what becomes of the hooks of one step of Helm's.
type step int

const (
	unknown step = iota
	before
	after
	test
	rollback
	deletion
)

// steps are Helm's.
var steps = map[string]step{
	"pre-install": before, "pre-upgrade": before, "post-install": after, "post-upgrade": after,
	"test": test, "test-success": test,
	"pre-rollback": rollback, "post-rollback": rollback, "pre-delete": deletion, "post-delete": deletion,
}

// PlaceHook makes a Helm hook an object of an earlier or later wave, and reports whether to keep the object, with warnings
// about what is done otherwise than Helm does it. Helm runs a hook at each installation and upgrade; here it runs when it
// has changed. What only runs in tests is left out, as installing a chart leaves it out; what only runs at a rollback or
// a deletion is too, since nothing here deletes or rolls back a chart as a whole: a rollback applies the older objects.
func PlaceHook(o manifest.Object) (keep bool, warnings []string) {
	metadata, _ := o.Object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	hook, isHook := annotations[hookAnnotation].(string)
	if !isHook {
		return true, nil
	}
	what := fmt.Sprintf("the %s %q is a Helm hook (%s)", o.GetKind(), o.GetName(), hook)
	at := map[step]bool{}
	for name := range strings.SplitSeq(hook, ",") {
		at[steps[strings.ToLower(strings.TrimSpace(name))]] = true
	}
	switch {
	case at[unknown]:
		return false, []string{what + " of a step that Helm does not know: it is left out, as Helm does"}
	case !at[before] && !at[after]:
		if at[rollback] || at[deletion] {
			warnings = []string{what + ": it is left out, as nothing here rolls back or deletes a chart as a whole"}
		}
		return false, warnings
	}
	if at[deletion] {
		warnings = append(warnings, what+": it is not run before or after a deletion, since nothing here deletes a chart as a whole")
	}
	early := at[before]
	if at[before] && at[after] && runs(o) {
		early = false // what it needs is there then in any case
		warnings = append(warnings, what+" that runs before and after: here it runs after everything else, once")
	}
	wave, odd := hookWaveOf(annotations, early)
	if odd != "" {
		warnings = append(warnings, what+": "+odd)
	}
	if _, said := annotations[waveAnnotation]; !said {
		annotations[waveAnnotation] = strconv.Itoa(wave)
	}
	if _, said := annotations[replaceAnnotation]; !said && replaced(annotations) {
		annotations[replaceAnnotation] = "enabled"
	}
	for _, key := range []string{hookAnnotation, hookWeightAnnotation, hookPolicyAnnotation, hookLogAnnotation} {
		delete(annotations, key)
	}
	return true, warnings
}

// runs reports whether an object does something once, so that when it is there decides what it does.
func runs(o manifest.Object) bool { return o.GetKind() == "Job" || o.GetKind() == "Pod" }

// replaced reports whether Helm makes a hook again that was there before: it deletes the one of before when it makes the
// new one, unless it is told otherwise, or it has deleted it when it succeeded.
func replaced(annotations map[string]any) bool {
	policy, said := annotations[hookPolicyAnnotation].(string)
	policy = strings.ToLower(policy)
	return !said || strings.Contains(policy, "before-hook-creation") || strings.Contains(policy, "hook-succeeded")
}

// hookWaveOf returns the wave of a hook, and what is odd about its weight.
func hookWaveOf(annotations map[string]any, early bool) (wave int, odd string) {
	text, _ := annotations[hookWeightAnnotation].(string)
	weight, err := strconv.Atoi(text)
	switch {
	case err != nil && text != "":
		weight, odd = 0, fmt.Sprintf("its weight %q is no whole number and is taken for 0, as Helm does", text)
	case weight < -maxHookWeight || weight > maxHookWeight:
		weight = min(max(weight, -maxHookWeight), maxHookWeight)
		odd = fmt.Sprintf("its weight %s is taken for %d, the limit: hooks beyond it come together", text, weight)
	}
	if early {
		return weight - hookWave, odd
	}
	return weight + hookWave, odd
}
