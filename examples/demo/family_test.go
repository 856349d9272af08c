// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/test/stage"
)

// start runs a shell script as a member of a family, which the test's end stops. Ready is the line "ready".
func start(t *testing.T, script string) (*stage.Process, <-chan error) {
	t.Helper()
	read, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	f := newFamily(func(err error) { exited <- err }, hold)
	t.Cleanup(func() {
		if err := errors.Join(f.stop(), hold.Close(), read.Close()); err != nil {
			t.Error(err)
		}
	})
	p, err := f.start(stage.Spec{
		Name: "sh", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log"),
		Ready: func(line string) (string, bool) { return line, line == "ready" },
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p, exited
}

func TestExitIsToldWithTheEndOfTheLog(t *testing.T) {
	p, exited := start(t, "echo out of figs >&2; exit 3")
	select {
	case err := <-exited:
		var e *stage.ExitedError
		if !errors.As(err, &e) || err.Error() != "sh ended by itself: exit status 3" {
			t.Errorf("exited with %v", err)
		}
		var end *loggedError
		if !errors.As(withLog(err, p.Log), &end) {
			t.Fatal("the end of the log is missing")
		}
		if diff := cmp.Diff([]string{"out of figs"}, end.tail); diff != "" {
			t.Errorf("end of the log (-want +got):\n%s", diff)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("there is no error")
	}
}

func TestSweepRemovesTheDemosFolderOnly(t *testing.T) {
	for base, gone := range map[string]bool{folderPrefix + "1": true, "home": false} {
		dir := filepath.Join(t.TempDir(), base)
		if err := os.MkdirAll(filepath.Join(dir, "lake"), 0o700); err != nil {
			t.Fatal(err)
		}
		sweep(dir, strings.NewReader(""))
		if _, err := os.Stat(dir); os.IsNotExist(err) != gone {
			t.Errorf("%s: gone %v, want %v", base, !gone, gone)
		}
	}
}
