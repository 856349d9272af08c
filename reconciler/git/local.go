// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"trunkline.dev/trunkline/reconciler/child"
)

// localSession runs this machine's git-upload-pack on a path, as git itself does. It exists beside go-git's transport
// because that one waits for the process to end by itself, which never happens when nobody reads what it writes: a full
// disk under the store hung the fetch for ever. See docs/adr/0050-local-repositories.md.
type localSession struct {
	*pipe
	cmd    *exec.Cmd
	cancel context.CancelFunc
	waiter *child.Waiter
}

func openLocal(ctx context.Context, path string, lim Limits) (session, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &localSession{cancel: cancel, cmd: exec.CommandContext(ctx, "git", "-c", "uploadpack.allowReachableSHA1InWant=true", "upload-pack", "--", path)}
	s.waiter = child.NewWaiter(s.cmd)
	// explain reads what git says.
	s.cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, s.failed(err)
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, s.failed(err)
	}
	s.pipe = newPipe(stdin, stdout, func() { s.waiter.Wait() }, lim)
	s.cmd.Stderr = s.stderr
	s.cmd.WaitDelay = child.PipeDelay
	child.Group(s.cmd)
	s.cmd.Cancel = func() error {
		// A process that escaped from the group may hold the other end.
		return errors.Join(child.Kill(s.cmd), stdout.Close(), stdin.Close())
	}
	if err := s.cmd.Start(); err != nil {
		return nil, s.failed(err)
	}
	return s, nil
}

func (s *localSession) failed(err error) error {
	s.cancel()
	return fmt.Errorf("starting git upload-pack: %w", err)
}

// Close ends the process, whatever it does, and everything it has started.
func (s *localSession) Close() error {
	s.sayGoodbye()
	s.cancel()
	if !s.waiter.Wait() {
		return fmt.Errorf("git upload-pack (process %d) does not end although it was killed; is the disk of the repository away?", s.cmd.Process.Pid)
	}
	return nil
}
