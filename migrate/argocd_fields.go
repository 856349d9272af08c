// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"slices"
	"strings"
)

const doPlugin = "commit what the plugin makes, or write a blueprint"

// applicationFields are those of an Application. Of its sources, package-level tables say more.
var applicationFields = fields{
	"spec.project": carried, "spec.destination.*": carried, "spec.source.*": carried, "spec.sources": carried, "spec.sourceHydrator": lost(
		"what is rendered is not committed to a branch", "Trunkline renders each commit; trunkline render shows what to"),
	"spec.syncPolicy.automated.prune":    lost("objects that are not declared any more are deleted", "the annotation trunkline.dev/prune: disabled keeps an object").but(true),
	"spec.syncPolicy.automated.selfHeal": carried, "spec.syncPolicy.automated.enabled": carried,
	"spec.syncPolicy.automated.allowEmpty": lost("a release that renders to nothing waits for trunkline approve", "").but(false),
	"spec.syncPolicy.retry.*":              carried, "spec.syncPolicy.syncOptions": carried,
	"spec.syncPolicy.managedNamespaceMetadata": lost("Trunkline creates namespaces, without labels of others", "set them with kubectl, which Trunkline leaves in place"),
	"spec.ignoreDifferences":                   carried, "spec.revisionHistoryLimit": carried,
	"spec.info":      lost("links for people are not carried over", "write them into spec.description of the project"),
	"spec.operation": carried,
}

// appProjectFields are those of an AppProject. A release has objects in its own namespace only, and spec.allow of
// environments is written for what there is beyond that.
var appProjectFields = fields{
	"spec.description": carried, "spec.sourceRepos": carried, "spec.destinations": carried, "spec.clusterResourceWhitelist": carried, "spec.sourceNamespaces": carried,
	"spec.clusterResourceBlacklist":        carried,
	"spec.namespaceResourceWhitelist":      lost("kinds are not allowed by lists", "write a policy (docs/policies.md)").but([]any{map[string]any{"group": "*", "kind": "*"}}),
	"spec.namespaceResourceBlacklist":      lost("kinds are not refused by lists", "write a policy (docs/policies.md)"),
	"spec.roles":                           lost("who may do what is decided by the forge, CODEOWNERS and the API server", "name owners in CODEOWNERS, and in spec.owner of projects"),
	"spec.syncWindows":                     lost("windows are those of environments", "spec.windows and spec.freezes of the environment"),
	"spec.orphanedResources":               lost("objects of others in a namespace are not looked for", ""),
	"spec.signatureKeys":                   lost("signatures are not checked", "protect the branch, and have the forge ask for signed commits"),
	"spec.permitOnlyProjectScopedClusters": carried, "spec.destinationServiceAccounts": lost("as whom objects are applied is a setting of the environment", doAccount),
}

// sourceOfFields are those of a source of an Application.
var helmFields = fields{
	"helm.valueFiles": carried, "helm.values": carried, "helm.valuesObject": carried, "helm.parameters": carried, "helm.fileParameters": carried, "helm.releaseName": carried,
	"helm.ignoreMissingValueFiles": carried, "helm.version": carried, "helm.passCredentials": carried, "helm.namespace": carried,
	"helm.skipCrds":             carried,
	"helm.skipTests":            carried,
	"helm.skipSchemaValidation": lost("the chart's values.schema.json holds for params", "fix the values or the schema").but(false),
	"helm.kubeVersion":          lost("the version of Kubernetes is declared by the cluster", "spec.kubeVersion of the cluster"),
	"helm.apiVersions":          lost("what a cluster serves is declared by the cluster", "spec.apiVersions of the cluster"),
}

