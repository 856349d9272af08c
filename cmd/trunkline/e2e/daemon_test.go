package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/deploy/clustertest"
	"trunkline.dev/trunkline/reconciler/status"
)

var (
	pkg    clustertest.Package
	binary string
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "trunkline-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "trunkline")
	build := exec.Command("go", "build", "-race", "-o", binary, "trunkline.dev/trunkline/cmd/trunkline")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building trunkline: %v\n%s", err, out)
		os.Exit(1)
	}
	pkg.AtEnd = func() error { return os.RemoveAll(dir) }
	pkg.Main(m)
}

// patience bounds every waiting; it is long, since it only passes when a test fails.
const patience = 2 * time.Minute

// daemon is a running "trunkline serve".
type daemon struct {
	t      *testing.T
	server string
	cmd    *exec.Cmd
	exited chan struct{}
	log    *logBuffer
}

// serve starts the daemon. It ends with the test, if not before.
func serve(t *testing.T, args ...string) *daemon {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, server: "http://" + address, exited: make(chan struct{}), log: &logBuffer{}}
	d.cmd = exec.Command(binary, append([]string{"serve", "--listen", address}, args...)...)
	d.cmd.Stderr = d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait()
		close(d.exited)
	}()
	t.Cleanup(func() {
		d.kill()
		if t.Failed() {
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
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	after := int64(-1)
	var p status.Platform
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/v1/status?after=%d", d.server, after), nil)
		if err != nil {
			d.t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			select {
			case <-d.exited:
				d.t.Fatalf("waiting for %s: the daemon has ended:\n%s", what, d.log)
			case <-time.After(20 * time.Millisecond): // it is not listening yet
			}
			continue
		}
		p = status.Platform{}
		err = json.NewDecoder(resp.Body).Decode(&p)
		_ = resp.Body.Close()
		if err != nil {
			d.t.Fatal(err)
		}
		if ok(p) {
			return p
		}
		after = p.Revision
	}
	d.t.Fatalf("waiting for %s; the state is\n%+v", what, p)
	return p
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

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
