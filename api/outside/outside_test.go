// SPDX-License-Identifier: Apache-2.0

package outside_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/outside"
)

func TestIsPointer(t *testing.T) {
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
	for reason, tc := range map[string]struct {
		text string
		want bool
	}{
		"a pointer":                    {pointer, true},
		"with an extension":            {strings.Replace(pointer, "oid ", "ext-0-foo sha256:00\noid ", 1), true},
		"of another version":           {strings.Replace(pointer, "v1", "v2", 1), true},
		"with line ends of Windows":    {strings.ReplaceAll(pointer, "\n", "\r\n"), true},
		"nothing":                      {"", false},
		"a page about pointers":        {"# Pointers\n\n" + pointer, false},
		"a file that begins like one":  {pointer + strings.Repeat("x", 2000), false},
		"a text that names LFS alone":  {"version https://git-lfs.github.com/spec/v1\n", false},
		"a version of something else":  {"version: 1\noid sha256:00\n", false},
		"a declaration, as all others": {"apiVersion: trunkline.dev/v1alpha1\n", false},
	} {
		if got := outside.IsPointer([]byte(tc.text)); got != tc.want {
			t.Errorf("%s: got %v", reason, got)
		}
	}
	if err := outside.Check("a.yaml", []byte(pointer)); err == nil || !strings.HasPrefix(err.Error(), "a.yaml is a pointer of Git LFS") {
		t.Errorf("got %v", err)
	}
}

// inside is what a tree says of a path into a submodule.
type inside struct{ error }

func (inside) Submodule() string { return "vendor/charts" }

func TestInSubmodule(t *testing.T) {
	err := outside.InSubmodule(fmt.Errorf("opening: %w", inside{fs.ErrNotExist}))
	if err == nil || !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "vendor/charts is a Git submodule") {
		t.Errorf("got %v", err)
	}
	if err := outside.InSubmodule(fs.ErrNotExist); err != nil {
		t.Errorf("what is not there is in no submodule: %v", err)
	}
}
