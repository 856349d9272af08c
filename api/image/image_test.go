// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/image"
)

func TestCheck(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	for text, want := range map[string]string{
		"":                                       "",
		"a":                                      "",
		"postgres:16":                            "",
		"acme/orders":                            "",
		"localhost/orders:1":                     "",
		"localhost:5000/orders":                  "",
		"GHCR.io/acme/orders:V1":                 "", // hosts have no case, and tags do
		"ghcr.io/acme/orders@sha256:" + sum:      "",
		"ghcr.io/acme/orders:1.4@sha256:" + sum:  "",
		"r.example/a/b/c_d__e-f.g:1":             "",
		"[::1]:5000/orders":                      "",
		"https://ghcr.io/acme/orders:1":          "an image is not a URL, and has no https:// before it|write ghcr.io/acme/orders:1",
		"docker://postgres:16":                   "no docker:// before it|write postgres:16",
		"oci://r.example/a":                      "no oci:// before it",
		"{{ registry }}/x:1":                     "nothing replaces {{ registry }} in it|write the value itself",
		"x:${TAG}":                               "nothing replaces ${TAG} in it",
		"x:$TAG":                                 "nothing replaces $TAG in it",
		"x:$(TAG)":                               "nothing replaces $(TAG) in it",
		"<registry>/x":                           "nothing replaces <registry> in it",
		"x:%TAG%":                                "nothing replaces %TAG% in it",
		"@@IMAGE@@":                              "nothing replaces @@IMAGE@@ in it",
		"{{ .Values.image":                       "nothing replaces {{ in it",
		"ghcr.io/Acme/orders:1":                  "the name of a repository has no capital letters|write ghcr.io/acme/orders",
		"Acme/orders:1":                          "the name of a repository has no capital letters|write acme/orders",
		"Orders":                                 "the name of a repository has no capital letters|write orders",
		"x@sha256:abc":                           "its digest has 3 digits, and one of sha256 has 64|write sha256: and 64 digits",
		"x@sha256:" + sum + "0":                  "its digest has 65 digits, and one of sha256 has 64",
		"x@sha512:" + sum:                        "its digest has 64 digits, and one of sha512 has 128",
		"x@sha256:" + strings.Repeat("0g", 32):   "its digest is not one",
		"x@md5:" + sum:                           "its digest is not one",
		"x@":                                     "its digest is not one",
		"x@" + sum:                               "its digest is not one",
		"x :1":                                   "it has blanks|remove the blanks",
		" x:1":                                   "it has blanks",
		"x:1\n":                                  "it has blanks",
		"x:":                                     "the tag is missing",
		"x:a:b":                                  "it is not of the form of one",
		"x:-1":                                   "it is not of the form of one",
		"x:" + strings.Repeat("1", 129):          "it is not of the form of one",
		"/x:1":                                   "it is not of the form of one",
		"ghcr.io/":                               "the repository is missing",
		"ghcr.io//x":                             "it is not of the form of one",
		"a..b":                                   "it is not of the form of one",
		sum:                                      "it is not of the form of one",
		"r.example/" + strings.Repeat("a", 256):  "longer than 255 characters",
		"ghcr.io/acme/orders:1.4, postgres:16":   "it has blanks",
		"ghcr.io/acme/orders;postgres":           "it is not of the form of one",
		"ghcr.io/acme/orders:1.4+build.7":        "it is not of the form of one",
		"registry.example.com:port/acme/orders":  "it is not of the form of one",
		"ghcr.io/acme/orders@sha256:" + sum[:63]: "its digest has 63 digits, and one of sha256 has 64",
	} {
		got := ""
		if e, ok := errors.AsType[*image.Error](image.Check(text)); ok {
			got = e.Message + "|" + e.Hint
		}
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: got  %s\nwant %s", text, got, want)
		}
	}
}

// TestCheckIsTheRuntimes: what is refused beyond what the parser of container runtimes refuses is a placeholder, a blank or a capital
// letter where no registry is meant; and nothing is accepted that it refuses.
func TestCheckIsTheRuntimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-zA-Z0-9.]{1,6}(:[0-9]{1,4})?/)?[a-z0-9A-Z._-]{1,8}(/[a-z0-9_-]{1,4})?(:[a-zA-Z0-9._-]{0,6})?(@sha256:[0-9a-f]{60,68})?`).Draw(t, "text")
		_, err := reference.ParseNormalizedNamed(text)
		host, _, found := strings.Cut(text, "/")
		capital := found && host != strings.ToLower(host) && !strings.ContainsAny(host, ".:")
		if got := image.Check(text); (got != nil) != (err != nil || capital) {
			t.Fatalf("%q: got %v, and the parser says %v", text, got, err)
		}
	})
}
