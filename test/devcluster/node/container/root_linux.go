// SPDX-License-Identifier: Apache-2.0

package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// own are the folders of the root that a container does not share with the host.
var own = []string{"dev", "proc", "run", "tmp"}

// devices are what every container runtime provides.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// root is a container's file system while it is put together below base.
type root struct {
	base string
	// ours are the folders (paths inside) in which mount points may be created: our own tmpfs, and volumes.
	ours []string
	// shown are the mounts so far, inside path to what it shows.
	shown []Mount
}

// enterRoot returns the calling thread a mount namespace with the container's file system as its root. It returns the
// namespace, for others to enter.
func enterRoot(spec Spec) (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, fmt.Errorf("making a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("making the mounts private: %w", err)
	}
	r := &root{base: filepath.Join(spec.Scratch, "root"), ours: []string{"/"}}
	if err := r.build(spec); err != nil {
		return nil, fmt.Errorf("making the container's file system: %w", err)
	}
	mounts, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return nil, fmt.Errorf("holding the mount namespace: %w", err)
	}
	if err := r.pivot(); err != nil {
		_ = mounts.Close() // only held
		return nil, err
	}
	return mounts, nil
}

func (r *root) build(spec Spec) error {
	if err := os.MkdirAll(r.base, 0o755); err != nil { //nolint:gosec // the container's /
		return err
	}
	if err := r.tmpfs("/", 0o755); err != nil {
		return err
	}
	if err := r.showHost(); err != nil {
		return err
	}
	if err := r.makeOwn(spec); err != nil {
		return err
	}
	mounts := slices.Clone(spec.Mounts)
	slices.SortStableFunc(mounts, func(a, b Mount) int {
		return strings.Count(filepath.Clean(a.Path), "/") - strings.Count(filepath.Clean(b.Path), "/")
	})
	for _, m := range mounts {
		if err := r.mount(m); err != nil {
			return fmt.Errorf("mounting at %s: %w", m.Path, err)
		}
	}
	if spec.Dir != "" {
		if _, err := r.point(spec.Dir, true); err != nil {
			return fmt.Errorf("making the working directory %s: %w", spec.Dir, err)
		}
	}
	if spec.ReadOnlyRoot {
		return r.readOnly("/", false)
	}
	return nil
}

// showHost shows the host's file system, read-only, one mount for each entry of its root.
func (r *root) showHost() error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if slices.Contains(own, entry.Name()) {
			continue
		}
		if err := r.showEntry("/", "/"+entry.Name(), entry); err != nil {
			return err
		}
	}
	return nil
}

// showEntry shows one entry of a folder of the host at the same place inside the folder at inside.
func (r *root) showEntry(inside, source string, entry os.DirEntry) error {
	path := filepath.Join(inside, entry.Name())
	if entry.Type()&os.ModeSymlink != 0 {
		target, err := os.Readlink(source)
		if err != nil {
			return err
		}
		return os.Symlink(target, r.at(path))
	}
	if err := create(r.at(path), entry.IsDir()); err != nil {
		return err
	}
	return r.bind(Mount{Path: path, Source: source, ReadOnly: true, Foreign: true})
}

// makeOwn makes the folders a container does not share.
func (r *root) makeOwn(spec Spec) error {
	for _, name := range own {
		if err := os.Mkdir(r.at("/"+name), 0o755); err != nil { //nolint:gosec // as everywhere
			return err
		}
	}
	// That of the starter's process namespace, until the process is there; see spawnWithProc.
	if err := unix.Mount("proc", r.at("/proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", procRefused(err))
	}
	for _, name := range devices {
		if err := create(r.at("/dev/"+name), false); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, r.at("/dev/"+name), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("showing /dev/%s: %w", name, err)
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink(target, r.at("/dev/"+name)); err != nil {
			return err
		}
	}
	if err := r.terminals(); err != nil {
		return err
	}
	if err := os.Mkdir(r.at("/dev/shm"), 0o777); err != nil { //nolint:gosec // as everywhere
		return err
	}
	if err := r.tmpfs("/dev/shm", 0o1777); err != nil {
		return err
	}
	if spec.ReadOnlyRoot {
		return nil
	}
	// On disk, because a workload's temporary files may be larger than memory.
	tmp := filepath.Join(spec.Scratch, "tmp")
	if err := os.MkdirAll(tmp, 0o777); err != nil { //nolint:gosec // as everywhere
		return err
	}
	if err := os.Chmod(tmp, 0o777|os.ModeSticky); err != nil {
		return err
	}
	return r.bind(Mount{Path: "/tmp", Source: tmp})
}

// terminals makes a set of terminals that is the container's own.
func (r *root) terminals() error {
	if err := os.Mkdir(r.at("/dev/pts"), 0o755); err != nil { //nolint:gosec // as everywhere
		return err
	}
	if err := unix.Mount("devpts", r.at("/dev/pts"), "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,mode=0620,ptmxmode=0666"); err != nil {
		return fmt.Errorf("mounting /dev/pts: %w", err)
	}
	return os.Symlink("pts/ptmx", r.at("/dev/ptmx"))
}

// procRefused says what the kernel means when it refuses a new /proc: parts of the one that there is are covered, and a new
// one would show them.
func procRefused(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: the kernel refuses a new /proc where parts of the present one are covered, as in a container of Docker "+
			"(there, --security-opt systempaths=unconfined uncovers them)", err)
	}
	return err
}

// pivot makes the new root the root of this thread and lets go of the old one.
func (r *root) pivot() error {
	if err := unix.Chdir(r.base); err != nil {
		return fmt.Errorf("entering the container's root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	// The old root now lies on top of the new one.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the host's root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("entering the new root: %w", err)
	}
	return nil
}

// at is the path on the host of a path inside, while the root is put together.
func (r *root) at(path string) string { return filepath.Join(r.base, path) }

func (r *root) tmpfs(path string, mode os.FileMode) error {
	if err := unix.Mount("tmpfs", r.at(path), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("mode=%o", mode)); err != nil {
		return fmt.Errorf("mounting a tmpfs at %s: %w", path, err)
	}
	return nil
}

func (r *root) bind(m Mount) error {
	if err := unix.Mount(m.Source, r.at(m.Path), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("showing %s at %s: %w", m.Source, m.Path, err)
	}
	r.shown = append(r.shown, m)
	if !m.ReadOnly {
		return nil
	}
	return r.readOnly(m.Path, true)
}

func (r *root) readOnly(path string, recursive bool) error {
	flags := uint(0)
	if recursive {
		flags = unix.AT_RECURSIVE
	}
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	// Busy means that someone has a file open for writing. That is a process for another container, between its
	// fork, which gave it the files that were open here just then, and its exec, which closes them.
	var err error
	for range busyAttempts {
		if err = unix.MountSetattr(unix.AT_FDCWD, r.at(path), flags, attr); !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(busyWait)
	}
	if err != nil {
		return fmt.Errorf("making %s read-only: %w", path, err)
	}
	return nil
}

// How often, and how far apart, a mount that is busy is tried again: for five seconds.
const (
	busyAttempts = 500
	busyWait     = 10 * time.Millisecond
)

// create makes an empty file or folder to mount on.
func create(path string, dir bool) error {
	if dir {
		return os.Mkdir(path, 0o755) //nolint:gosec // as everywhere
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // as everywhere
	if err != nil {
		return err
	}
	return f.Close()
}
