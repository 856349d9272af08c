// SPDX-License-Identifier: Apache-2.0

// Package s3test gives tests a real S3: a server on a folder of this machine, with its buckets as folders in it and each object as a file,
// so that a test sees what there is without asking. [Server.Faults] stands before it and does to requests what a test wants.
//
// The server is versitygw of test/versitygw, which is a Go module of its own so that its dependencies stay out of this one; this package
// only starts its binary, bin/versitygw, which "make test" builds. The environment variable VERSITYGW names another one.
//
// It imports nothing of Trunkline.
package s3test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// startTimeout bounds the start of a server, and stopTimeout its end, after which it is killed.
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
	// probeInterval is how often a server that starts is asked whether it answers.
	probeInterval = 20 * time.Millisecond

	accessKey, secretKey = "test-access-key", "test-secret-key"
)

// Server is an S3 that is the test's own.
type Server struct {
	// URL is its endpoint, on a loopback address.
	URL string
	// Folder has a folder for each bucket.
	Folder string

	command *exec.Cmd
	exited  chan struct{}
	log     *log
}

// Start starts a server on a folder with some buckets, and ends it with the test. The folder stays.
func Start(tb testing.TB, folder string, buckets ...string) *Server {
	tb.Helper()
	return StartFor(tb, folder, nil, buckets...)
}

// StartFor is Start with users beside the owner of the server, by their keys, with their secrets: each may do what the policies of the buckets say.
func StartFor(tb testing.TB, folder string, users map[string]string, buckets ...string) *Server {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs an S3; left out by -short")
	}
	for _, bucket := range buckets {
		if err := os.MkdirAll(filepath.Join(folder, bucket), 0o750); err != nil {
			tb.Fatal(err)
		}
	}
	var more []string
	if users != nil {
		iam, err := known(users, tb.TempDir())
		if err != nil {
			tb.Fatal(err)
		}
		more = []string{"--iam-dir", iam}
	}
	s, err := start(tb.Context(), folder, tb.TempDir(), more...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.stop(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Env is what clients of AWS find the server's keys by, as the environment of a process has it. Of its address they have to be told:
// it is [Server.URL], or that of a proxy before it.
func (s *Server) Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}
}

// start runs the server. What S3 keeps beside the content of an object is in a folder apart, since not every file system has attributes
// for it.
func start(ctx context.Context, folder, beside string, more ...string) (*Server, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	address, err := free(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + address, Folder: folder, exited: make(chan struct{}), log: &log{}}
	args := append(append([]string{"--port", address, "--quiet"}, more...), "posix", "--sidecar", beside, folder)
	s.command = exec.Command(program, args...) //nolint:noctx // the test ends it
	s.command.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	s.command.Stdout, s.command.Stderr = s.log, s.log
	harden(s.command)
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("starting an S3: %w", err)
	}
	go func() {
		_ = s.command.Wait() // its log says why it ended
		close(s.exited)
	}()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// known writes what the server knows of users, and returns the folder in which it is.
func known(users map[string]string, folder string) (string, error) {
	type user struct {
		Access string `json:"access"`
		Secret string `json:"secret"`
		Role   string `json:"role"`
	}
	all := map[string]user{}
	for key, secret := range users {
		all[key] = user{key, secret, "user"}
	}
	data, err := json.Marshal(map[string]any{"accessAccounts": all})
	if err != nil {
		return "", err
	}
	return folder, os.WriteFile(filepath.Join(folder, "users.json"), data, 0o600)
}

// find looks for the binary beside the module's root, wherever the test runs.
func find() (string, error) {
	if path := os.Getenv("VERSITYGW"); path != "" {
		return path, nil
	}
	_, file, _, _ := runtime.Caller(0) //nolint:dogsled // only the file matters
	path := filepath.Join(filepath.Dir(file), "..", "..", "bin", "versitygw")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("tests with a real S3 need bin/versitygw: run \"make versitygw\" once, or \"go test -short\" to leave them out: %w", err)
	}
	return path, nil
}

// free finds an address that nobody listens on.
func free(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// ready waits until the server answers.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodHead, s.URL, http.NoBody)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			return answer.Body.Close() // that it refuses who has no keys is an answer
		}
		select {
		case <-s.exited:
			return fmt.Errorf("the S3 has ended: %s", s.log)
		case <-ctx.Done():
			return fmt.Errorf("the S3 is not ready after %s: %w; %s", startTimeout, err, s.log)
		case <-time.After(probeInterval):
		}
	}
}

// stop ends the server and waits for that.
func (s *Server) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending the S3: %w", err)
	}
	select {
	case <-s.exited:
		return nil
	case <-time.After(stopTimeout):
		err := s.command.Process.Kill()
		<-s.exited
		return errors.Join(fmt.Errorf("the S3 did not end within %s: %s", stopTimeout, s.log), err)
	}
}

// logBytes bounds what is kept of a log.
const logBytes = 16 << 10

// log keeps the end of what was written to it.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(p)
	if extra := l.buf.Len() - logBytes; extra > 0 {
		l.buf.Next(extra)
	}
	return len(p), nil
}

// String returns what was kept.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
