// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// session is one conversation with a server's git-upload-pack, over HTTP, ssh or the pipes of a process.
type session interface {
	AdvertisedReferencesContext(ctx context.Context) (*packp.AdvRefs, error)
	UploadPack(ctx context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error)
	Close() error
}

// openSession picks the transport. go-git's own way to choose one is a process-wide table; building the
// transport here keeps redirects, credentials and limits a matter of this fetch alone.
func openSession(ctx context.Context, loc location, auth Auth, lim Limits) (session, error) {
	switch loc.scheme {
	case "file":
		return openLocal(ctx, loc.path, lim)
	case "ssh":
		return openSSH(ctx, loc, auth, lim)
	case "http", "https":
		return openHTTP(loc, auth, lim)
	}
	return nil, fmt.Errorf("scheme %q has no transport", loc.scheme)
}

// capped is a reader that fails once it gave more than a limit, where io.LimitReader would pretend the end.
type capped struct {
	r     io.Reader
	left  int64
	limit error
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, c.limit
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n - 1, c.limit
	}
	return n, err
}

// tooMuch is the error of a server that sends more than [Limits.MaxPack].
func tooMuch(lim Limits) error {
	return &LimitError{Subject: "the server's answer", Limit: lim.MaxPack, Unit: "bytes", Field: "MaxPack"}
}