var kustomizeFields = fields{
	"kustomize.namePrefix": carried, "kustomize.nameSuffix": carried, "kustomize.images": carried, "kustomize.commonLabels": carried,
	"kustomize.commonAnnotations": carried, "kustomize.labelWithoutSelector": carried, "kustomize.labelIncludeTemplates": carried, "kustomize.forceCommonLabels": carried,
	"kustomize.forceCommonAnnotations": carried, "kustomize.replicas": carried, "kustomize.patches": carried, "kustomize.components": carried,
	"kustomize.namespace": carried, "kustomize.version": carried,
	"kustomize.commonAnnotationsEnvsubst": lost("variables of Argo CD are not replaced", "write the values").but(false),
	"kustomize.ignoreMissingComponents":   lost("a component that is missing is an error", "create it, or leave it out").but(false),
	"kustomize.kubeVersion":               carried, "kustomize.apiVersions": carried,
}

var directoryFields = fields{
	"directory.recurse": carried, "directory.include": carried, "directory.exclude": carried,
	"directory.jsonnet.*": carried,
}

// options are the sync options that need nothing: it is done so in any case, or has no meaning here.
var options = []string{
	"CreateNamespace=true", "CreateNamespace=false", "ServerSideApply=true", "PruneLast=true", "ApplyOutOfSyncOnly=true", "RespectIgnoreDifferences=true", "Validate=true",
	"FailOnSharedResource=true", "SkipDryRunOnMissingResource=true", "PrunePropagationPolicy=foreground", "PrunePropagationPolicy=background", "Replace=false", "Force=false",
	"Prune=true", "Delete=true", "ClientSideApplyMigration=true", "ClientSideApplyMigration=false",
}

// policies notes what an Application says about syncing that is done otherwise here.
func (a *argo) policies(e *environment, app *application) {
	spec := table(app.Object.Object, "spec")
	automated := table(spec, "syncPolicy", "automated")
	if enabled, is := get(automated, "enabled").(bool); automated == nil || is && !enabled {
		a.note(app.Object, "spec.syncPolicy", "it is synced by hand, and Trunkline applies each commit of the branch",
			"spec.windows of the environment says when, spec.suspend of the project whether at all")
	} else if get(automated, "prune") == nil {
		a.note(app.Object, "spec.syncPolicy.automated", "objects that are not declared any more are deleted", "the annotation trunkline.dev/prune: disabled keeps an object")
	}
	if flag(automated, "selfHeal") {
		e.corrected++
	} else {
		e.uncorrected++
	}
	for i, o := range texts(spec, "syncPolicy", "syncOptions") {
		if o = strings.ReplaceAll(o, " ", ""); !slices.Contains(options, o) {
			why, do := "it is not followed", "see docs/declarations.md for annotations of objects"
			switch o {
			case "Replace=true", "Force=true":
				why, do = "objects are replaced only where they say so", "the annotation trunkline.dev/replace: enabled on the object"
			case "Prune=false", "Delete=false", "Prune=confirm", "Delete=confirm", "PrunePropagationPolicy=orphan":
				why, do = "objects are kept only where they say so", "the annotation trunkline.dev/prune: disabled on the object"
			}
			a.note(app.Object, fmt.Sprintf("spec.syncPolicy.syncOptions[%d]", i), why+" ("+o+")", do)
		}
	}
	for i, rule := range list(spec, "ignoreDifferences") {
		at := fmt.Sprintf("spec.ignoreDifferences[%d]", i)
		pointers := texts(rule, "jsonPointers")
		for _, expression := range texts(rule, "jqPathExpressions") {
			pointer := strings.ReplaceAll(expression, ".", "/")
			if _, ok := fieldPath(pointer); !ok {
				a.note(app.Object, at+".jqPathExpressions", "the expression "+expression+" cannot be named for spec.drift.ignore",
					"name the field in spec.drift.ignore of the environment, such as .spec.template.spec.containers[name=main].resources")
				continue
			}
			pointers = append(pointers, pointer)
		}
		if len(list(rule, "managedFieldsManagers")) > 0 {
			a.note(app.Object, at+".managedFieldsManagers", "fields are left to others by their path, not by who sets them", "name the fields in spec.drift.ignore of the environment")
		}
		a.ignore(e, app.Object, at, pointers, text(rule, "group"), text(rule, "kind"), text(rule, "name"))
	}
}
