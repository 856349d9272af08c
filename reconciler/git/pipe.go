// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// pipe is a conversation with a git-upload-pack over its standard input and output, wherever that runs. It knows no
// context: whoever started the process closes both ends when the fetch's context ends, which ends every call here.
type pipe struct {
	stdin  io.WriteCloser
	stdout io.Reader
	stderr *firstBytes
	// wait returns once the process has said all that it has to say.
	wait  func()
	asked bool
}

func newPipe(stdin io.WriteCloser, stdout io.Reader, wait func(), lim Limits) *pipe {
	return &pipe{
		stdin: stdin, stdout: &capped{r: stdout, left: lim.MaxPack, limit: tooMuch(lim)}, stderr: &firstBytes{}, wait: wait,
	}
}

func (p *pipe) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(p.stdout)
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil:
		return nil, p.explain(err)
	case adv.IsEmpty():
		return nil, transport.ErrEmptyRemoteRepository
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	return adv, nil
}

// explain adds what the server's git wrote before it gave up.
func (p *pipe) explain(err error) error {
	if errors.Is(err, packp.ErrEmptyInput) {
		p.wait() // the process is over; its last words may still be under way
	}
	said := p.stderr.String()
	lower := strings.ToLower(said)
	if strings.Contains(lower, "not appear to be a git repository") || strings.Contains(lower, "not found") {
		err = transport.ErrRepositoryNotFound
	}
	if said == "" {
		return err
	}
	return fmt.Errorf("%w; the server says: %s", err, said)
}

func (p *pipe) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	p.asked = true
	if err := p.send(req); err != nil {
		return nil, p.explain(err)
	}
	res := packp.NewUploadPackResponse(req)
	if err := res.Decode(io.NopCloser(p.stdout)); err != nil {
		return nil, p.explain(err)
	}
	return res, nil
}

func (p *pipe) send(req *packp.UploadPackRequest) error {
	if err := req.UploadRequest.Encode(p.stdin); err != nil {
		return fmt.Errorf("asking for the commit: %w", err)
	}
	if err := req.UploadHaves.Encode(p.stdin, true); err != nil {
		return fmt.Errorf("listing the commits that are here: %w", err)
	}
	if err := pktline.NewEncoder(p.stdin).EncodeString("done\n"); err != nil {
		return fmt.Errorf("asking for the pack: %w", err)
	}
	return p.stdin.Close()
}

// sayGoodbye ends a conversation in which nothing was asked for, the way the protocol wants it.
func (p *pipe) sayGoodbye() {
	if !p.asked {
		_, _ = p.stdin.Write(pktline.FlushPkt)
	}
}

// firstBytes keeps the first kilobytes of a server's standard error.
type firstBytes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (f *firstBytes) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if room := 4096 - f.buf.Len(); room > 0 {
		f.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (f *firstBytes) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.TrimSpace(f.buf.String())
}
