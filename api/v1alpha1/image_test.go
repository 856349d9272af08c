// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"encoding/json"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// TestImage holds what an image is when it is rendered, and how it is written.
func TestImage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reason string
		image  v1alpha1.Image
		want   string
		asJSON string
	}{
		"Text":      {"A text is the image.", v1alpha1.Image{Repository: "orders:1"}, "orders:1", `"orders:1"`},
		"Nothing":   {"There is none.", v1alpha1.Image{}, "", `""`},
		"Tag":       {"The tag is the one in force.", v1alpha1.Image{Repository: "r.example/a", Track: "stable"}, "r.example/a:stable", `{"repository":"r.example/a","track":"stable"}`},
		"TagDigest": {"The digest decides.", v1alpha1.Image{Repository: "r.example/a", Track: "stable", Digest: "sha256:1"}, "r.example/a:stable@sha256:1", `{"repository":"r.example/a","track":"stable","digest":"sha256:1"}`},
		"Range":     {"The version in force is beside the range.", v1alpha1.Image{Repository: "r.example/a", Track: "^1", Tag: "1.2.3"}, "r.example/a:1.2.3", `{"repository":"r.example/a","track":"^1","tag":"1.2.3"}`},
		"Pinned":    {"A digest is enough.", v1alpha1.Image{Repository: "r.example/a", Track: "^1", Digest: "sha256:1"}, "r.example/a@sha256:1", `{"repository":"r.example/a","track":"^1","digest":"sha256:1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.image.Reference(); got != tc.want {
				t.Errorf("%s It is %q, want %q", tc.reason, got, tc.want)
			}
			data, err := json.Marshal(tc.image)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(data); got != tc.asJSON {
				t.Errorf("%s In JSON it is %s, want %s", tc.reason, got, tc.asJSON)
			}
		})
	}
}
