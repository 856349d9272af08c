// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sourceFields are those of the sources of Flux. Where files and charts come from says spec.url; the rest is about how
// they are fetched, and nothing is.
var sourceFields = fields{
	"spec.url": carried, "spec.ref.*": carried, "spec.interval": carried, "spec.timeout": carried, "spec.type": carried, "spec.provider": carried,
	"spec.secretRef.*": carried, "spec.certSecretRef.*": carried, "spec.insecure": carried, "spec.passCredentials": carried, "spec.accessFrom.*": carried,
	"spec.suspend": carried, "spec.layerSelector.*": carried, "spec.recurseSubmodules": carried, "spec.bucketName": carried, "spec.endpoint": carried,
	"spec.region": carried, "spec.prefix": carried, "spec.chart": carried, "spec.version": carried, "spec.sourceRef.*": carried, "spec.valuesFiles": carried,
	"spec.reconcileStrategy": carried, "spec.serviceAccountName": carried, "spec.proxySecretRef.*": carried, "spec.sts.*": carried,
	"spec.ignoreMissingValuesFiles": carried, "spec.sparseCheckout": carried,
	"spec.ignore":  lost("files are not left out by patterns", "kustomizations name what they need"),
	"spec.verify":  lost("signatures are not checked", "protect the branch, and have the forge ask for signed commits"),
	"spec.include": lost("files of other repositories are not put into this one", "copy them"),
}

// source looks at an object of Flux that is neither a Kustomization nor a HelmRelease.
func (f *flux) source(o Object) {
	switch group(o) {
	case sourceGroup:
		f.check(o, sourceFields)
	case imageGroup:
		if o.GetKind() == "ImageUpdateAutomation" {
			f.note(o, "", "newer images are proposed by pull requests of the daemon, for workloads that follow one",
				"start the daemon with --image-registry (docs/image-updates.md)")
		}
	case "notification." + fluxGroup:
		f.note(o, "", "who is told of what is no declaration", "pull requests say what becomes of them (docs/pull-requests.md), and the API has changes as events (docs/operations.md)")
	default:
		f.note(o, "", "this kind of Flux is not taken over", "see docs/migrate.md")
	}
}

// imagePolicies notes the images that are followed, with what to write.
func (f *flux) imagePolicies() {
	for _, k := range slices.Sorted(maps.Keys(f.objects)) {
		o := f.objects[k]
		if o.GetKind() != "ImagePolicy" {
			continue
		}
		ref := table(o.Object, "spec", "imageRepositoryRef")
		repository, ok := f.objects[sourceKey(o, map[string]any{"kind": "ImageRepository", "name": text(ref, "name"), "namespace": text(ref, "namespace")})]
		if !ok {
			f.note(o, "spec.imageRepositoryRef", fmt.Sprintf("there is no ImageRepository %q", text(ref, "name")), "")
			continue
		}
		image := text(repository.Object, "spec", "image")
		track := text(o.Object, "spec", "policy", "semver", "range")
		if track == "" {
			f.note(o, "spec.policy", fmt.Sprintf("the newest tag of %s by letters or numbers is not followed", image),
				"follow a semver range, or one tag that moves, such as \"stable\" (docs/image-updates.md)")
			continue
		}
		f.note(o, "spec.policy", fmt.Sprintf("what follows %s is a field of a workload whose blueprint honours image", image),
			fmt.Sprintf("write image: {repository: %s, track: %q, tag: %q}, and start the daemon with --image-registry (docs/image-updates.md)", image, track, f.currentTag(o, image)))
	}
}

// currentTag is the tag of an image in the tree that is marked with a policy; what to write is said otherwise.
func (f *flux) currentTag(policy Object, image string) string {
	marker := "$imagepolicy\": \"" + policy.GetNamespace() + ":" + policy.GetName()
	files, err := f.manifests(".")
	if err != nil {
		return "THE TAG IN FORCE"
	}
	for _, file := range files {
		for _, line := range f.lines(file) {
			if !strings.Contains(line, marker) {
				continue
			}
			value, _, _ := strings.Cut(line, "#")
			if _, tag, ok := strings.Cut(value, image+":"); ok {
				return strings.Trim(strings.TrimSpace(tag), `"'`)
			}
			if _, tag, ok := strings.Cut(value, "ag:"); ok {
				return strings.Trim(strings.TrimSpace(tag), `"'`)
			}
		}
	}
	return "THE TAG IN FORCE"
}
