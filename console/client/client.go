// SPDX-License-Identifier: Apache-2.0

// Package client asks a running daemon over the HTTP API that the console serves.
//
// Of Trunkline it may import access, catalog, console, flow/report, and the read models reconciler/status and reconciler/history.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// requestTimeout bounds one request; it is longer than the daemon takes to save what was asked for.
	requestTimeout = 30 * time.Second
	// logTimeout and removeTimeout bound what takes longer: a log is read from a node, and many lots are removed.
	logTimeout    = 90 * time.Second
	removeTimeout = 6 * time.Minute
	// maxRefusal bounds what is read of an answer that says no, in bytes.
	maxRefusal = 16 << 10
	// pageSize is how many items are asked for at once.
	pageSize = 1000
)

// ErrAddress means that an address is not one of a daemon.
var ErrAddress = errors.New("not an address: write http://HOST:PORT")

// ErrToken means that the daemon asks for a token, and was given none or another one.
var ErrToken = errors.New("it requires a token")

// RefusedError is the error of a request that the daemon answered with something else than what was asked for.
type RefusedError struct {
	// Server is the address, without its password.
	Server string
	// Status is the answer's, such as "404 Not Found", and Code its number.
	Status string
	Code   int
	// Text is what the daemon says; empty if whoever answered is no daemon.
	Text string
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Text != "" {
		return fmt.Sprintf("asking the daemon at %s: %s", e.Server, e.Text)
	}
	return fmt.Sprintf("asking the daemon at %s: it answered %s; is it a Trunkline?", e.Server, e.Status)
}

// Options are how a client signs on.
type Options struct {
	// Token is sent as a bearer token; empty: none.
	Token string
	// Claim is who asks, where the token does not say so; the daemon records it as claimed.
	Claim string
	// RootCAs are trusted for https; nil: those of the system.
	RootCAs *x509.CertPool
}

// Client asks one daemon. It may be used by several goroutines.
type Client struct {
	server string
	opts   Options
	http   *http.Client
	// name is the server's address for people.
	name string
	// timeout bounds one request.
	timeout time.Duration
}

// New returns a client of the daemon at an address such as http://127.0.0.1:8080. The error is [ErrAddress].
func New(server string, opts Options) (*Client, error) {
	server = strings.TrimSuffix(server, "/")
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, ErrAddress
	}
	c := &Client{server: server, opts: opts, name: u.Redacted(), http: http.DefaultClient, timeout: requestTimeout}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok && opts.RootCAs != nil {
		own := transport.Clone()
		own.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: opts.RootCAs}
		c.http = &http.Client{Transport: own}
	}
	return c, nil
}

// Server returns the address, without a slash at the end.
func (c *Client) Server() string { return c.server }

// Status returns the state of everything: the whole, then the clusters and releases page by page.
func (c *Client) Status(ctx context.Context) (status.Platform, error) {
	var s console.Status
	if err := c.get(ctx, "/api/v1/status", &s); err != nil {
		return status.Platform{}, err
	}
	p := status.Platform{Name: s.Name, Revision: s.Revision, Time: s.Time, Source: s.Source, Replica: s.Replica, Clusters: []status.Cluster{}}
	clusters, err := all[console.Cluster](ctx, c, "/api/v1/clusters")
	if err != nil {
		return p, err
	}
	for _, cl := range clusters {
		p.Clusters = append(p.Clusters, cl.Cluster)
	}
	p.Releases, err = all[status.Release](ctx, c, "/api/v1/releases")
	return p, err
}

// Daemon returns what the daemon says of itself; nil if it is too old to do so.
func (c *Client) Daemon(ctx context.Context) (*console.Daemon, error) {
	var s console.Status
	err := c.get(ctx, "/api/v1/status", &s)
	return s.Daemon, err
}

// Alive asks the daemon whether it runs, which it tells everyone, and returns the header of the answer.
func (c *Client) Alive(ctx context.Context) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, "/healthz", nil, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRefusal))
	return resp.Header, err
}

