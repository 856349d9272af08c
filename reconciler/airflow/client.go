// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// requestTimeout bounds a request.
	requestTimeout = 30 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 16 << 20
	// page is how many things a listing is asked for at a time, and maxPages how often at most.
	page, maxPages = 100, 50
	// maxDetail is how much of what Airflow says of a refusal is repeated.
	maxDetail = 300
)

// ErrNotThere means that Airflow does not have what it was asked for.
var ErrNotThere = errors.New("Airflow has no such thing") //nolint:staticcheck // it is a name

// ErrFailed means that Airflow has failed at an answer by a mistake of its own.
var ErrFailed = errors.New("Airflow has failed") //nolint:staticcheck // it is a name

// ErrTooLarge means that an answer is larger than what is read of one.
var ErrTooLarge = errors.New("Airflow answers with more than is read") //nolint:staticcheck // it is a name

// Options are what a [Client] is made of.
type Options struct {
	// Dial opens a connection to the API server.
	Dial func(ctx context.Context) (net.Conn, error)
	// Base is the path at which Airflow believes that it is, such as "/airflow/dev"; empty: the beginning.
	Base string
	// Token returns a token of the one who asks, such as [Signed] makes.
	Token func(ctx context.Context) (string, error)
}

// Client asks one Airflow. It may be used by several goroutines.
type Client struct {
	opts Options
	http *http.Client
}

// New makes a client without connecting.
func New(opts Options) *Client {
	opts.Base = strings.TrimSuffix(opts.Base, "/")
	return &Client{opts: opts, http: &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return opts.Dial(ctx) },
			MaxConnsPerHost: 4, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
		},
	}}
}

// Do makes a request to a path below "/api/v2", with a body as JSON unless it is nil, and decodes the answer into a value unless that is nil. An error is
// [ErrNotThere], or says what Airflow did.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body, into any) error {
	answer, err := c.ask(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("reading what Airflow answers to %s %s: %w", method, path, err)
	}
	return nil
}

// ask makes a request and reads the answer.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body any) ([]byte, error) {
	answer, err := c.open(ctx, method, path, query, body, "application/json")
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	return whole(answer, method, path)
}

// open makes a request, and returns the answer to be read if it is one. Whoever has it closes it.
func (c *Client) open(ctx context.Context, method, path string, query url.Values, body any, accept string) (io.ReadCloser, error) {
	token, err := c.opts.Token(ctx)
	if err != nil {
		return nil, err
	}
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("writing a request to Airflow: %w", err)
		}
		sent = bytes.NewReader(data)
	}
	at := "http://airflow" + c.opts.Base + "/api/v2" + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, at, sent)
	if err != nil {
		return nil, fmt.Errorf("making a request to Airflow: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", accept)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking Airflow for %s %s: %w", method, path, err)
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	answer, err := whole(resp.Body, method, path)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("asking Airflow for %s %s: %w", method, path, ErrNotThere)
	case resp.StatusCode == http.StatusInternalServerError:
		return nil, fmt.Errorf("asking Airflow for %s %s: %w: %s", method, path, ErrFailed, detail(answer))
	}
	return nil, fmt.Errorf("Airflow answers to %s %s: %s: %s", method, path, resp.Status, detail(answer)) //nolint:staticcheck // it is a name
}

// whole reads an answer to its end.
func whole(from io.Reader, method, path string) ([]byte, error) {
	answer, err := io.ReadAll(io.LimitReader(from, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading what Airflow answers to %s %s: %w", method, path, err)
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("asking for %s %s: %w, which is %d MiB", method, path, ErrTooLarge, maxAnswer>>20)
	}
	return answer, nil
}

// detail is what an answer says went wrong, in one line.
func detail(answer []byte) string {
	var said struct {
		Detail json.RawMessage `json:"detail"`
	}
	text := string(answer)
	if json.Unmarshal(answer, &said) == nil && len(said.Detail) > 0 {
		text = strings.Trim(string(said.Detail), `"`)
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

// list reads a listing page by page. Each page is decoded into a value of its own, which says how many there are in all.
func list[T any](ctx context.Context, c *Client, path, field string, query url.Values) (out []T, err error) {
	for n := range maxPages {
		query.Set("limit", fmt.Sprint(page))
		query.Set("offset", fmt.Sprint(n*page))
		var answer map[string]json.RawMessage
		if err := c.Do(ctx, http.MethodGet, path, query, nil, &answer); err != nil {
			return out, err
		}
		var some []T
		if err := json.Unmarshal(answer[field], &some); err != nil {
			return out, fmt.Errorf("reading what Airflow answers to GET %s: %w", path, err)
		}
		if out = append(out, some...); len(some) < page {
			return out, nil
		}
	}
	return out, nil
}
