// SPDX-License-Identifier: Apache-2.0

//go:build linux

package builders_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// awaitEnd waits until a process that is not ours to wait for is gone; the test's own deadline bounds it.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 30_000)
	if err != nil || n != 1 {
		state, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat") // for the message
		t.Errorf("process %d is still there: %v %s", pid, err, strings.TrimSpace(string(state)))
	}
}
