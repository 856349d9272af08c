// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"archive/zip"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/schedule"
)

var update = flag.Bool("update", false, "write zones.txt again from the Go that runs this test")

// TestZones holds the list to the zones of the Go that runs the test, and reads every one.
func TestZones(t *testing.T) {
	names := known(t)
	if *update {
		if err := os.WriteFile("zones.txt", []byte(strings.Join(names, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return // what is embedded in this test is the file before
	}
	if missing := slices.DeleteFunc(schedule.Zones(), func(name string) bool { return slices.Contains(names, name) }); len(missing) > 0 {
		t.Errorf("zones.txt is not current: Go has no %q; -update writes it again", missing)
	}
	for _, name := range schedule.Zones() {
		s, err := schedule.Parse("0 0 * * *", name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Zone() != name {
			t.Errorf("got zone %s, want %s", s.Zone(), name)
		}
	}
}

// known lists the zones of the Go that runs the test.
func known(t *testing.T) (names []string) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	for _, f := range archive.File {
		if f.Name != "Factory" && !strings.HasSuffix(f.Name, "/") { // no place
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}
