// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/track"
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
			f.note(o, "", "markers in files are moved by Flux's image controllers, and by no daemon of Trunkline", keepMoving+
				" Have it push to a branch of its own (spec.git.push.branch), so that a pull request shows what a newer image changes")
		}
	case "notification." + fluxGroup:
		f.note(o, "", "who is told of what is no declaration", "pull requests say what becomes of them (docs/pull-requests.md), and the API has changes as events (docs/operations.md)")
	default:
		f.note(o, "", "this kind of Flux is not taken over", "see docs/migrate.md")
	}
}

// keepMoving is what can be done about images that move by markers.
const keepMoving = "let the image controllers run on, with what applies these objects: they need nothing else of Flux, and a commit of theirs is deployed like any other."

// imagePolicies notes the images that are followed, with what to write. Nothing is carried over: a kustomization and a chart have their
// images in their files and values, where the markers are, and no field of a workload sets them.
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
		tag, places := f.marked(o, image)
		if len(places) == 0 {
			f.note(o, "spec.policy", fmt.Sprintf("no file is marked with it, so that nothing follows %s", image), "")
			continue
		}
		within := text(o.Object, "spec", "policy", "semver", "range")
		do := fmt.Sprintf("or use a blueprint that takes an image, such as service, with image: {repository: %s, track: %q, tag: %q}, and start the daemon with "+
			"--image-registry (docs/image-updates.md)", image, rangeOf(within), tag)
		if within == "" {
			do = "or have CI move one tag, such as \"stable\", and follow that in a workload of a blueprint that takes an image (docs/image-updates.md); a tag is not " +
				"chosen by its letters or numbers"
		}
		keep := keepMoving
		if copied := f.copied(places); len(copied) > 0 {
			keep += fmt.Sprintf(" What is in %s was copied into declarations: write the marker behind the value there.", placesOf(copied))
		}
		f.note(o, "spec.policy", fmt.Sprintf("the image %s is not followed: it stands in %s", image, placesOf(places)), keep+" "+strings.ToUpper(do[:1])+do[1:])
	}
}

// copied are the places in files of Kustomizations and HelmReleases, whose values are taken over.
func (f *flux) copied(places []string) (out []string) {
	for _, o := range f.objects {
		for _, at := range places {
			if applies(o) && strings.HasPrefix(at, o.Source+":") && !slices.Contains(out, at) {
				out = append(out, at)
			}
		}
	}
	slices.Sort(out)
	return out
}

// rangeOf writes a range of versions so that it cannot be taken for a tag, as "1.x" can.
func rangeOf(within string) string {
	if t, err := track.Parse(within); err == nil && !t.Range() {
		return "=" + within
	}
	return within
}

// maxMarked bounds the places that a note names.
const maxMarked = 5

// placesOf names places, and how many more there are.
func placesOf(places []string) string {
	if more := len(places) - maxMarked; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(places[:maxMarked], ", "), more)
	}
	return strings.Join(places, ", ")
}

// marked returns the places in the tree that are marked with a policy, and the tag that is in force there.
func (f *flux) marked(policy Object, image string) (tag string, places []string) {
	marker := "$imagepolicy\": \"" + policy.GetNamespace() + ":" + policy.GetName()
	files, err := f.manifests(".")
	if err != nil {
		return "", nil // reported by what reads them
	}
	for _, file := range files {
		for i, line := range f.lines(file) {
			_, after, found := strings.Cut(line, marker)
			if !found || !strings.HasPrefix(after, "\"") && !strings.HasPrefix(after, ":") {
				continue
			}
			places = append(places, fmt.Sprintf("%s:%d", file, i+1))
			value, _, _ := strings.Cut(line, "#")
			_, here, ok := strings.Cut(value, image+":")
			if !ok {
				_, here, _ = strings.Cut(value, "ag:") // tag, newTag, imageTag
			}
			tag = cmp.Or(tag, strings.Trim(strings.TrimSpace(here), `"'}], `))
		}
	}
	return cmp.Or(tag, "THE TAG IN FORCE"), places
}
