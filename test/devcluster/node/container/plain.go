// SPDX-License-Identifier: Apache-2.0

package container

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// startPlain runs a container as a process with the host's own file system.
func startPlain(spec Spec) (*Container, error) {
	for _, m := range spec.Mounts {
		if !m.Optional && m.Path != m.Source { // what is at its place already needs no mount
			return nil, fmt.Errorf("this system gives no mount namespace, so nothing can be mounted at %s", m.Path)
		}
	}
	// Linux ends the process when the thread that started it ends, so that thread is kept as long as the process.
	release := make(chan struct{})
	var process *os.Process
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		var err error
		process, err = spawn(spec, plainAttr())
		started <- err
		<-release
	}()
	if err := <-started; err != nil {
		close(release)
		return nil, err
	}
	return &Container{process: process, join: plain{release}}, nil
}

// plain starts a process beside another in the same, unchanged surroundings.
type plain struct{ release chan struct{} }

func (plain) start(spec Spec) (*os.Process, error) {
	return spawn(spec, &syscall.SysProcAttr{Setpgid: true})
}
func (p plain) close() { close(p.release) }

// spawn starts the command in the file system as the calling thread sees it.
func spawn(spec Spec, attr *syscall.SysProcAttr) (*os.Process, error) {
	program, err := lookUp(spec.Args[0], spec.Path, spec.Dir)
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the standard input: %w", err)
	}
	defer null.Close()
	process, err := os.StartProcess(program, spec.Args, &os.ProcAttr{
		Dir: spec.Dir, Env: spec.Env, Files: []*os.File{null, spec.Output, spec.Output}, Sys: attr,
	})
	if err != nil {
		return nil, fmt.Errorf("starting %q: %w", spec.Args[0], err)
	}
	return process, nil
}

// lookUp finds a program. os/exec would use this process's own PATH and working directory.
func lookUp(name, path, dir string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, executable(name)
	}
	for _, folder := range filepath.SplitList(path) {
		if candidate := filepath.Join(folder, name); filepath.IsAbs(candidate) && executable(candidate) == nil {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("exec: %q: %w in PATH=%s", name, exec.ErrNotFound, path)
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("exec: %q: %w", path, os.ErrPermission)
	}
	return nil
}
