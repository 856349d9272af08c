package git

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
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

// httpSession is go-git's session over an HTTP client of our own.
type httpSession struct {
	transport.UploadPackSession
	transport *http.Transport
	refused   error
}

// openHTTP prepares a session. Nothing is sent yet.
func openHTTP(loc location, auth Auth, lim Limits) (session, error) {
	roots, err := auth.roots()
	if err != nil {
		return nil, err
	}
	s := &httpSession{transport: &http.Transport{
		// As every HTTP client of an operator's machine: HTTPS_PROXY and NO_PROXY count.
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   30 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		ForceAttemptHTTP2:     true,
	}}
	client := githttp.NewClientWithOptions(&http.Client{
		Transport: boundedBodies{s.transport, lim},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			s.refused = checkRedirect(req, via)
			return s.refused
		},
	}, &githttp.ClientOptions{RedirectPolicy: githttp.FollowInitialRedirects})

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

// checkRedirect lets a redirect through only within scheme, host and port (or from http to https of the
// same host). go-git strips credentials when a redirect leaves the origin, but would still follow it and
// take the other server's objects for the repository's.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from := via[0].URL
	same := strings.EqualFold(from.Hostname(), req.URL.Hostname()) &&
		(from.Scheme == req.URL.Scheme && from.Port() == req.URL.Port() ||
			from.Scheme == "http" && req.URL.Scheme == "https" && from.Port() == "" && req.URL.Port() == "")
	if same && len(via) < 5 {
		return nil
	}
	to := &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host}
	return fmt.Errorf("%w: the server points to %q", errRedirect, to.String())
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

// boundedBodies caps what a server can make the client read: go-git reads error pages to the end.
type boundedBodies struct {
	next http.RoundTripper
	lim  Limits
}

func (b boundedBodies) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body := res.Body
	var bounded io.Reader = &capped{r: body, left: b.lim.MaxPack, limit: tooMuch(b.lim)}
	if res.StatusCode >= 300 {
		bounded = io.LimitReader(body, 16<<10)
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{bounded, body}
	return res, nil
}
