// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"reflect"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// Image is a container image. A text names the image alone; a mapping also says which tag of a repository is followed.
type Image struct {
	// Repository is where the image is, without a tag or digest, such as "ghcr.io/acme/orders". In a text alone, it is the
	// whole image, such as "ghcr.io/acme/orders@sha256:0123…".
	Repository string `json:"repository" required:"true"`
	// Track is what is followed: a tag, such as "stable", or a semver range, such as "^1.4" or "1.4.*". What could be a
	// tag is one. A pull request moves tag and digest to what is new.
	Track string `json:"track" required:"true"`
	// Tag is the one in force, of a range that is followed, such as "1.4.2"; default: none, and then the digest is needed.
	Tag string `json:"tag,omitempty"`
	// Digest is the one in force, such as "sha256:0123…"; default: none, and the image is named by its tag.
	Digest string `json:"digest,omitempty"`
}

// IsZero reports whether there is no image.
func (i Image) IsZero() bool { return i == Image{} }

// Follows reports whether the image is one that is followed.
func (i Image) Follows() bool { return i.Track != "" }

// Reference is the image as a container runtime takes it; empty if there is none.
func (i Image) Reference() string {
	if !i.Follows() {
		return i.Repository
	}
	text := i.Repository
	if tag := i.InForce(); tag != "" {
		text += ":" + tag
	}
	if i.Digest != "" {
		text += "@" + i.Digest
	}
	return text
}

// InForce is the tag in force of an image that is followed; empty if it is not known.
func (i Image) InForce() string {
	if IsTag(i.Track) {
		return i.Track
	}
	return i.Tag
}

// MarshalJSON writes an image as it is declared: one that is not followed as a text.
func (i Image) MarshalJSON() ([]byte, error) {
	if !i.Follows() {
		return json.Marshal(i.Repository)
	}
	type plain Image // without this method, which would call itself
	return json.Marshal(plain(i))
}

var tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// IsTag reports whether a text can be the tag of an image.
func IsTag(text string) bool { return tagForm.MatchString(text) }

// decodeNode reads the text that names an image, or the mapping.
func (i *Image) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		type plain Image // without this method, which would call itself
		var p plain
		d.structure(n, reflect.ValueOf(&p).Elem())
		*i = Image(p)
		return
	}
	d.str(n, reflect.ValueOf(&i.Repository).Elem())
}
