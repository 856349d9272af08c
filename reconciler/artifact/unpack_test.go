// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/reconciler/artifact/artifacttest"
)

func regular(name string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}
}

// TestHostileArchives: nothing leads out of an archive, nor does one fill the memory.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	many := make([]tar.Header, maxFiles+1)
	for i := range many {
		many[i] = regular(fmt.Sprintf("f%d", i))
	}
	bomb := regular("bomb")
	bomb.Size = maxUnpacked + 1
	for name, tc := range map[string]struct {
		entries []tar.Header
		content map[string]string
		chart   bool
		want    string
	}{
		"Up":        {entries: []tar.Header{regular("../a")}, want: "leads out"},
		"UpBelow":   {entries: []tar.Header{regular("a/../../b")}, want: "leads out"},
		"Absolute":  {entries: []tar.Header{regular("/etc/passwd")}, want: "leads out"},
		"Backslash": {entries: []tar.Header{regular(`a\..\b`)}, want: "leads out"},
		"Symlink":   {entries: []tar.Header{{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "b"}}, want: "is a link"},
		"Hardlink":  {entries: []tar.Header{{Name: "a", Typeflag: tar.TypeLink, Linkname: "b"}}, want: "is a link"},
		"Device":    {entries: []tar.Header{{Name: "a", Typeflag: tar.TypeChar}}, want: "neither a file nor a folder"},
		"Twice":     {entries: []tar.Header{regular("a"), regular("./a")}, want: "there twice"},
		"Both":      {entries: []tar.Header{regular("a"), regular("a/b")}, want: "a file and a folder"},
		"Deep":      {entries: []tar.Header{regular(strings.Repeat("a/", maxDepth+1) + "b")}, want: "nest deeper"},
		"Many":      {entries: many, want: "more than 10000 files"},
		"Bomb":      {entries: []tar.Header{bomb}, content: map[string]string{"bomb": strings.Repeat("\x00", maxUnpacked+1)}, want: "more than 64 MiB"},
		"Beside":    {entries: []tar.Header{regular("web/Chart.yaml"), regular("other/Chart.yaml")}, chart: true, want: "beside the chart's folder"},
		"Empty":     {want: "no files"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := unpack(artifacttest.PackEntries(t, tc.entries, tc.content), tc.chart)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("it says %v, want %q", err, tc.want)
			}
		})
	}
}

func TestTreeIsAFileSystem(t *testing.T) {
	t.Parallel()
	tree, err := unpack(artifacttest.Pack(t, map[string]string{"a": "1", "b/c": "2", "b/d/e": "3"}), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "a", "b/c", "b/d/e"); err != nil {
		t.Error(err)
	}
}

// FuzzUnpack: whatever an archive has, only paths within it come out.
func FuzzUnpack(f *testing.F) {
	f.Add(artifacttest.Pack(f, map[string]string{"web/Chart.yaml": "name: web"}), true)
	f.Add([]byte("\x1f\x8b"), false)
	f.Fuzz(func(t *testing.T, data []byte, chart bool) {
		tree, err := unpack(data, chart)
		if err != nil {
			return
		}
		for name := range tree.files {
			if !fs.ValidPath(name) || tree.dirs[name] != nil {
				t.Errorf("%q is no path, or a folder too", name)
			}
		}
	})
}
