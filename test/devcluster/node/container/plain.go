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
	var s started
	ready := make(chan error)
	go func() {
		runtime.LockOSThread()
		var err error
		s, err = spawn(spec, plainAttr())
		ready <- err
		<-release
	}()
	if err := <-ready; err != nil {
		close(release)
		return nil, err
	}
	return &Container{process: s.process, terminal: s.terminal, join: plain{release}, usage: newUsage(s.process.Pid)}, nil
}

// plain starts a process beside another in the same, unchanged surroundings.
type plain struct{ release chan struct{} }

func (plain) start(spec Spec) (started, error) {
	return spawn(spec, &syscall.SysProcAttr{Setpgid: true})
}
func (p plain) close() { close(p.release) }

// spawn starts the command in the file system as the calling thread sees it.
func spawn(spec Spec, attr *syscall.SysProcAttr) (started, error) {
	program, err := lookUp(spec.Args[0], spec.Path, spec.Dir)
	if err != nil {
		return started{}, err
	}
	files := []*os.File{spec.Stdin, spec.Output, spec.Errors}
	var terminal *os.File
	switch {
	case spec.Terminal:
		far, near, err := openTerminal()
		if err != nil {
			return started{}, fmt.Errorf("making a terminal: %w", err)
		}
		defer near.Close()
		terminal, files = far, []*os.File{near, near, near}
		attr.Setpgid, attr.Setsid, attr.Setctty = false, true, true // a new session is a new group as well
	case spec.Stdin == nil:
		null, err := os.OpenFile(os.DevNull, os.O_RDONLY, 0)
		if err != nil {
			return started{}, fmt.Errorf("opening the standard input: %w", err)
		}
		defer null.Close()
		files[0] = null
	}
	if files[2] == nil {
		files[2] = files[1]
	}
	process, err := os.StartProcess(program, spec.Args, &os.ProcAttr{Dir: spec.Dir, Env: spec.Env, Files: files, Sys: attr})
	if err != nil {
		if terminal != nil {
			_ = terminal.Close() // nothing was written
		}
		return started{}, fmt.Errorf("starting %q: %w", spec.Args[0], err)
	}
	return started{process, terminal}, nil
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
