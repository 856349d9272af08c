package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
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
	client  *ssh.Client
	session *ssh.Session
	stdin   io.WriteCloser
	stdout  io.Reader
	stderr  *tail
	unhook  func() bool
	asked   bool
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
	s := &sshSession{client: ssh.NewClient(c, chans, reqs), stderr: &tail{}}
	if s.session, err = s.client.NewSession(); err != nil {
		return nil, err
	}
	if s.stdin, err = s.session.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.stdout = &capped{r: out, left: lim.MaxPack, limit: tooMuch(lim)}
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

func (s *sshSession) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(s.stdout)
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil:
		return nil, s.explain(err)
	case adv.IsEmpty():
		return nil, transport.ErrEmptyRemoteRepository
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	return adv, nil
}

// explain adds what the server's git wrote before it gave up.
func (s *sshSession) explain(err error) error {
	said := s.stderr.String()
	if errors.Is(err, packp.ErrEmptyInput) {
		// The session is over: wait for the rest of what it said.
		_ = s.session.Wait()
		said = s.stderr.String()
	}
	lower := strings.ToLower(said)
	if strings.Contains(lower, "not appear to be a git repository") || strings.Contains(lower, "not found") {
		err = transport.ErrRepositoryNotFound
	}
	if said == "" {
		return err
	}
	return fmt.Errorf("%w; the server says: %s", err, said)
}

func (s *sshSession) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	s.asked = true
	if err := s.send(req); err != nil {
		return nil, s.explain(err)
	}
	res := packp.NewUploadPackResponse(req)
	if err := res.Decode(io.NopCloser(s.stdout)); err != nil {
		return nil, s.explain(err)
	}
	return res, nil
}

func (s *sshSession) send(req *packp.UploadPackRequest) error {
	if err := req.UploadRequest.Encode(s.stdin); err != nil {
		return fmt.Errorf("asking for the commit: %w", err)
	}
	if err := req.UploadHaves.Encode(s.stdin, true); err != nil {
		return fmt.Errorf("telling what is here: %w", err)
	}
	if err := pktline.NewEncoder(s.stdin).EncodeString("done\n"); err != nil {
		return fmt.Errorf("asking for the pack: %w", err)
	}
	return s.stdin.Close()
}

func (s *sshSession) Close() error {
	if !s.asked {
		_, _ = s.stdin.Write(pktline.FlushPkt) // the polite way to want nothing
	}
	s.unhook()
	_ = s.session.Close()
	_ = s.client.Close()
	return nil
}

// tail keeps the first kilobytes of a server's standard error.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 4096 - t.buf.Len(); room > 0 {
		t.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.buf.String())
}
