// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/cmd/trunkline/config"
)

var update = flag.Bool("update", false, "write the table of keys into the documentation again")

// TestKeysAreWhatIsRead: the table of keys has the flags that a configuration stands for, all of them, and where it says so.
func TestKeysAreWhatIsRead(t *testing.T) {
	found, problems := config.Read("/etc/trunkline/daemon.yaml", []byte(everything))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var read, listed []string
	for _, s := range found {
		read = append(read, s.Flag)
		k, ok := config.KeyOf(s.Flag)
		section, _, _ := strings.Cut(k.Path, "[")
		if path := strings.TrimPrefix(s.Path, "spec."); !ok || path != section {
			t.Errorf("--%s is read from %s, and the table says %q", s.Flag, path, k.Path)
		}
	}
	for _, k := range config.Keys() {
		listed = append(listed, k.Flag)
	}
	slices.Sort(read)
	slices.Sort(listed)
	if diff := cmp.Diff(read, listed); diff != "" {
		t.Errorf("-read +listed:\n%s", diff)
	}
}

// TestTheTableIsCurrent: the documentation says of each key what a reload does.
func TestTheTableIsCurrent(t *testing.T) {
	page := filepath.Join("..", "..", "..", "docs", "configuration.md")
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?s)(<!-- keys -->\n).*(<!-- end of keys -->)`)
	if !table.Match(data) {
		t.Fatal("the page has no place for the table")
	}
	want := table.ReplaceAll(data, []byte("${1}\n"+strings.ReplaceAll(keyTable(), "$", "$$")+"\n${2}"))
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(data)); diff != "" {
		t.Errorf("run make golden: -want +got:\n%s", diff)
	}
}

// keyTable is all keys as a table in Markdown.
func keyTable() string {
	var b strings.Builder
	b.WriteString("| key, under `spec` | flag | a change while the daemon runs |\n| --- | --- | --- |\n")
	for _, k := range config.Keys() {
		does := "**is refused**: it needs a restart"
		if k.Live {
			does = "counts at once"
		}
		if k.Note != "" {
			does += "; " + k.Note
		}
		fmt.Fprintf(&b, "| `%s` | `--%s` | %s |\n", k.Path, k.Flag, does)
	}
	return b.String()
}
