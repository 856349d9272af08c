// SPDX-License-Identifier: Apache-2.0

package gittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSH is a running ssh server for one repository.
type SSH struct {
	// URL is the repository's ssh:// URL.
	URL string
	// KeyFile is the one private key the server accepts, KnownHostsFile the server's own key.
	KeyFile, KnownHostsFile string
	// OtherKeyFile is a private key it does not accept.
	OtherKeyFile string
	// OtherHostsFile says that the server has another key than it has.
	OtherHostsFile string

	server *sshServer
}

// Accept has the server accept another key from now on, as when someone adds a deploy key: it is a line of authorized_keys.
func (s SSH) Accept(t testing.TB, line string) {
	t.Helper()
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		t.Fatalf("gittest: reading a public key: %v", err)
	}
	s.server.accepts(public)
}

// ServeSSH serves the repository over ssh until the test ends: git-upload-pack of that repository and nothing else.
func ServeSSH(t testing.TB, r *Repo) SSH {
	t.Helper()
	dir := t.TempDir()
	host, user, other := newKey(t), newKey(t), newKey(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("gittest: listening: %v", err)
	}
	addr := l.Addr().String()
	s := SSH{
		URL:            "ssh://git@" + addr + r.dir,
		KeyFile:        writeKey(t, dir, "user", user),
		OtherKeyFile:   writeKey(t, dir, "other", other),
		KnownHostsFile: writeFile(t, dir, "known_hosts", knownhosts.Line([]string{addr}, host.signer.PublicKey())+"\n"),
		OtherHostsFile: writeFile(t, dir, "other_hosts", knownhosts.Line([]string{addr}, other.signer.PublicKey())+"\n"),
	}
	srv := &sshServer{command: "git-upload-pack '" + r.dir + "'", repo: r.dir, conns: map[net.Conn]bool{}, keys: map[string]bool{}}
	srv.accepts(user.signer.PublicKey())
	srv.config = &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		if !srv.keys[string(key.Marshal())] {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}}
	srv.config.AddHostKey(host.signer)
	s.server = srv
	srv.running.Go(func() { srv.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		srv.hangUp()
		srv.running.Wait()
	})
	return s
}

type key struct {
	private ed25519.PrivateKey
	signer  ssh.Signer
}

func newKey(t testing.TB) key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("gittest: making a key: %v", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatalf("gittest: making a key: %v", err)
	}
	return key{private, signer}
}

func writeKey(t testing.TB, dir, name string, k key) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(k.private, "")
	if err != nil {
		t.Fatalf("gittest: writing a key: %v", err)
	}
	return writeFile(t, dir, name, string(pem.EncodeToMemory(block)))
}

func writeFile(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatalf("gittest: %v", err)
	}
	return path
}

type sshServer struct {
	config  *ssh.ServerConfig
	command string
	repo    string
	running sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	keys   map[string]bool
	closed bool
}

func (s *sshServer) accepts(key ssh.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[string(key.Marshal())] = true
}

func (s *sshServer) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		closed := s.closed
		s.mu.Unlock()
		if closed {
			_ = conn.Close()
		}
		s.running.Go(func() { s.serve(conn) })
	}
}

func (s *sshServer) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *sshServer) serve(conn net.Conn) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() { s.session(channel, requests) })
	}
}

func (s *sshServer) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for req := range requests {
		var exec struct{ Command string }
		if req.Type != "exec" || ssh.Unmarshal(req.Payload, &exec) != nil {
			_ = req.Reply(false, nil)
			continue
		}
		_ = req.Reply(true, nil)
		status := s.run(channel, exec.Command)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

func (s *sshServer) run(channel ssh.Channel, command string) uint32 {
	if command != s.command {
		fmt.Fprintf(channel.Stderr(), "fatal: %q does not appear to be a git repository\n", command)
		return 128
	}
	cmd := exec.Command("git-upload-pack", s.repo)
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	// Not cmd.Stdin: Wait would wait for a client that keeps its side open.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 1
	}
	if err := cmd.Start(); err != nil {
		return 1
	}
	go func() {
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	}()
	if err := cmd.Wait(); err != nil {
		return 1
	}
	return 0
}
