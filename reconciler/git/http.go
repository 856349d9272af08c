// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// errRedirect marks a redirect that was not followed.
var errRedirect = errors.New("redirect refused")

// errNoGit marks an answer of something that is no Git server.
var errNoGit = errors.New("what answers is no Git server")

// httpSession is go-git's session over an HTTP client of our own.
type httpSession struct {
	transport.UploadPackSession
	transport *http.Transport
	limits    Limits
	refused   error
}

// openHTTP prepares a session. Nothing is sent yet.
func openHTTP(loc location, auth Auth, lim Limits) (session, error) {
	roots, err := auth.roots()
	if err != nil {
		return nil, err
	}
	s := &httpSession{limits: lim, transport: &http.Transport{
		// As every HTTP client of an operator's machine: HTTPS_PROXY and NO_PROXY count.
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   30 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		ForceAttemptHTTP2:     true,
	}}
	client := githttp.NewClientWithOptions(&http.Client{Transport: s},
		&githttp.ClientOptions{RedirectPolicy: githttp.FollowInitialRedirects})

	host := loc.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	// The endpoint carries no credentials, so that no error of go-git can print them.
	endpoint := &transport.Endpoint{Protocol: loc.scheme, Host: host, Port: loc.port, Path: (&url.URL{Path: loc.path}).EscapedPath()}
	var method transport.AuthMethod
	if m := auth.http(loc); m != nil {
		method = m
	}
	s.UploadPackSession, err = client.NewUploadPackSession(endpoint, method)
	return s, err
}

func (s *httpSession) AdvertisedReferencesContext(ctx context.Context) (*packp.AdvRefs, error) {
	adv, err := s.UploadPackSession.AdvertisedReferencesContext(ctx)
	return adv, s.explain(err)
}

func (s *httpSession) UploadPack(ctx context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	res, err := s.UploadPackSession.UploadPack(ctx, req)
	return res, s.explain(err)
}

// explain prefers the reason we had ourselves: go-git's errors do not all unwrap.
func (s *httpSession) explain(err error) error {
	if err != nil && s.refused != nil {
		return s.refused
	}
	return err
}

func (s *httpSession) Close() error {
	err := s.UploadPackSession.Close()
	s.transport.CloseIdleConnections()
	return err
}

// RoundTrip sends a request for go-git. It ends redirects that go anywhere else, before anything follows
// them, and caps what a server can make the client read: go-git reads error pages to their end.
func (s *httpSession) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := s.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if to, err := res.Location(); res.StatusCode/100 == 3 && !errors.Is(err, http.ErrNoLocation) {
		if err != nil || !mayRedirect(req, to) {
			_ = res.Body.Close()
			s.refused = fmt.Errorf("%w: the server points to %q", errRedirect, place(to))
			return nil, s.refused
		}
	}
	if why := unlike(req, res); why != nil {
		s.refused = why
	}
	body := res.Body
	var bounded io.Reader = &capped{r: body, left: s.limits.MaxPack, limit: tooMuch(s.limits)}
	if res.StatusCode >= 300 {
		bounded = io.LimitReader(body, 16<<10)
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{bounded, body}
	return res, nil
}

// unlike is why an answer is none that Git can read, in the words of people; nil if it may be one, or if go-git says it well.
func unlike(req *http.Request, res *http.Response) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode >= 500:
		return fmt.Errorf("the server answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	case res.StatusCode == http.StatusOK && req.Method == http.MethodGet && kind == "text/html":
		return fmt.Errorf("%w: it sends a page", errNoGit)
	}
	return nil
}

// mayRedirect lets the first question (not the one for the pack) be redirected within scheme, host and
// port, or from http to https of the same host. go-git strips credentials when a redirect leaves the
// origin, but would still follow it and take the other server's objects for the repository's.
func mayRedirect(req *http.Request, to *url.URL) bool {
	from := req.URL
	if req.Method != http.MethodGet || !strings.EqualFold(from.Hostname(), to.Hostname()) {
		return false
	}
	return from.Scheme == to.Scheme && from.Port() == to.Port() ||
		from.Scheme == "http" && to.Scheme == "https" && from.Port() == "" && to.Port() == ""
}

// place is where a URL points, without path or credentials.
func place(u *url.URL) string {
	if u == nil {
		return "an invalid URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}
