// SPDX-License-Identifier: Apache-2.0

//go:build unix

package builders_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/builders"
	"trunkline.dev/trunkline/render/kustomize"
)

// TestAProcessThatDoesNotBuild puts other programs into the place of the one that builds.
func TestAProcessThatDoesNotBuild(t *testing.T) {
	large := kustomize.Job{Root: ".", Seen: map[string]kustomize.Entry{"a": {Data: make([]byte, 1<<20)}}}
	cases := []struct{ name, reason, script string }{
		{"silent", "A process that never answers costs the time of a build.", "exec sleep 1000"},
		{"child", "What the process has started holds its pipes.", "sleep 1000 & echo $! >$0/child; wait"},
		{"deaf", "A process may ignore polite signals.", "trap '' TERM INT HUP PIPE; while :; do sleep 1; done"},
		{"half", "A message may stop in the middle.", "printf '\\000\\000'; exec sleep 1000"},
		{"ends", "What ends early may leave something behind that holds the pipes.", "sleep 1000 & echo $! >$0/child; echo $! >&2"},
		{"babbler", "What is no message is refused.", "echo gibberish gibberish; exec sleep 1000"},
		{"reader", "A process may read and never write.", "cat >/dev/null; exec sleep 1000"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			pool := builders.New(builders.Options{Command: []string{"/bin/sh", "-c", "PATH=/usr/bin:/bin; " + tc.script, dir}, Workers: 1, Timeout: 500 * time.Millisecond})
			for range 2 {
				_, err := pool.Build(t.Context(), large)
				if _, ok := errors.AsType[*builders.Error](err); !ok {
					t.Errorf("%s\nGot %v, want that the process was ended", tc.reason, err)
				}
			}
			pool.Close()
			text, err := os.ReadFile(filepath.Join(dir, "child"))
			if err != nil {
				return // it has started none
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			for syscall.Kill(pid, 0) == nil { // it dies on its own time; the test's deadline bounds it
				if stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && strings.Contains(string(stat), ") Z ") {
					break // dead, and waits for an init process that does not look
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}
