// SPDX-License-Identifier: Apache-2.0

package fulldisk

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"syscall"
	"testing"
)

// Run runs the test with a disk of so many bytes. A disk can be mounted only where nobody else sees it: the test is run once more by
// a process of its own, which has a namespace for mounts, and what comes of it is reported here. Where the system does not
// allow that, the test is skipped.
func Run(t *testing.T, size int64, test func(t *testing.T, d *Disk)) {
	t.Helper()
	if !slices.Contains(flag.Args(), argument(size)) {
		elsewhere(t, size)
		return
	}
	d := &Disk{Dir: t.TempDir(), t: t}
	if err := syscall.Mount("tmpfs", d.Dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Fatalf("mounting a disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.Dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting the disk: %v", err)
		}
	})
	test(t, d)
}

// elsewhere runs the test in a process of its own.
func elsewhere(t *testing.T, size int64) {
	t.Helper()
	args := []string{"-test.run=^" + regexp.QuoteMeta(t.Name()) + "$", "-test.v"}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", append(args, argument(size))...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		t.Skipf("no disk can be mounted here: %v", err)
	case bytes.Contains(out, []byte("mounting a disk: ")):
		t.Skipf("no disk can be mounted here:\n%s", out)
	case err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())):
		t.Errorf("with a small disk: %v\n%s", err, out)
	default:
		t.Logf("with a small disk:\n%s", out)
	}
}
