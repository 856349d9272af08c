package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// pace is the least time between two looks at the status while much is under way: telling the state of a
	// thousand releases is work that would be measured with the rest.
	pace = 250 * time.Millisecond
	// startLimit and stopLimit bound the daemon's start until it listens, and its end.
	startLimit = 60 * time.Second
	stopLimit  = 30 * time.Second
)

// daemonSpec is what a daemon is started with.
type daemonSpec struct {
	program, repo, data, log string
	// clusters are "NAME=KUBECONFIG".
	clusters []string
	// profile is the folder for profiles; empty for none.
	profile string
}

// daemon is a running "trunkline serve".
type daemon struct {
	// began is just before the process was started.
	began time.Time

	client   *client.Client
	cmd      *exec.Cmd
	lifeline io.Closer // its stdin: it ends with us at the latest
	log      string
	exited   chan struct{}
	ready    chan string

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with every commit
	accepted map[string]time.Time
}

func startDaemon(ctx context.Context, spec daemonSpec) (*daemon, error) {
	args := []string{"serve", "--repo", spec.repo, "--data", spec.data, "--listen", "127.0.0.1:0", "--poll", "1h", "--lifeline"}
	for _, c := range spec.clusters {
		args = append(args, "--cluster", c)
	}
	if spec.profile != "" {
		args = append(args, "--profile-dir", spec.profile)
	}
	log, err := os.OpenFile(spec.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting the daemon: %w", err)
	}
	d := &daemon{
		log: spec.log, exited: make(chan struct{}), ready: make(chan string, 1),
		changed: make(chan struct{}), accepted: map[string]time.Time{},
	}
	d.cmd = exec.Command(spec.program, args...) //nolint:noctx // it is ended by stop, which lets it finish
	// A process group of its own: Ctrl-C reaches the benchmark alone, which then ends the daemon.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := d.cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the daemon: %w", err), log.Close())
	}
	d.lifeline = stdin
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the daemon: %w", err), log.Close())
	}
	d.began = time.Now()
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the daemon: %w", err), log.Close())
	}
	go func() {
		d.read(io.TeeReader(stderr, log))
		_ = d.cmd.Wait() // however it ended: who waits for it has its log
		_ = log.Close()
		close(d.exited)
	}()
	select {
	case url := <-d.ready:
		if d.client, err = client.New(url, client.Options{}); err != nil {
			return nil, errors.Join(fmt.Errorf("the daemon listens at %q: %w", url, err), d.stop())
		}
		return d, nil
	case <-d.exited:
		return nil, fmt.Errorf("the daemon ended by itself: %s", d.lastLine())
	case <-time.After(startLimit):
		return nil, errors.Join(fmt.Errorf("the daemon does not listen after %s: %s", startLimit, d.lastLine()), d.stop())
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), d.stop())
	}
}

// read takes in the daemon's log.
func (d *daemon) read(log io.Reader) {
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadBytes('\n')
		if e, ok := parseEntry(line); ok {
			d.take(e)
		}
		if err != nil {
			return
		}
	}
}

// entry is what matters of a line of the log.
type entry struct {
	Time                time.Time
	Msg, Listen, Commit string
}

const (
	msgServing  = "serving"
	msgAccepted = "commit accepted"
)

// parseEntry reads a line, if it is one of those that matter: a roll-out writes thousands.
func parseEntry(line []byte) (entry, bool) {
	if !bytes.Contains(line, []byte(`"`+msgServing+`"`)) && !bytes.Contains(line, []byte(`"`+msgAccepted+`"`)) {
		return entry{}, false
	}
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		return entry{}, false
	}
	return e, e.Msg == msgServing && e.Listen != "" || e.Msg == msgAccepted && e.Commit != ""
}

func (d *daemon) take(e entry) {
	if e.Msg == msgServing {
		select {
		case d.ready <- "http://" + e.Listen:
		default: // it was said before
		}
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepted[e.Commit] = e.Time
	close(d.changed)
	d.changed = make(chan struct{})
}

// awaitAccepted gives the moment when the daemon had judged and rendered a commit, as its log says.
func (d *daemon) awaitAccepted(ctx context.Context, commit string, limit time.Duration) (time.Time, error) {
	ctx, cancel := waiting(ctx, limit, "commit "+status.Short(commit)+" to be accepted")
	defer cancel()
	for {
		d.mu.Lock()
		at, ok := d.accepted[commit]
		changed := d.changed
		d.mu.Unlock()
		if ok {
			return at, nil
		}
		select {
		case <-changed:
		case <-d.exited:
			return at, fmt.Errorf("the daemon ended by itself: %s", d.lastLine())
		case <-ctx.Done():
			return at, fmt.Errorf("%w; the daemon's last word: %s", context.Cause(ctx), d.lastLine())
		}
	}
}

// waiting bounds a wait and says what for.
func waiting(ctx context.Context, limit time.Duration, what string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %s for %s", limit, what))
}

// await gives the first state of which ok is true, looking no oftener than once each interval.
func (d *daemon) await(ctx context.Context, w wait, ok func(status.Platform) bool) (status.Platform, error) {
	ctx, cancel := waiting(ctx, w.limit, w.what)
	defer cancel()
	p, err := d.client.Follow(ctx, w.interval, func(p status.Platform) (bool, error) { return ok(p), nil })
	switch {
	case ctx.Err() != nil && err != nil:
		return p, fmt.Errorf("%w; %s", context.Cause(ctx), unfinished(p))
	case err != nil:
		return p, fmt.Errorf("%w; the daemon's last word: %s", err, d.lastLine())
	}
	return p, nil
}

// wait is what is waited for, and how.
type wait struct {
	what            string
	limit, interval time.Duration
}

// unfinished names a release that is not fine, for an error.
func unfinished(p status.Platform) string {
	n, first := 0, ""
	for _, r := range p.Releases {
		if !r.Fine() {
			if n++; first == "" {
				first = fmt.Sprintf(", such as %s: %s, %s %s", r, r.Result, r.Health, r.Message)
			}
		}
	}
	if p.Source.Error != "" {
		first += "; the repository: " + p.Source.Error
	}
	for _, problem := range p.Source.Problems {
		first += "; " + problem.String()
		break
	}
	return fmt.Sprintf("%d of %d releases are not fine%s", n, len(p.Releases), first)
}

// sync has the daemon look at the repository now, and gives the moment just before.
func (d *daemon) sync(ctx context.Context) (time.Time, error) {
	began := time.Now()
	return began, d.client.Sync(ctx)
}

func (d *daemon) pid() int { return d.cmd.Process.Pid }

// stop asks the daemon to end, and kills it if it does not.
func (d *daemon) stop() error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the daemon: %w", err)
	}
	_ = d.lifeline.Close() // may be closed by the end of the process
	select {
	case <-d.exited:
		return nil
	case <-time.After(stopLimit):
	}
	err := fmt.Errorf("the daemon did not end within %s and was killed: %s", stopLimit, d.lastLine())
	err = errors.Join(err, d.cmd.Process.Kill())
	<-d.exited
	return err
}

// lastLine of the log, for an error.
func (d *daemon) lastLine() string {
	data, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(lines[len(lines)-1])
}
