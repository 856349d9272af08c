// Package client asks a running daemon over the HTTP API that the console serves.
//
// Of Trunkline it may import catalog, console, and the read models reconciler/status and reconciler/history.
package client

import (
	"bytes"
	"context"
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
	// requestTimeout bounds one request; it is longer than the daemon holds one.
	requestTimeout = 40 * time.Second
	// maxRefusal bounds what is read of an answer that says why it is none, in bytes.
	maxRefusal = 4 << 10
)

// ErrAddress says that an address is not one of a daemon.
var ErrAddress = errors.New("not an address: write http://HOST:PORT")

// ErrToken says that the daemon wants its token, and was given none or another one.
var ErrToken = errors.New("it wants its token")

// RefusedError is the error of a request that the daemon answered with something else than what was asked for.
type RefusedError struct {
	// Server is the address, without its password.
	Server string
	// Status is the answer's, such as "404 Not Found", and Code its number.
	Status string
	Code   int
	// Text is the first line of what the daemon says; empty if whoever answered says nothing to people.
	Text string
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Text != "" {
		return fmt.Sprintf("asking the daemon at %s: %s", e.Server, e.Text)
	}
	return fmt.Sprintf("asking the daemon at %s: it answered %s; is it a Trunkline?", e.Server, e.Status)
}

// Client asks one daemon. It may be used by several goroutines.
type Client struct {
	server, token string
	// name is the server's address for people.
	name string
}

// New makes a client of the daemon at an address such as http://127.0.0.1:8080; the token may be empty. The error is
// [ErrAddress].
func New(server, token string) (*Client, error) {
	server = strings.TrimSuffix(server, "/")
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, ErrAddress
	}
	return &Client{server: server, token: token, name: u.Redacted()}, nil
}

// Server gives the address, without a slash at the end.
func (c *Client) Server() string { return c.server }

// Status gives the state once its revision is higher than the given one, or after a while as it is; -1 asks for what it
// is now.
func (c *Client) Status(ctx context.Context, after int64) (status.Platform, error) {
	var p status.Platform
	err := c.get(ctx, "/api/v1/status?after="+strconv.FormatInt(after, 10), &p)
	return p, err
}

// History gives the events that a question in the words of the API asks for.
func (c *Client) History(ctx context.Context, question url.Values) (history.Page, error) {
	var p history.Page
	err := c.get(ctx, "/api/v1/history?"+question.Encode(), &p)
	return p, err
}

// Act does something to a release: suspend, resume, reconcile or rollback.
func (c *Client) Act(ctx context.Context, id catalog.ReleaseID, act string, hand console.Hand) error {
	return c.post(ctx, hand, "releases", id.Project, id.Environment, id.Cluster, act)
}

// Approve confirms what the accepted commit removes from an environment.
func (c *Client) Approve(ctx context.Context, environment string, hand console.Hand) error {
	return c.post(ctx, hand, "environments", environment, "approve")
}

// Sync has the daemon look at the repository now, as a forge's webhook does.
func (c *Client) Sync(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodPost, "/hooks/sync", nil)
	return err
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading the daemon's answer: %w; is it a Trunkline at %s?", err, c.name)
	}
	return nil
}

// post asks for something to be done at the path of the API that the segments make.
func (c *Client) post(ctx context.Context, hand console.Hand, segments ...string) error {
	body, err := json.Marshal(hand)
	if err != nil {
		return fmt.Errorf("asking the daemon: %w", err)
	}
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	_, err = c.do(ctx, http.MethodPost, "/api/v1/"+strings.Join(segments, "/"), body)
	return err
}

// do makes a request, and gives the body of an answer that says yes.
func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("asking the daemon at %s: %w", c.name, ErrToken)
	case resp.StatusCode/100 != 2:
		return nil, &RefusedError{Server: c.name, Status: resp.Status, Code: resp.StatusCode, Text: firstLine(resp)}
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the daemon's answer: %w", err)
	}
	return answer, nil
}

// firstLine reads what an answer says to people. A page of a proxy says nothing.
func firstLine(resp *http.Response) string {
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "text/plain" {
		return ""
	}
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what came is shown
	line, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	if strings.HasPrefix(line, "404 ") {
		return "" // of a server that has no such path, which is not the daemon's word
	}
	return line
}
