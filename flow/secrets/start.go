// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/secretref"
)

const (
	// cannotRun and notFound are the exit codes of shells for a program that may not be run, and for one that is not there.
	cannotRun, notFound = 126, 127
	// signalled is added to the number of the signal that ended a program.
	signalled = 128
	// leftBehind is how long it is waited for what a program that has ended left running, and that still writes.
	leftBehind = 5 * time.Second
)

// Program is what is started with secrets.
type Program struct {
	// Command is the program and its arguments.
	Command []string
	// Environ is its environment without the secrets, and Secrets their values by variable.
	Environ []string
	Secrets map[string]string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
}

// Start starts a program, passes signals on to it, and returns its exit code once it has ended. What it writes is passed on without the values of
// its secrets.
func Start(ctx context.Context, p Program) (code int, err error) {
	if len(p.Command) == 0 {
		return notFound, errors.New("there is no program to start")
	}
	// What asks this process to end is passed on, and the program decides.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.Command[0], p.Command[1:]...)
	cmd.Env = environ(p.Environ, p.Secrets)
	cmd.WaitDelay = leftBehind
	taken := forms(p.Secrets)
	out, errs := newHider(p.Out, taken), newHider(p.Err, taken)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.In, out, errs
	asked := make(chan os.Signal, 16)
	signal.Notify(asked, passed...)
	defer signal.Stop(asked)
	if err := cmd.Start(); err != nil {
		code = cannotRun
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			code = notFound
		}
		return code, fmt.Errorf("starting the program of the workload: %w", err)
	}
	ended := make(chan struct{})
	passing := make(chan struct{})
	go func() {
		defer close(passing)
		for {
			select {
			case s := <-asked:
				_ = cmd.Process.Signal(s) // it may have ended just now
			case <-ended:
				return
			}
		}
	}()
	err = cmd.Wait()
	close(ended)
	<-passing
	err = errors.Join(err, out.Flush(), errs.Flush())
	if state := cmd.ProcessState; state != nil {
		return exitCode(state), nil
	}
	return cannotRun, err
}

// environ is an environment with the secrets, and without what says where they are.
func environ(base []string, secrets map[string]string) []string {
	out := slices.DeleteFunc(slices.Clone(base), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		_, ours := secrets[name]
		return ours || name == secretref.Variable
	})
	for name, value := range secrets {
		out = append(out, name+"="+value)
	}
	return out
}

// Install puts the running program where pods find it. It is there whole, or not at all.
func Install(own, at string) error {
	data, err := os.ReadFile(own)
	if err != nil {
		return fmt.Errorf("reading the program: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(at), ".lot-")
	if err != nil {
		return fmt.Errorf("putting the program to %s: %w", at, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o555), f.Close()) // whoever the program of the workload runs as
	if err == nil {
		err = os.Rename(f.Name(), at)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("putting the program to %s: %w", at, err), os.Remove(f.Name()))
	}
	return nil
}

// Leave writes why a secret cannot be read to where the kubelet reads why a container has ended. A machine that is no pod has no such file.
func Leave(file string, e *Error) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("saying why: %w", err)
	}
	_, err = io.WriteString(f, secretref.Message(e.Variable, e.Reason))
	return errors.Join(err, f.Close())
}
