// SPDX-License-Identifier: Apache-2.0

package source

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePlatforms(t *testing.T) {
	got, err := ParsePlatforms("linux/amd64,darwin/arm64")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Platform{{"linux", "amd64"}, {"darwin", "arm64"}}, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "linux", "linux/", "/amd64", "linux/arm/v7", "linux/amd64,"} {
		if _, err := ParsePlatforms(bad); err == nil || !strings.Contains(err.Error(), "linux/amd64") {
			t.Errorf("%q: %v, want an error that says how it is written", bad, err)
		}
	}
}

// TestEnvironment holds a build to what it is told, whatever whoever runs it has set.
func TestEnvironment(t *testing.T) {
	of := []string{"HOME=/home/ann", "GOFLAGS=-tags=evil", "CGO_ENABLED=1", "GOOS=plan9", "GOAMD64=v3", "GOEXPERIMENT=x", "GOPROXY=https://proxy", "GOWORK=/w/go.work", "CC=evil-cc", "CGO_CFLAGS=-Devil"}
	got := environment(of, Platform{"linux", "arm64"}, []string{"CGO_ENABLED=0", "CC="})
	for _, want := range []string{"HOME=/home/ann", "GOPROXY=https://proxy", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64", "GOFLAGS=", "GOAMD64=v1", "GOWORK=off", "GOEXPERIMENT=", "CC=", "CGO_CFLAGS="} {
		if !slices.Contains(got, want) {
			t.Errorf("there is no %s", want)
		}
	}
	seen := map[string]bool{}
	for _, kv := range got {
		name, _, _ := strings.Cut(kv, "=")
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
	}
}
