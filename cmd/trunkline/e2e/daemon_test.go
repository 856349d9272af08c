// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

var (
	pkg clustertest.Package
	// binary is the program under test, with the race detector.
	binary string
	// folder is where programs under test are, until the tests end.
	folder string
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "trunkline-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	folder, binary = dir, filepath.Join(dir, "trunkline")
	if err := build("-race", "-o", binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	pkg.AtEnd = func() error { return os.RemoveAll(dir) }
	pkg.Main(m)
}

func build(flags ...string) error { return buildProgram("trunkline", flags...) }

func buildProgram(name string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "trunkline.dev/trunkline/cmd/"+name)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return nil
}

// plain returns the program without the race detector, which starts in a tenth of the time; for tests that start it
// many times.
func plain(t *testing.T) string {
	t.Helper()
	return built(t, "trunkline")
}

var building sync.Mutex

// built returns a program of ours without the race detector.
func built(t *testing.T, name string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	program := filepath.Join(folder, name+"-plain")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if err := buildProgram(name, "-o", program); err != nil {
		t.Fatal(err)
	}
	return program
}

// waitTimeout bounds every wait; it is long, since only a failing test waits for all of it.
const waitTimeout = 2 * time.Minute

// daemon is a running "trunkline serve".
type daemon struct {
	t      *testing.T
	server string
	cmd    *exec.Cmd
	exited chan struct{}
	log    *logBuffer
	// token is what it is asked with; empty: it asks for none.
	token string
}

// serve starts the daemon. It ends with the test, if not before.
func serve(t *testing.T, args ...string) *daemon {
	t.Helper()
	return serveWith(t, binary, args...)
}

// serveWith is serve with another program.
func serveWith(t *testing.T, program string, args ...string) *daemon {
	t.Helper()
	return serveIn(t, nil, program, args...)
}

// serveIn is serveWith with more in the environment of the program.
func serveIn(t *testing.T, env []string, program string, args ...string) *daemon {
	t.Helper()
	return serveAt(t, freeAddress(t), env, program, args...)
}

// freeAddress is one that nothing listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// serveAt is serveIn at an address that was known before.
func serveAt(t *testing.T, address string, env []string, program string, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, server: "http://" + address, exited: make(chan struct{}), log: &logBuffer{}}
	d.cmd = exec.Command(program, append([]string{"serve", "--listen", address}, args...)...)
	d.cmd.Stderr, d.cmd.Env = d.log, append(os.Environ(), env...)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait()
		close(d.exited)
	}()
	t.Cleanup(func() {
		d.kill()
		if t.Failed() && d.log.String() != "" {
			t.Logf("the daemon's log:\n%s", d.log)
		}
		if bytes.Contains([]byte(d.log.String()), []byte("DATA RACE")) {
			t.Error("the daemon has a data race")
		}
	})
	return d
}

// kill ends the daemon as a crash would.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.exited
}

// await asks the daemon again and again, as "trunkline status --watch" does, until the state is as wanted.
func (d *daemon) await(what string, ok func(status.Platform) bool) status.Platform {
	d.t.Helper()
	p, running := d.awaitOrEnd(what, ok)
	if !running {
		d.t.Fatalf("waiting for %s: the daemon has ended:\n%s", what, d.log)
	}
	return p
}

// awaitOrEnd is await, but a daemon that ends meanwhile is no failure: then it returns false.
func (d *daemon) awaitOrEnd(what string, ok func(status.Platform) bool) (status.Platform, bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), waitTimeout)
	defer cancel()
	c, err := client.New(d.server, client.Options{Token: d.token})
	if err != nil {
		d.t.Fatal(err)
	}
	var p status.Platform
	for ctx.Err() == nil {
		if p, err = c.Follow(ctx, 10*time.Millisecond, func(p status.Platform) (bool, error) { return ok(p), nil }); err == nil {
			return p, true
		}
		select {
		case <-d.exited:
			return p, false
		case <-time.After(20 * time.Millisecond): // it is not listening yet, or about to have ended
		}
	}
	d.t.Fatalf("waiting for %s; the state is\n%+v", what, p)
	return p, false
}

func (d *daemon) sync() {
	d.t.Helper()
	resp, err := http.Post(d.server+"/hooks/sync", "", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// logBuffer keeps what the daemon logs.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// forget lets go of what was logged.
func (b *logBuffer) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
