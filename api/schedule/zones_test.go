package schedule_test

import (
	"archive/zip"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/schedule"
)

var update = flag.Bool("update", false, "write zones.bin anew from the Go that runs this test")

// TestZoneData reads every zone that is there.
func TestZoneData(t *testing.T) {
	if *update {
		if err := os.WriteFile("zones.bin", zoneData(t), 0o600); err != nil {
			t.Fatal(err)
		}
		return // what is embedded in this test is the file before
	}
	names := schedule.Zones()
	if !slices.IsSorted(names) || len(names) < 590 {
		t.Errorf("%d names, sorted: %v", len(names), slices.IsSorted(names))
	}
	for _, name := range names {
		s, err := schedule.Parse("0 0 * * *", name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Zone() != name {
			t.Errorf("got zone %s, want %s", s.Zone(), name)
		}
	}
	if !regexp.MustCompile(`^20\d\d[a-z]$`).MatchString(schedule.ZoneRelease()) {
		t.Errorf("release %q", schedule.ZoneRelease())
	}
}

// zoneData is the file as the Go that runs the test would have it.
func zoneData(t *testing.T) []byte {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(strings.TrimSpace(string(root)), "lib", "time")
	script, err := os.ReadFile(filepath.Join(folder, "update.bash"))
	if err != nil {
		t.Fatal(err)
	}
	release := regexp.MustCompile(`(?m)^DATA=(\w+)$`).FindSubmatch(script)
	archive, err := zip.OpenReader(filepath.Join(folder, "zoneinfo.zip"))
	if err != nil || release == nil {
		t.Fatalf("release %s: %v", release, err)
	}
	defer archive.Close()
	var head, tables strings.Builder
	head.WriteString(string(release[1]) + "\n")
	seen := map[string]int{} // many names are of the same table
	slices.SortFunc(archive.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == "Factory" || !strings.HasPrefix(string(data), "TZif") {
			continue // no place, or no zone
		}
		at, ok := seen[string(data)]
		if !ok {
			at = tables.Len()
			seen[string(data)] = at
			tables.Write(data)
		}
		fmt.Fprintf(&head, "%s %d %d\n", f.Name, at, len(data))
	}
	return []byte(head.String() + "\n" + tables.String())
}
