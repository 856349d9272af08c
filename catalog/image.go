// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"

	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// images checks the images of a project that are followed.
func (k *checker) images(p *Project) {
	k.image(p.Spec.Image, "spec", "image")
	for i := range p.Spec.Workloads {
		k.image(p.Spec.Workloads[i].Image, "spec", "workloads", i, "image")
	}
	for name, over := range p.Spec.Environments {
		k.image(over.Image, "spec", "environments", name, "image")
		for workload, mine := range over.Workloads {
			k.image(mine.Image, "spec", "environments", name, "workloads", workload, "image")
		}
	}
}

// image checks an image that is followed. A text is left to what reads it.
func (k *checker) image(image v1alpha1.Image, at ...any) {
	if !image.Follows() {
		return
	}
	wrong := func(field, message, hint string) {
		k.at(v1alpha1.RuleInvalidValue, append(slices.Clip(at), field), message, hint)
	}
	if _, ok := track.Registry(image.Repository); !ok {
		wrong("repository", fmt.Sprintf("%q is not a repository of images that can be followed", image.Repository),
			"write it with its registry, and without tag and digest, such as ghcr.io/acme/orders or docker.io/library/postgres")
	}
	t, err := track.Parse(image.Track)
	if err != nil {
		wrong("track", err.Error(), `write a tag, such as "stable", or a range, such as "^1.4" or ">=1.4 <2"`)
		return
	}
	switch {
	case image.Tag != "" && !v1alpha1.IsTag(image.Tag):
		wrong("tag", fmt.Sprintf("%q is not a tag", image.Tag), "")
	case image.Tag != "" && !t.Range():
		wrong("tag", "the tag in force is that of a range, and track is a tag", "remove it")
	case image.Digest != "" && !track.IsDigest(image.Digest):
		wrong("digest", fmt.Sprintf("%q is not a digest", image.Digest), "write sha256: and 64 digits from 0 to 9 and a to f")
	case t.Range() && image.Tag == "" && image.Digest == "":
		wrong("track", "a range alone is not an image", "write the tag or the digest that is in force beside it, such as tag: 1.4.2")
	}
}
