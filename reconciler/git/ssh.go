// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

var (
	errHostKey = errors.New("the server's host key is not the one in known_hosts")
	errSSHAuth = errors.New("the server does not accept the key")
)

// sshSession speaks to git-upload-pack over ssh. It exists beside go-git's transport because that one
// cannot be cancelled before the handshake is over, reads ~/.ssh/config (which may send it to another
// host) and falls back to whatever agent the environment names.
type sshSession struct {
	*pipe
	client  *ssh.Client
	session *ssh.Session
	unhook  func() bool
}

func openSSH(ctx context.Context, loc location, auth Auth, lim Limits) (session, error) {
	addr := net.JoinHostPort(loc.host, strconv.Itoa(orDefault(loc.port, 22)))
	config, err := sshConfig(loc, auth, addr)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	// Closing the connection is what ends every read and write below when ctx does.
	unhook := context.AfterFunc(ctx, func() { _ = conn.Close() })
	s, err := startUploadPack(conn, addr, config, loc.path, lim)
	if err != nil {
		unhook()
		_ = conn.Close()
		return nil, sshError(err)
	}
	s.unhook = unhook
	return s, nil
}

// sshConfig reads key and known hosts, at every fetch, so that both can be rotated under a running daemon.
func sshConfig(loc location, auth Auth, addr string) (*ssh.ClientConfig, error) {
	pem, err := os.ReadFile(auth.PrivateKeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the private key: %w", err)
	}
	var signer ssh.Signer
	if auth.Passphrase != "" {
		signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(auth.Passphrase))
	} else {
		signer, err = ssh.ParsePrivateKey(pem)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the private key %q: %w", auth.PrivateKeyFile, err)
	}
	hosts, err := knownhosts.NewDB(auth.KnownHostsFile)
	if err != nil {
		return nil, fmt.Errorf("reading the known_hosts file: %w", err)
	}
	user := loc.user
	if user == "" {
		user = "git"
	}
	return &ssh.ClientConfig{
		User:            user,
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: hosts.HostKeyCallback(),
		// Asking for the kinds of key that are known keeps a server with several from offering another one.
		HostKeyAlgorithms: hosts.HostKeyAlgorithms(addr),
	}, nil
}

func startUploadPack(conn net.Conn, addr string, config *ssh.ClientConfig, path string, lim Limits) (*sshSession, error) {
	c, chans, reqs, err := ssh.NewClientConn(conn, addr, config)
	if err != nil {
		return nil, err
	}
	s := &sshSession{client: ssh.NewClient(c, chans, reqs)}
	if s.session, err = s.client.NewSession(); err != nil {
		return nil, err
	}
	in, err := s.session.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.pipe = newPipe(in, out, func() { _ = s.session.Wait() }, lim)
	s.session.Stderr = s.stderr
	return s, s.session.Start(transport.UploadPackServiceName + " " + shellQuote(path))
}

// shellQuote quotes as git does: the other end is a shell, or git-shell which undoes exactly this.
func shellQuote(s string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(s) + "'"
}

// sshError names the two failures that only configuration ends.
func sshError(err error) error {
	if knownhosts.IsHostKeyChanged(err) || knownhosts.IsHostUnknown(err) {
		return fmt.Errorf("%w: %w", errHostKey, err)
	}
	// x/crypto/ssh has no typed error for it.
	if strings.Contains(err.Error(), "unable to authenticate") {
		return fmt.Errorf("%w: %w", errSSHAuth, err)
	}
	return err
}

func (s *sshSession) Close() error {
	s.sayGoodbye()
	s.unhook()
	_ = s.session.Close()
	_ = s.client.Close()
	return nil
}
