package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// endTimeout bounds the wait for a process that was killed. One that hangs in the kernel, on a network file system that
// went away, dies only when that comes back.
const endTimeout = 5 * time.Second

// localSession runs this machine's git-upload-pack on a path, as git itself does. It exists beside go-git's transport
// because that one waits for the process to end by itself, which never happens when nobody reads what it writes: a full
// disk under the store hung the fetch for ever. See docs/adr/0101-local-repositories.md.
type localSession struct {
	*pipe
	cmd    *exec.Cmd
	cancel context.CancelFunc
	ended  chan struct{} // closed when the process is gone
	close  sync.Once
}

func openLocal(ctx context.Context, path string, lim Limits) (session, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &localSession{cancel: cancel, ended: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, "git", "upload-pack", "--", path)
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
	s.pipe = newPipe(stdin, stdout, s.waitEnded, lim)
	s.cmd.Stderr = s.stderr
	s.cmd.WaitDelay = endTimeout
	killsGroup(s.cmd)
	kill := s.cmd.Cancel
	s.cmd.Cancel = func() error {
		// A process that escaped from the group may hold the other end.
		return errors.Join(kill(), stdout.Close(), stdin.Close())
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

// waitEnded waits until the process is gone, but not for ever.
func (s *localSession) waitEnded() { s.reap(false) }

// Close ends the process, whatever it does, and everything it has started.
func (s *localSession) Close() error {
	s.sayGoodbye()
	if !s.reap(true) {
		return fmt.Errorf("git upload-pack (process %d) does not end although it was killed; is the disk of the repository away?", s.cmd.Process.Pid)
	}
	return nil
}

// reap waits for the process in a goroutine of its own, as a wait for a process cannot be bounded, and reports whether
// it is gone.
func (s *localSession) reap(kill bool) bool {
	if kill {
		s.cancel()
	}
	s.close.Do(func() {
		go func() {
			defer close(s.ended)
			_ = s.cmd.Wait() // how it ended does not matter: what it wrote was judged by itself
		}()
	})
	timer := time.NewTimer(2 * endTimeout)
	defer timer.Stop()
	select {
	case <-s.ended:
		return true
	case <-timer.C:
		return false
	}
}
