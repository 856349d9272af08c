// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sys/unix"
)

// inside is what this program is told to do instead of testing: enter a root that cannot be written to and run something there.
const inside = "TRUNKLINE_TEST_ROOT"

func TestMain(m *testing.M) {
	if root := os.Getenv(inside); root != "" {
		fmt.Fprintln(os.Stderr, enter(root, os.Args[1:], os.Getenv("TRUNKLINE_TEST_DATA")))
		os.Exit(125)
	}
	os.Exit(m.Run())
}

// enter makes a folder the root, which nothing can be written to but /data, if there is a folder for it; gives up every right; and
// runs a program. It returns only if that fails.
func enter(root string, command []string, data string) error {
	runtime.LockOSThread() // what is given up is given up by a thread
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount(root, root, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting the root: %w", err)
	}
	if err := unix.Mount("", root, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID, ""); err != nil {
		return fmt.Errorf("making the root read-only: %w", err)
	}
	if data != "" {
		if err := unix.Mount(data, filepath.Join(root, "data"), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting /data: %w", err)
		}
	}
	// What every runtime mounts.
	for _, given := range []string{"proc", "dev"} {
		if err := unix.Mount("/"+given, filepath.Join(root, given), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mounting /%s: %w", given, err)
		}
	}
	if err := unix.Chroot(root); err != nil {
		return err
	}
	if err := unix.Chdir("/data"); err != nil {
		return err
	}
	// What was kept for all of this goes; from a user that is not root, nothing is left after the program begins.
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Exec(command[0], command, strings.Split(os.Getenv("TRUNKLINE_TEST_ENV"), "\n"))
}

// command is that of an image, to be run from its own files: as its user, on a root that cannot be written to, with its environment only.
func command(t *testing.T, img v1.Image, data string, args ...string) *exec.Cmd {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "root")
	unpack(t, img, root)
	for _, given := range []string{"proc", "dev"} {
		if err := os.Mkdir(filepath.Join(root, given), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, append([]string{config.Config.Entrypoint[0]}, args...)...)
	cmd.Env = []string{inside + "=" + root, "TRUNKLINE_TEST_DATA=" + data, "TRUNKLINE_TEST_ENV=" + strings.Join(config.Config.Env, "\n")}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 65532, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 65532, HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_CHROOT, unix.CAP_SETPCAP},
	}
	return cmd
}

// inImage runs it and returns what it prints.
func inImage(t *testing.T, img v1.Image, data string, args ...string) (string, error) {
	t.Helper()
	out, err := command(t, img, data, args...).CombinedOutput()
	return string(out), err
}

// pull is the image of this machine's platform.
func pull(t *testing.T, m made, tag string) v1.Image {
	t.Helper()
	ref, err := name.NewTag(m.image + ":" + tag)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// checkRuns runs the image.
func checkRuns(t *testing.T, m made) {
	img := pull(t, m, "v1.2.3")
	out, err := inImage(t, img, "", "version")
	if err != nil || out != "version v1.2.3\n" {
		t.Fatalf("version: %v\n%s\n(user namespaces have to be allowed: sysctl kernel.apparmor_restrict_unprivileged_userns=0)", err, out)
	}
	out, err = inImage(t, img, t.TempDir(), "around")
	if err != nil {
		t.Fatalf("around: %v\n%s", err, out)
	}
	for _, want := range []string{
		"uid 65532 gid 65532\n", "65532 65532 nonroot nonroot /home/nonroot", "in /data home /home/nonroot\n", "write / false\n", "write /usr/bin false\n", "write /etc false\n",
		"write /home/nonroot false\n", "write /data true\n", "zone <nil>\n", "roots true <nil>\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("in the image there is no %q:\n%s", want, out)
		}
	}
}
