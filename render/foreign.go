// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The annotations by which an object says how it is applied and deleted; see package plan.
const (
	pruneAnnotation   = ownPrefix + "prune"
	replaceAnnotation = ownPrefix + "replace"
	waveAnnotation    = ownPrefix + "wave"
)

// hookWave is how far before or after everything else the hooks of Argo CD come, as those of Helm do.
const hookWave = 500

// wish is what an annotation of another tool asks for.
type wish struct {
	// annotations are those of Trunkline that mean the same.
	annotations map[string]string
	// drop has the object left out.
	drop bool
	// odd says what is done otherwise; empty if the wish is met.
	odd string
}

var (
	keepIt     = wish{annotations: map[string]string{pruneAnnotation: "disabled"}}
	replaceIt  = wish{annotations: map[string]string{replaceAnnotation: "enabled"}}
	asIs       = wish{}
	notFollows = wish{odd: "it is not followed"}
	// othersOwn is on objects that were exported from a cluster: the other tool goes by it.
	othersOwn = wish{odd: "Argo CD may take the object for its own and delete it: remove the annotation"}
)

// only follows one value of an annotation; the defaults are what is done in any case.
func only(value string, then wish, defaults ...string) func(string) wish {
	return func(v string) wish {
		switch {
		case v == value:
			return then
		case slices.Contains(defaults, v):
			return asIs
		}
		return notFollows
	}
}

// always is the same for each value.
func always(w wish) func(string) wish { return func(string) wish { return w } }

// foreign are the annotations of Helm, Flux, Argo CD and the tools of Kubernetes that say how an object is applied, pruned or
// watched, each with what its value asks for. Of a value that is a list, each item is asked for by itself. Hooks of Helm are
// placed before; see [helm.PlaceHook].
var foreign = map[string]func(value string) wish{
	"helm.sh/resource-policy": only("keep", keepIt),

	"kustomize.toolkit.fluxcd.io/prune": only("disabled", keepIt, "enabled"),
	"kustomize.toolkit.fluxcd.io/force": only("enabled", replaceIt, "disabled"),
	"kustomize.toolkit.fluxcd.io/reconcile": only("disabled", wish{odd: "it is not followed: the object is applied and kept as it is declared"},
		"enabled"),
	"kustomize.toolkit.fluxcd.io/substitute": only("disabled", asIs, "enabled"), // nothing is substituted in objects
	"kustomize.toolkit.fluxcd.io/ssa": func(v string) wish {
		if v == "Override" {
			return asIs // fields of others that are declared are taken back
		}
		return wish{odd: "it is not followed: declared fields are applied, and those of others left alone"}
	},
	"helm.toolkit.fluxcd.io/driftDetection": only("disabled", wish{odd: "it is not followed: declared fields that others change are put back"},
		"enabled"),
	"fluxcd.io/ignore": always(wish{odd: "it is not followed: the object is applied and kept as it is declared"}),

	"config.kubernetes.io/local-config": func(v string) wish {
		if v == "false" {
			return asIs
		}
		return wish{drop: true, odd: "the object is left out: it is for tools and not for a cluster"} // as Kustomize does
	},
	"config.kubernetes.io/depends-on":         always(wish{odd: "it is not followed: give the object a later trunkline.dev/wave"}),
	"client.lifecycle.config.k8s.io/deletion": only("detach", keepIt),
	"client.lifecycle.config.k8s.io/mutation": only("ignore", wish{odd: "it is not followed: declared fields that others change are put back"}),
	"cli-utils.sigs.k8s.io/on-remove":         only("keep", keepIt),

	"argocd.argoproj.io/sync-options": syncOption,
	"argocd.argoproj.io/sync-wave": func(v string) wish {
		if _, err := strconv.Atoi(v); err != nil {
			return wish{odd: "it is not followed: it is no whole number"}
		}
		return wish{annotations: map[string]string{waveAnnotation: v}}
	},
	"argocd.argoproj.io/hook": argoHook,
	"argocd.argoproj.io/hook-delete-policy": func(v string) wish {
		if v == "BeforeHookCreation" {
			return replaceIt
		}
		return wish{odd: "it is not followed: a hook that has run stays, so that it is known to have run"}
	},
	"argocd.argoproj.io/compare-options":         always(notFollows),
	"argocd.argoproj.io/ignore-healthcheck":      only("true", wish{odd: "it is not followed: the health of the object counts"}, "false"),
	"argocd.argoproj.io/ignore-resource-updates": only("true", notFollows, "false"),
	"argocd.argoproj.io/skip-reconcile":          only("true", wish{odd: "it is not followed here: the object is applied and kept as it is declared"}, "false"),
	"argocd.argoproj.io/tracking-id":             always(othersOwn),
	"argocd.argoproj.io/deletion-approved":       always(asIs), // nothing waits for it
}