// Ready says why the daemon keeps no clusters; empty if it does.
func (c *Client) Ready(ctx context.Context) (reason string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+"/readyz", nil)
	if err != nil {
		return "", fmt.Errorf("asking the daemon: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking the daemon: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	switch {
	case err != nil:
		return "", fmt.Errorf("reading the daemon's answer: %w", err)
	case resp.StatusCode == http.StatusOK:
		return "", nil
	case resp.StatusCode == http.StatusServiceUnavailable:
		return strings.TrimSpace(string(text)), nil
	}
	return "", &RefusedError{Server: c.name, Status: resp.Status, Code: resp.StatusCode}
}

// all reads all pages of a list.
func all[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	return allOf[T](ctx, c, path, url.Values{})
}

// allOf reads all pages of what a query asks for.
func allOf[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	items := []T{}
	query.Set("limit", strconv.Itoa(pageSize))
	for {
		var page console.Page[T]
		if err := c.get(ctx, path+"?"+query.Encode(), &page); err != nil {
			return items, err
		}
		items = append(items, page.Items...)
		if page.Next == "" {
			return items, nil
		}
		query.Set("cursor", page.Next)
	}
}

// Environment returns an environment.
func (c *Client) Environment(ctx context.Context, name string) (console.Environment, error) {
	var e console.Environment
	return e, c.get(ctx, path("environments", name), &e)
}

// History returns the events that a query of the API asks for.
func (c *Client) History(ctx context.Context, query url.Values) (history.Page, error) {
	var page console.Page[history.Event]
	if err := c.get(ctx, "/api/v1/history?"+query.Encode(), &page); err != nil {
		return history.Page{}, err
	}
	p := history.Page{Events: page.Items}
	if page.Next != "" {
		var err error
		if p.Next, err = strconv.ParseInt(page.Next, 10, 64); err != nil {
			return p, fmt.Errorf("reading the daemon's answer: %w", err)
		}
	}
	return p, nil
}

// Act does something to a release: suspend, resume, reconcile or rollback. It returns the release as it is then.
func (c *Client) Act(ctx context.Context, id catalog.ReleaseID, act, why string) (status.Release, error) {
	var r status.Release
	err := c.post(ctx, path("releases", id.Project, id.Environment, id.Cluster, act), console.Act{Why: why}, &r)
	return r, err
}

// Approve confirms what the accepted commit removes from an environment, as the status showed it.
func (c *Client) Approve(ctx context.Context, environment, digest, why string) error {
	return c.post(ctx, path("environments", environment, "approve"), console.Approval{Digest: &digest, Why: why}, nil)
}

// Sync has the daemon fetch the repository now, as a forge's webhook does.
func (c *Client) Sync(ctx context.Context) error {
	return c.post(ctx, "/hooks/sync", nil, nil)
}

// path returns the path of the API that segments make.
func path(segments ...string) string {
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return "/api/v1/" + strings.Join(segments, "/")
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	return c.exchange(ctx, http.MethodGet, path, nil, into)
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return fmt.Errorf("asking the daemon: %w", err)
		}
	}
	return c.exchange(ctx, http.MethodPost, path, data, into)
}

// exchange makes a request and decodes the answer, if someone wants it.
func (c *Client) exchange(ctx context.Context, method, path string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.do(ctx, method, path, body, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("reading the daemon's answer: %w; is it a Trunkline at %s?", err, c.name)
	}
	return nil
}

// do makes a request, and returns an answer that says yes.
func (c *Client) do(ctx context.Context, method, path string, body []byte, header map[string]string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	if c.opts.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.opts.Token)
	}
	if c.opts.Claim != "" {
		req.Header.Set(console.ClaimHeader, c.opts.Claim)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		return nil, fmt.Errorf("asking the daemon at %s: %w", c.name, ErrToken)
	}
	return nil, &RefusedError{Server: c.name, Status: resp.Status, Code: resp.StatusCode, Text: detail(resp)}
}

// detail reads what the daemon says. What is no problem of its own says nothing: it is of a proxy, or of another program.
func detail(resp *http.Response) string {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" {
		return ""
	}
	var p console.Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxRefusal)).Decode(&p); err != nil {
		return ""
	}
	return p.Detail
}
