// SPDX-License-Identifier: Apache-2.0

package workspace_test

import (
	"testing"
	"time"

	"trunkline.dev/trunkline/api/workspace"
)

// TestParse: what no time is after which a workspace is stopped is refused.
func TestParse(t *testing.T) {
	for text, want := range map[string]time.Duration{"": time.Hour, "30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "0s": 0, "x": 0, "-1h": 0, "999999999h": 0} {
		_, s, err := workspace.Parse(map[string]any{"idle": text, "expireDays": 2})
		if (err == nil) != (want != 0) || s.Idle != want || err == nil && s.Expires != 48*time.Hour {
			t.Errorf("idle %q: got %s, %s, %v", text, s.Idle, s.Expires, err)
		}
	}
	if _, _, err := workspace.Parse(map[string]any{"idle": 3}); err == nil {
		t.Error("a number is taken")
	}
}

// TestFolder: the folder of a clone is one name, whatever the address has.
func TestFolder(t *testing.T) {
	for repository, want := range map[string]string{
		"https://github.com/acme/data.git": "data", "https://git.example/a/b/": "b", "https://x/$(rm -rf)": "rm--rf", "https://x/..": "repository", "": "repository", "https://x/é": "repository",
	} {
		if got := workspace.Folder(repository); got != want {
			t.Errorf("%s: got %q, want %q", repository, got, want)
		}
	}
}
