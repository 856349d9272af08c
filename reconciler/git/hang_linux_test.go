// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// awaitFiles waits until a folder holds so many files that are not empty; the test's own deadline bounds it.
func awaitFiles(t *testing.T, dir string, n int) {
	t.Helper()
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		written := 0
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Size() > 0 {
				written++
			}
		}
		if written >= n {
			return
		}
		time.Sleep(5 * time.Millisecond) // only another process knows when
	}
}

// awaitProcessEnd waits until the process is gone whose number is in a file.
func awaitProcessEnd(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 30_000); err != nil || n != 1 {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}