// talking are the prefixes of annotations by which tools are told what to do with an object: one that is not known is named.
var talking = []string{
	"argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "client.lifecycle.config.k8s.io/", "cli-utils.sigs.k8s.io/",
}

// asked returns what an annotation asks for; nil if it asks for nothing.
func asked(o *unstructured.Unstructured, key string) func(string) wish {
	if f := foreign[key]; f != nil {
		return f
	}
	if slices.ContainsFunc(talking, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) && !argoOwn(o) {
		return always(wish{odd: "it is not known, and not followed"})
	}
	return nil
}

// argoOwn reports whether an object is one of Argo CD's own: annotations such as refresh tell Argo CD how to work, which follows
// them wherever the object is from.
func argoOwn(o *unstructured.Unstructured) bool {
	return o.GroupVersionKind().Group == "argoproj.io" && slices.Contains([]string{"Application", "ApplicationSet", "AppProject"}, o.GetKind())
}

// lists are the annotations of which each item of the value counts.
var lists = map[string]bool{
	"argocd.argoproj.io/sync-options": true, "argocd.argoproj.io/hook": true, "argocd.argoproj.io/hook-delete-policy": true,
	"argocd.argoproj.io/compare-options": true,
}

// labelled are those that their tool reads from labels too.
var labelled = []string{
	"kustomize.toolkit.fluxcd.io/prune", "kustomize.toolkit.fluxcd.io/force", "kustomize.toolkit.fluxcd.io/reconcile",
	"kustomize.toolkit.fluxcd.io/ssa",
}

// syncOption is what one of Argo CD's options of an object asks for.
func syncOption(option string) wish {
	switch option {
	case "Prune=false", "Delete=false":
		return keepIt
	case "Prune=confirm", "Delete=confirm":
		return wish{annotations: keepIt.annotations, odd: "the object is kept: there is no asking for each object"}
	case "Force=true":
		return replaceIt
	case "ServerSideApply=true", "SkipDryRunOnMissingResource=true", "PruneLast=true", "Prune=true", "Delete=true", "Force=false", "Replace=false", "Validate=true":
		return asIs // this is how it is done in any case
	}
	return notFollows
}

// argoHook is what one phase of Argo CD asks for.
func argoHook(phase string) wish {
	switch phase {
	case "PreSync":
		return wish{annotations: map[string]string{waveAnnotation: strconv.Itoa(-hookWave), replaceAnnotation: "enabled"}}
	case "PostSync":
		return wish{annotations: map[string]string{waveAnnotation: strconv.Itoa(hookWave), replaceAnnotation: "enabled"}}
	case "Sync":
		return asIs
	case "Skip":
		return wish{drop: true, odd: "the object is left out"}
	case "SyncFail", "PreDelete", "PostDelete":
		return wish{drop: true, odd: "the object is left out: nothing is run after a failure or around a deletion"}
	}
	return wish{drop: true, odd: "Argo CD has no such phase: the object is left out"}
}

// honour puts what annotations of other tools ask for into Trunkline's own, where the object does not say something else
// itself. It reports whether to keep the object, and what is not done as asked.
func honour(o *unstructured.Unstructured) (keep bool, odd []string) {
	said := map[string]string{}
	for _, key := range labelled {
		if v, ok := o.GetLabels()[key]; ok {
			said[key] = v
		}
	}
	annotations := o.GetAnnotations()
	for key, v := range annotations {
		if asked(o, key) != nil {
			said[key] = v
		}
	}
	if len(said) == 0 {
		return true, nil
	}
	keep = true
	own := map[string]string{}
	// A hook comes before or after everything else by its phase, and among hooks by its wave.
	shift := 0
	for _, key := range slices.Sorted(maps.Keys(said)) {
		values := []string{said[key]}
		if lists[key] {
			values = strings.Split(said[key], ",")
		}
		for _, v := range values {
			v = strings.TrimSpace(v)
			w := asked(o, key)(v)
			keep = keep && !w.drop
			if w.odd != "" {
				odd = append(odd, fmt.Sprintf("the %s %q says %s: %s, and %s", o.GetKind(), o.GetName(), key, v, w.odd))
			}
			for name, value := range w.annotations {
				if n, err := strconv.Atoi(value); name == waveAnnotation && err == nil {
					shift += n
					value = strconv.Itoa(shift)
				}
				own[name] = value
			}
		}
	}
	if !keep {
		return false, odd
	}
	if len(own) > 0 {
		maps.Copy(own, annotations) // what the object says itself counts
		o.SetAnnotations(own)
	}
	return true, odd
}
