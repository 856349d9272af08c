// SPDX-License-Identifier: Apache-2.0

// Package image reports whether a text can name a container image, by the parser that container runtimes and Kubernetes have.
//
// It is pure, and may import api/unfilled.
package image

import (
	_ "crypto/sha256" // what digests are of
	_ "crypto/sha512"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"trunkline.dev/trunkline/api/unfilled"
)

// Error says why a text names no image.
type Error struct {
	// Message says what is wrong, as in "… is not an image: Message", and Hint what to do; empty where that is said already.
	Message, Hint string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Check returns an [*Error] if a text names no image; an empty one is none of its business.
func Check(text string) error {
	wrong := func(hint, message string, a ...any) error {
		return &Error{Message: fmt.Sprintf(message, a...), Hint: hint}
	}
	switch held := unfilled.Find(text); {
	case text == "":
		return nil
	case held != "":
		return wrong("write the value itself: images differ between environments by the image of each", "nothing replaces %s in it", held)
	case strings.ContainsFunc(text, unicode.IsSpace):
		return wrong("remove the blanks", "it has blanks")
	}
	if scheme, rest, found := strings.Cut(text, "://"); found {
		return wrong("write "+rest, "an image is not a URL, and has no %s:// before it", scheme)
	}
	name, sum, pinned := strings.Cut(text, "@")
	if pinned {
		if err := digest.Digest(sum).Validate(); err != nil {
			return wrong("write sha256: and 64 digits from 0 to 9 and a to f, as the registry shows it", "%s", whyDigest(sum, err))
		}
	}
	_, err := reference.ParseNormalizedNamed(text)
	repository := withoutTag(name)
	_, small := reference.ParseNormalizedNamed(strings.ToLower(repository) + text[len(repository):])
	switch host, path, found := strings.Cut(name, "/"); {
	case err != nil && small == nil, found && err == nil && host != strings.ToLower(host) && !strings.ContainsAny(host, ".:"):
		return wrong("write "+strings.ToLower(repository), "the name of a repository has no capital letters")
	case errors.Is(err, reference.ErrNameTooLong):
		return wrong("", "the name of the repository is longer than %d characters", reference.RepositoryNameTotalLengthMax)
	case err != nil && strings.HasSuffix(name, ":"):
		return wrong("write the tag behind the colon, or leave the colon out", "the tag is missing")
	case err != nil && found && path == "":
		return wrong("write the repository behind the registry", "the repository is missing")
	case err != nil:
		return wrong("write it as registry/repository:tag or registry/repository@sha256:…, such as ghcr.io/acme/orders:1.4", "it is not of the form of one")
	}
	return nil
}

// withoutTag returns the name of a repository without its tag.
func withoutTag(name string) string {
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i]
	}
	return name
}

// whyDigest says what is wrong with a digest.
func whyDigest(sum string, err error) string {
	algorithm, encoded, _ := strings.Cut(sum, ":")
	if a := digest.Algorithm(algorithm); errors.Is(err, digest.ErrDigestInvalidLength) || errors.Is(err, digest.ErrDigestInvalidFormat) && a.Available() && len(encoded) != 2*a.Size() {
		return fmt.Sprintf("its digest has %d digits, and one of %s has %d", len(encoded), algorithm, 2*a.Size())
	}
	return "its digest is not one"
}
